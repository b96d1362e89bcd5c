//! A repository with a plan, an agent that takes as long as it is told, and plan-run over it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Done, Tool, git, repository};

/// A task of a plan for [`agent.py`](agent.py).
pub struct Job {
    pub id: &'static str,
    pub seconds: f64,
    pub writes: &'static [&'static str],
    pub needs: &'static [&'static str],
}

/// A task that takes no time and writes one file.
pub fn quick(id: &'static str, file: &'static [&'static str], needs: &'static [&'static str]) -> Job {
    Job { id, seconds: 0.0, writes: file, needs }
}

pub struct Bench {
    folder: TempDir,
}

/// Approves everything.
pub const TRUST: &str = r#"
[[rule]]
gate = "plan"
decision = "approved"

[[rule]]
gate = "plan"
when = "interrupted"
decision = "approved"

[[rule]]
gate = "result"
decision = "approved"
"#;

impl Bench {
    pub fn new(jobs: &[Job]) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        repository(&bench.root(), &[("plan.md", &plan(jobs)), ("README", "x\n")]);
        // Who lands has to be somebody.
        git(&bench.root(), &["config", "user.name", "Ada"]);
        git(&bench.root(), &["config", "user.email", "ada@localhost"]);
        bench.file("trust.toml", TRUST);
        bench
    }

    /// The repository.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// Beside the repository.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn run_file(&self) -> PathBuf {
        self.root().join(".plan/plan/run.jsonl")
    }

    /// One of our tools in the repository, with the agent.
    pub fn tool(&self, name: &str) -> Tool {
        self.prepare(Tool::ours(name))
    }

    pub fn prepare(&self, tool: Tool) -> Tool {
        self.environment().into_iter().fold(tool, |tool, (name, value)| tool.env(name, value)).folder(&self.root())
    }

    /// The agent, and folders that are nobody else's.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_run/agent.py");
        vec![
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("CODEX_BIN", agent.into()),
            ("AGENT_LOG", self.path("agent.log").into()),
            ("HOME", self.folder.path().into()),
            ("XDG_RUNTIME_DIR", self.folder.path().into()),
        ]
    }

    /// `plan-run plan.md` where everything is approved.
    pub fn trusting(&self) -> Tool {
        self.tool("plan-run").args(&["--approve-policy", "../trust.toml"])
    }

    /// The lines of the run file.
    pub fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.run_file()).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "cut off: {text:?}");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// The last line of a task in the run file.
    pub fn last(&self, id: &str) -> Value {
        let is_it = |line: &Value| line["type"] == "task" && line["id"] == id;
        self.lines().into_iter().rfind(is_it).unwrap_or_default()
    }

    /// The agent's log: what, task, when.
    pub fn log(&self) -> Vec<(String, String, f64)> {
        let text = fs::read_to_string(self.path("agent.log")).unwrap_or_default();
        text.lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                let text = |name: &str| line[name].as_str().unwrap().to_owned();
                (text("what"), text("task"), line["at"].as_f64().unwrap())
            })
            .collect()
    }

    /// The process ids of all agents so far.
    pub fn agents(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.path("agent.log")).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["what"] == "begin")
            .map(|line| line["pid"].as_u64().unwrap().try_into().unwrap())
            .collect()
    }

    /// How often the agent has begun a task.
    pub fn begun(&self, id: &str) -> usize {
        self.log().iter().filter(|(what, task, _)| what == "begin" && task == id).count()
    }
}

/// The plan as Markdown.
pub fn plan(jobs: &[Job]) -> String {
    let mut text = String::from("# A plan\n\n**Goal:** Something is done.\n");
    for Job { id, seconds, writes, needs } in jobs {
        let written: String = writes.iter().map(|file| format!(", writes {file}")).collect();
        let files: String = writes.iter().map(|file| format!("- Modify: `{file}`\n")).collect();
        let needs: Vec<String> = needs.iter().map(|need| format!("Task {need}")).collect();
        let needs = if needs.is_empty() { "none".to_owned() } else { needs.join(", ") };
        let work_type = if writes.is_empty() { "explore" } else { "implement" };
        let files = if files.is_empty() { "- Read: `README`\n".to_owned() } else { files };
        write!(
            text,
            "\n### Task {id}: takes {seconds}{written}\n\n**Objective:** It is done.\n**Files:**\n{files}\n\
             **Commands:**\n- `true`\n\n**Work type:** {work_type}\n**Backend:** codex\n**Depends on:** {needs}\n"
        )
        .unwrap();
    }
    text
}

/// Every line of stderr that comes from plan-run itself.
pub fn said(done: &Done) -> Vec<&str> {
    done.err.lines().filter_map(|line| line.strip_prefix("plan-run: ")).collect()
}
