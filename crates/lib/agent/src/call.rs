//! One call of an agent.

use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{Limits, Stop};
use record::{Class, RateLimit, Sandbox, Usage, WorkType};

/// An agent CLI.
pub trait Agent {
    /// Its name on the wire: `codex`, `claude`.
    fn backend(&self) -> &'static str;

    /// What a person can do about a failure of this class, where that is particular to this CLI.
    fn remedy(&self, _class: Class) -> Option<&'static str> {
        None
    }

    /// Whether a conversation can be continued here; an error says why not, in one line.
    fn can_resume(&self, thread: &str) -> Result<(), String> {
        Err(format!("{} cannot continue conversation {thread}", self.backend()))
    }

    /// Whether the CLI's own sandbox, and no mere request, keeps the agent from writing to this folder, which is not the
    /// one it works in.
    fn keeps_out_of(&self, _folder: &Path, _sandbox: Sandbox) -> bool {
        false
    }

    /// Calls it once. Whatever goes wrong is told in the report.
    fn call(&self, call: Call, stop: Stop) -> impl Future<Output = Report> + Send;

    /// Finds out, before any task starts, whether the CLI can do what we need with this sandbox.
    fn check(&self, sandbox: Sandbox, stop: Stop) -> impl Future<Output = Result<(), (Class, String)>> + Send;
}

/// What an agent is asked to do, and within which bounds.
#[derive(Debug)]
pub struct Call {
    /// Handed over on stdin.
    pub prompt: String,
    /// The conversation to continue; `None` for a new one.
    pub resume: Option<String>,
    /// The model, by the name that the CLI knows.
    pub model: String,
    /// How hard the model shall think; `None` for what is usual with this CLI.
    pub effort: Option<Effort>,
    /// What the agent may touch.
    pub sandbox: Sandbox,
    /// The kind of work, where it is known.
    pub work_type: Option<WorkType>,
    /// The commands of the task: what has to run for it.
    pub commands: Vec<String>,
    /// The folder to work in, absolute.
    pub folder: PathBuf,
    /// The clocks.
    pub limits: Limits,
    /// Takes every event line as it comes, and stderr after `stderr: `.
    pub log: Option<File>,
}

/// How hard a model shall think. The CLIs of today send any word on to the service, so a wrong one would only be found
/// there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Effort(&'static str);

impl Effort {
    /// Every effort that a Codex CLI has known, least first.
    pub const NAMES: [&str; 8] = ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

    /// The effort of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|known| *known == name).map(Self)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0
    }
}

/// What became of a call.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Why it failed and the event that decided so; `None` when the agent finished its turn.
    pub failure: Option<(Class, String)>,
    /// The last thing the agent said.
    pub message: Option<String>,
    /// The agent's own name for the conversation.
    pub thread: Option<String>,
    /// The sandbox as the agent reported it.
    pub sandbox: Option<Sandbox>,
    /// The conversation that was to be continued did not come up, and nothing has been done: the task can be told from
    /// its beginning.
    pub lost: bool,
    /// Tokens of this call, without what the conversation had used before it.
    pub usage: Option<Usage>,
    /// What is left of the service's limit.
    pub rate_limit: Option<RateLimit>,
    /// Commands and patches that failed or were refused.
    pub failed_actions: u64,
    /// Whether the agent has run a command or changed a file, so that a second call would not start afresh.
    pub acted: bool,
    /// How many processes were still at work when the agent had ended by itself; they have been ended.
    pub left_behind: usize,
    /// How long it took.
    pub time: Duration,
}
