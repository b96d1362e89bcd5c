//! codex-exec with a git worktree for each task.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod kills;
mod places;
mod setup;
mod tampering;
mod work;

#[path = "../harness/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use harness::{Done, Tool, git, repository, task};
use serde_json::Value;
use tempfile::TempDir;

/// A repository with a user's work in progress, and an agent that does what a script for the task says.
pub(crate) struct Ground {
    folder: TempDir,
}

/// Reads the id of its task, works in the folder that `-C` names, and reports success unless the script fails.
const AGENT: &str = r#"#!/bin/sh
case "$*" in
*--help*) echo "Usage: codex exec --json --skip-git-repo-check --sandbox --cd --model --config resume"; exit 0 ;;
sandbox*) exit 0 ;;
esac
while [ $# -gt 0 ]; do [ "$1" != -C ] || cd "$2" || exit 1; shift; done
id=$(sed -n '1s/^Task \([^:]*\): .*/\1/p')
echo '{"type":"thread.started","thread_id":"019a0000-0000-7000-8000-000000000001"}'
echo '{"type":"turn.started"}'
if sh "$SCRIPTS/$id" >&2; then
  echo '{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":1}}'
else
  echo '{"type":"turn.failed","error":{"message":"the script failed"}}'; exit 1
fi
"#;

impl Ground {
    pub fn new() -> Self {
        let ground = Self { folder: tempfile::tempdir().unwrap() };
        make_repository(&ground.repo());
        fs::create_dir(ground.path("scripts")).unwrap();
        // Not written by us: while another test starts a program, that would have our open file too, and nobody could run it.
        let agent = ground.path("agent");
        let install = Tool::new("sh").args(&["-c", "cat > \"$0\" && chmod +x \"$0\""]).arg(&agent);
        install.input(AGENT).run().ended(0);
        ground
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// The agent of that task does this.
    pub fn script(&self, id: &str, script: &str) {
        fs::write(self.path("scripts").join(id), script).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.repo(), args).trim().to_owned()
    }

    pub fn tool(&self) -> Tool {
        Tool::ours("codex-exec")
            .arg("--isolate=worktree")
            .env("CODEX_BIN", self.path("agent"))
            .env("CODEX_HOME", self.path("home"))
            .env("SCRIPTS", self.path("scripts"))
            .folder(&self.repo())
    }

    /// The lines through codex-exec, one task at a time.
    pub fn exec(&self, lines: &str) -> Done {
        self.tool().args(&["--jobs", "1"]).input(lines).run()
    }
}

/// A repository whose user has changed files: staged, not staged, new, and ignored.
pub(crate) fn make_repository(folder: &Path) {
    let files = [
        ("a.txt", "one\n"),
        ("b.txt", "two\n"),
        ("deep/c.txt", "three\n"),
        (".gitignore", "*.log\n.env*\n/packages/\n"),
    ];
    repository(folder, &files);
    fs::write(folder.join("a.txt"), "one, not staged\n").unwrap();
    fs::write(folder.join("b.txt"), "two, staged\n").unwrap();
    git(folder, &["add", "b.txt"]);
    fs::write(folder.join("b.txt"), "two, staged and changed again\n").unwrap();
    fs::write(folder.join("new.txt"), "new\n").unwrap();
    fs::write(folder.join("old.log"), "ignored\n").unwrap();
    fs::write(folder.join(".env.test"), "KEY=1\n").unwrap();
}

/// A writing task, `more` are further fields with a comma before each.
pub(crate) fn write(id: &str, more: &str) -> String {
    task(id, "workspace-write", more)
}

/// What is the user's: all files with mode and the time of their last change, and how git is.
pub(crate) fn users(repo: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![repo.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let stat = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(repo).unwrap().to_owned();
            let is_ours = [
                ".plan",
                ".git/worktrees",
                ".git/objects",
                ".git/refs/heads/plan-and-execute",
                ".git/logs/refs/heads/plan-and-execute",
            ];
            // The line that hides .plan.
            let is_noted = name == Path::new(".git/info/exclude");
            if is_ours.iter().any(|ours| name.starts_with(ours)) || is_noted {
                continue;
            }
            if stat.is_dir() {
                folders.push(path);
            } else {
                let content = if stat.is_symlink() { Vec::new() } else { fs::read(&path).unwrap() };
                found.insert(name, (content, stat.mode(), stat.mtime(), stat.mtime_nsec()));
            }
        }
    }
    found
}

#[track_caller]
pub(crate) fn assert_same(before: &BTreeMap<PathBuf, (Vec<u8>, u32, i64, i64)>, repo: &Path) {
    let after = users(repo);
    let missing = |here: &BTreeMap<PathBuf, _>, there: &BTreeMap<PathBuf, _>| {
        here.keys().filter(|name| !there.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    assert_eq!((missing(before, &after), missing(&after, before)), (vec![], vec![]), "gone, and come");
    for (name, was) in before {
        assert!(after[name] == *was, "{} is not as it was", name.display());
    }
}

pub(crate) fn result(done: &Done, id: &str) -> Value {
    done.task(id)["result"].clone()
}

/// The files of a commit.
pub(crate) fn files(repo: &Path, commit: &Value) -> Vec<String> {
    let listed = git(repo, &["ls-tree", "-r", "--name-only", commit.as_str().unwrap()]);
    listed.lines().map(str::to_owned).collect()
}

pub(crate) fn content(repo: &Path, commit: &Value, path: &str) -> String {
    git(repo, &["show", &format!("{}:{path}", commit.as_str().unwrap())])
}
