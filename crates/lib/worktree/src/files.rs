//! Copying and removing files in a tree where others may have put links.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The place of a relative path below `top`, if no link leads out on the way there. The last part may be anything.
pub fn within(top: &Path, path: &Path) -> Option<PathBuf> {
    let mut place = top.to_owned();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return None };
        place.push(name);
        let is_last = parts.peek().is_none();
        if !is_last && place.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            return None;
        }
    }
    Some(place)
}

/// Copies a file, a link or a folder with all that is in it. What is there already stays as it is. `copied` gets the files
/// and links that were made, relative to `top`.
pub fn copy(from: &Path, top: &Path, path: &Path, copied: &mut Vec<PathBuf>) -> io::Result<()> {
    let Some(to) = within(top, path) else { return Ok(()) };
    let found = from.symlink_metadata()?;
    if found.is_dir() {
        if to.symlink_metadata().is_ok_and(|there| !there.is_dir()) {
            return Ok(());
        }
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), top, &path.join(entry.file_name()), copied)?;
        }
        return Ok(());
    }
    if to.symlink_metadata().is_ok() {
        return Ok(());
    }
    if let Some(above) = to.parent() {
        fs::create_dir_all(above)?;
    }
    if found.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, &to)?;
    } else if found.is_file() {
        // The system shares the blocks where the file system can.
        fs::copy(from, &to)?;
        // Build tools compare these.
        if let Ok(changed) = found.modified() {
            fs::File::options().write(true).open(&to).and_then(|file| file.set_modified(changed)).or_else(denied)?;
        }
    } else {
        return Ok(());
    }
    copied.push(path.to_owned());
    Ok(())
}

/// A file that its owner may not write keeps the moment of its copy.
fn denied(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::PermissionDenied { Ok(()) } else { Err(error) }
}

/// Removes what has this path below `top`, whatever it is; links are removed and not followed.
pub fn remove(top: &Path, path: &Path) -> io::Result<()> {
    let Some(place) = within(top, path) else { return Ok(()) };
    let removed = match place.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(error) => Err(error),
    };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (top, elsewhere) = (folder.path().join("top"), folder.path().join("elsewhere"));
        fs::create_dir(&top).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("file"), "kept").unwrap();
        symlink(&elsewhere, top.join("link")).unwrap();
        remove(&top, Path::new("link/file")).unwrap();
        remove(&top, Path::new("../elsewhere/file")).unwrap();
        let mut copied = Vec::new();
        copy(&elsewhere.join("file"), &top, Path::new("link/new"), &mut copied).unwrap();
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
        remove(&top, Path::new("link")).unwrap();
        assert!(elsewhere.join("file").is_file() && !top.join("link").exists() && copied.is_empty());
        remove(&top, Path::new("missing/file")).unwrap();
    }

    #[test]
    fn what_is_there_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (from, top) = (folder.path().join("from"), folder.path().join("top"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::create_dir_all(top.join("all")).unwrap();
        for (name, text) in [("one", "new"), ("deep/two", "new")] {
            fs::write(from.join(name), text).unwrap();
        }
        symlink("one", from.join("link")).unwrap();
        fs::write(top.join("all/one"), "old").unwrap();
        let mut copied = Vec::new();
        copy(&from, &top, Path::new("all"), &mut copied).unwrap();
        copied.sort();
        assert_eq!(copied, ["all/deep/two", "all/link"].map(PathBuf::from));
        assert_eq!(fs::read_to_string(top.join("all/link")).unwrap(), "old");
        let changed = |path: PathBuf| path.metadata().unwrap().modified().unwrap();
        assert_eq!(changed(top.join("all/deep/two")), changed(from.join("deep/two")));
    }
}
