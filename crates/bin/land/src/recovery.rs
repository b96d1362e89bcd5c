//! After a `land` that was cut off in the middle.

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use worktree::{Aside, Repository, parts, path};

use crate::refusal::Refusal;
use crate::touched::{Entry, Touched, touched};
use crate::transfer::Intent;

/// Completes what was begun when the branch has moved already, and undoes it when not; for people, which of the two it
/// was. Files that the user has changed since are left as they are.
pub(crate) fn recover(repository: &Repository, intent: &Intent) -> Result<String, Refusal> {
    let Some(branch) = &intent.branch else { return bring(repository, intent, false) };
    let on = repository.git().call(["symbolic-ref", "--quiet", "HEAD"]).said()?;
    let at = repository.commit(branch)?;
    match at.as_deref() {
        Some(at) if at == intent.new && String::from_utf8_lossy(&on.out).trim() == branch => {
            bring(repository, intent, true)
        }
        Some(at) if at == intent.old && String::from_utf8_lossy(&on.out).trim() == branch => {
            bring(repository, intent, false)
        }
        _ => {
            let touched = touched(repository.git(), &intent.old, &intent.new)?;
            let names: Vec<String> = touched.iter().take(20).map(|it| it.path.display().to_string()).collect();
            Ok(format!("the branch has gone elsewhere since, so look at these files yourself: {}", names.join(", ")))
        }
    }
}

/// Undoes what was begun, wherever the branch is.
pub(crate) fn undo(repository: &Repository, intent: &Intent) -> Result<String, Refusal> {
    bring(repository, intent, false)
}

/// Brings the files and the index forward to the new commit, or back to the old one.
fn bring(repository: &Repository, intent: &Intent, forward: bool) -> Result<String, Refusal> {
    let git = repository.git();
    let touched = touched(git, &intent.old, &intent.new)?;
    let side = |touched: &Touched, new: bool| if new { touched.new.clone() } else { touched.old.clone() };
    let aside = repository.aside()?;
    let differs = |new: bool| -> Result<HashSet<PathBuf>, Refusal> {
        set(repository, &aside, touched.iter().map(|it| (it.path.as_path(), side(it, new))))?;
        differing(repository, &aside, touched.iter().map(|it| (it.path.as_path(), side(it, new))))
    };
    let from_other = differs(!forward)?;
    let from_target = differs(forward)?;
    let mut kept = Vec::new();
    let mut wanted = Vec::new();
    for it in touched.iter().filter(|it| from_target.contains(&it.path)) {
        let is_other = !from_other.contains(&it.path);
        if is_other || is_half(repository, &it.path, side(it, !forward).as_ref(), side(it, forward).as_ref())? {
            wanted.push(it);
        } else {
            kept.push(it.path.display().to_string());
        }
    }
    for it in wanted.iter().filter(|it| side(it, forward).is_none()) {
        remove(repository.top(), &it.path);
    }
    let names: Vec<&[u8]> =
        wanted.iter().filter(|it| side(it, forward).is_some()).map(|it| it.path.as_os_str().as_bytes()).collect();
    if !names.is_empty() {
        let call = git.call(["checkout-index", "--force", "--index", "-z", "--stdin"]).index(&aside.index());
        call.input(names.join(&0)).run()?;
    }
    if intent.branch.is_some() {
        repository.replace_index(&aside.index())?;
    }
    let how = if forward { "it is completed now" } else { "it is undone now" };
    if kept.is_empty() {
        return Ok(how.into());
    }
    Ok(format!("{how}; left as they are, because somebody has changed them since: {}", kept.join(", ")))
}

/// Puts entries into an index.
fn set<'a>(
    repository: &Repository,
    aside: &Aside,
    entries: impl Iterator<Item = (&'a Path, Option<Entry>)>,
) -> Result<(), Refusal> {
    let (mut gone, mut there) = (Vec::new(), Vec::new());
    for (path, entry) in entries {
        let text = match &entry {
            Some(entry) => format!("{} {}\t", entry.mode, entry.object),
            None => format!("0 {}\t", "0".repeat(40)),
        };
        let list = if entry.is_some() { &mut there } else { &mut gone };
        list.extend([text.as_bytes(), path.as_os_str().as_bytes(), b"\0"].concat());
    }
    // A file may be in the place of a folder.
    let call = repository.git().call(["update-index", "-z", "--index-info"]).index(&aside.index());
    call.input([gone, there].concat()).run()?;
    Ok(())
}

/// The files in the user's tree that are not as these entries.
fn differing<'a>(
    repository: &Repository,
    aside: &Aside,
    entries: impl Iterator<Item = (&'a Path, Option<Entry>)>,
) -> Result<HashSet<PathBuf>, Refusal> {
    let git = repository.git();
    // Ends with 1 when there are some.
    git.call(["update-index", "-q", "--refresh"]).index(&aside.index()).said()?;
    let out = git.call(["diff-files", "--name-only", "-z", "--ignore-submodules=all"]).index(&aside.index()).run()?;
    let changed: HashSet<PathBuf> = parts(&out).map(path).collect();
    let is_there = |path: &Path| repository.top().join(path).symlink_metadata().is_ok_and(|found| !found.is_dir());
    Ok(entries
        .filter(|(path, entry)| if entry.is_some() { changed.contains(*path) } else { is_there(path) })
        .map(|(path, _)| path.to_owned())
        .collect())
}

/// Whether a file that is as neither of two entries was being written when it was cut off: it is missing, or it is the
/// beginning of one of them.
fn is_half(repository: &Repository, path: &Path, one: Option<&Entry>, other: Option<&Entry>) -> Result<bool, Refusal> {
    let full = repository.top().join(path);
    match full.symlink_metadata() {
        Err(_) => return Ok(true),
        Ok(found) if !found.is_file() => return Ok(false),
        Ok(_) => {}
    }
    let Ok(there) = fs::read(&full) else { return Ok(false) };
    for entry in [one, other].into_iter().flatten().filter(|entry| entry.mode.starts_with("100")) {
        let mut name = std::ffi::OsString::from("--path=");
        name.push(path);
        let args = ["cat-file".as_ref(), "--filters".as_ref(), name.as_os_str(), entry.object.as_ref()];
        if repository.git().run(args)?.starts_with(&there) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes a file, and the folders that are empty then.
fn remove(top: &Path, path: &Path) {
    // What cannot be removed shows up as the user's own.
    let _ = fs::remove_file(top.join(path));
    for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
        if fs::remove_dir(top.join(above)).is_err() {
            break;
        }
    }
}
