//! Keeping `.plan/` out of the repository's sight.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

const LINE: &str = "/.plan/";

/// Whether a `.git` is one: a folder with a HEAD, or a file that points to the real one.
pub(crate) fn is_git(dot_git: &Path) -> bool {
    dot_git.join("HEAD").is_file() || git_folder(dot_git).is_some_and(|folder| folder.join("HEAD").is_file())
}

/// The git folder that holds what all worktrees share.
pub(crate) fn common_folder(dot_git: &Path) -> Option<PathBuf> {
    let folder = if dot_git.is_dir() { dot_git.to_owned() } else { git_folder(dot_git)? };
    match fs::read_to_string(folder.join("commondir")) {
        Ok(common) => Some(folder.join(common.trim())),
        Err(_) => Some(folder),
    }
}

/// In a worktree and in a submodule `.git` is a file that names the folder.
fn git_folder(dot_git: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(dot_git).ok()?;
    let named = text.strip_prefix("gitdir:")?.trim();
    Some(dot_git.parent()?.join(named))
}

/// Adds our line to `info/exclude` unless it is there. Two processes at once add it once.
pub(crate) fn exclude(dot_git: &Path) -> io::Result<()> {
    let Some(common) = common_folder(dot_git) else { return Ok(()) };
    let info = common.join("info");
    fs::create_dir_all(&info)?;
    let path = info.join("exclude");
    if fs::read_to_string(&path).is_ok_and(|text| has_line(&text)) {
        return Ok(());
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    file.lock()?;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    if has_line(&text) {
        return Ok(());
    }
    let start = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    // One write: whoever reads meanwhile sees the whole line or none of it.
    file.write_all(format!("{start}{LINE}\n").as_bytes())
}

fn has_line(text: &str) -> bool {
    text.lines().any(|line| matches!(line.trim(), LINE | "/.plan" | ".plan/" | ".plan"))
}
