//! What differs between two trees.

use std::path::PathBuf;

use worktree::{Git, parts, path};

use crate::refusal::Refusal;

/// A file of two trees that is not the same in both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Touched {
    pub path: PathBuf,
    pub old: Option<Entry>,
    pub new: Option<Entry>,
}

/// How a tree has a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub mode: String,
    pub object: String,
}

/// The files that differ between the trees of two commits.
pub(crate) fn touched(git: &Git, old: &str, new: &str) -> Result<Vec<Touched>, Refusal> {
    let raw = git.run(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", old, new])?;
    let mut entries = parts(&raw);
    let mut all = Vec::new();
    while let (Some(about), Some(name)) = (entries.next(), entries.next()) {
        let about = String::from_utf8_lossy(about);
        let fields: Vec<&str> = about.trim_start_matches(':').split(' ').collect();
        let [old_mode, new_mode, old, new, _] = fields[..] else { continue };
        let entry = |mode: &str, object: &str| {
            (mode != "000000").then(|| Entry { mode: mode.to_owned(), object: object.to_owned() })
        };
        all.push(Touched { path: path(name), old: entry(old_mode, old), new: entry(new_mode, new) });
    }
    Ok(all)
}
