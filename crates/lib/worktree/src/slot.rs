//! One place for a tree: making it, making it anew, and proving that it is clean.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tree::Folder;

use crate::git::{Git, bytes, parts};
use crate::{Error, Repository, index, sweep};

/// What git itself keeps for a linked tree at rest. Everything else there is the trace of something begun: a merge, a
/// rebase, a lock, submodules, settings of the tree alone.
const AT_REST: [&str; 7] = ["HEAD", "commondir", "gitdir", "index", "logs", "refs", "reftable"];

/// Settings for trees of ours: they hold all files, also where the user's own tree leaves some out.
const WHOLE: &[&str] = &["core.sparseCheckout=false"];

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub repository: Repository,
    pub folder: Arc<Folder>,
    name: String,
    pub path: PathBuf,
}

impl Slot {
    pub fn new(repository: &Repository, folder: &Arc<Folder>, name: &str) -> Self {
        let path = folder.path().join(name);
        Self { repository: repository.clone(), folder: folder.clone(), name: name.to_owned(), path }
    }

    /// The index as it was when the tree was last known to be clean. It lies outside the tree, and only a slot that has
    /// one was made to the end.
    pub fn clean_index(&self) -> PathBuf {
        self.folder.path().join(format!("{}.index", self.name))
    }

    /// Puts the tree at a commit; the folder that git keeps for it.
    pub fn prepare(&self, commit: &str) -> Result<PathBuf, Error> {
        if let Some(admin) = self.admin()
            && self.clean_index().is_file()
            && self.is_intact(&admin)
            && self.reset(&admin, commit).is_ok()
        {
            return Ok(admin);
        }
        self.remove()?;
        self.make(commit)
    }

    /// git for the tree.
    pub fn git(&self, admin: &Path) -> Git {
        let user = self.repository.git();
        Git {
            dir: admin.to_owned(),
            common: user.common.clone(),
            work_tree: self.path.clone(),
            settings: user.settings.clone(),
            more: WHOLE,
        }
    }

    /// Removes the tree and all that git knows of it.
    pub fn remove(&self) -> Result<(), Error> {
        let index = self.clean_index();
        for path in [index.with_extension("part"), index] {
            sweep::remove(&path).map_err(|error| Error::system(path, error))?;
        }
        sweep::remove(&self.path).map_err(|error| Error::system(&self.path, error))?;
        for (_, admin) in self.repository.linked().iter().filter(|(path, _)| *path == self.path) {
            sweep::remove(admin).map_err(|error| Error::system(admin, error))?;
        }
        Ok(())
    }

    /// Gives the tree another name, under which it is no slot any more.
    pub fn rename(self, admin: &Path, name: &str) -> Result<Self, Error> {
        let new = Self::new(&self.repository, &self.folder, name);
        let _ = fs::remove_file(self.clean_index());
        fs::rename(&self.path, &new.path).map_err(|error| Error::system(&self.path, error))?;
        let dot_git = new.path.join(".git");
        sweep::remove(&dot_git).map_err(|error| Error::system(&dot_git, error))?;
        let write = |path: &Path, text: &[u8]| fs::write(path, text).map_err(|error| Error::system(path, error));
        write(&dot_git, &pointer(admin))?;
        write(&admin.join("gitdir"), &[bytes(&dot_git), b"\n"].concat())?;
        Ok(new)
    }

    fn admin(&self) -> Option<PathBuf> {
        let linked = self.repository.linked();
        linked.into_iter().find(|(path, _)| *path == self.path).map(|(_, admin)| admin)
    }

    /// Whether the tree is a folder, and it and what git keeps for it point at each other.
    fn is_intact(&self, admin: &Path) -> bool {
        let common = fs::read_to_string(admin.join("commondir"));
        let common = common.and_then(|named| admin.join(named.trim_end()).canonicalize());
        let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_file());
        self.path.symlink_metadata().is_ok_and(|found| found.is_dir())
            && is_file(&self.path.join(".git"))
            && fs::read(self.path.join(".git")).is_ok_and(|text| text == pointer(admin))
            && common.is_ok_and(|common| common == *self.repository.common_dir())
    }

    fn make(&self, commit: &str) -> Result<PathBuf, Error> {
        let add = ["worktree", "add", "--quiet", "--detach", "--force"].map(std::ffi::OsStr::new);
        let user = self.repository.git();
        let user = Git { more: WHOLE, ..user.clone() };
        user.run(add.into_iter().chain([self.path.as_os_str(), commit.as_ref()]))?;
        let admin =
            self.admin().ok_or_else(|| Error::tree(&self.path, "git does not know the tree that it has made"))?;
        self.settle(&admin)?;
        Ok(admin)
    }

    /// What was there before is gone, and that is proven: everything is as the commit has it, and nothing else is there.
    fn reset(&self, admin: &Path, commit: &str) -> Result<(), Error> {
        let git = self.git(admin);
        sweep::sweep(&self.path).map_err(|error| Error::system(&self.path, error))?;
        tidy(admin).map_err(|error| Error::system(admin, error))?;
        let head = fs::read_to_string(admin.join("HEAD")).unwrap_or_default();
        if !crate::is_commit_id(head.trim_end()) {
            // Resetting would move the branch.
            git.run(["update-ref", "--no-deref", "HEAD", commit])?;
        }
        let own = admin.join("index");
        index::copy(&self.clean_index(), &own).map_err(|error| Error::system(&own, error))?;
        git.run(["reset", "--hard", "--quiet", commit, "--"])?;
        self.clean(&git)?;
        self.settle(admin)
    }

    /// Removes all that git does not keep there. What it sees beside that would be a change, and there must be none: so
    /// the tree is proven to be clean by the same look that finds what is to go.
    fn clean(&self, git: &Git) -> Result<(), Error> {
        let status =
            ["status", "--porcelain", "-z", "--ignored", "--untracked-files=normal", "--ignore-submodules=none"];
        for entry in parts(&git.run(status)?) {
            let shown = || String::from_utf8_lossy(entry).into_owned();
            let Some(name) = entry.strip_prefix(b"?? ").or_else(|| entry.strip_prefix(b"!! ")) else {
                return Err(Error::tree(&self.path, format!("is not clean after a reset: {}", shown())));
            };
            let path = self.path.join(crate::git::path(name.strip_suffix(b"/").unwrap_or(name)));
            sweep::remove(&path).map_err(|error| Error::system(&path, error))?;
            if path.symlink_metadata().is_ok() {
                return Err(Error::tree(&path, "is there again: somebody still works in the tree"));
            }
        }
        if self.path.join(".gitmodules").exists() {
            // git does not say what lies in the folder of a submodule that is none any more.
            let listed = git.run(["ls-tree", "-r", "-d", "-z", "--full-tree", "HEAD"])?;
            for entry in parts(&listed).filter(|entry| entry.starts_with(b"160000 ")) {
                let name = entry.splitn(2, |byte| *byte == b'\t').last().unwrap_or_default();
                let module = self.path.join(crate::git::path(name));
                if fs::read_dir(&module).is_ok_and(|mut inside| inside.next().is_some()) {
                    return Err(Error::tree(module, "files are left in a submodule"));
                }
            }
        }
        Ok(())
    }

    /// Notes the index of a tree that is clean.
    fn settle(&self, admin: &Path) -> Result<(), Error> {
        tidy(admin).map_err(|error| Error::system(admin, error))?;
        let own = admin.join("index");
        index::copy(&own, &self.clean_index()).map_err(|error| Error::system(&own, error))
    }
}

/// What stands in the `.git` of a linked tree.
fn pointer(admin: &Path) -> Vec<u8> {
    [b"gitdir: ", bytes(admin), b"\n"].concat()
}

/// Removes the traces of what was begun in a tree and not ended.
fn tidy(admin: &Path) -> io::Result<()> {
    for entry in fs::read_dir(admin)? {
        let entry = entry?;
        if AT_REST.iter().all(|name| entry.file_name() != *name) {
            sweep::remove(&entry.path())?;
        }
    }
    Ok(())
}
