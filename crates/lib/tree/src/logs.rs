//! Files for what agents and checks print.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::folder::{Folder, PlaceError};
use crate::name::safe;

/// The `logs/` folder of a plan.
#[derive(Debug)]
pub struct Logs(Folder);

impl Logs {
    pub(crate) fn new(folder: Folder) -> Self {
        Self(folder)
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A new, empty file for one call: `ID-ATTEMPT-WHAT.log`, with a number where that is taken, which is also how ids
    /// that only differ in case stay apart where the file system does not care. `id` may be anything.
    pub fn create(&self, id: &str, attempt: u64, what: &str) -> Result<(PathBuf, File), PlaceError> {
        let start = format!("{}-{attempt}-{}", safe(id), safe(what));
        for number in 1..=100 {
            let name = match number {
                1 => format!("{start}.log"),
                2..100 => format!("{start}.{number}.log"),
                // So many calls that looking for the next number takes longer than writing down the time.
                _ => {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                    format!("{start}.{}-{}.log", now.as_nanos(), std::process::id())
                }
            };
            match self.0.create_new(&name) {
                Ok(file) => return Ok((self.path().join(name), file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(PlaceError::new(self.path().join(name), error)),
            }
        }
        Err(PlaceError::new(self.path().join(start), ErrorKind::AlreadyExists))
    }
}

/// The logs of an attempt at a task in a `logs/` folder, except those of `verify`: what an agent has done, or is doing.
pub fn agent_logs(folder: &Path, id: &str, attempt: u64) -> Vec<PathBuf> {
    let start = format!("{}-{attempt}-", safe(id));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    let is_one = |name: &std::ffi::OsString| {
        let rest = name.to_str().and_then(|name| name.strip_prefix(&start)?.strip_suffix(".log"));
        rest.is_some_and(|what| !what.is_empty() && !what.starts_with("verify"))
    };
    names.filter(is_one).map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use crate::Places;
    use std::io::Write;

    #[test]
    fn every_call_gets_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Places::of(folder.path()).unwrap().logs(None).unwrap();
        let mut seen = std::collections::HashSet::new();
        for id in ["1", "1", "../../x", "..", "T\n1", "1/2"] {
            let (path, mut file) = logs.create(id, 2, "check").unwrap();
            file.write_all(b"x").unwrap();
            assert_eq!(path.parent(), Some(logs.path()));
            assert!(seen.insert(path));
        }
        assert!(logs.path().join("1-2-check.log").is_file());
        assert!(logs.path().join("1-2-check.2.log").is_file());
        for _ in 0..150 {
            assert!(seen.insert(logs.create("1", 2, "check").unwrap().0));
        }
        assert_eq!(std::fs::read_dir(logs.path()).unwrap().count(), seen.len());
        logs.create("1", 21, "check").unwrap();
        logs.create("1", 21, "verify").unwrap();
        assert_eq!(super::agent_logs(logs.path(), "1", 21), [logs.path().join("1-21-check.log")]);
    }
}
