//! Real repositories.

mod commit;
mod pool;
mod snapshot;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Repository;

/// A repository and what lies around it; gone with the value.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    /// `repo`, with these files in its first commit.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let ground = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(ground.repo()).unwrap();
        ground.git(&["init", "-q", "-b", "main"]);
        for (path, text) in files {
            ground.write(path, text);
        }
        ground.git(&["add", "-A"]);
        ground.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        ground
    }

    pub fn top(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub fn repo(&self) -> PathBuf {
        self.top().join("repo")
    }

    pub fn open(&self) -> Repository {
        Repository::open(&self.repo()).unwrap()
    }

    pub fn write(&self, path: &str, text: &str) {
        write(&self.repo().join(path), text);
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.repo(), args)
    }

    /// The files of a commit, each with its mode and content.
    pub fn files(&self, commit: &str) -> Vec<String> {
        let listed = self.git(&["ls-tree", "-r", "-z", "--full-tree", commit]);
        listed.split('\0').filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    pub fn names(&self, commit: &str) -> Vec<String> {
        self.files(commit).iter().map(|entry| entry.split_once('\t').unwrap().1.to_owned()).collect()
    }

    pub fn show(&self, commit: &str, path: &str) -> String {
        self.git(&["show", &format!("{commit}:{path}")])
    }

    /// Everything in the user's tree but `.plan`, and the index file: content, mode and the moment of the last change.
    pub fn state(&self) -> Vec<(PathBuf, u32, i64, i64, Vec<u8>)> {
        let mut state = Vec::new();
        let git_dir = git(&self.repo(), &["rev-parse", "--absolute-git-dir"]);
        let index = PathBuf::from(git_dir.trim()).join("index");
        let mut paths = vec![self.repo(), index];
        while let Some(path) = paths.pop() {
            let found = path.symlink_metadata().unwrap();
            let content = match () {
                () if found.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                () if found.is_file() => fs::read(&path).unwrap(),
                () => Vec::new(),
            };
            if found.is_dir() {
                let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap());
                let seen = entries.filter(|entry| ![".git", ".plan"].map(OsStr::new).contains(&&*entry.file_name()));
                paths.extend(seen.map(|entry| entry.path()));
            }
            let moment = if path == self.repo() { 0 } else { found.mtime() };
            let nanos = if path == self.repo() { 0 } else { found.mtime_nsec() };
            state.push((path, found.mode(), moment, nanos, content));
        }
        state.sort();
        state
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// git as a user calls it.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let name = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "protocol.file.allow=always"];
    let done = Command::new("git").args(name).args(args).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}
