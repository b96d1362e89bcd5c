//! A tree of our own that holds one commit.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tree::Places;

/// How our trees are named in `.plan/worktrees/`.
const PREFIX: &str = "verify-";

/// A worktree of a commit, removed with the value.
///
/// While it lives it holds the lock on the file `NAME.lock` beside it, so that one which was left by a process that was
/// killed can be told from one in use.
#[derive(Debug)]
pub struct Checkout {
    repository: PathBuf,
    path: PathBuf,
    _lock: File,
}

impl Checkout {
    /// Puts the commit into a new tree in the repository's `.plan/worktrees/`.
    pub fn new(places: &Places, commit: &str) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let worktrees = places.worktrees().map_err(|error| error.to_string())?;
        // Between making a lock file and taking its lock it would look like one that was left behind.
        let turn = File::options().create(true).append(true).open(worktrees.join("verify.lock"));
        let turn = turn.and_then(|file| file.lock().map(|()| file)).map_err(|error| error.to_string())?;
        remove_leftovers(places.root(), &worktrees);
        let (path, lock) = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = worktrees.join(format!("{PREFIX}{}-{number}", std::process::id()));
            match File::create_new(lock_of(&path)) {
                Ok(lock) => break (path, lock),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        };
        lock.lock().map_err(|error| error.to_string())?;
        drop(turn);
        // From here on dropping it removes what there is of it.
        let checkout = Self { repository: places.root().to_owned(), path, _lock: lock };
        let target = checkout.path.as_os_str();
        git(
            places.root(),
            &["worktree".as_ref(), "add".as_ref(), "--quiet".as_ref(), "--detach".as_ref(), target, commit.as_ref()],
        )
        .map(|_| checkout)
    }

    /// The top of the tree.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        remove(&self.repository, &self.path);
    }
}

/// Whether the repository of `folder` has the commit.
pub fn has_commit(folder: &Path, commit: &str) -> bool {
    let object = format!("{commit}^{{commit}}");
    git(folder, &["cat-file".as_ref(), "-e".as_ref(), object.as_ref()]).is_ok()
}

/// Whether it is a full commit id and not, say, an option.
pub fn is_commit_id(head: &str) -> bool {
    matches!(head.len(), 40 | 64) && head.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Removes the trees of processes that ended without doing so.
fn remove_leftovers(repository: &Path, worktrees: &Path) {
    let Ok(entries) = fs::read_dir(worktrees) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && path.extension() == Some(OsStr::new("lock")) {
            let free = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if free {
                remove(repository, &path.with_extension(""));
            }
        }
    }
}

/// Nobody could do anything about a failure; the next run tries again as long as the lock file is there.
fn remove(repository: &Path, path: &Path) {
    let force = ["worktree", "remove", "--force", "--force"].map(OsStr::new);
    let _ = git(repository, &[&force[..], &[path.as_os_str()]].concat());
    let _ = fs::remove_dir_all(path);
    if !path.exists() {
        let _ = git(repository, &["worktree", "prune"].map(OsStr::new));
        let _ = fs::remove_file(lock_of(path));
    }
}

/// git without anything that the repository could have it run by itself.
fn git(folder: &Path, args: &[&OsStr]) -> Result<Vec<u8>, String> {
    let quiet = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false"];
    let quiet = quiet.map(OsStr::new);
    let said = process::capture("git", &[&quiet[..], args].concat(), folder).map_err(|error| error.to_string())?;
    if said.success { Ok(said.stdout) } else { Err(format!("git: {}", said.stderr.replace('\n', " "))) }
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
