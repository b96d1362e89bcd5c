//! Ignored files of the user that agents need.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::files;

/// Whether a path may be included, with its form made plain; an error says why not.
pub fn checked(top: &Path, path: &Path) -> Result<PathBuf, String> {
    let wrong = |why: &str| Err(format!("--include {}: {why}", path.display()));
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    if plain.as_os_str().is_empty() || !plain.components().all(|part| matches!(part, Component::Normal(_))) {
        return wrong("a path from the root of the repository is needed, inside it");
    }
    if plain.starts_with(".git") || plain.starts_with(".plan") {
        return wrong("what git and these tools keep for themselves cannot be included");
    }
    match top.join(&plain).canonicalize() {
        Ok(place) if place.starts_with(top) => Ok(plain),
        Ok(_) => wrong("a link leads out of the repository"),
        Err(error) => wrong(&error.to_string()),
    }
}

/// Copies what is at a path of the user's tree; the files that were made.
pub fn copy(top: &Path, path: &Path, tree: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |why: String| format!("--include {}: {why}", path.display());
    // It may have become another one since it was looked at first.
    let place = top.join(checked(top, path)?);
    look(top, &place).map_err(&wrong)?;
    let mut copied = Vec::new();
    let from = place.canonicalize().map_err(|error| wrong(error.to_string()))?;
    files::copy(&from, tree, path, &mut copied).map_err(|error| wrong(error.to_string()))?;
    Ok(copied)
}

/// Links inside a folder are copied as they are, so they must not lead anywhere else.
fn look(top: &Path, place: &Path) -> Result<(), String> {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let path = entry.path();
        let found = path.symlink_metadata().map_err(|error| error.to_string())?;
        let is_out = |link: &Path| {
            let lies_inside = link.canonicalize().is_ok_and(|place| place.starts_with(top));
            !lies_inside || fs::read_link(link).is_ok_and(|named| named.is_absolute())
        };
        if found.is_symlink() && is_out(&path) {
            return Err(format!("the link {} leads out of the repository", path.display()));
        }
        if found.is_dir() {
            look(top, &path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_comes_from_outside() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (top, tree) = (folder.join("top"), folder.join("tree"));
        fs::create_dir_all(top.join("conf/deep")).unwrap();
        fs::create_dir_all(top.join(".git")).unwrap();
        fs::create_dir(&tree).unwrap();
        fs::write(folder.join("secret"), "x").unwrap();
        fs::write(top.join("conf/.env"), "A=1").unwrap();
        symlink(folder.join("secret"), top.join("out")).unwrap();
        for path in ["../secret", "/etc/passwd", "conf/../../secret", ".", "", "out", "missing", ".git", ".plan/x"] {
            assert!(checked(&top, Path::new(path)).unwrap_err().starts_with("--include "), "{path}");
        }
        assert_eq!(checked(&top, Path::new("./conf//.env")).unwrap(), Path::new("conf/.env"));
        assert_eq!(copy(&top, Path::new("conf"), &tree).unwrap(), [Path::new("conf/.env")]);
        symlink("../.env", top.join("conf/deep/inside")).unwrap();
        assert_eq!(copy(&top, Path::new("conf"), &tree).unwrap(), [Path::new("conf/deep/inside")]);
        symlink("../../../secret", top.join("conf/deep/outside")).unwrap();
        assert!(copy(&top, Path::new("conf"), &tree).unwrap_err().contains("leads out of the repository"));
    }
}
