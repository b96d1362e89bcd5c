//! A working tree that somebody has taken.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ::tree::FileType;

use crate::git::{Git, parts, path};
use crate::pool::{Lock, place_for_kept};
use crate::slot::Slot;
use crate::snapshot::OURS;
use crate::{Error, index, sweep};

/// A working tree of one's own. Nobody else gets it while the value lives.
#[derive(Debug)]
pub struct Tree {
    slot: Slot,
    admin: PathBuf,
    start: String,
    is_surplus: bool,
    /// Let go of at the very end.
    _lock: Lock,
}

/// What was left in a tree, as a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The paths that differ from the base, as git tells them, relative to the top; of a renamed file both.
    pub changed: Vec<PathBuf>,
    /// Repositories that were made within; their files are part of the change, their history is not.
    pub nested: Vec<PathBuf>,
}

/// The mode that git gives to a commit of another repository.
const MODULE: &[u8] = b"160000";

impl Tree {
    pub(crate) fn new(slot: Slot, admin: PathBuf, start: &str, lock: Lock, is_surplus: bool) -> Self {
        Self { slot, admin, start: start.to_owned(), is_surplus, _lock: lock }
    }

    /// The top of the tree, absolute and without links.
    pub fn path(&self) -> &Path {
        &self.slot.path
    }

    /// The commit that it was put at.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// git in this tree.
    pub fn git(&self) -> Git {
        self.slot.git(&self.admin)
    }

    /// Puts everything that is in the tree, but for ignored files, into one commit whose only parent is `base`; nothing
    /// that was done to the tree's HEAD, index or branches counts. The tree is at that commit then.
    pub fn commit_all(&self, base: &str, message: &str) -> Result<Commit, Error> {
        let git = self.git();
        let name = self.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if self.slot.folder.kind(name) != Some(FileType::Directory) {
            return Err(Error::tree(self.path(), "the tree is gone, or something else is in its place"));
        }
        // The agent's own index may hide files.
        let own = self.slot.clean_index().with_extension("work");
        let system = |error| Error::system(&own, error);
        for lock in ["HEAD.lock", "index.lock"].map(|name| self.admin.join(name)) {
            // Whoever held it has been ended.
            sweep::remove(&lock).map_err(system)?;
        }
        let mut nested = Vec::new();
        let (tree, changed) = loop {
            index::copy(&self.slot.clean_index(), &own).map_err(system)?;
            let added = self.add(&own);
            if let Err(error) = added {
                // Files that their owner cannot read, or a repository without a commit.
                sweep::open_up(self.path()).map_err(system)?;
                if !self.absorb(&mut nested, |_| true)? && self.add(&own).is_err() {
                    return Err(error);
                }
                continue;
            }
            let tree = git.call(["write-tree"]).index(&own).text()?;
            let raw = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", base, &tree];
            let raw = git.call(raw).index(&own).run()?;
            let (changed, modules) = changes(&raw);
            if modules.is_empty() || !self.absorb(&mut nested, |path| modules.contains(path))? {
                break (tree, changed);
            }
        };
        let id = git.call(["commit-tree", &tree, "-p", base, "-m", message]).aside().text()?;
        git.run(["update-ref", "--no-deref", "HEAD", &id])?;
        index::copy(&own, &self.admin.join("index")).map_err(system)?;
        std::fs::rename(&own, self.slot.clean_index()).map_err(system)?;
        Ok(Commit { id, changed, nested })
    }

    /// Keeps the tree for a person to look at, as `.plan/worktrees/kept-NAME`; its new top. An earlier one of that name
    /// is removed, and the oldest ones when there are many.
    pub fn keep(self, name: &str) -> Result<PathBuf, Error> {
        let name = place_for_kept(&self.slot.repository, &self.slot.folder, name)?;
        let kept = self.slot.clone().rename(&self.admin, &name)?;
        Ok(kept.path)
    }

    fn add(&self, own: &Path) -> Result<(), Error> {
        let add = ["add", "--all", "--sparse", "--", ":(top)", OURS];
        self.git().call(add).index(own).run().map(drop)
    }

    /// Makes the files of repositories within part of the tree; whether there were any.
    fn absorb(&self, nested: &mut Vec<PathBuf>, wanted: impl Fn(&Path) -> bool) -> Result<bool, Error> {
        let system = |error| Error::system(self.path(), error);
        let before = nested.len();
        for folder in sweep::repositories(self.path()).map_err(system)? {
            let Ok(name) = folder.strip_prefix(self.path()) else { continue };
            // A submodule has a file there, and its history elsewhere.
            if wanted(name) && folder.join(".git").symlink_metadata().is_ok_and(|found| found.is_dir()) {
                sweep::remove(&folder.join(".git")).map_err(system)?;
                nested.push(name.to_owned());
            }
        }
        Ok(nested.len() > before)
    }
}

/// The paths in the output of `git diff-tree --raw -z`, and those among them that have become another repository.
fn changes(raw: &[u8]) -> (Vec<PathBuf>, HashSet<PathBuf>) {
    let (mut changed, mut modules) = (Vec::new(), HashSet::new());
    let mut entries = parts(raw);
    while let (Some(modes), Some(name)) = (entries.next(), entries.next()) {
        let mut modes = modes.split(|byte| *byte == b' ');
        let (before, after) = (modes.next().unwrap_or_default(), modes.next().unwrap_or_default());
        changed.push(path(name));
        if after == MODULE && before.strip_prefix(b":") != Some(MODULE) {
            modules.insert(path(name));
        }
    }
    (changed, modules)
}

impl Drop for Tree {
    fn drop(&mut self) {
        if self.is_surplus {
            // What cannot be removed now is used or removed by whoever needs the place next.
            let _ = self.slot.remove();
        }
    }
}
