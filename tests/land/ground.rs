//! A repository of a user, and work for it as executors leave it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Done, Tool, git, repository};

pub struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let ground = Self { folder: tempfile::tempdir().unwrap() };
        repository(&ground.repo(), files);
        ground.git(&["config", "user.name", "The User"]);
        ground.git(&["config", "user.email", "user@localhost"]);
        ground
    }

    /// Another one in the same state.
    pub fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        let done = Tool::new("cp").arg("-a").arg(self.repo()).arg(copy.repo()).run().ended(0);
        assert_eq!(done.err, "");
        copy
    }

    pub fn top(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub fn repo(&self) -> PathBuf {
        self.top().join("repo")
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.repo(), args)
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.repo().join(path)).unwrap_or_else(|error| format!("<{error}>"))
    }

    /// A commit on `base` that changes these files, as an executor leaves it: on a branch, in nobody's tree. `None`
    /// removes a file.
    pub fn work(&self, id: &str, base: &str, files: &[(&str, Option<&str>)]) -> String {
        let tree = self.top().join(format!("work-{id}"));
        self.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), base]);
        for (path, text) in files {
            let path = tree.join(path);
            match text {
                Some(text) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, text).unwrap();
                }
                None => fs::remove_file(path).unwrap(),
            }
        }
        let head = self.commit_tree(&tree, base, &format!("plan-and-execute/p/{id}/1"));
        self.git(&["worktree", "remove", "--force", tree.to_str().unwrap()]);
        head
    }

    /// All that is in a tree as a commit on `base`, with a branch.
    pub fn commit_tree(&self, tree: &Path, base: &str, branch: &str) -> String {
        git(tree, &["add", "-A", "-f"]);
        let content = git(tree, &["write-tree"]);
        let head = git(tree, &["commit-tree", content.trim(), "-p", base, "-m", "work of an agent"]);
        self.git(&["branch", "-f", branch, head.trim()]);
        head.trim().to_owned()
    }

    /// BLAKE3 of the diff, as the contract has it.
    pub fn digest(&self, base: &str, head: &str) -> String {
        let done = Tool::new("git").args(&["diff", "--binary", "--full-index", base, head]).folder(&self.repo()).run();
        blake3::hash(done.ended(0).out.as_bytes()).to_hex().to_string()
    }

    /// The line of a task whose work was approved.
    pub fn approved(&self, id: &str, base: &str, head: &str) -> Value {
        let changed = self.git(&["diff", "--no-renames", "--name-status", base, head]);
        let file = |line: &str| {
            let (status, path) = line.split_once('\t').unwrap();
            json!({"path": path, "action": match status { "A" => "create", "D" => "delete", _ => "modify" }})
        };
        json!({
            "files": changed.lines().map(file).collect::<Vec<_>>(),
            "type": "task", "id": id, "title": format!("Title {id}"), "objective": format!("What {id} is for"),
            "digest": format!("digest-{id}"), "commands": [], "needs": [],
            "source": {"path": "p.md", "line": id.bytes().map(u64::from).sum::<u64>(), "end_line": 9999},
            "result": {"status": "ok", "code": 0, "backend": "codex", "model": "gpt-5.3-codex", "message": "Did it.\n\nAll of it.",
                "base": base, "head": head, "changed": []},
            "verdict": {"status": "pass", "checks": []},
            "decisions": [{"gate": "result", "status": "approved", "by": "person:t", "at": "2026-01-01T00:00:00Z",
                "task_digest": format!("digest-{id}"), "diff_digest": self.digest(base, head)}],
        })
    }

    pub fn land(&self) -> Tool {
        Tool::ours("land").folder(&self.repo())
    }

    /// `land` over these lines.
    pub fn landed(&self, args: &[&str], tasks: &[Value]) -> Done {
        self.land().args(args).input(lines(tasks)).run()
    }

    /// Everything of the user's: the files with their content, mode and last change, the index, the branch.
    pub fn state(&self) -> Vec<(String, u32, i64, i64, Vec<u8>)> {
        let mut state = vec![("HEAD".into(), 0, 0, 0, self.git(&["log", "-1", "--format=%H %D"]).into_bytes())];
        let staged = self.git(&["diff", "--cached", "--raw", "--no-renames", "--full-index"]);
        state.push(("staged".into(), 0, 0, 0, staged.into_bytes()));
        let mut paths = vec![self.repo()];
        while let Some(path) = paths.pop() {
            let found = path.symlink_metadata().unwrap();
            let mut content = Vec::new();
            if found.is_dir() {
                let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
                paths.extend(entries.filter(|path| ![".git", ".plan"].iter().any(|name| path.ends_with(name))));
                continue;
            } else if found.is_symlink() {
                content = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
            } else if found.is_file() {
                content = fs::read(&path).unwrap();
            }
            state.push((path.display().to_string(), found.mode(), found.mtime(), found.mtime_nsec(), content));
        }
        state.sort();
        state
    }

    /// Nothing of ours lies about.
    #[track_caller]
    pub fn assert_tidy(&self) {
        let plan = self.repo().join(".plan");
        assert!(!plan.join("landing.json").exists() && !plan.join("landing.part").exists());
        let left = fs::read_dir(plan.join("worktrees")).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != "land.lock").collect();
        assert!(left.is_empty(), "{left:?}");
        for name in ["index.lock", "index.land", "index.part", "HEAD.lock"] {
            assert!(!self.repo().join(".git").join(name).exists(), "{name}");
        }
    }
}

pub fn lines(tasks: &[Value]) -> String {
    tasks.iter().map(|task| format!("{task}\n")).collect()
}
