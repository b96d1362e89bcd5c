//! A tree of our own that holds one commit.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tree::{FileType, Folder, Places};

use crate::git::NoGit;
use crate::words::tell;

/// How our trees are named in `.plan/worktrees/`.
const PREFIX: &str = "verify-";
/// Who has the lock on this file may make and clear away trees there.
const LOCK: &str = "verify.lock";
/// How long that may take, and how often it is looked whether it is over.
const TURN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// A worktree of a commit, removed with the value.
///
/// While it lives it holds the lock on the file `NAME.lock` beside it, so that one which was left by a process that was
/// killed can be told from one in use.
#[derive(Debug)]
pub struct Checkout {
    repository: PathBuf,
    worktrees: Folder,
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Checkout {
    /// Puts the commit into a new tree in the repository's `.plan/worktrees/`.
    ///
    /// What lies there may come from an agent: nothing is followed, nothing but regular files is opened.
    pub fn new(places: &Places, commit: &str) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let worktrees = places.worktrees().map_err(|error| error.to_string())?;
        // Between making a lock file and taking its lock it would look like one that was left behind.
        let turn = turn(&worktrees)?;
        remove_leftovers(places.root(), &worktrees);
        let (name, lock) = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{PREFIX}{}-{number}", std::process::id());
            if worktrees.kind(&name).is_some() {
                continue;
            }
            match worktrees.create_new(&lock_of(&name)) {
                Ok(lock) => break (name, lock),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", worktrees.path().join(name).display())),
            }
        };
        lock.try_lock().map_err(|error| error.to_string())?;
        drop(turn);
        // From here on dropping it removes what there is of it.
        let path = worktrees.path().join(&name);
        let checkout = Self { repository: places.root().to_owned(), worktrees, name, path, _lock: lock };
        let target = checkout.path.as_os_str();
        git(
            places.root(),
            &["worktree".as_ref(), "add".as_ref(), "--quiet".as_ref(), "--detach".as_ref(), target, commit.as_ref()],
        )
        .map_err(|error| error.to_string())
        .map(|_| checkout)
    }

    /// The top of the tree.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        remove(&self.repository, &self.worktrees, &self.name);
    }
}

/// Whether the repository of `folder` has the commit; an error when git cannot be run.
pub fn has_commit(folder: &Path, commit: &str) -> Result<bool, String> {
    let object = format!("{commit}^{{commit}}");
    match git(folder, &["cat-file".as_ref(), "-e".as_ref(), object.as_ref()]) {
        Ok(_) => Ok(true),
        Err(NoGit::Refused(_)) => Ok(false),
        Err(NoGit::NotRun(reason)) => Err(reason),
    }
}

/// Whether it is a full commit id and not, say, an option.
pub fn is_commit_id(head: &str) -> bool {
    matches!(head.len(), 40 | 64) && head.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn lock_of(name: &str) -> String {
    format!("{name}.lock")
}

/// Waits until no other verify makes or clears away trees, which is a matter of moments.
fn turn(worktrees: &Folder) -> Result<File, String> {
    let patience = Instant::now() + TURN;
    loop {
        if worktrees.kind(LOCK).is_some_and(|kind| kind != FileType::RegularFile) {
            clear(worktrees, LOCK);
        }
        let file = worktrees.open_file(LOCK).map_err(|error| error.to_string())?;
        match file.try_lock() {
            // Whoever cleared something away meanwhile may have taken another file for the lock.
            Ok(()) if worktrees.holds(LOCK, &file) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error.to_string()),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
        }
        if Instant::now() > patience {
            return Err(format!("{}: somebody else keeps it locked", worktrees.path().join(LOCK).display()));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Removes what has the name of a lock and is none, and says so.
fn clear(worktrees: &Folder, name: &str) {
    let path = worktrees.path().join(name);
    match worktrees.remove(name) {
        Ok(()) => tell(&format!("{}: was no regular file and is removed", path.display())),
        Err(error) => tell(&format!("{}: is no regular file and cannot be removed: {error}", path.display())),
    }
}

/// Removes the trees of processes that ended without doing so.
fn remove_leftovers(repository: &Path, worktrees: &Folder) {
    for lock in worktrees.names().unwrap_or_default() {
        let Some(name) = lock.strip_suffix(".lock").filter(|name| name.starts_with(PREFIX)) else { continue };
        if worktrees.kind(&lock).is_some_and(|kind| kind != FileType::RegularFile) {
            clear(worktrees, &lock);
        } else if worktrees.open_file(&lock).is_ok_and(|file| file.try_lock().is_ok()) {
            remove(repository, worktrees, name);
        }
    }
}

/// Nobody could do anything about a failure; the next run tries again as long as the lock file is there.
fn remove(repository: &Path, worktrees: &Folder, name: &str) {
    let path = worktrees.path().join(name);
    match worktrees.kind(name) {
        Some(FileType::Directory) => {
            let force = ["worktree", "remove", "--force", "--force"].map(OsStr::new);
            let _ = git(repository, &[&force[..], &[path.as_os_str()]].concat());
            let _ = fs::remove_dir_all(&path);
        }
        // git would follow a link to somebody else's tree.
        Some(_) => {
            let _ = worktrees.remove(name);
        }
        None => {}
    }
    if worktrees.kind(name).is_none() {
        let _ = git(repository, &["worktree", "prune"].map(OsStr::new));
        let _ = worktrees.remove(&lock_of(name));
    }
}

/// git without anything that the repository could have it run by itself.
fn git(folder: &Path, args: &[&OsStr]) -> Result<Vec<u8>, NoGit> {
    let quiet = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false"];
    let quiet = quiet.map(OsStr::new);
    let said = process::capture("git", &[&quiet[..], args].concat(), folder);
    let said = said.map_err(|error| NoGit::NotRun(error.to_string()))?;
    if said.success { Ok(said.stdout) } else { Err(NoGit::Refused(format!("git: {}", said.stderr.replace('\n', " ")))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_ids_reach_git() {
        assert!(is_commit_id(&"a1".repeat(20)) && is_commit_id(&"0".repeat(64)));
        for bad in ["", "HEAD", "--help", "a1b2c3d", &"g".repeat(40)] {
            assert!(!is_commit_id(bad), "{bad}");
        }
    }
}
