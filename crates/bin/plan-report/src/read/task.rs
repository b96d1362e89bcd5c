//! What a run file tells about one task.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::line::{Call, Decision, Landed, Outcome, Route, Verdict, calls};
use super::value::{list, moment, number, object, text, texts, whole};

/// One task of the plan, with everything that has happened to it.
#[derive(Debug, Default)]
pub(crate) struct Task {
    pub id: String,
    pub title: Option<String>,
    pub objective: Option<String>,
    pub digest: Option<String>,
    /// The digest of the text that was worked on.
    pub worked: Option<String>,
    pub needs: Vec<String>,
    /// What the task says it does to which file: `modify src/a.rs`.
    pub files: Vec<String>,
    pub minutes: Option<f64>,
    /// The plan has ticked it off.
    pub is_checked: bool,
    pub body: Option<String>,
    pub work_type: Option<String>,
    pub route: Option<Route>,
    /// The prompt, as the tools make it of the task.
    pub prompt: Option<String>,
    /// One for each attempt that came out, oldest first.
    pub rounds: Vec<Round>,
    pub releases: Vec<Release>,
    pub decisions: Vec<Decision>,
    /// Decisions before this one were made on an earlier attempt.
    pub fresh: usize,
    /// It was released and has not come out.
    pub is_out: bool,
    /// What is known is about an earlier text of the task.
    pub is_edited: bool,
    /// The JSON of the calls that were counted.
    counted: HashSet<String>,
    /// The JSON of the newest result, and where its decisions begin.
    newest: Option<(String, usize)>,
}

/// One attempt that came out of the pipe.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// From 1; 0 without plan-batch.
    pub attempt: u64,
    /// The batch, from 1.
    pub batch: Option<u64>,
    pub feedback: Option<String>,
    pub attempts_left: Option<u64>,
    pub outcome: Option<Outcome>,
    /// The calls that were made for it; a call is in one round only.
    pub calls: Vec<Call>,
    pub verdict: Option<Verdict>,
    pub landed: Option<Landed>,
}

/// The intent to run a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    pub attempt: u64,
    pub at: Option<Timestamp>,
    /// Nothing is half done when it is interrupted: it only reads, or works in a tree of its own.
    pub is_apart: bool,
}

impl Task {
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// What the plan says of it.
    pub fn describe(&mut self, line: &Value) {
        self.title = text(line, "title").or_else(|| self.title.take());
        self.objective = text(line, "objective");
        self.digest = text(line, "digest").or_else(|| self.digest.take());
        self.needs = texts(line, "needs");
        self.minutes = number(line, "minutes");
        self.is_checked = line.get("checked").and_then(Value::as_bool).unwrap_or(false);
        self.body = text(line, "body");
        self.work_type = text(line, "work_type");
        if let Some(route) = object(line, "route") {
            self.route = Some(Route::read(route));
        }
        let file = |file: &Value| {
            let path = text(file, "path")?;
            Some(format!("{} {path}", text(file, "action").unwrap_or_else(|| "touch".into())))
        };
        self.files = list(line, "files").iter().filter_map(file).collect();
        self.prompt = prompt(line, self.route.as_ref());
    }

    /// A line that came out of the pipe.
    pub fn note(&mut self, line: &Value) {
        self.describe(line);
        self.worked.clone_from(&self.digest);
        let batch = object(line, "batch");
        let attempt = batch.and_then(|batch| whole(batch, "attempt")).unwrap_or(0);
        let result = object(line, "result");
        self.add_round(attempt, batch, line);
        self.is_out = self.is_out && self.releases.last().is_some_and(|release| release.attempt > attempt);
        let json = result.map(Value::to_string).unwrap_or_default();
        // The same result again was only asked about again; what was answered on it still stands.
        match &self.newest {
            Some((newest, fresh)) if *newest == json && !json.is_empty() => self.fresh = *fresh,
            _ => self.newest = Some((json, self.fresh)),
        }
        for decision in list(line, "decisions").iter().filter_map(Decision::read) {
            self.decide(decision);
        }
    }

    fn add_round(&mut self, attempt: u64, batch: Option<&Value>, line: &Value) {
        let at = self.rounds.iter().position(|round| round.attempt == attempt).unwrap_or_else(|| {
            self.rounds.push(Round { attempt, ..Round::default() });
            self.rounds.len() - 1
        });
        let result = object(line, "result");
        let new = result.map(calls).unwrap_or_default();
        let new: Vec<Call> =
            new.into_iter().filter(|(json, _)| self.counted.insert(json.clone())).map(|(_, call)| call).collect();
        let round = &mut self.rounds[at];
        round.batch = batch.and_then(|batch| whole(batch, "number"));
        round.feedback = batch.and_then(|batch| text(batch, "feedback"));
        round.attempts_left = batch.and_then(|batch| whole(batch, "attempts_left"));
        round.outcome = result.map(Outcome::read);
        round.verdict = object(line, "verdict").map(Verdict::read);
        round.landed = object(line, "landed").and_then(Landed::read);
        round.calls.extend(new);
    }

    /// A release, before the task goes out.
    pub fn release(&mut self, line: &Value) {
        let is = |field: &str, word: &str| text(line, field).as_deref() == Some(word);
        self.releases.push(Release {
            attempt: whole(line, "attempt").unwrap_or(1),
            at: moment(line, "at"),
            is_apart: is("isolate", "worktree") || is("sandbox", "read-only"),
        });
        self.digest = text(line, "digest").or_else(|| self.digest.take());
        self.worked.clone_from(&self.digest);
        self.is_out = true;
        self.fresh = self.decisions.len();
    }

    /// The task as a question or an answer carries it, before it has come out of the pipe.
    pub fn carried(&mut self, line: &Value) {
        self.describe(line);
        let batch = object(line, "batch");
        self.add_round(batch.and_then(|batch| whole(batch, "attempt")).unwrap_or(0), batch, line);
    }

    /// A decision, from the task's line or from one of its own.
    pub fn decide(&mut self, decision: Decision) {
        if !self.decisions.iter().any(|other| other.is_same(&decision)) {
            self.decisions.push(decision);
        }
    }

    /// How it stands with `landed` lines of their own.
    pub fn land(&mut self, landed: Landed) {
        if let Some(round) = self.rounds.last_mut() {
            round.landed = Some(landed);
        }
    }

    /// The newest decision at a gate that holds for the task as it is now; before the last release only for the plan.
    pub fn said(&self, gate: &str) -> Option<&Decision> {
        let from = if gate == "plan" { 0 } else { self.fresh.min(self.decisions.len()) };
        self.decisions[from..].iter().rfind(|said| said.gate == gate && said.task_digest == self.digest)
    }

    /// The newest attempt.
    pub fn last(&self) -> Option<&Round> {
        self.rounds.last()
    }

    /// Every call of an agent.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.rounds.iter().flat_map(|round| &round.calls)
    }

    /// The title, or the id of a task without one.
    pub fn name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.id)
    }
}

/// The prompt that an executor makes of this task.
fn prompt(line: &Value, route: Option<&Route>) -> Option<String> {
    let asked: agent::Asked = serde_json::from_value(line.clone()).ok()?;
    let sandbox = match route?.sandbox.as_deref() {
        Some("read-only") | None => record::Sandbox::ReadOnly,
        Some("danger-full-access") => record::Sandbox::DangerFullAccess,
        Some(_) => record::Sandbox::WorkspaceWrite,
    };
    Some(agent::prompt(&asked, sandbox))
}
