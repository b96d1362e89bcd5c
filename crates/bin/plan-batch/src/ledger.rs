//! What the run file says about each task of the plan.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use record::{DecisionStatus, Gate, Record, Status, VerdictStatus};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is known of one task.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The highest attempt that was released or has come out.
    pub attempt: u64,
    /// It was released and has not come out.
    pub out: Option<Out>,
    /// How it came out last.
    pub last: Option<Last>,
    /// How many attempts at the task as it is now have been spent.
    pub spent: u64,
    /// The answers that hold for the task as it is now, in their order.
    pub decisions: Vec<Said>,
    /// Answers before this one were given on an earlier attempt.
    fresh: usize,
    /// An earlier text of the task has been worked on.
    pub is_edited: bool,
}

/// A release.
#[derive(Debug)]
pub(crate) struct Out {
    pub at: String,
    /// How many answers there were.
    decisions: usize,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Said {
    pub gate: Gate,
    pub status: DecisionStatus,
    pub by: String,
    pub at: String,
    pub note: Option<String>,
    /// The decision as it stands on a task.
    pub json: Box<str>,
}

/// How a task came out.
#[derive(Debug)]
pub(crate) struct Last {
    pub how: How,
    pub feedback: Option<String>,
    pub thread: Option<String>,
    pub head: Option<String>,
    /// In the branch, or nothing to bring there.
    pub has_landed: bool,
    /// The line, where the work on it is done and only an answer or the landing is missing.
    pub line: Option<Box<str>>,
    /// Tells whether the result of the next line is the same one.
    result: u64,
    /// Answers before this one belong to earlier work.
    fresh: usize,
}

/// How a task came out, apart from what people say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    /// It was not begun.
    Held,
    /// Somebody stopped it.
    Cancelled,
    /// The executor failed.
    Failed,
    /// It was done, and was not shown to be right.
    Unproven,
    /// It was done, and nothing speaks against it.
    Done,
    /// Nobody has worked on it.
    Untouched,
}

#[derive(Deserialize)]
struct Task<'a> {
    id: std::borrow::Cow<'a, str>,
    digest: Option<String>,
    batch: Option<Batch>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    verdict: Option<Verdict>,
    #[serde(borrow)]
    decisions: Option<Vec<&'a RawValue>>,
    landed: Option<Landed>,
}

#[derive(Deserialize)]
struct Batch {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    number: Option<u64>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    attempt: Option<u64>,
}

#[derive(Deserialize)]
struct Outcome {
    status: Status,
    class: Option<String>,
    head: Option<String>,
    attempts: Option<Vec<Attempt>>,
}

#[derive(Deserialize)]
struct Attempt {
    thread: Option<String>,
}

#[derive(Deserialize)]
struct Verdict {
    status: VerdictStatus,
    checks: Option<Vec<Check>>,
}

#[derive(Deserialize)]
struct Check {
    name: Option<String>,
    status: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    exit: Option<i64>,
    tail: Option<String>,
}

#[derive(Deserialize)]
struct Landed {
    status: String,
}

#[derive(Deserialize)]
struct Decision {
    gate: Gate,
    status: DecisionStatus,
    #[serde(default)]
    by: String,
    #[serde(default)]
    at: String,
    note: Option<String>,
    task_digest: Option<String>,
}

#[derive(Deserialize)]
struct Release {
    id: String,
    #[serde(default, deserialize_with = "record::whole")]
    attempt: u64,
    digest: Option<String>,
    #[serde(default)]
    at: String,
}

/// The run file, as far as it is about the tasks of this plan.
#[derive(Debug)]
pub(crate) struct Ledger {
    by_id: HashMap<Box<str>, u32>,
    digests: Vec<Box<str>>,
    pub known: Vec<Known>,
    /// The highest batch.
    pub batch: u64,
}

impl Ledger {
    pub fn new(by_id: HashMap<Box<str>, u32>, digests: Vec<Box<str>>) -> Self {
        let known = digests.iter().map(|_| Known::default()).collect();
        Self { by_id, digests, known, batch: 0 }
    }

    pub fn of(&self, task: u32) -> &Known {
        &self.known[task as usize]
    }

    /// Notes a line of the run file; the task that it is about.
    pub fn note(&mut self, line: &str) -> Result<Option<u32>, String> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        let record = Record::parse(line).map_err(|error| error.to_string())?;
        let wrong = |error: record::RecordError| error.to_string();
        match &*record.kind() {
            "task" => {
                let task: Task = record.view().map_err(wrong)?;
                self.task(&task, line)
            }
            "release" => {
                let release: Release = record.view().map_err(wrong)?;
                Ok(self.release(release))
            }
            "decision" => {
                let Some(id) = record.text("id") else { return Err("missing field `id`".into()) };
                let Some(task) = self.by_id.get(&*id).copied() else { return Ok(None) };
                let json = without_id(&record)?;
                self.decision(task, &json)?;
                Ok(Some(task))
            }
            _ => Ok(None),
        }
    }

    fn is_present(&self, task: u32, digest: Option<&str>) -> bool {
        digest == Some(&*self.digests[task as usize])
    }

    fn release(&mut self, release: Release) -> Option<u32> {
        let task = *self.by_id.get(release.id.as_str())?;
        let is_present = self.is_present(task, release.digest.as_deref());
        let known = &mut self.known[task as usize];
        known.attempt = known.attempt.max(release.attempt);
        known.is_edited = !is_present;
        known.out = Some(Out { at: release.at, decisions: known.decisions.len() });
        Some(task)
    }

    fn decision(&mut self, task: u32, json: &str) -> Result<(), String> {
        let decision: Decision = serde_json::from_str(json).map_err(|error| format!("decisions: {error}"))?;
        if decision.status == DecisionStatus::Pending || !self.is_present(task, decision.task_digest.as_deref()) {
            return Ok(());
        }
        let Decision { gate, status, by, at, note, .. } = decision;
        let known = &mut self.known[task as usize];
        let is_known = known
            .decisions
            .iter()
            .any(|other| (other.gate, other.status, &other.by, &other.at) == (gate, status, &by, &at));
        if !is_known {
            known.decisions.push(Said { gate, status, by, at, note, json: json.into() });
        }
        Ok(())
    }

    fn task(&mut self, line: &Task, text: &str) -> Result<Option<u32>, String> {
        let Some(task) = self.by_id.get(&*line.id).copied() else { return Ok(None) };
        let attempt = line.batch.as_ref().and_then(|batch| batch.attempt).unwrap_or(0);
        self.batch = self.batch.max(line.batch.as_ref().and_then(|batch| batch.number).unwrap_or(0));
        let is_present = self.is_present(task, line.digest.as_deref());
        let known = &mut self.known[task as usize];
        if attempt < known.attempt {
            // It is late: a newer attempt is on its way.
            return Ok(None);
        }
        known.attempt = attempt;
        known.is_edited = !is_present;
        let out = known.out.take();
        if !is_present {
            known.last = None;
            return Ok(Some(task));
        }
        let raw = line.result.map(RawValue::get).filter(|raw| *raw != "null");
        let result = raw.map(|raw| {
            let mut hasher = DefaultHasher::new();
            raw.hash(&mut hasher);
            hasher.finish()
        });
        let outcome: Option<Outcome> =
            raw.map(serde_json::from_str).transpose().map_err(|error: serde_json::Error| format!("result: {error}"))?;
        let earlier = known.last.take().filter(|last| result.is_some_and(|result| result == last.result));
        // The same result again was only asked about again; what was answered on it still stands.
        let is_again = earlier.is_some();
        let fresh = earlier.map_or_else(|| out.map_or(known.fresh, |out| out.decisions), |last| last.fresh);
        let how = how(outcome.as_ref(), line.verdict.as_ref());
        if !is_again && !matches!(how, How::Held | How::Cancelled | How::Untouched) {
            known.spent += 1;
        }
        known.fresh = fresh;
        let landed = line.landed.as_ref().map(|landed| landed.status.as_str());
        let has_landed = matches!(landed, Some("merged" | "nothing"));
        let keeps = how == How::Done && outcome.is_some() && !has_landed && landed != Some("conflict");
        let thread = outcome.as_ref().and_then(|outcome| outcome.attempts.as_ref()?.last()?.thread.clone());
        known.last = Some(Last {
            how: if landed == Some("conflict") { How::Unproven } else { how },
            feedback: match landed {
                Some("conflict") => Some("the change did not fit on the branch any more: do it again there".into()),
                _ => line.verdict.as_ref().and_then(feedback),
            },
            thread: thread.filter(|_| landed != Some("conflict")),
            head: outcome.and_then(|outcome| outcome.head),
            has_landed,
            line: keeps.then(|| text.into()),
            result: result.unwrap_or(0),
            fresh,
        });
        for decision in line.decisions.iter().flatten() {
            self.decision(task, decision.get())?;
        }
        Ok(Some(task))
    }
}

impl Known {
    /// The newest answer at a gate that was given on the last attempt, or before it for the plan.
    pub fn said(&self, gate: Gate) -> Option<&Said> {
        let from = if gate == Gate::Plan { 0 } else { self.fresh };
        self.decisions[from..].iter().rfind(|said| said.gate == gate)
    }

    /// Whether somebody has agreed, since it went out, that it is begun again.
    pub fn may_begin_again(&self) -> bool {
        let Some(out) = &self.out else { return true };
        self.decisions[out.decisions.min(self.decisions.len())..].iter().any(|said| {
            said.status == DecisionStatus::Retry || (said.gate == Gate::Plan && said.status == DecisionStatus::Approved)
        })
    }
}

fn how(outcome: Option<&Outcome>, verdict: Option<&Verdict>) -> How {
    match outcome {
        None => How::Untouched,
        Some(outcome) if outcome.status == Status::Held => How::Held,
        Some(outcome) if outcome.class.as_deref() == Some("cancelled") => How::Cancelled,
        Some(outcome) if outcome.status == Status::Failed => How::Failed,
        Some(_) => match verdict {
            Some(verdict) if verdict.status != VerdictStatus::Pass => How::Unproven,
            _ => How::Done,
        },
    }
}

/// What the agent is told about the first check that failed.
fn feedback(verdict: &Verdict) -> Option<String> {
    if verdict.status == VerdictStatus::Pass {
        return None;
    }
    let failed = verdict.checks.iter().flatten().find(|check| check.status.as_deref() == Some("fail"));
    let Some(check) = failed else { return Some("nothing could show that it is done".into()) };
    let name = check.name.as_deref().unwrap_or("a check");
    let exit = check.exit.map(|exit| format!(" with exit code {exit}")).unwrap_or_default();
    let tail = check.tail.as_deref().unwrap_or_default().trim_end();
    Some(if tail.is_empty() { format!("{name} failed{exit}") } else { format!("{name} failed{exit}:\n{tail}") })
}

/// A decision as it stands on a task: the line without `type` and `id`.
fn without_id(record: &Record) -> Result<String, String> {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(record.as_str()).map_err(|error| error.to_string())?;
    fields.remove("type");
    fields.remove("id");
    serde_json::to_string(&fields).map_err(|error| error.to_string())
}
