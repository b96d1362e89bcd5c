//! The programs that a repository's configuration names, as they were before any agent could write there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::git::{Git, anywhere, parts};

/// The local configuration as it was when the repository was opened.
///
/// The user's own filters (such as Git LFS) and merge drivers belong to the repository and are used. An agent that was
/// let out of its sandbox could add some of its own, which our next call would run; so once a file of the configuration
/// has changed, what names programs is set back, for our calls, to what it was.
#[derive(Debug)]
pub(crate) struct Settings {
    files: Vec<(PathBuf, Vec<u8>)>,
}

type Programs = BTreeMap<Vec<u8>, Vec<u8>>;

impl Settings {
    /// As they are now.
    pub fn read(common: &Path, git_dir: &Path) -> Self {
        let mut paths = vec![common.join("config"), common.join("config.worktree"), git_dir.join("config.worktree")];
        paths.dedup();
        Self { files: paths.into_iter().map(|path| (path.clone(), text(&path))).collect() }
    }

    /// `KEY=VALUE` for whatever names a program and is not as it was. While nothing has changed this starts no process.
    pub fn overrides(&self, git: &Git) -> Result<Vec<OsString>, Error> {
        let mut was: Vec<(&Path, &[u8])> =
            self.files.iter().map(|(path, was)| (path.as_path(), was.as_slice())).collect();
        let own = git.dir.join("config.worktree");
        if !was.iter().any(|(path, _)| **path == *own) {
            was.push((&own, &[]));
        }
        let (mut before, mut after) = (Programs::new(), Programs::new());
        for (path, was) in was {
            let now = text(path);
            if now != was {
                let (was, mut now) = (listed(git, &["-"], was)?, listed(git, &["-"], &now)?);
                // What the user's own configuration includes is as good as itself, as long as nothing was added to that.
                if included(&was).ne(included(&now)) {
                    now = listed(git, &[path.to_string_lossy().as_ref(), "--includes"], &[])?;
                }
                before.extend(was.into_iter().filter(|(key, _)| !is_include(key)));
                after.extend(now.into_iter().filter(|(key, _)| !is_include(key)));
            }
        }
        let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
        let changed = keys.filter(|key| before.get(*key) != after.get(*key));
        let set =
            changed.map(|key| [key, &b"="[..], before.get(key).map_or_else(|| none(key), Vec::as_slice)].concat());
        Ok(set.map(OsString::from_vec).collect())
    }
}

fn text(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

fn is_include(key: &[u8]) -> bool {
    key.starts_with(b"include")
}

fn included(programs: &Programs) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
    programs.iter().filter(|(key, _)| is_include(key))
}

/// What a setting must be for nothing to be run. A merge driver that is no program at all would be taken for one that
/// has found no conflict.
fn none(key: &[u8]) -> &'static [u8] {
    if key.starts_with(b"merge.") || key.ends_with(b".required") { b"false" } else { b"" }
}

/// The settings of a configuration file that name programs which our calls could run, or other such files.
fn listed(git: &Git, file: &[&str], text: &[u8]) -> Result<Programs, Error> {
    let names = r"^(filter\..*|merge\..*\.(driver|recursive)|credential\..*|gpg\..*|core\.(sshcommand|gitproxy|askpass)|include.*)$";
    let args = [&["config", "-z", "--file"], file, &["--get-regexp", names]].concat();
    let said = anywhere(&git.common, &args, text)?;
    // 1 when there are none.
    if !matches!(said.code, Some(0 | 1)) {
        return Err(said.error("config"));
    }
    let entry = |entry: &[u8]| {
        let at = entry.iter().position(|byte| *byte == b'\n').unwrap_or(entry.len());
        (entry[..at].to_vec(), entry.get(at + 1..).unwrap_or(b"true").to_vec())
    };
    Ok(parts(&said.out).map(entry).collect())
}
