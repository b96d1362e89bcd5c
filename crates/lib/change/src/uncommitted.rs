//! What differs in the user's tree from its last commit, by name.

use std::io;
use std::path::Path;

use crate::{plain, read};

/// The paths that differ from the last commit, each with git's letters for it (`.M`, `??`, ...), ignored files and
/// `.plan/` left out. Relative to the top of the repository that `folder` is in.
pub fn uncommitted(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let args = ["status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames"];
    let mut bytes = Vec::new();
    read(&plain(folder, &args), |out| out.read_to_end(&mut bytes).map(drop))?;
    let entries = bytes.split(|byte| *byte == 0).filter_map(entry);
    Ok(entries.filter(|(_, path)| path.split('/').next() != Some(".plan")).collect())
}

/// Letters and path of one entry of `git status --porcelain=v2 -z --no-renames`.
fn entry(entry: &[u8]) -> Option<(String, String)> {
    // Fields before the path: 8 for a changed file, 10 for an unmerged one, 1 for an untracked one.
    let (fields, letters) = match entry.first()? {
        b'1' => (8, 1),
        b'u' => (10, 1),
        b'?' => (1, 0),
        _ => return None,
    };
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let parts: Vec<&[u8]> = entry.splitn(fields + 1, |byte| *byte == b' ').collect();
    let letters = lossy(parts.get(letters)?);
    Some((if letters == "?" { "??".into() } else { letters }, lossy(parts.get(fields)?)))
}
