//! Which tasks the run file says are finished.

use std::borrow::Cow;
use std::collections::HashMap;

use record::{DecisionStatus, Gate, Record, Status};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is known of one task of the plan.
#[derive(Debug, Default)]
struct Known {
    /// The highest attempt that was released or has come out.
    attempt: u64,
    /// It was released and has not come out; so many answers there were then.
    out: Option<usize>,
    /// Answers at gate `result` for the task as it is now, each once, in their order.
    answers: Vec<(DecisionStatus, String, String)>,
    /// Answers before this one were given on earlier work.
    fresh: usize,
    /// The last line of the task as it is now.
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    /// The result as it stands there: the same one again was only asked about again.
    result: Option<Box<str>>,
    /// Something was done, or there was nothing to do for a program.
    is_work: bool,
    /// In the branch, or not a commit of its own.
    has_landed: bool,
}

#[derive(Deserialize)]
struct Task<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    digest: Option<String>,
    batch: Option<Batch>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    decisions: Option<Vec<Decision>>,
    landed: Option<Landed>,
}

#[derive(Deserialize)]
struct Batch {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    attempt: Option<u64>,
}

#[derive(Deserialize)]
struct Outcome {
    status: Status,
    head: Option<String>,
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
    task_digest: Option<String>,
}

#[derive(Deserialize)]
struct Release<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default, deserialize_with = "record::whole")]
    attempt: u64,
}

/// The tasks of a plan and what the lines of a run file say about them.
#[derive(Debug)]
pub struct Finished<'p> {
    tasks: HashMap<&'p str, (&'p str, Known)>,
}

impl<'p> Finished<'p> {
    /// Tasks by id and digest, of which nothing is known yet.
    pub fn new(tasks: impl Iterator<Item = (&'p str, &'p str)>) -> Self {
        Self { tasks: tasks.map(|(id, digest)| (id, (digest, Known::default()))).collect() }
    }

    /// Notes a line of the run file.
    pub fn note(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let record = Record::parse(line).map_err(|error| error.to_string())?;
        let wrong = |error: record::RecordError| error.to_string();
        match &*record.kind() {
            "task" => self.task(record.view().map_err(wrong)?),
            "release" => {
                let release: Release = record.view().map_err(wrong)?;
                if let Some((_, known)) = self.tasks.get_mut(&*release.id) {
                    known.attempt = known.attempt.max(release.attempt);
                    known.out = Some(known.answers.len());
                }
                Ok(())
            }
            "decision" => {
                let Some(id) = record.text("id") else { return Err("missing field `id`".into()) };
                if let Some((digest, known)) = self.tasks.get_mut(&*id) {
                    known.answer(record.view().map_err(wrong)?, digest);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn task(&mut self, task: Task) -> Result<(), String> {
        let Some((digest, known)) = self.tasks.get_mut(&*task.id) else { return Ok(()) };
        let attempt = task.batch.and_then(|batch| batch.attempt).unwrap_or(0);
        if attempt < known.attempt {
            // It is late: a newer attempt is on its way.
            return Ok(());
        }
        known.attempt = attempt;
        let out = known.out.take();
        let earlier = known.last.take();
        if task.digest.as_deref() != Some(digest) {
            return Ok(());
        }
        let raw = task.result.map(RawValue::get).filter(|raw| *raw != "null");
        let outcome: Option<Outcome> =
            raw.map(serde_json::from_str).transpose().map_err(|error: serde_json::Error| format!("result: {error}"))?;
        let is_again = earlier.is_some_and(|last| last.result.is_some() && last.result.as_deref() == raw);
        if let (Some(out), false) = (out, is_again) {
            known.fresh = out;
        }
        known.last = Some(Last {
            result: raw.map(Into::into),
            is_work: outcome.as_ref().is_none_or(|outcome| outcome.status == Status::Ok),
            has_landed: outcome.is_none_or(|outcome| outcome.head.is_none())
                || task.landed.is_some_and(|landed| matches!(landed.status.as_str(), "merged" | "nothing")),
        });
        for decision in task.decisions.into_iter().flatten() {
            known.answer(decision, digest);
        }
        Ok(())
    }

    /// Whether a task is finished.
    pub fn has(&self, id: &str) -> bool {
        self.tasks.get(id).is_some_and(|(_, known)| known.is_finished())
    }
}

impl Known {
    fn answer(&mut self, decision: Decision, digest: &str) {
        let Decision { gate, status, by, at, task_digest } = decision;
        if gate != Gate::Result || status == DecisionStatus::Pending || task_digest.as_deref() != Some(digest) {
            return;
        }
        let answer = (status, by, at);
        if !self.answers.contains(&answer) {
            self.answers.push(answer);
        }
    }

    fn is_finished(&self) -> bool {
        let newest = self.answers[self.fresh.min(self.answers.len())..].last();
        let is_approved = newest.is_some_and(|(status, ..)| *status == DecisionStatus::Approved);
        self.out.is_none() && is_approved && self.last.as_ref().is_some_and(|last| last.is_work && last.has_landed)
    }
}

#[cfg(test)]
mod tests {
    use super::Finished;

    const APPROVED: &str =
        r#""decisions":[{"gate":"result","status":"approved","by":"person:a","at":"1","task_digest":"d"}]"#;

    fn finished(lines: &[&str]) -> bool {
        let mut finished = Finished::new([("1", "d")].into_iter());
        for line in lines {
            finished.note(line).unwrap();
        }
        finished.has("1")
    }

    fn task(rest: &str) -> String {
        format!(r#"{{"type":"task","id":"1","digest":"d",{rest}}}"#)
    }

    #[test]
    fn approved_and_landed_is_finished() {
        let plain = task(&format!(r#""result":{{"status":"ok"}},{APPROVED}"#));
        assert!(finished(&[&plain]));
        assert!(!finished(&[]));
        assert!(!finished(&[&task(r#""result":{"status":"ok"}"#)]));
        assert!(!finished(&[&plain.replace(r#""digest":"d""#, r#""digest":"e""#)]));
        assert!(!finished(&[&plain.replace(r#""status":"ok""#, r#""status":"failed""#)]));
        let manual = task(APPROVED);
        assert!(finished(&[&manual]));
        let head = plain.replace(r#""status":"ok""#, r#""status":"ok","head":"c0""#);
        assert!(!finished(&[&head]));
        for (status, expected) in [("merged", true), ("nothing", true), ("conflict", false)] {
            let landed = head.replace("}]}", &format!(r#"}}],"landed":{{"status":"{status}"}}}}"#));
            assert_eq!(finished(&[&landed]), expected, "{landed}");
        }
    }

    #[test]
    fn the_last_word_counts() {
        let plain = task(&format!(r#""result":{{"status":"ok"}},{APPROVED}"#));
        let denied = r#"{"type":"decision","id":"1","gate":"result","status":"denied","by":"person:a","at":"2","task_digest":"d"}"#;
        assert!(!finished(&[&plain, denied]));
        assert!(finished(&[&plain, &denied.replace("denied", "pending")]));
        assert!(finished(&[&plain, &denied.replace(r#""task_digest":"d""#, r#""task_digest":"e""#)]));
        let waiting = task(r#""result":{"status":"ok"}"#);
        assert!(finished(&[&waiting, &denied.replace("denied", "approved")]));
        // It is out again.
        let release = r#"{"type":"release","id":"1","attempt":2,"digest":"d","at":"3"}"#;
        assert!(!finished(&[&plain, release]));
        // The approval was of the work before; this one failed its checks and went through untouched.
        let second = task(&format!(r#""batch":{{"attempt":2}},"result":{{"status":"ok","n":2}},{APPROVED}"#));
        assert!(!finished(&[&plain, release, &second]));
        // The same result again, after a crash, is still approved.
        let again = plain.replacen(r#""result""#, r#""batch":{"attempt":2},"result""#, 1);
        assert!(finished(&[&plain, release, &again]));
        // An earlier attempt that comes late says nothing.
        assert!(finished(&[&again, &task(r#""batch":{"attempt":1},"result":{"status":"failed"}"#)]));
    }

    #[test]
    fn bad_lines_are_told() {
        let mut finished = Finished::new([("1", "d")].into_iter());
        assert!(finished.note("{").is_err());
        assert!(finished.note(&task(r#""result":{"status":7}"#)).is_err());
        assert!(finished.note("").is_ok());
    }
}
