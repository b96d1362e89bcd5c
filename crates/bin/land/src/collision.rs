//! Files of the user that a change would touch.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use worktree::{Git, parts, path};

use crate::refusal::Refusal;
use crate::touched::Touched;

/// More than this is too long for a command line; then git looks at the whole tree.
const MANY: usize = 64 << 10;

/// The files among those that are touched, or in their way, which the user has changed, added or keeps ignored.
///
/// `index` is a copy of the user's; what git finds out about files that only look changed is noted there.
pub(crate) fn collisions(git: &Git, index: &Path, touched: &[Touched]) -> Result<BTreeSet<PathBuf>, Refusal> {
    let mut args: Vec<&OsStr> = [
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignored=traditional",
        "--no-renames",
        "--ignore-submodules=dirty",
        "--",
    ]
    .map(OsStr::new)
    .to_vec();
    let length: usize = touched.iter().map(|touched| touched.path.as_os_str().len() + 1).sum();
    if length < MANY {
        args.extend(touched.iter().map(|touched| touched.path.as_os_str()));
    }
    let call = git.call(args).index(index).env("GIT_LITERAL_PATHSPECS", "1").env("GIT_OPTIONAL_LOCKS", "1");
    let out = call.run()?;
    let by_path: HashSet<&Path> = touched.iter().map(|touched| &*touched.path).collect();
    let folders: HashSet<&Path> = touched.iter().flat_map(|touched| touched.path.ancestors().skip(1)).collect();
    let mut found = BTreeSet::new();
    for entry in parts(&out) {
        let fields = match entry.first() {
            Some(b'1') => 8,
            Some(b'u') => 10,
            Some(b'?' | b'!') => 1,
            _ => continue,
        };
        let Some(name) = entry.splitn(fields + 1, |byte| *byte == b' ').nth(fields) else { continue };
        let name = path(name.strip_suffix(b"/").unwrap_or(name));
        if name.starts_with(".plan") {
            continue;
        }
        // The file itself, a folder in which it lies, or something in a folder that becomes a file.
        if folders.contains(&*name) || name.ancestors().any(|above| by_path.contains(above)) {
            found.insert(name);
        }
    }
    let gone: HashSet<&Path> = touched.iter().filter(|it| it.new.is_none()).map(|it| &*it.path).collect();
    for new in touched.iter().filter(|touched| touched.old.is_none()) {
        let above = new.path.ancestors().skip(1).filter(|above| !above.as_os_str().as_bytes().is_empty());
        for above in above.filter(|above| !gone.contains(above)) {
            let is_folder = git.work_tree().join(above).symlink_metadata().map_or(true, |found| found.is_dir());
            if !is_folder {
                found.insert(above.to_owned());
            }
        }
    }
    Ok(found)
}

/// What the user is told when there are any.
pub(crate) fn refuse(files: &BTreeSet<PathBuf>) -> Result<(), Refusal> {
    if files.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = files.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    let more = files.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Refusal::person(format!(
        "would touch what you have not committed: {}{more}; commit it or move it away, then run the same again",
        names.join(", ")
    )))
}

/// So many files are named.
const NAMED: usize = 20;
