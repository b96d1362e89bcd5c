//! What `plan-parse` writes: the plan and its tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first line of a stream: what holds for the whole plan.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename = "plan")]
pub struct Plan {
    /// The version of the contract, 1.
    #[serde(deserialize_with = "crate::whole")]
    pub v: u32,
    /// The plan's file as it was given on the command line.
    pub path: String,
    /// The first heading.
    pub title: String,
    /// What the plan is for, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// BLAKE3 of the file, hex.
    pub digest: String,
    /// The number of tasks that follow.
    #[serde(deserialize_with = "crate::whole")]
    pub tasks: u64,
    /// The dialect that was read: `plan-and-execute`, `superpowers`, ...
    pub format: String,
}

/// One unit of work, as `plan-parse` writes it. Later tools add their sections to the same line.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename = "task")]
pub struct Task {
    /// Unique in the plan, as the plan numbers it: `3`, `2.1`, `T014`.
    pub id: String,
    /// One line.
    pub title: String,
    /// One line; the title when the plan states none.
    pub objective: String,
    /// The files that the task says it reads or writes.
    pub files: Vec<FileRef>,
    /// Shell commands, one each.
    pub commands: Vec<String>,
    /// The done criteria.
    pub done: Vec<Done>,
    /// Ids of the tasks that must be finished first.
    pub needs: Vec<String>,
    /// What the plan asks for: `codex`, `codex:gpt-5.4`, `claude`, `manual`. Absent when it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The kind of work, when the plan says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_type: Option<WorkType>,
    /// The estimate in minutes; absent when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// The plan has ticked the task off already.
    pub checked: bool,
    /// What must hold whatever is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// The expected form of the answer: `patch`, `summary`, `citations`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The task's own Markdown, verbatim.
    pub body: String,
    /// Where it stands in the plan.
    pub source: Source,
    /// BLAKE3 of what the task asks, hex; ticks and the place in the file do not count.
    pub digest: String,
    /// Names of the fields that were inferred and not written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inferred: Vec<String>,
}

/// A file that a task names.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct FileRef {
    /// Relative to the repository, `/` between its parts; globs and directories are allowed.
    pub path: String,
    /// What the task does with it.
    pub action: Action,
    /// The lines that the plan points at, as it writes them: `12-40`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
}

/// What a task does with a file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes it.
    Create,
    /// Changes it.
    Modify,
    /// Removes it.
    Delete,
    /// Makes or changes it, and it is a test.
    Test,
    /// Only looks at it.
    Read,
}

impl Action {
    /// Whether the file may differ afterwards.
    pub fn writes(self) -> bool {
        self != Self::Read
    }
}

/// One done criterion.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Done {
    /// As the plan words it.
    pub text: String,
    /// The command, where the criterion is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The plan has ticked it off.
    pub checked: bool,
}

/// A place in a plan.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Source {
    /// The plan's file as it was given on the command line.
    pub path: String,
    /// First line, from 1.
    #[serde(deserialize_with = "crate::whole")]
    pub line: u64,
    /// Last line, from 1.
    #[serde(deserialize_with = "crate::whole")]
    pub end_line: u64,
}

/// The kinds of work that the routing policy tells apart.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkType {
    /// Looking around in a code base.
    Explore,
    /// Writing, changing or testing code.
    Implement,
    /// Reading code for faults.
    CodeReview,
    /// Reading an argument or a design for faults.
    LogicReview,
    /// Reasoning that is not about writing code.
    Analysis,
    /// Finding out from live sources.
    Research,
    /// Several independent proposals.
    Options,
    /// Bringing results together and deciding.
    Orchestrate,
    /// Something only a person can do.
    Manual,
}
