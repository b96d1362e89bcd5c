//! Private folders for what checks write to `/tmp`.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use stage::Error;
use tempfile::TempDir;

/// How they are named: this, our number, and some letters.
const PREFIX: &str = "verify-";
/// How many letters.
const LETTERS: usize = 6;

/// Those of this process, for when it ends without unwinding.
static OURS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A private folder for temporary files, removed with the value.
///
/// While it lives it is locked, so that one which was left by a process that was killed can be told from one in use.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        OURS.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| path != self.folder.path());
    }
}

/// A new one.
pub fn scratch() -> Result<Scratch, Error> {
    let failed = |error| Error::system("cannot make a folder for temporary files", error);
    loop {
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).rand_bytes(LETTERS).tempdir().map_err(failed)?;
        // Before it has its lock it looks like one that was left behind, and may be cleared away.
        let Ok(lock) = File::open(folder.path()) else { continue };
        if lock.try_lock().is_err() || !folder.path().exists() {
            continue;
        }
        OURS.lock().unwrap_or_else(PoisonError::into_inner).push(folder.path().to_owned());
        return Ok(Scratch { folder, _lock: lock });
    }
}

/// Removes ours, for when the process is about to end at once.
pub fn remove_ours() {
    for path in OURS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = fs::remove_dir_all(path);
    }
}

/// Removes, once, the folders of processes that ended without doing so.
pub fn remove_leftovers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| remove_leftovers_in(&std::env::temp_dir()));
}

fn remove_leftovers_in(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let me = rustix::process::getuid().as_raw();
    for entry in entries.flatten().filter(|entry| is_name(&entry.file_name().to_string_lossy())) {
        // Not that of what a link leads to.
        let ours = entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == me);
        if ours
            && let Ok(lock) = File::open(entry.path())
            && lock.try_lock().is_ok()
        {
            // Nobody could do anything about a failure; the next run tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_name(name: &str) -> bool {
    let parts = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(number, letters)| {
        number.parse::<u32>().is_ok()
            && letters.len() == LETTERS
            && letters.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_uses_is_removed() {
        let top = tempfile::tempdir().unwrap();
        let names = ["verify-1-abcDE1", "verify-2-abcDE1", "verify-x-abcDE1", "verify-1-abc", "verify-abcDE1"];
        for name in names {
            fs::create_dir_all(top.path().join(name).join("sub")).unwrap();
        }
        std::os::unix::fs::symlink(top.path().join("verify-1-abc"), top.path().join("verify-3-abcDE1")).unwrap();
        let lock = File::open(top.path().join(names[1])).unwrap();
        lock.try_lock().unwrap();
        remove_leftovers_in(top.path());
        let left: Vec<_> = names.iter().filter(|name| top.path().join(name).join("sub").exists()).collect();
        assert_eq!(left, names[1..].iter().collect::<Vec<_>>());
    }
}
