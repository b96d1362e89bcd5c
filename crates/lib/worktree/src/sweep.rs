//! What git does not see, or stumbles over, in a tree that somebody has worked in.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const OWNER_ALL: u32 = 0o700;
const OWNER_FILE: u32 = 0o600;

/// Makes a tree ready to be reset by git. Links are never followed.
///
/// Folders are opened to their owner again. Files go where git would keep them though they are not as it made them:
/// closed to their owner, also known by another name, through which somebody could write to them later, or pipes and the
/// like. Repositories within go, as git looks into none of them, and so do folders without anything in them, of which git
/// says nothing.
pub(crate) fn sweep(top: &Path) -> io::Result<()> {
    let mut folders = vec![top.to_owned()];
    let mut without_files = Vec::new();
    open(top, &top.symlink_metadata()?)?;
    while let Some(folder) = folders.pop() {
        let (mut has_files, mut is_repository) = (false, false);
        let inner = folders.len();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            is_repository |= folder != top && entry.file_name() == ".git";
            let found = entry.metadata()?;
            if found.is_dir() {
                open(&entry.path(), &found)?;
                folders.push(entry.path());
                continue;
            }
            let mode = found.mode();
            let is_odd = mode & OWNER_FILE != OWNER_FILE || mode & 0o7000 != 0 || found.nlink() > 1;
            if !found.is_symlink() && (is_odd || !found.is_file()) {
                fs::remove_file(entry.path())?;
            } else {
                has_files = true;
            }
        }
        if is_repository {
            folders.truncate(inner);
            remove(&folder)?;
        } else if !has_files && folder != top {
            without_files.push(folder);
        }
    }
    // The inner ones come behind those that they are in.
    for folder in without_files.iter().rev() {
        // Most of them have other folders in them, which is how they stay.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// Opens everything in a tree to its owner, so that it can be read or removed.
pub(crate) fn open_up(top: &Path) -> io::Result<()> {
    walk(top, &mut |path, found| {
        if found.is_file() && found.mode() & OWNER_FILE != OWNER_FILE {
            fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o777 | OWNER_FILE))?;
        }
        Ok(())
    })
}

/// The folders in a tree that have a `.git` of their own; those within them are not looked for.
pub(crate) fn repositories(top: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)?.collect::<io::Result<Vec<_>>>()?;
        if folder != top && entries.iter().any(|entry| entry.file_name() == ".git") {
            found.push(folder);
            continue;
        }
        for entry in entries {
            if entry.file_type()?.is_dir() && !(folder == top && entry.file_name() == ".git") {
                folders.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Removes a tree, however it was left.
pub(crate) fn remove(top: &Path) -> io::Result<()> {
    match top.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.is_dir() => return fs::remove_file(top),
        Ok(_) => {}
    }
    if fs::remove_dir_all(top).is_ok() {
        return Ok(());
    }
    open_up(top)?;
    fs::remove_dir_all(top)
}

/// Opens a folder to its owner.
fn open(folder: &Path, found: &Metadata) -> io::Result<()> {
    match found.mode() {
        mode if mode & OWNER_ALL == OWNER_ALL => Ok(()),
        mode => fs::set_permissions(folder, Permissions::from_mode(mode & 0o777 | OWNER_ALL)),
    }
}

/// Every entry below a folder, that of the tree itself included; folders are opened to their owner on the way.
fn walk(top: &Path, visit: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>) -> io::Result<()> {
    let mut folders = vec![top.to_owned()];
    open(top, &top.symlink_metadata()?)?;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let found = entry.metadata()?;
            if found.is_dir() {
                open(&entry.path(), &found)?;
                folders.push(entry.path());
            } else {
                visit(&entry.path(), &found)?;
            }
        }
    }
    Ok(())
}
