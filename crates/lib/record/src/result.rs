//! What an executor found out: the `result` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Class, Sandbox};

/// How a task came out of an executor.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The agent said that it is done; `verify` proves it.
    Ok,
    /// The attempt failed; `class` and `code` say why.
    Failed,
    /// The task was not started, because of another one.
    Held,
}

/// The `result` section.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "Result")]
pub struct TaskResult {
    /// How it came out.
    pub status: Status,
    /// The cause as an exit code: 0 10 11 12 13 1. Absent when held.
    #[serde(default, deserialize_with = "crate::whole_or_none", skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// The cause by name, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The event that decided the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Who executed it: `codex`, `claude`, or a name of your own.
    pub backend: String,
    /// The model that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The answer: the agent's last message. For two answers, see `options`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// One answer for each model, when there were two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Answer>,
    /// Tokens of all attempts of this executor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What is left of the service's limit, as last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Every call of an agent for this task, oldest first.
    /// Those of other executors are kept as they were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Attempt>")]
    pub attempts: Vec<Box<RawValue>>,
    /// The folder in which the agent worked, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// The commit that the work started from, when it was done in a worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The commit that holds the work, when it was done in a worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The paths that git saw change. Absent where git could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Vec<String>>,
    /// What the agent did to git itself instead of to files, one line each: commits of its own, moved branches, changed
    /// configuration or hooks, and the like. Absent when there was nothing, and for work that was not done in a worktree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tampering: Vec<String>,
    /// The id of the task because of which this one is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}

/// One model's answer to a task of work type `options`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Answer {
    /// The model that was asked.
    pub model: String,
    /// Whether it answered.
    pub status: Status,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Its time in seconds.
    pub seconds: f64,
}

/// Tokens.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Usage {
    /// Sent to the model, cached ones included.
    #[serde(deserialize_with = "crate::whole")]
    pub input: u64,
    /// The part of `input` that the service had cached.
    #[serde(deserialize_with = "crate::whole")]
    pub cached_input: u64,
    /// Written by the model, reasoning included.
    #[serde(deserialize_with = "crate::whole")]
    pub output: u64,
    /// The part of `output` that was reasoning; absent where the agent does not tell.
    #[serde(default, deserialize_with = "crate::whole_or_none", skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// `input` + `output`.
    #[serde(deserialize_with = "crate::whole")]
    pub total: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.cached_input += other.cached_input;
        self.output += other.output;
        self.reasoning = match (self.reasoning, other.reasoning) {
            (None, None) => None,
            (one, two) => Some(one.unwrap_or(0) + two.unwrap_or(0)),
        };
        self.total += other.total;
    }
}

/// What is left of a limit of the service.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RateLimit {
    /// 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_percent: Option<f64>,
    /// When it is full again, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<String>,
}

/// One call of an agent.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Attempt {
    /// Who was called.
    pub backend: String,
    /// The model that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent's own name for the conversation, to continue it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Why the conversation that was to be continued was not, so that the agent was told everything anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub afresh: Option<String>,
    /// The sandbox as the agent reported it, not as it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// When it began, RFC 3339.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// Why it failed; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The event that decided `class`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Its tokens; absent when the agent did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Commands and patches of the agent that failed or were refused, though it may have reported success.
    #[serde(default, deserialize_with = "crate::whole_or_none", skip_serializing_if = "Option::is_none")]
    pub failed_actions: Option<u64>,
    /// Processes that were still at work when the agent had ended by itself, and that were ended then.
    #[serde(default, deserialize_with = "crate::whole_or_none", skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<u64>,
    /// The full event log of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}
