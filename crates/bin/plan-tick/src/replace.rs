//! A file with another text, as a whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use plan::Input;
use tempfile::Builder;

/// Puts `text` in the place of `file`, with its permissions. Refused when the file is no longer what `input` was read
/// from: somebody has edited it in the meantime.
pub fn replace(file: &Path, input: &Input, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = Builder::new().prefix(".plan-tick-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(file)?.permissions())?;
    new.as_file().sync_all()?;
    if fs::read(file)? != input.bytes() {
        return Err(io::Error::other("was changed while its boxes were counted; run plan-tick again"));
    }
    new.persist(file).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}
