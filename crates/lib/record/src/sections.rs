//! The sections that routing, batching, checking, approving and landing add to a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Usage, WorkType};

/// What an agent may touch.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// Reads files, writes none.
    ReadOnly,
    /// Writes inside the work folder.
    WorkspaceWrite,
    /// No sandbox at all.
    DangerFullAccess,
}

impl Sandbox {
    /// The name as the CLIs and the wire spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::DangerFullAccess => "danger-full-access",
        }
    }
}

/// Who shall do a task, and why: the `route` section.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Route {
    /// The kind of work.
    pub work_type: WorkType,
    /// `codex`, `claude`, `manual`, or a name of your own.
    pub backend: String,
    /// One model, or two for options; none for a person.
    pub models: Vec<String>,
    /// How hard the model shall think; absent where the backend knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// What the agent may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// The cost order: a higher rank costs more.
    #[serde(deserialize_with = "crate::whole")]
    pub rank: u32,
    /// The rule that decided, by name.
    pub rule: String,
    /// Why the rule applied, in one line.
    pub why: String,
}

/// In which batch a task was released: the `batch` section.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Batch {
    /// The batch, from 1.
    #[serde(deserialize_with = "crate::whole")]
    pub number: u64,
    /// Which try this is, from 1.
    #[serde(deserialize_with = "crate::whole")]
    pub attempt: u64,
    /// Why the task is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// The agent's conversation to continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The commit to continue from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// How many more tries there are.
    #[serde(default, deserialize_with = "crate::whole_or_none", skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u64>,
}

/// Whether the work is proven: the `verdict` section.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Verdict {
    /// All checks together.
    pub status: VerdictStatus,
    /// Each check that was made.
    pub checks: Vec<Check>,
}

/// How a verdict came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictStatus {
    /// Every check passed, and there was one.
    Pass,
    /// A check failed.
    Fail,
    /// There was nothing that could have shown it.
    Unproven,
}

/// One check of a verdict.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    /// `command`, `done`, `scope`, `tamper`, `review`, or another kind of proof.
    pub kind: String,
    /// What was checked: the command, as the plan has it; else the kind.
    pub name: String,
    /// How it came out.
    pub status: CheckStatus,
    /// The exit code of the command; absent when a signal ended it or nothing ran.
    #[serde(default, deserialize_with = "crate::whole_or_none", skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// How long it took.
    pub seconds: f64,
    /// The end of what it printed.
    pub tail: String,
    /// The file that holds all of what it printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// What the same command on the commit before the work says about this outcome; absent when it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What was found, place by place; the end of a command's output is in `tail` instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Tokens that the check cost, where a model was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What a check's outcome on the commit before the work says about its outcome on the work.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// It failed there too.
    AlreadyFailing,
    /// It is a done criterion that was not ticked off, and it passed there too.
    CannotFail,
    /// It came out differently when it was run twice on the same files.
    Flaky,
}

/// One thing that a check found.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the changed file, from 1.
    #[serde(default, deserialize_with = "crate::whole_or_none", skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What it is, in one line.
    pub text: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It should not be accepted like this.
    Error,
    /// Somebody should look at it.
    Warning,
    /// Good to know.
    Note,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It was not run.
    Skipped,
}

/// A place where a person, or a policy in a person's name, has to agree.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Before anything runs.
    Plan,
    /// Before a failed task goes to a costlier backend.
    Fallback,
    /// Before a result counts.
    Result,
}

impl Gate {
    /// The name as it stands on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Fallback => "fallback",
            Self::Result => "result",
        }
    }
}

/// An answer at a gate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionStatus {
    /// Yes.
    Approved,
    /// No.
    Denied,
    /// Try again, with the note as feedback.
    Retry,
    /// Nobody has answered yet.
    Pending,
}

/// One entry of the `decisions` section, newest last.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Decision {
    /// Where it was asked.
    pub gate: Gate,
    /// The answer.
    pub status: DecisionStatus,
    /// Who answered: `person:NAME`, `policy:RULE`, ...
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    /// What the person added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The task it was made for; it matches no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_digest: Option<String>,
    /// The change it was made for: BLAKE3 of `git diff --binary --full-index base head`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_digest: Option<String>,
    /// Who may act, at gate `fallback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// With which model, at gate `fallback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which of several answers was taken: the model's name or its number from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

/// A decision that came from outside the pipe, as a line of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename = "decision")]
#[schemars(rename = "DecisionLine")]
pub struct DecisionLine {
    /// The task it is for.
    pub id: String,
    /// Where it was asked.
    pub gate: Gate,
    /// The answer.
    pub status: DecisionStatus,
    /// Who answered.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    /// What the person added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The task it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_digest: Option<String>,
    /// The change it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_digest: Option<String>,
    /// Who may act, at gate `fallback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// With which model, at gate `fallback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which of several answers was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

/// What the `choice` of a decision says for the answer `number`, from 1, of several: the model that gave it, or its
/// number where the model's name would not tell.
pub fn choice(models: &[Option<&str>], number: usize) -> String {
    let model = number.checked_sub(1).and_then(|at| models.get(at).copied().flatten());
    match model {
        Some(model) if models.iter().filter(|other| **other == Some(model)).count() == 1 => model.to_owned(),
        _ => number.to_string(),
    }
}

impl DecisionLine {
    /// The decision as a line of its own for the task `id`.
    pub fn new(id: &str, decision: Decision) -> Self {
        let Decision { gate, status, by, at, note, task_digest, diff_digest, backend, model, choice } = decision;
        Self { id: id.to_owned(), gate, status, by, at, note, task_digest, diff_digest, backend, model, choice }
    }
}

/// The intent to run a task, on disk before the task is released.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename = "release")]
pub struct Release {
    /// The task.
    pub id: String,
    /// Which try, from 1.
    #[serde(default, deserialize_with = "crate::whole")]
    #[schemars(!default)]
    pub attempt: u64,
    /// The task's digest.
    #[serde(default)]
    #[schemars(!default)]
    pub digest: String,
    /// When, RFC 3339.
    #[serde(default)]
    #[schemars(!default)]
    pub at: String,
    /// `worktree` when the work is done in a tree of its own; absent when it may be done in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolate: Option<String>,
    /// What the agent may touch, as the task was routed; absent when the route did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

impl Release {
    /// Whether the attempt may have left half of its work in the user's tree; `None` when the line does not tell.
    pub fn may_have_written(&self) -> Option<bool> {
        if self.isolate.as_deref() == Some("worktree") {
            return Some(false);
        }
        self.sandbox.as_deref().map(|sandbox| sandbox != Sandbox::ReadOnly.name())
    }
}

/// What became of the change: the `landed` section.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Landed {
    /// How it went.
    pub status: LandedStatus,
    /// The commit on the user's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The files that stood against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// The checks that passed on the work alone and fail together with what landed before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// What became of a change, as a line of the run file of its own: on disk before the task goes on.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "type", rename = "landed")]
#[schemars(rename = "LandedLine")]
pub struct LandedLine {
    /// The task.
    pub id: String,
    /// How it went.
    pub status: LandedStatus,
    /// The commit on the user's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The files that stood against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// The task's digest.
    pub task_digest: String,
    /// The change: BLAKE3 of `git diff --binary --full-index base head`.
    pub diff_digest: String,
    /// When, RFC 3339.
    pub at: String,
}

/// How a change landed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LandedStatus {
    /// It is in the branch.
    Merged,
    /// It did not fit.
    Conflict,
    /// There was nothing to bring in.
    Nothing,
}
