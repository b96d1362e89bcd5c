//! A folder to run verify in.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub struct Tree {
    folder: tempfile::TempDir,
    pub root: PathBuf,
    path: Option<std::ffi::OsString>,
    env: Vec<(String, String)>,
}

/// What a call of verify came to.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only task's verdict.
    pub fn verdict(&self) -> Value {
        let lines = self.lines();
        let tasks: Vec<_> = lines.iter().filter(|line| line["type"] == "task").collect();
        assert_eq!(tasks.len(), 1, "{}\n{}", self.out, self.err);
        tasks[0]["verdict"].clone()
    }

    pub fn check(&self, at: usize) -> Value {
        self.verdict()["checks"][at].clone()
    }
}

impl Tree {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("tree");
        fs::create_dir(&root).unwrap();
        Self { folder, root, path: None, env: Vec::new() }
    }

    /// A git repository with one commit.
    pub fn repository() -> Self {
        let tree = Self::new();
        tree.git(&["init", "-q"]);
        tree.write("file", "first\n");
        tree.commit();
        tree
    }

    /// A place beside the tree.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap_or_default()
    }

    pub fn git(&self, args: &[&str]) -> String {
        let done = Command::new("git")
            .current_dir(&self.root)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Commits all there is and returns the commit's id.
    pub fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// As [`Self::commit`], also when nothing was changed.
    pub fn commit_of_all(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn path(&mut self, path: impl Into<std::ffi::OsString>) {
        self.path = Some(path.into());
    }

    pub fn env(&mut self, name: &str, value: &str) {
        self.env.push((name.into(), value.into()));
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
        command.current_dir(&self.root).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// As the foreground job of a terminal: with a process group that signals can be sent to.
    pub fn start_in_group(&self, args: &[&str]) -> Child {
        std::os::unix::process::CommandExt::process_group(&mut self.command(args), 0).spawn().unwrap()
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    pub fn run(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.start(args);
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // verify may stop reading after a bad line.
            let _ = stdin.write_all(input.as_bytes());
        });
        let ran = finish(child);
        writer.join().unwrap();
        ran
    }

    /// Runs a single task with these commands, without a sandbox.
    pub fn commands(&self, args: &[&str], commands: &[&str]) -> Ran {
        let all = [&["--sandbox", "none"], args].concat();
        self.run(&all, &task("1", commands))
    }
}

pub fn finish(child: Child) -> Ran {
    let done = child.wait_with_output().unwrap();
    Ran {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// A task that an executor has finished.
pub fn task(id: &str, commands: &[&str]) -> String {
    task_with(id, commands, &json!({"status": "ok", "backend": "codex"}))
}

pub fn task_with(id: &str, commands: &[&str], result: &Value) -> String {
    let line = json!({"type": "task", "id": id, "title": "T", "commands": commands, "done": [], "result": result});
    format!("{line}\n")
}

/// Waits for a condition; the time is only there to end a test that has failed.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process whose number stands in the file does anything any more.
pub fn runs(pid_file: &Path) -> bool {
    let pid = fs::read_to_string(pid_file).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}
