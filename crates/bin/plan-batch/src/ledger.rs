//! What the run file says about each task of the plan.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use change::{Change, LandedCommit, Work};
use record::{Decision, DecisionStatus, Gate, Noted, Record, Release};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::outcome::{How, Landed, Line, Outcome, Verdict};
use crate::spending::Spending;

/// What is known of one task.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The highest attempt that was released or has come out.
    pub attempt: u64,
    /// It was released and has not come out.
    pub out: Option<Out>,
    /// How it came out last.
    pub last: Option<Box<Last>>,
    /// The line that approve asked about, as long as it has not come out: the work on it is done.
    pub asked_line: Option<Box<str>>,
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
    pub at: Box<str>,
    /// Whether it may have left half of its work in the tree; `None` when the release does not tell.
    pub may_have_written: Option<bool>,
    /// How many answers there were.
    decisions: usize,
}

/// An answer. There may be very many, so that only its text is kept.
#[derive(Debug)]
pub(crate) struct Said {
    gate: Gate,
    /// Equal for the same answer in two places.
    pub identity: u64,
    /// The decision as it stands on a task.
    pub json: Box<str>,
}

impl Said {
    fn noted(&self) -> Option<Noted> {
        serde_json::from_str(&self.json).ok()
    }
}

/// How a task came out.
#[derive(Debug)]
pub(crate) struct Last {
    pub how: How,
    /// Why it failed, by name.
    pub class: Option<String>,
    /// Where approve has asked and nobody had answered when it came out.
    pub asked: Option<Gate>,
    pub feedback: Option<String>,
    pub thread: Option<String>,
    /// Where its commits are, when it was done on some.
    work: Option<Work>,
    /// What these commits change, once somebody has asked.
    change: OnceCell<Change>,
    /// In the branch, or nothing to bring there.
    pub has_landed: bool,
    /// It did not fit on the branch, so only work that begins there anew can.
    pub is_conflict: bool,
    /// The line, where the work on it is done and only an answer or the landing is missing.
    pub line: Option<Box<str>>,
    /// Tells whether the result of the next line is the same one.
    result: u64,
    /// Answers before this one belong to earlier work.
    fresh: usize,
}

/// The run file, as far as it is about the tasks of this plan.
#[derive(Debug)]
pub(crate) struct Ledger {
    by_id: HashMap<Box<str>, u32>,
    digests: Vec<Box<str>>,
    known: Vec<Known>,
    /// The highest batch.
    pub batch: u64,
    pub spending: Spending,
}

/// Whom a decision line is for.
#[derive(Deserialize)]
struct Named<'a> {
    id: String,
    /// The task as it was asked about.
    #[serde(borrow, default)]
    task: Option<&'a RawValue>,
}

/// The same, as far as it tells whether it is still the newest work on the task.
#[derive(Deserialize)]
struct Asked {
    digest: Option<String>,
    batch: Option<crate::outcome::Batch>,
}

impl Ledger {
    pub fn new(by_id: HashMap<Box<str>, u32>, digests: Vec<Box<str>>, spending: Spending) -> Self {
        let known = digests.iter().map(|_| Known::default()).collect();
        Self { by_id, digests, known, batch: 0, spending }
    }

    pub fn of(&self, task: u32) -> &Known {
        &self.known[task as usize]
    }

    pub fn digest(&self, task: u32) -> &str {
        &self.digests[task as usize]
    }

    /// Notes a line of the run file; the task that it is about.
    pub fn note(&mut self, line: &str) -> Result<Option<u32>, String> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        let record = Record::parse(line).map_err(|error| error.to_string())?;
        let wrong = |error: record::RecordError| error.to_string();
        match &*record.kind() {
            "task" => self.task(&record.view().map_err(wrong)?, line),
            "release" => Ok(self.release(&record.view().map_err(wrong)?)),
            "decision" => {
                let Named { id, task: asked } = record.view().map_err(wrong)?;
                let Some(task) = self.by_id.get(&*id).copied() else { return Ok(None) };
                let json = without_id(&record)?;
                self.decision(task, &json)?;
                if let Some(asked) = asked.map(RawValue::get) {
                    self.asked(task, asked);
                }
                Ok(Some(task))
            }
            _ => Ok(None),
        }
    }

    /// Marks work as landed that a commit of the branch is, though a crash came before land could say so. `commits` is
    /// only asked for when some work waits for that.
    pub fn find_landed(&mut self, commits: impl FnOnce() -> Vec<LandedCommit>) {
        let waiting: Vec<_> =
            (0..).zip(&self.known).filter_map(|(task, known)| Some((task, known.awaits()?))).collect();
        if waiting.is_empty() {
            return;
        }
        let names: HashMap<u32, Box<str>> = self.by_id.iter().map(|(id, task)| (*task, id.clone())).collect();
        let commits = commits();
        for (task, change) in waiting {
            let is_it = |commit: &LandedCommit| {
                let trailers = &commit.trailers;
                trailers.is_for(&names[&task], self.digest(task)) && trailers.diff_digest.as_ref() == Some(&change)
            };
            if commits.iter().any(is_it)
                && let Some(last) = &mut self.known[task as usize].last
            {
                last.has_landed = true;
                last.line = None;
            }
        }
    }

    fn is_present(&self, task: u32, digest: Option<&str>) -> bool {
        digest == Some(self.digest(task))
    }

    fn release(&mut self, release: &Release) -> Option<u32> {
        let task = *self.by_id.get(release.id.as_str())?;
        let is_present = self.is_present(task, Some(&release.digest));
        let known = &mut self.known[task as usize];
        known.attempt = known.attempt.max(release.attempt);
        known.is_edited = !is_present;
        if !is_present {
            known.asked_line = None;
        }
        // What was said about work that only goes round again still counts for it.
        let is_again = known.asked_line.is_some();
        let decisions = known.out.as_ref().filter(|_| is_again).map_or(known.decisions.len(), |out| out.decisions);
        known.out =
            Some(Out { at: release.at.as_str().into(), may_have_written: release.may_have_written(), decisions });
        Some(task)
    }

    /// Keeps the line that a question or an answer is about. One that cannot be read is of no use to anybody.
    fn asked(&mut self, task: u32, line: &str) {
        let Ok(asked) = serde_json::from_str::<Asked>(line) else { return };
        let is_present = self.is_present(task, asked.digest.as_deref());
        let attempt = asked.batch.and_then(|batch| batch.attempt).unwrap_or(0);
        let known = &mut self.known[task as usize];
        if is_present && known.out.is_some() && attempt == known.attempt {
            known.asked_line = Some(line.into());
        }
    }

    fn decision(&mut self, task: u32, json: &str) -> Result<(), String> {
        let noted: Noted = serde_json::from_str(json).map_err(|error| format!("decisions: {error}"))?;
        let Some(gate) = noted.gate else { return Ok(()) };
        if noted.status == Some(DecisionStatus::Pending) || !self.is_present(task, noted.task_digest.as_deref()) {
            return Ok(());
        }
        let identity = identity(&noted);
        let known = &mut self.known[task as usize];
        if known.decisions.iter().all(|other| other.identity != identity) {
            known.decisions.push(Said { gate, identity, json: json.into() });
            if noted.status == Some(DecisionStatus::Retry) {
                known.asked_line = None;
            }
        }
        Ok(())
    }

    fn task(&mut self, line: &Line, text: &str) -> Result<Option<u32>, String> {
        let raw = line.result.map(RawValue::get).filter(|raw| *raw != "null");
        let outcome: Option<Outcome> =
            raw.map(serde_json::from_str).transpose().map_err(|error: serde_json::Error| format!("result: {error}"))?;
        // What an earlier text of the task has cost, or a task that is gone, was spent nevertheless.
        self.spending.note(&line.id, outcome.as_ref().and_then(|outcome| outcome.attempts.as_deref()));
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
        known.asked_line = None;
        if !is_present {
            known.last = None;
            return Ok(Some(task));
        }
        known.come_out(out, raw.map(hashed), outcome, line);
        for decision in line.decisions.iter().flatten() {
            self.decision(task, decision.get())?;
        }
        self.known[task as usize].keep(text);
        Ok(Some(task))
    }
}

impl Known {
    fn come_out(&mut self, out: Option<Out>, result: Option<u64>, outcome: Option<Outcome>, line: &Line) {
        let earlier = self.last.take().filter(|last| result.is_some_and(|result| result == last.result));
        // The same result again was only asked about again; what was answered on it still stands.
        let is_again = earlier.is_some();
        let fresh = earlier.map_or_else(|| out.map_or(self.fresh, |out| out.decisions), |last| last.fresh);
        let how = How::of(outcome.as_ref(), line.verdict.as_ref());
        if !is_again && how.is_try() {
            self.spent += 1;
        }
        self.fresh = fresh;
        let is_conflict = line.landed.as_ref().is_some_and(Landed::is_conflict);
        let newest = line.decisions.as_ref().and_then(|decisions| decisions.last());
        let newest = newest.and_then(|decision| serde_json::from_str::<Noted>(decision.get()).ok());
        self.last = Some(Box::new(Last {
            how: if is_conflict { How::Unproven } else { how },
            class: outcome.as_ref().and_then(|outcome| outcome.class.clone()),
            asked: newest.filter(|noted| noted.status == Some(DecisionStatus::Pending)).and_then(|noted| noted.gate),
            feedback: if is_conflict {
                Some("the change did not fit on the branch any more: do it again there".into())
            } else {
                line.verdict.as_ref().and_then(Verdict::feedback)
            },
            thread: outcome.as_ref().and_then(Outcome::thread).filter(|_| !is_conflict),
            work: outcome.and_then(|outcome| {
                let Outcome { workdir, base, head, .. } = outcome;
                head.is_some().then_some(Work { workdir, base, head, changed: None })
            }),
            change: OnceCell::new(),
            has_landed: line.landed.as_ref().is_some_and(Landed::is_in),
            is_conflict,
            line: None,
            result: result.unwrap_or(0),
            fresh,
        }));
    }

    /// Keeps the line of work that is done and not finished.
    fn keep(&mut self, text: &str) {
        let is_finished = self.is_finished();
        if let Some(last) = &mut self.last
            && last.how == How::Done
            && !last.has_landed
            && !is_finished
        {
            last.line = Some(text.into());
        }
    }

    /// Whether the work on it is approved, and in the branch where it has to come there.
    pub fn is_finished(&self) -> bool {
        let Some(last) = self.last.as_ref().filter(|last| last.how.is_work()) else { return false };
        self.out.is_none()
            && (last.work.is_none() || last.has_landed)
            && self.said(Gate::Result).is_some_and(|said| said.status == DecisionStatus::Approved)
    }

    /// The digest of a change that was approved, and of which nobody has said that it has landed.
    fn awaits(&self) -> Option<String> {
        let last = self.last.as_ref()?;
        if self.out.is_some() || !last.how.is_work() || last.work.is_none() || last.has_landed {
            return None;
        }
        self.said(Gate::Result).filter(|said| said.status == DecisionStatus::Approved)?.diff_digest
    }

    /// The newest answer at a gate that was given on the last attempt, or before it for the plan. None, when that is a
    /// word that we do not know, or was said about another change.
    pub fn said(&self, gate: Gate) -> Option<Decision> {
        let from = if gate == Gate::Plan { 0 } else { self.fresh };
        let mut said = self.decisions[from..].iter().rev().filter(|said| said.gate == gate).filter_map(Said::noted);
        said.find(|noted| gate == Gate::Plan || self.is_about_last(noted))?.decision()
    }

    /// Whether somebody has agreed, since it went out, that it is begun again.
    pub fn may_begin_again(&self) -> bool {
        let Some(out) = &self.out else { return true };
        let since = &self.decisions[out.decisions.min(self.decisions.len())..];
        // The last word counts.
        let last = since
            .iter()
            .rev()
            .filter_map(|said| said.noted()?.decision())
            .find(|said| said.status == DecisionStatus::Retry || said.gate == Gate::Plan);
        last.is_some_and(|said| matches!(said.status, DecisionStatus::Retry | DecisionStatus::Approved))
    }

    /// Whether a decision that names a change names that of the last result.
    fn is_about_last(&self, noted: &Noted) -> bool {
        let Some(named) = noted.diff_digest.as_deref() else { return true };
        // What is in the branch was looked at by land.
        self.last.as_ref().is_some_and(|last| last.has_landed || last.change().digest() == Some(named))
    }
}

impl Last {
    /// The commit that holds the work.
    pub fn head(&self) -> Option<&str> {
        self.work.as_ref().and_then(|work| work.head.as_deref())
    }

    /// What the commits change; the first call runs git.
    fn change(&self) -> &Change {
        self.change.get_or_init(|| Change::read(self.work.as_ref()))
    }
}

/// Equal for the same decision in two places.
pub(crate) fn identity(noted: &Noted) -> u64 {
    hashed((noted.gate.map(Gate::name), noted.status.map(|status| status as u8), &noted.by, &noted.at))
}

pub(crate) fn hashed(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A decision as it stands on a task: the line without `type` and `id`.
fn without_id(record: &Record) -> Result<String, String> {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(record.as_str()).map_err(|error| error.to_string())?;
    fields.remove("type");
    fields.remove("id");
    fields.remove("task");
    serde_json::to_string(&fields).map_err(|error| error.to_string())
}
