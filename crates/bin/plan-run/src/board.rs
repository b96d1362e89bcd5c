//! Where each task is: in which stage, since when, and what is known of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::glimpse::{Glimpse, Outcome};

/// Where each task is; the copying threads write on it.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Sheet>);

/// What is on the board.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// In the order of the plan.
    pub rows: Vec<Row>,
    by_id: HashMap<Box<str>, usize>,
    /// Of the plan.
    pub title: Option<String>,
    /// The number of the batch that is out.
    pub batch: u64,
    /// Tokens that agents have used since we began, by backend.
    pub tokens: BTreeMap<String, u64>,
}

/// A task.
#[derive(Debug)]
pub(crate) struct Row {
    pub id: Box<str>,
    pub title: Box<str>,
    pub digest: Option<Box<str>>,
    pub checked: bool,
    pub attempt: u64,
    /// The stage that it has gone into, by its place; the number of stages when it has come out at the far end.
    pub stage: usize,
    pub since: Instant,
    pub since_time: Timestamp,
    /// It has been told that it does not come out.
    pub is_told: bool,
    pub state: State,
    /// The run file knows it as finished.
    pub was_finished: bool,
    /// How many calls its result had when it was released.
    calls: usize,
    decisions: usize,
}

/// What has become of a task, as far as it was seen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct State {
    pub result: String,
    pub class: Option<String>,
    pub backend: String,
    pub verdict: String,
    /// The newest decision at a gate behind the work: its status.
    pub decision: String,
    pub landed: String,
    has_commit: bool,
}

/// Which stages mean something to the board.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landmarks {
    /// The first stage behind the one that releases tasks.
    pub released: usize,
}

impl Board {
    pub fn sheet(&self) -> MutexGuard<'_, Sheet> {
        // What a thread was doing when it ended early is at worst half noted.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sheet {
    /// A line goes into this stage; what people are told of it.
    pub fn note(&mut self, line: &Glimpse, stage: usize, landmarks: Landmarks) -> Vec<String> {
        match line.kind.as_str() {
            "plan" if self.title.is_none() => self.title = Some(line.title.clone().unwrap_or_default()),
            "task" => {
                if let Some(id) = &line.id {
                    return self.task(id, line, stage, landmarks);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn task(&mut self, id: &str, line: &Glimpse, stage: usize, landmarks: Landmarks) -> Vec<String> {
        let at = self.by_id.get(id).copied().unwrap_or_else(|| self.add(id));
        let row = &mut self.rows[at];
        if let Some(title) = &line.title {
            row.title = title.as_str().into();
        }
        if let Some(digest) = &line.digest {
            row.digest = Some(digest.as_str().into());
        }
        row.checked |= line.checked;
        // A line so long that it was not seen to its end tells no attempt.
        let attempt = line.batch.map_or(row.attempt, |batch| batch.attempt);
        if attempt < row.attempt {
            return Vec::new();
        }
        let is_new = attempt > row.attempt && stage == landmarks.released;
        (row.attempt, row.stage, row.is_told) = (attempt, stage, false);
        (row.since, row.since_time) = (Instant::now(), Timestamp::now());
        let mut told = Vec::new();
        if is_new {
            let batch = line.batch.unwrap_or_default();
            self.batch = self.batch.max(batch.number);
            row.calls = line.result.as_ref().map_or(0, |result| result.attempts.len());
            row.decisions = line.decisions.len();
            row.state = State::of(line);
            told.push(format!("released: batch {}, attempt {attempt}: {}", batch.number, row.title));
        } else if stage >= landmarks.released {
            self.changes(at, line, &mut told);
        }
        told.into_iter().map(|text| format!("task {id}: {text}")).collect()
    }

    /// The tasks that went into a stage, longer ago than this, and have not come out: the id and the time of day. Each
    /// one is given once.
    pub fn still_in(&mut self, stage: usize, longer_than: Option<Duration>) -> Vec<(String, String)> {
        let is_late = |row: &&mut Row| {
            row.stage == stage && !row.is_told && longer_than.is_none_or(|limit| row.since.elapsed() >= limit)
        };
        let late = self.rows.iter_mut().filter(is_late);
        late.map(|row| {
            row.is_told = true;
            let time = row.since_time.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
            (row.id.to_string(), time)
        })
        .collect()
    }

    fn add(&mut self, id: &str) -> usize {
        self.by_id.insert(id.into(), self.rows.len());
        self.rows.push(Row {
            id: id.into(),
            title: Box::default(),
            digest: None,
            checked: false,
            attempt: 0,
            stage: 0,
            since: Instant::now(),
            since_time: Timestamp::now(),
            is_told: false,
            state: State::default(),
            was_finished: false,
            calls: 0,
            decisions: 0,
        });
        self.rows.len() - 1
    }

    /// What is new on a task since it was seen last.
    fn changes(&mut self, at: usize, line: &Glimpse, told: &mut Vec<String>) {
        let row = &mut self.rows[at];
        let new = State::of(line);
        if let Some(result) = &line.result
            && (new.result != row.state.result || new.backend != row.state.backend || result.attempts.len() > row.calls)
        {
            let calls = result.attempts.get(row.calls..).unwrap_or_default();
            let mut tokens = 0;
            for call in calls {
                let used = call.usage.map_or(0, |usage| usage.total);
                tokens += used;
                if used > 0 {
                    let backend = call.backend.clone().unwrap_or_else(|| result.backend.clone());
                    *self.tokens.entry(backend).or_default() += used;
                }
            }
            row.calls = row.calls.max(result.attempts.len());
            told.push(outcome(result, tokens));
        }
        if !new.verdict.is_empty() && new.verdict != row.state.verdict {
            told.push(format!("verdict: {}", new.verdict));
        }
        for decision in line.decisions.get(row.decisions..).unwrap_or_default() {
            told.push(format!("{} at gate {} by {}", decision.status, decision.gate, decision.by));
        }
        row.decisions = row.decisions.max(line.decisions.len());
        if let Some(landed) = &line.landed
            && new.landed != row.state.landed
        {
            let commit = landed.commit.as_ref().map(|commit| format!(" as {commit}")).unwrap_or_default();
            told.push(format!("landed: {}{commit}", landed.status));
        }
        row.state = new;
    }
}

fn outcome(result: &Outcome, tokens: u64) -> String {
    let who = [Some(result.backend.as_str()), result.model.as_deref()].into_iter().flatten();
    let who = who.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let tokens = if tokens > 0 { format!(", {tokens} tokens") } else { String::new() };
    match result.status.as_str() {
        "ok" => format!("done by {who}{tokens}"),
        "held" => {
            format!("held{}", result.held_by.as_ref().map(|by| format!(" because of task {by}")).unwrap_or_default())
        }
        _ => format!("{}: {} ({who}{tokens})", result.status, result.class.as_deref().unwrap_or("other")),
    }
}

impl Row {
    /// Whether nothing is left to do, as far as was seen.
    pub fn is_finished(&self) -> bool {
        let State { result, decision, landed, has_commit, .. } = &self.state;
        let has_landed = !has_commit || matches!(landed.as_str(), "merged" | "nothing");
        let is_done = decision == "approved" && !matches!(result.as_str(), "failed" | "held");
        self.checked || self.was_finished || (is_done && has_landed)
    }
}

impl State {
    /// What has become of a task that came out and is not finished.
    pub fn told(&self) -> String {
        match (self.result.as_str(), self.decision.as_str(), self.verdict.as_str()) {
            ("failed", ..) => format!("failed: {}", self.class.as_deref().unwrap_or("other")),
            (_, "approved", _) if self.has_commit => self.landed.clone(),
            (_, decision, _) if !decision.is_empty() => decision.to_owned(),
            (.., verdict) if !verdict.is_empty() => format!("verdict: {verdict}"),
            _ => "came back undone".to_owned(),
        }
    }

    fn of(line: &Glimpse) -> Self {
        let result = line.result.as_ref();
        let decision = line.decisions.iter().rfind(|decision| decision.gate != "plan");
        Self {
            result: result.map(|result| result.status.clone()).unwrap_or_default(),
            class: result.and_then(|result| result.class.clone()),
            backend: result.map(|result| result.backend.clone()).unwrap_or_default(),
            verdict: line.verdict.as_ref().map(|verdict| verdict.status.clone()).unwrap_or_default(),
            decision: decision.map(|decision| decision.status.clone()).unwrap_or_default(),
            has_commit: result.is_some_and(|result| result.head.is_some()),
            landed: line.landed.as_ref().map(|landed| landed.status.clone()).unwrap_or_default(),
        }
    }
}
