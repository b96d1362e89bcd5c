//! A change onto a commit that it was not made on.

use worktree::{Git, parts, path};

use crate::refusal::Refusal;

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Merged {
    /// The tree that holds both.
    Tree(String),
    /// The files of which nobody can say what they are to be.
    Conflict(Vec<String>),
}

/// What lies between `base` and `theirs`, brought onto `ours`: all in the repository's objects, no file is touched.
pub(crate) fn merge(git: &Git, base: &str, ours: &str, theirs: &str) -> Result<Merged, Refusal> {
    let how = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
    let from = format!("--merge-base={base}");
    let mut said = git.call(how.iter().copied().chain([&*from, ours, theirs])).said()?;
    if said.code == Some(USAGE) {
        // Before git 2.40 it finds the base by itself, so both get it for their parent.
        let parent = |commit: &str| {
            let tree = format!("{commit}^{{tree}}");
            git.text(["rev-parse", "--verify", "--end-of-options", &tree])
                .and_then(|tree| git.call(["commit-tree", &tree, "-p", base, "-m", "merged"]).aside().text())
        };
        let (ours, theirs) = (parent(ours)?, parent(theirs)?);
        said = git.call(how.iter().copied().chain([&*ours, &*theirs])).said()?;
    }
    let mut entries = parts(&said.out);
    match (said.code, entries.next()) {
        (Some(0), Some(tree)) => Ok(Merged::Tree(String::from_utf8_lossy(tree).into_owned())),
        (Some(1), Some(_)) => {
            let mut files: Vec<String> = entries.map(|name| path(name).display().to_string()).collect();
            files.sort();
            files.dedup();
            Ok(Merged::Conflict(files))
        }
        (Some(USAGE), _) => {
            let version = git.text(["version"])?;
            Err(Refusal::failed(format!("git 2.38 or later is needed to merge, and this is {version}")))
        }
        _ => Err(said.error("merge-tree").into()),
    }
}

/// How git ends when it does not know an option.
const USAGE: i32 = 129;
