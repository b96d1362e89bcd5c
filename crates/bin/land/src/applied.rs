//! What `land --apply` has put into the user's files, so that the next change may go on from there.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use worktree::{parts, path};

use crate::refusal::Refusal;
use crate::touched::{Entry, Touched};

/// Files as they were left, in `.plan/applied`. An entry that is out of date does no harm: it only counts for a file that
/// still is exactly so.
#[derive(Debug)]
pub(crate) struct Applied {
    file: PathBuf,
    /// `None` where a file was removed.
    entries: HashMap<PathBuf, Option<Entry>>,
}

impl Applied {
    /// What the file says; nothing when there is none.
    pub fn read(private: &Path) -> Self {
        let file = private.join("applied");
        let text = fs::read(&file).unwrap_or_default();
        let entry = |line: &[u8]| {
            let at = line.iter().position(|byte| *byte == b'\t')?;
            let about = String::from_utf8_lossy(&line[..at]).into_owned();
            let entry = about.split_once(' ').map(|(mode, object)| Entry { mode: mode.into(), object: object.into() });
            Some((path(&line[at + 1..]), entry))
        };
        Self { file, entries: parts(&text).filter_map(entry).collect() }
    }

    /// Whether the file was left like this.
    pub fn has(&self, path: &Path, entry: Option<&Entry>) -> bool {
        self.entries.get(path).is_some_and(|known| known.as_ref() == entry)
    }

    /// Notes what was put in place now.
    pub fn note(&mut self, touched: &[Touched]) -> Result<(), Refusal> {
        self.entries.extend(touched.iter().map(|touched| (touched.path.clone(), touched.new.clone())));
        let mut text = Vec::new();
        for (path, entry) in &self.entries {
            let about = entry.as_ref().map(|entry| format!("{} {}", entry.mode, entry.object)).unwrap_or_default();
            text.extend([about.as_bytes(), b"\t", path.as_os_str().as_bytes(), b"\0"].concat());
        }
        let part = self.file.with_extension("part");
        let written = fs::write(&part, text).and_then(|()| fs::rename(&part, &self.file));
        written.map_err(|error| Refusal::failed(format!("{}: {error}", self.file.display())))
    }
}
