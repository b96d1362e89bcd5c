//! The decisions that are known: those that a task carries, and those of the run file.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use record::{Decision, DecisionStatus, Gate, Noted, Record, Release};
use run::Follower;
use serde::Deserialize;

use crate::interrupted::{Interrupted, Releases};
use crate::item::Item;

/// The decisions of one gate.
#[derive(Debug)]
pub(crate) struct Book {
    gate: Gate,
    follower: Option<Follower>,
    known: HashMap<String, Vec<Entry>>,
    /// What each open question is about: the digests of the task and of its change.
    asked: HashMap<String, (Option<String>, Option<String>)>,
    /// Only followed at gate `plan`.
    releases: Releases,
    count: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    noted: Noted,
}

/// A line of the run file that carries the decisions a task had.
#[derive(Deserialize)]
struct Kept {
    id: String,
    batch: Option<Batch>,
    decisions: Option<Vec<Noted>>,
}

#[derive(Deserialize)]
struct Batch {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    attempt: Option<u64>,
}

/// Whom a decision line is for.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// The task that somebody was asked about, as it stands in the decision line.
#[derive(Deserialize)]
struct Asked {
    digest: Option<String>,
    batch: Option<Batch>,
}

impl Book {
    /// A book of the decisions at `gate`, with those of `run` once it is refreshed.
    pub fn new(gate: Gate, run: Option<&Path>) -> Self {
        Self {
            gate,
            follower: run.map(Follower::new),
            known: HashMap::new(),
            asked: HashMap::new(),
            releases: Releases::default(),
            count: 0,
        }
    }

    /// Where decisions are written down.
    pub fn run(&self) -> Option<&Path> {
        self.follower.as_ref().map(Follower::path)
    }

    /// Reads what is new in the run file; an error names its line.
    pub fn refresh(&mut self) -> Result<(), String> {
        let Some(mut follower) = self.follower.take() else { return Ok(()) };
        let mut wrong = None;
        let read = follower.new_lines(|number, line| {
            if let Err(reason) = self.note(line)
                && wrong.is_none()
            {
                wrong = Some((number, reason));
            }
        });
        let path = follower.path().display().to_string();
        self.follower = Some(follower);
        read.map_err(|error| error.to_string())?;
        wrong.map_or(Ok(()), |(number, reason)| Err(format!("{path}:{number}: {reason}")))
    }

    fn note(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let record = Record::parse(line).map_err(|error| error.to_string())?;
        match &*record.kind() {
            "decision" => {
                let Named { id } = record.view().map_err(|error| error.to_string())?;
                let asked = record.get("task").and_then(|task| serde_json::from_str(task).ok());
                if let Some(Asked { digest: Some(digest), batch }) = asked {
                    self.releases.was_asked_about(&id, batch.and_then(|batch| batch.attempt).unwrap_or(0), digest);
                }
                self.add(id, record.view().map_err(|error| error.to_string())?);
            }
            "release" if self.gate == Gate::Plan => {
                let release: Release = record.view().map_err(|error| error.to_string())?;
                self.releases.goes_out(release, self.count);
            }
            "task" if self.gate == Gate::Plan || record.has("decisions") => {
                let kept: Kept = record.view().map_err(|error| error.to_string())?;
                self.releases.comes_out(&kept.id, kept.batch.and_then(|batch| batch.attempt).unwrap_or(0));
                for noted in kept.decisions.into_iter().flatten() {
                    self.add(kept.id.clone(), noted);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, id: String, noted: Noted) {
        self.count += 1;
        self.releases.decided(&id, self.count, &noted);
        if noted.gate == Some(self.gate) {
            if noted.status == Some(DecisionStatus::Pending) {
                self.asked.insert(id.clone(), (noted.task_digest.clone(), noted.diff_digest.clone()));
            } else {
                self.asked.remove(&id);
            }
        }
        if noted.gate == Some(self.gate) && noted.status != Some(DecisionStatus::Pending) && is_complete(&noted) {
            self.known.entry(id).or_default().push(Entry { number: self.count, noted });
        }
    }

    /// Whether the run file holds the question about this very work already.
    pub fn is_asked(&self, item: &Item) -> bool {
        self.asked.get(&item.sheet.id).is_some_and(|(task, diff)| {
            task.as_deref() == Some(&*item.sheet.digest) && diff.as_deref() == item.change.digest()
        })
    }

    /// Whether a task was begun and has not come out, so that nobody knows what it has left behind.
    pub fn interrupted(&self, item: &Item) -> Option<Interrupted> {
        self.releases.interrupted(&item.sheet)
    }

    /// A mark between what is known now and what comes later.
    pub fn mark(&self) -> u64 {
        self.count
    }

    /// The answer that holds for the work of `item` already: a yes or a no. The second value tells that the task does
    /// not carry it yet.
    pub fn standing(&self, item: &Item) -> Option<(Decision, bool)> {
        // What was agreed before a task was begun says nothing about what it has left behind.
        let interrupted = item.interrupted.as_ref();
        let is_since = |noted: &&Noted| interrupted.is_none_or(|begun| begun.was_before(moment(noted)));
        let here = |noted: &&Noted| noted.gate == Some(self.gate);
        let carried = item.sheet.decisions.iter().flatten().filter(here).filter(is_since);
        let since = interrupted.map_or(0, |interrupted| interrupted.mark);
        let known = self.known.get(&item.sheet.id).into_iter().flatten().filter(|entry| entry.number > since);
        let known = known.map(|entry| &entry.noted);
        let (noted, is_new) = carried
            .map(|noted| (noted, false))
            .chain(known.map(|noted| (noted, true)))
            .filter(|(noted, _)| is_for(noted, item) && is_complete(noted) && !is_older(noted, item))
            // The later one of two that are equally old: the run file comes after the task.
            .max_by_key(|(noted, _)| moment(noted))?;
        let decision = noted.decision()?;
        // A retry has been spent on the attempt that is here now.
        let holds = matches!(decision.status, DecisionStatus::Approved | DecisionStatus::Denied);
        let carried = || item.sheet.decisions.iter().flatten().any(|own| own.is(noted));
        let is_new = is_new && !carried();
        holds.then_some((decision, is_new))
    }

    /// The first answer that somebody has written into the run file after `mark`.
    pub fn answer_since(&self, mark: u64, item: &Item) -> Option<Decision> {
        let entries = self.known.get(&item.sheet.id)?;
        let new = entries.iter().filter(|entry| entry.number > mark).map(|entry| &entry.noted);
        new.into_iter().filter(|noted| is_for(noted, item)).find_map(Noted::decision)
    }
}

/// A yes to a fallback that does not say to whom is no answer.
fn is_complete(decision: &Noted) -> bool {
    decision.gate != Some(Gate::Fallback)
        || decision.status != Some(DecisionStatus::Approved)
        || (decision.backend.is_some() && decision.model.is_some())
}

fn is_for(decision: &Noted, item: &Item) -> bool {
    decision.task_digest.as_deref() == Some(&*item.sheet.digest)
        && decision.diff_digest.as_deref() == item.change.digest()
}

/// In place nothing binds a decision to the change, so that one made for earlier work must not count for what was done
/// since. A plan is not decided by what was done.
fn is_older(decision: &Noted, item: &Item) -> bool {
    if decision.gate == Some(Gate::Plan) || decision.diff_digest.is_some() {
        return false;
    }
    let Some(at) = moment(decision) else { return true };
    let attempts = item.sheet.result.as_ref().and_then(|result| result.attempts.as_deref()).unwrap_or_default();
    let mut starts = attempts.iter().filter_map(|attempt| attempt.started.as_deref());
    // A start that cannot be read may have been later.
    starts.any(|started| started.parse::<Timestamp>().map_or(true, |started| at < started))
}

fn moment(noted: &Noted) -> Option<Timestamp> {
    noted.at.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn item(fields: &str) -> Item {
        let line = format!(r#"{{"type":"task","id":"1","digest":"d",{fields}}}"#);
        Item::read(Record::parse(&line).unwrap()).unwrap()
    }

    fn decision(status: &str, at: &str) -> String {
        format!(
            r#""gate":"result","status":"{status}","by":"person:a","at":"2026-01-01T00:00:{at}Z","task_digest":"d""#
        )
    }

    fn line(status: &str, at: &str) -> String {
        format!(r#"{{"type":"decision","id":"1",{}}}"#, decision(status, at))
    }

    fn book(lines: &[String]) -> Book {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        fs::write(&run, lines.join("\n") + "\n").unwrap();
        let mut book = Book::new(Gate::Result, Some(&run));
        book.refresh().unwrap();
        book
    }

    #[test]
    fn the_newest_decision_holds_and_a_retry_is_spent() {
        let plain = item(r#""title":"t""#);
        let status = |lines: &[String]| book(lines).standing(&plain).map(|(decision, _)| decision.status);
        assert_eq!(status(&[]), None);
        assert_eq!(status(&[line("approved", "01"), line("denied", "02")]), Some(DecisionStatus::Denied));
        assert_eq!(status(&[line("denied", "02"), line("approved", "01")]), Some(DecisionStatus::Denied));
        assert_eq!(status(&[line("approved", "01"), line("retry", "02")]), None);
        assert_eq!(status(&[line("approved", "01"), line("pending", "02")]), Some(DecisionStatus::Approved));
        assert_eq!(status(&[line("approved", "01").replace("\"d\"", "\"old\"")]), None);
        assert_eq!(status(&[line("approved", "01").replace("\"result\"", "\"plan\"")]), None);
        let task = format!(r#"{{"type":"task","id":"1","decisions":[{{{}}}]}}"#, decision("approved", "01"));
        assert_eq!(status(&[task]), Some(DecisionStatus::Approved));
    }

    #[test]
    fn a_decision_that_the_task_carries_is_not_added_again() {
        let carries = item(&format!(r#""decisions":[{{{}}}]"#, decision("approved", "01")));
        let (_, is_new) = book(&[line("approved", "01")]).standing(&carries).unwrap();
        assert!(!is_new);
        let (_, is_new) = book(&[line("approved", "01")]).standing(&item(r#""title":"t""#)).unwrap();
        assert!(is_new);
    }

    #[test]
    fn in_place_a_decision_on_earlier_work_does_not_count() {
        let started = |batch: &str, at: &str| {
            item(&format!(
                r#"{batch}"result":{{"attempts":[{{"started":"2026-01-01T00:00:05Z"}},{{"started":"{at}"}}]}}"#
            ))
        };
        let on_time = book(&[line("approved", "10")]);
        for batch in ["", r#""batch":{"attempt":1},"#, r#""batch":{"attempt":2},"#] {
            assert!(on_time.standing(&started(batch, "2026-01-01T00:00:30Z")).is_none(), "{batch}");
            assert!(on_time.standing(&started(batch, "2026-01-01T00:00:09Z")).is_some(), "{batch}");
            assert!(on_time.standing(&started(batch, "later")).is_none(), "{batch}");
        }
        let timeless = book(&[line("approved", "10").replace("2026-01-01T00:00:10Z", "yesterday")]);
        assert!(timeless.standing(&started("", "2026-01-01T00:00:09Z")).is_none());
        assert!(timeless.standing(&item(r#""title":"t""#)).is_none());
    }

    #[test]
    fn a_decision_on_the_plan_is_older_than_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        fs::write(&run, line("approved", "10").replace("\"result\"", "\"plan\"") + "\n").unwrap();
        let mut book = Book::new(Gate::Plan, Some(&run));
        book.refresh().unwrap();
        let worked = item(r#""result":{"attempts":[{"started":"2026-01-01T00:00:30Z"}]}"#);
        assert!(book.standing(&worked).is_some());
    }

    #[test]
    fn only_what_comes_after_the_question_answers_it_with_a_retry() {
        let mut book = book(&[line("retry", "01")]);
        let plain = item(r#""title":"t""#);
        assert!(book.answer_since(book.mark(), &plain).is_none());
        let mark = book.mark();
        book.note(&line("retry", "02")).unwrap();
        assert_eq!(book.answer_since(mark, &plain).unwrap().status, DecisionStatus::Retry);
    }

    #[test]
    fn what_cannot_be_read_decides_nothing_and_stops_nobody() {
        let plain = item(r#""title":"t""#);
        let status = |lines: &[String]| book(lines).standing(&plain).map(|(decision, _)| decision.status);
        let approved = line("approved", "01");
        assert_eq!(status(&[line("granted", "02")]), None);
        assert_eq!(status(&[approved.replace("\"result\"", "\"end\"")]), None);
        assert_eq!(status(&[approved.replace("\"at\":\"2026-01-01T00:00:01Z\",", "")]), None);
        // Somebody's word on another gate changes nothing, a later one on this gate may have taken the yes back.
        let elsewhere = line("granted", "02").replace("\"result\"", "\"end\"");
        assert_eq!(status(&[approved.clone(), elsewhere]), Some(DecisionStatus::Approved));
        assert_eq!(status(&[approved.clone(), line("revoked", "02")]), None);
        assert_eq!(status(&[line("revoked", "02"), line("approved", "03")]), Some(DecisionStatus::Approved));
        let mut book = book(&[]);
        book.note(&line("granted", "01")).unwrap();
        assert!(book.answer_since(0, &plain).is_none());
        let carries = item(&format!(r#""decisions":[{{{}}}]"#, decision("granted", "01")));
        assert!(book.standing(&carries).is_none());
    }

    #[test]
    fn a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        fs::write(&run, "{\"type\":\"other\"}\n\n{\"type\":\"decision\",\"id\":\"1\"}\n").unwrap();
        let error = Book::new(Gate::Result, Some(&run)).refresh().unwrap_err();
        assert!(error.ends_with("run.jsonl:3: missing field `gate`"), "{error}");
    }
}
