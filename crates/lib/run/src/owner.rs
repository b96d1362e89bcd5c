//! Who owns the run file, and what only the owner may do.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::io::{FdFlags, fcntl_setfd};

use crate::Error;
use crate::append::{append_as, append_block, file_end};

/// The right to be the one pipe of a run file: `RUN.lock`, for as long as the value lives.
///
/// The lock file stays when the owner ends; it is the lock on it that counts, and the system lets go of that even
/// when the owner is killed.
#[derive(Debug)]
pub struct Owner {
    run: PathBuf,
    // Held for its lock.
    lock: File,
}

/// The variable by which the lock is handed down: the number of a descriptor.
const HANDED_DOWN: &str = "PLAN_AND_EXECUTE_RUN_LOCK";

impl Owner {
    /// Takes the run file; refused with the other's pid while somebody else has it.
    pub fn take(run: &Path) -> Result<Self, Error> {
        let path = beside(run, ".lock");
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::system(&path))?;
        Self::locked(run, &path, lock)
    }

    /// As [`Owner::take`], with the lock that the parent has handed down if there is one for this run file.
    pub fn inherit_or_take(run: &Path) -> Result<Self, Error> {
        let path = beside(run, ".lock");
        match process::inherited_file(HANDED_DOWN).filter(|lock| is_file(lock, &path)) {
            // A lock belongs to the open file and not to a process, so this succeeds at once if the parent has it.
            Some(lock) => Self::locked(run, &path, lock),
            None => Self::take(run),
        }
    }

    /// Has the next child that is started inherit the lock, for as long as the result lives; no other child may be
    /// started meanwhile. The child is to be given the variable. It has the lock from its start, whatever becomes of us.
    pub fn hand_down(&self) -> Result<HandedDown<'_>, Error> {
        let handed = HandedDown { lock: &self.lock };
        handed.inherited(true).map_err(Error::system(&beside(&self.run, ".lock")))?;
        Ok(handed)
    }

    fn locked(run: &Path, path: &Path, mut lock: File) -> Result<Self, Error> {
        let refused = Error::system;
        match patiently(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Without a readable pid the refusal still stands.
                let _ = lock.read_to_string(&mut pid);
                let pid = Some(pid.trim().to_owned()).filter(|pid| !pid.is_empty());
                return Err(Error::Owned { path: run.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(refused(path)(source)),
        }
        let written =
            lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id()));
        written.map_err(refused(path))?;
        Ok(Self { run: run.to_owned(), lock })
    }

    /// The run file.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// As [`append`](crate::append), and moves a cut-off last line aside first if there is one.
    pub fn append<L: AsRef<str>>(&self, lines: &[L]) -> Result<(), Error> {
        append_as(&self.run, lines, Some(self))
    }

    /// As [`Owner::append`], for lines that are one block already, each with its line end.
    pub fn append_block(&self, lines: &[u8]) -> Result<(), Error> {
        append_block(&self.run, lines, Some(self))
    }

    /// Moves a cut-off last line aside; true when there was one.
    pub fn mend(&self) -> Result<bool, Error> {
        let refused = || Error::system(&self.run);
        let mut file = match OpenOptions::new().read(true).write(true).open(&self.run) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(refused())?,
        };
        file.lock().map_err(refused())?;
        let end = file_end(&mut file).map_err(refused())?;
        if end.fragment > 0 {
            self.move_aside(&mut file, end.length - end.fragment)?;
        }
        Ok(end.fragment > 0)
    }

    /// Moves everything from `start` on to `RUN.cut`; `file` is locked. The copy is on disk before the original goes.
    pub(crate) fn move_aside(&self, file: &mut File, start: u64) -> Result<(), Error> {
        let refused = || Error::system(&self.run);
        let mut fragment = Vec::new();
        file.seek(SeekFrom::Start(start)).map_err(refused())?;
        file.read_to_end(&mut fragment).map_err(refused())?;
        fragment.push(b'\n');
        let aside = beside(&self.run, ".cut");
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&aside)
            .and_then(|mut aside| aside.write_all(&fragment).and_then(|()| aside.sync_all()))
            .map_err(Error::system(&aside))?;
        file.set_len(start).and_then(|()| file.sync_all()).map_err(refused())
    }
}

/// The lock while a child inherits it.
#[derive(Debug)]
pub struct HandedDown<'a> {
    lock: &'a File,
}

impl HandedDown<'_> {
    /// Name and value of the variable that the child needs.
    pub fn variable(&self) -> (&'static str, String) {
        (HANDED_DOWN, self.lock.as_raw_fd().to_string())
    }

    fn inherited(&self, is_inherited: bool) -> std::io::Result<()> {
        let flags = if is_inherited { FdFlags::empty() } else { FdFlags::CLOEXEC };
        Ok(fcntl_setfd(self.lock, flags)?)
    }
}

impl Drop for HandedDown<'_> {
    fn drop(&mut self) {
        // It worked the other way round a moment ago.
        let _ = self.inherited(false);
    }
}

/// Whether an open file is the one of this name.
fn is_file(open: &File, path: &Path) -> bool {
    let (open, named) = (rustix::fs::fstat(open), rustix::fs::stat(path));
    matches!((open, named), (Ok(open), Ok(named)) if (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino))
}

/// Whether somebody owns the run file now.
pub fn is_owned(run: &Path) -> bool {
    let Ok(lock) = File::open(beside(run, ".lock")) else { return false };
    // The lock that this takes for a moment is what `patiently` is patient about.
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Somebody who only looks whether the file is owned has the lock for a moment.
fn patiently(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(5)),
            done => return done,
        }
    }
    lock.try_lock()
}

fn beside(run: &Path, ending: &str) -> PathBuf {
    let mut name = run.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_second_owner_is_refused_with_the_pid_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        let owner = Owner::take(&run).unwrap();
        let refusal = Owner::take(&run).unwrap_err().to_string();
        assert!(refusal.contains(&format!("in use by process {}", std::process::id())), "{refusal}");
        assert!(is_owned(&run));
        drop(owner);
        assert!(!is_owned(&run));
        Owner::take(&run).unwrap();
    }

    #[test]
    fn a_fragment_is_moved_aside_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        let owner = Owner::take(&run).unwrap();
        assert!(!owner.mend().unwrap());
        fs::write(&run, "{\"a\":1}\n{\"b\":").unwrap();
        assert!(owner.mend().unwrap());
        assert_eq!(fs::read_to_string(&run).unwrap(), "{\"a\":1}\n");
        assert_eq!(fs::read_to_string(folder.path().join("run.jsonl.cut")).unwrap(), "{\"b\":\n");
        assert!(!owner.mend().unwrap());
    }
}
