//! The user's work in progress as a commit made aside.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tree::{Folder, Places};

use crate::git::{bytes, parts, path};
use crate::{Error, Repository, index};

/// A commit to start from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// The commit: the user's own when nothing has changed since.
    pub commit: String,
    /// The commit that the user's branch is at.
    pub head: String,
}

/// What a run leaves behind belongs to no commit. Without the bracket git complains that an ignored file is named.
pub(crate) const OURS: &str = ":(top,exclude,glob).pla[n]";

/// How the folders for our own index are named, and how old one is that was left behind.
const PREFIX: &str = "index-";
const OLD: Duration = Duration::from_secs(3600);

/// A copy of the user's index, to be changed without the user noticing; gone with the value.
#[derive(Debug)]
pub struct Aside {
    folder: TempDir,
}

impl Aside {
    /// The index file.
    pub fn index(&self) -> PathBuf {
        self.folder.path().join("index")
    }
}

impl Repository {
    /// A copy of the user's index.
    pub fn aside(&self) -> Result<Aside, Error> {
        let folder = Places::of(self.top())?.worktrees()?;
        remove_old(&folder);
        let aside = tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder.path());
        let aside = Aside { folder: aside.map_err(|error| Error::system(folder.path(), error))? };
        let users = self.index();
        index::copy(&users, &aside.index()).map_err(|error| Error::system(users, error))?;
        Ok(aside)
    }

    /// The user's index file.
    pub fn index(&self) -> PathBuf {
        self.git().dir.join("index")
    }

    /// Puts a copy of an index where the user's is. The lock on that (`index.lock`) must be ours.
    pub fn replace_index(&self, index: &Path) -> Result<(), Error> {
        let users = self.index();
        index::copy(index, &users).map_err(|error| Error::system(users, error))
    }

    /// A commit that holds the last one and all that the user has changed since: staged or not, new files too, but
    /// neither ignored ones nor other repositories inside this one. Nothing of the user's is touched, the index file
    /// included.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        self.snapshot_in(&self.aside()?)
    }

    /// As [`Repository::snapshot`]; the copy of the index holds then what the commit does.
    pub fn snapshot_in(&self, aside: &Aside) -> Result<Snapshot, Error> {
        let own = aside.index();
        let status = [
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--ignore-submodules=dirty",
        ];
        let seen = Seen::read(&self.git().call(status).index(&own).run()?);
        let Some(head) = seen.head else { return Err(Error::Unborn(self.top().to_owned())) };
        if !seen.unmerged.is_empty() {
            return Err(Error::Unmerged { folder: self.top().to_owned(), files: seen.unmerged });
        }
        if !seen.is_changed {
            return Ok(Snapshot { commit: head.clone(), head });
        }
        let mut paths = [b":(top)\0", OURS.as_bytes(), b"\0"].concat();
        for nested in &seen.nested {
            paths.extend([b":(top,exclude,literal)", bytes(nested), b"\0"].concat());
        }
        let add = ["add", "--all", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul"];
        self.git().call(add).index(&own).input(paths).run()?;
        let tree = self.git().call(["write-tree"]).index(&own).text()?;
        if tree == self.git().text(["rev-parse", &format!("{head}^{{tree}}")])? {
            return Ok(Snapshot { commit: head.clone(), head });
        }
        let call = self.git().call(["commit-tree", &tree, "-p", &head, "-m", "Work in progress, not committed yet"]);
        let commit = call.aside().text()?;
        Ok(Snapshot { commit, head })
    }
}

/// What git has to say about the user's tree.
#[derive(Default)]
struct Seen {
    head: Option<String>,
    is_changed: bool,
    unmerged: Vec<String>,
    /// Other repositories inside this one.
    nested: Vec<PathBuf>,
}

impl Seen {
    fn read(out: &[u8]) -> Self {
        let mut seen = Self::default();
        for part in parts(out) {
            match part {
                [b'#', ..] => {
                    let oid = part.strip_prefix(b"# branch.oid ").filter(|oid| *oid != b"(initial)");
                    seen.head = oid.map(|oid| String::from_utf8_lossy(oid).into_owned()).or(seen.head);
                }
                [b'u', ..] => {
                    let name = part.splitn(11, |byte| *byte == b' ').last().unwrap_or_default();
                    seen.unmerged.push(path(name).display().to_string());
                }
                // Files are listed one by one, so this is a folder that git does not look into.
                [b'?', b' ', name @ .., b'/'] => seen.nested.push(path(name)),
                [b'?', b' ', name @ ..] => seen.is_changed |= !name.starts_with(b".plan/"),
                _ => seen.is_changed = true,
            }
        }
        seen
    }
}

fn remove_old(folder: &Folder) {
    for name in folder.names().unwrap_or_default().iter().filter(|name| name.starts_with(PREFIX)) {
        let path = folder.path().join(name);
        let changed = path.symlink_metadata().and_then(|found| found.modified());
        let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
        if age.is_some_and(|age| age > OLD) {
            // Nobody could do anything about a failure; the next one tries again.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}
