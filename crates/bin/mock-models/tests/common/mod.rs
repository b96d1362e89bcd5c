//! Runs the real codex, in homes and workspaces of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use mock_models::agents::{self, CODEX_SPRING, CODEX_TODAY};
use mock_models::{CodexHome, Server, codex_home};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

/// What users have today.
pub const TODAY: &str = CODEX_TODAY;
/// What some of them still have.
pub const SPRING: &str = CODEX_SPRING;
pub const BOTH: [&str; 2] = [TODAY, SPRING];

/// Nothing here takes longer; only a test that fails waits for it.
pub const LONG: Duration = Duration::from_secs(120);

/// A home and a workspace, both empty.
pub struct Desk {
    folder: TempDir,
    pub version: &'static str,
    pub options: CodexHome,
    pub arguments: Vec<String>,
}

pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    home: PathBuf,
}

pub struct Finished {
    pub status: ExitStatus,
    pub events: Vec<Value>,
    pub stderr: String,
    /// The lines of all rollout files in this home.
    pub rollout: Vec<Value>,
}

impl Desk {
    pub fn new(version: &'static str) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(folder.path().join("workspace")).unwrap();
        let options = CodexHome { model: Some("gpt-5.5".to_owned()), ..CodexHome::without_retries() };
        Self { folder, version, options, arguments: Vec::new() }
    }

    pub fn model(mut self, model: &str) -> Self {
        self.options.model = Some(model.to_owned());
        self
    }

    pub fn with_retries(mut self) -> Self {
        (self.options.request_max_retries, self.options.stream_max_retries) = (None, None);
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub fn start(&self, server: &Server, prompt: &str) -> Running {
        let root = self.folder.path();
        let home = root.join("codex-home");
        let variables = codex_home::write(&home, &server.base_url(), &self.options).unwrap();
        let (stdin, stdout, stderr) = (root.join("in"), root.join("out"), root.join("err"));
        fs::write(&stdin, prompt).unwrap();
        let child = Command::new(agents::codex(self.version).unwrap())
            .args(["exec", "--json", "--skip-git-repo-check", "--sandbox", "workspace-write", "-C"])
            .arg(self.workspace())
            .args(&self.arguments)
            .arg("-")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", root)
            .envs(variables)
            .stdin(fs::File::open(&stdin).unwrap())
            .stdout(fs::File::create(&stdout).unwrap())
            .stderr(fs::File::create(&stderr).unwrap())
            .process_group(0)
            .spawn()
            .unwrap();
        Running { child, stdout, stderr, home }
    }

    pub fn run(&self, server: &Server, prompt: &str) -> Finished {
        self.start(server, prompt).finish()
    }
}

impl Running {
    pub fn kill(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        // Gone already is as good.
        let _ = kill_process_group(group, Signal::KILL);
    }

    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    pub fn finish(mut self) -> Finished {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > LONG {
                self.kill();
                panic!("codex does not end; it said:\n{}", self.stdout());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut rollout = Vec::new();
        lines_below(&self.home.join("sessions"), &mut rollout);
        Finished { status, events: parse(&self.stdout()), stderr: fs::read_to_string(&self.stderr).unwrap(), rollout }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// The last event of this type.
    pub fn last(&self, kind: &str) -> &Value {
        let found = self.events.iter().rev().find(|event| event["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {:#?}\n{}", self.events, self.stderr))
    }

    /// All finished items of this type.
    pub fn items(&self, kind: &str) -> Vec<&Value> {
        let completed = self.events.iter().filter(|event| event["type"] == "item.completed");
        completed.map(|event| &event["item"]).filter(|item| item["type"] == kind).collect()
    }

    pub fn assert_success(&self, message: &str) {
        assert!(self.status.success(), "{:#?}\n{}", self.events, self.stderr);
        self.last("turn.completed");
        assert_eq!(self.items("agent_message").last().unwrap()["text"], message);
    }

    /// The message with which the turn failed.
    pub fn failure(&self) -> &str {
        assert_eq!(self.status.code(), Some(1), "{:#?}\n{}", self.events, self.stderr);
        self.last("turn.failed")["error"]["message"].as_str().unwrap()
    }
}

fn lines_below(folder: &Path, lines: &mut Vec<Value>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines_below(&path, lines);
        } else {
            lines.extend(parse(&fs::read_to_string(&path).unwrap()));
        }
    }
}

fn parse(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
