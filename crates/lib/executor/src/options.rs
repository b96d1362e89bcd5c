//! The flags and variables that every executor has.

use std::path::PathBuf;
use std::time::Duration;

use agent::Effort;
use clap::{Args, ValueEnum};
use process::Limits;
use record::{Sandbox, WorkType};

use crate::budget::Most;

const CODE: &str = "gpt-5.3-codex";
const LOGIC: &str = "gpt-5.4";
const TIMEOUT: &str = "600";

/// A value, unless it was given as an empty text: an empty variable counts as none.
#[derive(Clone, Debug)]
pub struct Unless<T>(Option<T>);

/// Where agents work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Isolate {
    /// In the tree as it is, one writer of a file at a time
    None,
    /// Each in a git worktree of its own; what it leaves becomes a commit on a branch
    Worktree,
}

/// Flags that every executor has. A flag beats a variable, that beats what `route` wrote, that beats the default.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The model, for every task but those with two (options)
    #[arg(long, env = "CODEX_MODEL", value_name = "NAME", hide_env_values = true)]
    pub model: Option<String>,

    /// The model for code, where `route` names none
    #[arg(
        long,
        env = "CODEX_MODEL_CODE",
        value_name = "NAME",
        default_value = "gpt-5.3-codex",
        hide_env_values = true
    )]
    pub model_code: String,

    /// The model for analysis, where `route` names none
    #[arg(long, env = "CODEX_MODEL_LOGIC", value_name = "NAME", default_value = LOGIC, hide_env_values = true)]
    pub model_logic: String,

    /// How hard the model thinks: none minimal low medium high xhigh max ultra [default: what route says, else xhigh]
    #[arg(long, env = "CODEX_EFFORT", value_name = "EFFORT", value_parser = effort, hide_env_values = true)]
    pub effort: Option<Unless<Effort>>,

    /// What agents may touch: read-only, workspace-write, danger-full-access [default: what route says, else read-only]
    #[arg(long, value_name = "SANDBOX", value_parser = sandbox)]
    pub sandbox: Option<Sandbox>,

    /// The most a task may take, in seconds
    #[arg(long, env = "CODEX_TIMEOUT", value_name = "SECONDS", default_value = TIMEOUT, value_parser = timeout, hide_env_values = true)]
    pub timeout: Duration,

    /// The most a task may take without getting on, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub stall: Duration,

    /// Between asking an agent to end and killing it, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub grace: Duration,

    /// The most agents at once
    #[arg(short, long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,

    /// How often a task is tried again after a cut stream or a rate limit with a known reset
    #[arg(long, value_name = "N", default_value = "1")]
    pub retries: u32,

    /// The longest wait for a rate limit to reset, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub max_wait: Duration,

    /// When a limit of the service resets within MAX: start nothing until then, and try the task again. Seconds, or 30m, 2h
    #[arg(long, value_name = "MAX", value_parser = duration)]
    pub wait_for_reset: Option<Duration>,

    /// What may be spent
    #[command(flatten)]
    pub most: Most,

    /// Where agents work: in the tree as it is, or each task in a git worktree of its own, below .plan/worktrees
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Isolate::None)]
    pub isolate: Isolate,

    /// Run in each new worktree before an agent starts in it, such as "npm ci"
    #[arg(long, value_name = "CMD")]
    pub setup: Option<String>,

    /// A file or folder that git ignores and that worktrees get a copy of, from the root of the repository
    #[arg(long, value_name = "PATH")]
    pub include: Vec<PathBuf>,

    /// The folder that agents work in [default: the root of the repository, or here where there is none]
    #[arg(short = 'C', long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,

    /// 1: after a failure nothing more is started, exit 20. 0: go on, exit with the first cause
    #[arg(long, env = "CODEX_FAIL_CLOSED", value_name = "0|1", default_value = "1", value_parser = switch, action = clap::ArgAction::Set, hide_env_values = true)]
    pub fail_closed: bool,

    /// Print the prompt of each task instead of running it
    #[arg(long)]
    pub print_prompt: bool,
}

impl Options {
    /// The clocks of one call.
    pub(crate) fn limits(&self) -> Limits {
        Limits { total: Some(self.timeout), stall: Some(self.stall), grace: self.grace }
    }

    /// The effort that flag or variable asks for.
    pub(crate) fn effort(&self) -> Option<Effort> {
        self.effort.as_ref().and_then(|effort| effort.0.clone())
    }

    /// The models to ask: two for options, else one.
    pub(crate) fn models(&self, routed: &[String], work_type: Option<WorkType>) -> Vec<String> {
        let named = |name: &str, default: &str| if name.is_empty() { default } else { name }.to_owned();
        let (code, logic) = (named(&self.model_code, CODE), named(&self.model_logic, LOGIC));
        match (routed, self.model.as_ref().filter(|model| !model.is_empty())) {
            ([_, _, ..], _) => routed.to_vec(),
            (_, Some(model)) | ([model], None) => vec![model.clone()],
            ([], None) => match work_type {
                Some(WorkType::Options) if code != logic => vec![code, logic],
                Some(WorkType::Analysis | WorkType::LogicReview) => vec![logic],
                _ => vec![code],
            },
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "a number of seconds above 0 is needed, such as 600 or 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    // Clocks are added to the present moment; a century is as good as for ever.
    (!duration.is_zero()).then(|| duration.min(Duration::from_secs(3_000_000_000))).ok_or_else(wrong)
}

/// A number of seconds, or a duration with units, such as `90m` or `1h 30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let units = || text.parse::<jiff::SignedDuration>().ok()?.try_into().ok().map(|time: Duration| time.as_secs_f64());
    match text.parse::<f64>().ok().or_else(units) {
        Some(number) => seconds(&number.to_string()),
        None => Err("a time is needed, such as 600, 30m or 2h".to_owned()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    seconds(if text.is_empty() { TIMEOUT } else { text })
}

fn effort(text: &str) -> Result<Unless<Effort>, String> {
    if text.is_empty() {
        return Ok(Unless(None));
    }
    let effort = Effort::named(text);
    effort.map(|effort| Unless(Some(effort))).ok_or_else(|| format!("one of {} is needed", Effort::NAMES.join(", ")))
}

fn sandbox(text: &str) -> Result<Sandbox, String> {
    [Sandbox::ReadOnly, Sandbox::WorkspaceWrite, Sandbox::DangerFullAccess]
        .into_iter()
        .find(|sandbox| sandbox.name() == text)
        .ok_or_else(|| "one of read-only, workspace-write, danger-full-access is needed".to_owned())
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "" => Ok(true),
        "0" => Ok(false),
        _ => Err("0 or 1 is needed".to_owned()),
    }
}
