//! Working trees for agents, made once and used again.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tree::{FileType, Folder, Places, safe_name};

use crate::slot::Slot;
use crate::{Error, Repository, Tree};

/// How trees are named that were kept for a person to look at, and how many there are at most: of more the oldest go.
const KEPT: &str = "kept-";
const MOST_KEPT: usize = 20;

/// Working trees in `.plan/worktrees/`: `KIND-1`, `KIND-2`, ...
///
/// Whoever has the lock on `KIND-N.lock` has that tree, and the system lets go of the lock when a process dies, so a
/// tree that was left behind is simply used again, or made anew when it is not whole.
#[derive(Debug)]
pub struct Pool {
    repository: Repository,
    folder: Arc<Folder>,
    kind: String,
    size: usize,
    shared: Mutex<HashMap<String, Weak<Tree>>>,
}

impl Pool {
    /// Trees of this kind in the repository. More than `size` may be taken at once, but no more than that many stay.
    pub fn open(repository: &Repository, kind: &str, size: usize) -> Result<Self, Error> {
        let folder = Arc::new(Places::of(repository.top())?.worktrees()?);
        let kind = safe_name(kind);
        Ok(Self { repository: repository.clone(), folder, kind, size, shared: Mutex::default() })
    }

    /// A tree at this commit that nobody else has: proven to hold that and nothing else, ignored files included.
    pub fn take(&self, commit: &str) -> Result<Tree, Error> {
        let mut number = 1;
        let (name, lock) = loop {
            let name = format!("{}-{number}", self.kind);
            if let Some(lock) = self.lock(&name)? {
                break (name, lock);
            }
            number += 1;
        };
        let slot = Slot::new(&self.repository, &self.folder, &name);
        let admin = slot.prepare(commit)?;
        Ok(Tree::new(slot, admin, commit, lock, number > self.size))
    }

    /// A tree at this commit for readers, the same one for all that ask in this process as long as one of them has it.
    pub fn share(&self, commit: &str) -> Result<Arc<Tree>, Error> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = shared.get(commit).and_then(Weak::upgrade) {
            return Ok(tree);
        }
        let tree = Arc::new(self.take(commit)?);
        shared.retain(|_, tree| tree.strong_count() > 0);
        shared.insert(commit.to_owned(), Arc::downgrade(&tree));
        Ok(tree)
    }

    /// Removes the trees of this kind that nobody has.
    pub fn clear(&self) -> Result<(), Error> {
        for name in self.names(&format!("{}-", self.kind)) {
            if let Some(_lock) = self.lock(&name)? {
                Slot::new(&self.repository, &self.folder, &name).remove()?;
            }
        }
        Ok(())
    }

    /// The trees that were kept, the oldest first.
    pub fn kept(&self) -> Vec<PathBuf> {
        kept(&self.folder)
    }

    /// The lock on a name; `None` when somebody else has it.
    fn lock(&self, name: &str) -> Result<Option<Lock>, Error> {
        let lock = format!("{name}.lock");
        let path = || self.folder.path().join(&lock);
        if self.folder.kind(&lock).is_some_and(|kind| kind != FileType::RegularFile) {
            self.folder.remove(&lock).map_err(|error| Error::system(path(), error))?;
        }
        let file = self.folder.open_file(&lock)?;
        match file.try_lock() {
            // Another file may have taken its name meanwhile.
            Ok(()) if self.folder.holds(&lock, &file) => Ok(Some(Lock(file))),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::system(path(), error)),
        }
    }

    /// The names of slots that begin like this, from their lock files.
    fn names(&self, beginning: &str) -> Vec<String> {
        let names = self.folder.names().unwrap_or_default();
        let slot = |name: &String| {
            let name = name.strip_suffix(".lock")?;
            let number = name.strip_prefix(beginning)?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.to_owned())
        };
        names.iter().filter_map(slot).collect()
    }
}

/// A lock that is let go with the value, also where a child of ours has inherited the open file.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Where that fails, closing the file does it.
        let _ = self.0.unlock();
    }
}

/// Where a tree goes that is kept under this name, with room made for it.
pub(crate) fn place_for_kept(repository: &Repository, folder: &Arc<Folder>, name: &str) -> Result<String, Error> {
    let name = format!("{KEPT}{}", safe_name(name));
    Slot::new(repository, folder, &name).remove()?;
    let before = kept(folder);
    let too_many = (before.len() + 1).saturating_sub(MOST_KEPT);
    for old in before.iter().take(too_many).filter_map(|path| path.file_name()?.to_str()) {
        Slot::new(repository, folder, old).remove()?;
    }
    Ok(name)
}

fn kept(folder: &Folder) -> Vec<PathBuf> {
    let names = folder.names().unwrap_or_default();
    let mut kept: Vec<_> =
        names.iter().filter(|name| name.starts_with(KEPT)).map(|name| folder.path().join(name)).collect();
    kept.retain(|path| path.symlink_metadata().is_ok_and(|found| found.is_dir()));
    // The change of a folder's `.git` is the moment when it was kept.
    kept.sort_by_key(|path| path.join(".git").symlink_metadata().and_then(|found| found.modified()).ok());
    kept
}
