//! What the black-box tests stand on: our own programs with a clean environment, repositories to work in, and the real
//! agent CLIs against a scripted model.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its own part of it; a test that cannot go on has failed"
)]

pub mod person;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mock_models::codex_home::{self, CodexHome};
use mock_models::{Script, Server, agents, claude_home};
use serde_json::Value;
use tempfile::TempDir;

/// As long as anything that is waited for may take on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The path of one of our programs.
pub fn bin(name: &str) -> PathBuf {
    // All programs are built into one folder, and the test is told where one of them is.
    let path = Path::new(env!("CARGO_BIN_EXE_route")).with_file_name(name);
    assert!(path.exists(), "{name} is not built");
    path
}

/// A program to be run with an empty environment but for PATH, and a HOME of its own.
pub struct Tool {
    command: Command,
    input: Vec<u8>,
}

/// What a program did.
#[derive(Debug)]
pub struct Done {
    /// Its exit code, or 128 + the signal that ended it, as a shell tells it.
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Tool {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", "/nonexistent");
        Self { command, input: Vec::new() }
    }

    pub fn ours(name: &str) -> Self {
        Self::new(bin(name))
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The command that it would run.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Starts it with stdin, stdout and stderr as pipes.
    pub fn start(mut self) -> Child {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command))
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Done {
        let input = std::mem::take(&mut self.input);
        let mut child = self.start();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            // A program that stops reading is one of the things that are tested.
            let _ = stdin.write_all(&input);
        });
        let done = finished(child);
        writer.join().unwrap();
        done
    }
}

/// Waits for a started program and takes what it printed.
pub fn finished(child: Child) -> Done {
    use std::os::unix::process::ExitStatusExt;
    let output = child.wait_with_output().unwrap();
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code, out: text(output.stdout), err: text(output.stderr) }
}

impl Done {
    /// The lines of stdout.
    pub fn lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// The line of a task; there must be exactly one.
    pub fn task(&self, id: &str) -> Value {
        let mut found: Vec<Value> =
            self.lines().into_iter().filter(|line| line["type"] == "task" && line["id"] == id).collect();
        assert_eq!(found.len(), 1, "lines of task {id} in {self:?}");
        found.remove(0)
    }

    /// Panics with everything it printed unless it ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

/// Waits until something holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is there and not only its remains.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.rsplit(')').next().unwrap().trim_start().starts_with(['Z', 'X'])
}

/// Sends a signal to a started program.
pub fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// A git repository with these files in its first commit.
pub fn repository(folder: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(folder).unwrap();
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for args in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "--allow-empty", "-m", "first"]] {
        git(folder, args);
    }
}

/// Runs git with a name and without anybody's configuration; its stdout.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let done = Tool::new("git")
        .args(&["-c", "user.name=Test", "-c", "user.email=test@localhost"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .folder(folder)
        .run();
    assert_eq!(done.code, 0, "git {args:?}: {}", done.err);
    done.out
}

/// The real agent CLIs, codex of one version, with homes of their own, a scripted model and a repository.
pub struct Desk {
    folder: TempDir,
    pub server: Server,
    environment: Vec<(String, String)>,
    codex: PathBuf,
    claude: PathBuf,
}

impl Desk {
    /// With the CLI of today, which asks once and does not try again by itself.
    pub fn new(script: Script) -> Self {
        Self::with(agents::CODEX_TODAY, script, &CodexHome::without_retries())
    }

    pub fn with(version: &str, script: Script, home: &CodexHome) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(script).unwrap();
        let homes = folder.path().join("home");
        let mut environment = codex_home::write(&homes.join(".codex"), &server.base_url(), home).unwrap();
        environment.extend(claude_home::write(&homes.join(".claude"), &server.base_url()).unwrap());
        repository(&folder.path().join("repo"), &[("a.txt", "one\n"), ("b.txt", "two\n")]);
        Self {
            folder,
            server,
            environment,
            codex: agents::codex(version).unwrap(),
            claude: agents::claude(agents::CLAUDE_TODAY).unwrap(),
        }
    }

    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// One of our programs in the repository, with everything it needs to find the CLI and the model.
    pub fn tool(&self, name: &str) -> Tool {
        self.prepare(Tool::ours(name))
    }

    pub fn prepare(&self, tool: Tool) -> Tool {
        let tool = tool
            .env("HOME", self.folder.path().join("home"))
            .env("CODEX_BIN", &self.codex)
            .env("CLAUDE_BIN", &self.claude)
            .folder(&self.repo());
        self.environment.iter().fold(tool, |tool, (name, value)| tool.env(name, value))
    }

    /// codex-exec over these lines.
    pub fn exec(&self, lines: &str) -> Done {
        self.tool("codex-exec").input(lines).run()
    }
}

/// A task for codex: `more` are further fields, each with a comma before it.
pub fn task(id: &str, sandbox: &str, more: &str) -> String {
    format!(
        "{{\"type\":\"task\",\"id\":\"{id}\",\"title\":\"Title {id}\",\"digest\":\"d{id}\",\
         \"route\":{{\"backend\":\"codex\",\"models\":[\"gpt-5.3-codex\"],\"effort\":\"high\",\"sandbox\":\"{sandbox}\"}}{more}}}\n"
    )
}
