//! Copies of git's index.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Copies an index file together with the moment of its last change: by that git knows which files may have changed
/// since without showing it. Where there is none, there will be none.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match fs::remove_file(to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        Err(error) => return Err(error),
    };
    let changed = source.metadata()?.modified()?;
    // Never over the old one: a kill in between must not leave half an index.
    let part = to.with_extension("part");
    let mut target = File::create(&part)?;
    io::copy(&mut source, &mut target)?;
    target.set_modified(changed)?;
    fs::rename(part, to)
}
