//! What git saw change while a task ran in place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use process::capture;

/// The state of everything in a tree that differs from its last commit.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    head: Vec<u8>,
    files: BTreeMap<String, State>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct State {
    /// As git tells it: added, deleted, ...
    status: String,
    /// Size, inode, mode, and the moment of the last change, which no program can set back.
    content: Option<(u64, u64, u32, i64, i64)>,
}

/// Looks at a tree.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    root: PathBuf,
}

/// Optional locks would make a look at the tree disturb the user's own git; the monitor is a program that the
/// repository could name.
const QUIET: [&str; 5] = ["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"];

impl Watch {
    /// Watches the tree at `root`, the top of a repository.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// How the tree is now; `None` when git cannot tell.
    pub fn now(&self) -> Option<Snapshot> {
        let status = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--no-renames"];
        let (mut head, mut files) = (Vec::new(), BTreeMap::new());
        for entry in self.git(&status)?.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            if let Some(commit) = entry.strip_prefix(b"# branch.oid ") {
                head = commit.to_vec();
            } else if let Some((status, path)) = changed(entry)
                && path.split('/').next() != Some(".plan")
            {
                let content = fs::symlink_metadata(self.root.join(&path))
                    .ok()
                    .map(|found| (found.size(), found.ino(), found.mode(), found.ctime(), found.ctime_nsec()));
                files.insert(path, State { status, content });
            }
        }
        Some(Snapshot { head, files })
    }

    /// The paths that differ between two looks, commits in between included, relative to the top of the tree.
    pub fn changed(&self, before: &Snapshot, after: &Snapshot) -> BTreeSet<String> {
        let paths = before.files.keys().chain(after.files.keys());
        let mut changed: BTreeSet<String> =
            paths.filter(|path| before.files.get(*path) != after.files.get(*path)).cloned().collect();
        if before.head != after.head {
            let (from, to) = (self.commit(&before.head), self.commit(&after.head));
            let committed = self.git(&["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", &from, &to]);
            let names = committed.unwrap_or_default();
            changed.extend(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(lossy));
        }
        changed
    }

    /// A commit; before the first one, the tree without files.
    fn commit(&self, head: &[u8]) -> String {
        let is_first = head == b"(initial)";
        let empty = is_first.then(|| self.git(&["hash-object", "-t", "tree", "/dev/null"])).flatten();
        lossy(empty.as_deref().unwrap_or(head)).trim_end().to_owned()
    }

    fn git(&self, args: &[&str]) -> Option<Vec<u8>> {
        let args: Vec<&str> = QUIET.iter().chain(args).copied().collect();
        // What is not known is left out of the record; a missing git is no reason to refuse the work.
        capture("git", &args, &self.root).ok().filter(|git| git.success).map(|git| git.stdout)
    }
}

/// Status and path of one entry of `git status --porcelain=v2 -z --no-renames`.
fn changed(entry: &[u8]) -> Option<(String, String)> {
    // Fields before the path: 8 for a changed file, 10 for an unmerged one, 1 for an untracked one.
    let (fields, status) = match entry.first()? {
        b'1' => (8, 1),
        b'u' => (10, 1),
        b'?' => (1, 0),
        _ => return None,
    };
    let parts: Vec<&[u8]> = entry.splitn(fields + 1, |byte| *byte == b' ').collect();
    Some((lossy(parts.get(status)?), lossy(parts.get(fields)?)))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(root: &Path, args: &[&str]) {
        let name = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"];
        let args: Vec<&str> = name.iter().chain(args).copied().collect();
        let done = capture("git", &args, root).unwrap();
        assert!(done.success, "{args:?}: {}", done.stderr);
    }

    #[test]
    fn only_what_changed_in_between_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        for name in ["kept", "dirty", "gone", "a b\u{e9}"] {
            fs::write(root.join(name), "one\n").unwrap();
        }
        git(root, &["add", "."]);
        git(root, &["commit", "-qm", "x"]);
        fs::write(root.join("dirty"), "two\n").unwrap();
        fs::write(root.join("untracked"), "x\n").unwrap();
        let watch = Watch::new(root);
        let before = watch.now().unwrap();
        assert!(watch.changed(&before, &watch.now().unwrap()).is_empty());

        fs::write(root.join("dirty"), "six\n").unwrap();
        fs::remove_file(root.join("gone")).unwrap();
        fs::write(root.join("a b\u{e9}"), "two\n").unwrap();
        fs::create_dir_all(root.join("new/deep")).unwrap();
        fs::write(root.join("new/deep/file"), "x\n").unwrap();
        fs::create_dir_all(root.join(".plan/logs")).unwrap();
        fs::write(root.join(".plan/logs/x"), "x\n").unwrap();
        let changed = watch.changed(&before, &watch.now().unwrap());
        let wanted = ["a b\u{e9}", "dirty", "gone", "new/deep/file"];
        assert_eq!(changed.iter().map(String::as_str).collect::<Vec<_>>(), wanted);

        git(root, &["add", "kept", "dirty", "gone", "new"]);
        git(root, &["commit", "-qm", "y"]);
        let changed = watch.changed(&before, &watch.now().unwrap());
        assert_eq!(changed.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn the_first_commit_counts_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        let watch = Watch::new(root);
        let before = watch.now().unwrap();
        fs::write(root.join("new"), "x\n").unwrap();
        git(root, &["add", "."]);
        git(root, &["commit", "-qm", "x"]);
        let changed = watch.changed(&before, &watch.now().unwrap());
        assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn outside_a_repository_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Watch::new(folder.path()).now().is_none());
    }
}
