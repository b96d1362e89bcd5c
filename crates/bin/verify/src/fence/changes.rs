//! What has changed, from git.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::declared::Deed;
use crate::git::{self, NoGit};

/// The kinds of entries in a tree of git.
pub const LINK: u32 = 0o120_000;
/// A commit of another repository.
pub const GITLINK: u32 = 0o160_000;

/// One changed path.
#[derive(Clone, Debug)]
pub struct Change {
    /// Relative to the top of the repository; what is no text in it is replaced.
    pub path: String,
    /// Whether `path` is the whole truth.
    pub is_text: bool,
    /// What was there before, if that is known and there was something.
    pub old: Option<Side>,
    /// What is there now.
    pub new: Option<Side>,
    /// What happened.
    pub deed: Deed,
}

/// What is, or was, at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Side {
    /// As git writes it: `0o100644`, `0o100755`, [`LINK`], [`GITLINK`].
    pub mode: u32,
    /// The object that holds it; `None` for what is only on the disk.
    pub object: Option<String>,
}

impl Side {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }
}

/// The changes between two commits. A file that was moved is a deletion and an addition.
pub async fn between(root: &Path, base: &str, head: &str) -> Result<Vec<Change>, NoGit> {
    let args =
        ["diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=none", base, head];
    let said = git::answer(root, &args).await?;
    read_raw(&said).ok_or_else(|| NoGit::Refused("git: a list of changes that cannot be read".into()))
}

/// `:OLDMODE NEWMODE OLDOBJECT NEWOBJECT STATUS\0PATH\0` for each path.
fn read_raw(said: &[u8]) -> Option<Vec<Change>> {
    let mut parts = said.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    while let Some(what) = parts.next().filter(|what| !what.is_empty()) {
        let mut fields = str::from_utf8(what).ok()?.strip_prefix(':')?.split(' ');
        let mut next = || fields.next();
        let modes = [next()?, next()?].map(|mode| u32::from_str_radix(mode, 8).ok());
        let objects = [next()?, next()?];
        let side = |at: usize| match modes[at]? {
            0 => Some(None),
            mode => Some(Some(Side { mode, object: Some(objects[at].to_owned()) })),
        };
        let (old, new) = (side(0)?, side(1)?);
        let deed = match (&old, &new) {
            (None, _) => Deed::Added,
            (_, None) => Deed::Deleted,
            _ => Deed::Modified,
        };
        changes.push(change(parts.next()?, old, new, deed));
    }
    Some(changes)
}

fn change(path: &[u8], old: Option<Side>, new: Option<Side>, deed: Deed) -> Change {
    let is_text = str::from_utf8(path).is_ok();
    Change { path: String::from_utf8_lossy(path).into_owned(), is_text, old, new, deed }
}

/// The same for work in place, of which only the paths are known: how they are now, and how the last commit has them.
pub async fn in_place(root: &Path, paths: &[String]) -> Vec<Change> {
    // Without a commit, or without git, nothing is known of before.
    let before = entries(root, "HEAD", paths.iter().map(String::as_str)).await.unwrap_or_default();
    paths
        .iter()
        .map(|path| {
            let old = before.get(path.as_str()).cloned();
            // git tells of a repository inside the tree as of a folder, and of no other folder.
            let is_nested = path.ends_with('/') || old.as_ref().is_some_and(|old| old.mode == GITLINK);
            let new = root.join(path).symlink_metadata().ok().and_then(|found| {
                let mode = match found.file_type() {
                    kind if kind.is_symlink() => LINK,
                    kind if kind.is_dir() && is_nested => GITLINK,
                    kind if kind.is_dir() => return None,
                    kind if kind.is_file() && found.permissions().mode() & 0o100 != 0 => 0o100_755,
                    kind if kind.is_file() => 0o100_644,
                    _ => 0,
                };
                Some(Side { mode, object: None })
            });
            let deed = if new.is_some() { Deed::Written } else { Deed::Gone };
            change(path.as_bytes(), old, new, deed)
        })
        .collect()
}

/// The same for a commit of which nobody says what it started from.
pub async fn of_commit(root: &Path, commit: &str, paths: &[String]) -> Result<Vec<Change>, NoGit> {
    let now = entries(root, commit, paths.iter().map(String::as_str)).await?;
    let one = |path: &String| {
        let new = now.get(path.as_str()).cloned();
        let deed = if new.is_some() { Deed::Written } else { Deed::Gone };
        change(path.as_bytes(), None, new, deed)
    };
    Ok(paths.iter().map(one).collect())
}

/// What a commit has at these paths.
pub async fn entries(
    root: &Path,
    commit: &str,
    paths: impl Iterator<Item = &str>,
) -> Result<HashMap<String, Side>, NoGit> {
    let mut paths: Vec<&str> = paths.filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut found = HashMap::new();
    // Below the limit of the system for arguments, which each path reaches alone at 128 KiB.
    for some in paths.chunks(256) {
        let args: Vec<&str> = ["ls-tree", "-z", commit, "--"].into_iter().chain(some.iter().copied()).collect();
        found.extend(read_tree(&git::answer(root, &args).await?));
    }
    Ok(found)
}

/// All links of a commit, with the objects that hold where they lead.
pub async fn links(root: &Path, commit: &str) -> Result<HashMap<String, Side>, NoGit> {
    let mut all = read_tree(&git::answer(root, &["ls-tree", "-r", "-z", commit]).await?);
    all.retain(|_, side| side.mode == LINK);
    Ok(all)
}

/// `MODE TYPE OBJECT\tPATH\0` for each entry.
fn read_tree(said: &[u8]) -> HashMap<String, Side> {
    let entry = |entry: &[u8]| {
        let (what, path) = str::from_utf8(entry).ok()?.split_once('\t')?;
        let mut fields = what.split(' ');
        let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
        Some((path.to_owned(), Side { mode, object: Some(fields.nth(1)?.to_owned()) }))
    };
    said.split(|byte| *byte == 0).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_form_of_git_is_read() {
        let a = "a".repeat(40);
        let zero = "0".repeat(40);
        let raw = format!(
            ":100644 100755 {a} {a} M\0a b\nc\0:000000 120000 {zero} {a} A\0l\0:160000 000000 {a} {zero} D\0s\0"
        );
        let changes = read_raw(raw.as_bytes()).unwrap();
        let said: Vec<_> =
            changes.iter().map(|it| (it.path.as_str(), it.deed, it.new.as_ref().map(|new| new.mode))).collect();
        assert_eq!(
            said,
            [("a b\nc", Deed::Modified, Some(0o100_755)), ("l", Deed::Added, Some(LINK)), ("s", Deed::Deleted, None)]
        );
        assert!(!read_raw(format!(":000000 100644 {zero} {a} A\0\u{e9}\0").as_bytes()).unwrap().is_empty());
        assert!(read_raw(b":x\0y\0").is_none() && read_raw(b"").unwrap().is_empty());
        let odd = [format!(":000000 100644 {zero} {a} A\0").as_bytes(), b"\xff\0"].concat();
        assert!(!read_raw(&odd).unwrap()[0].is_text);
    }
}
