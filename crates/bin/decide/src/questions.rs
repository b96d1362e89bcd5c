//! What is asked, and not answered yet, according to a run file.

use std::collections::HashMap;
use std::path::Path;

use change::Work;
use record::{DecisionStatus, Gate, Noted, Record, WorkType, known_word};
use run::Follower;
use serde::Deserialize;
use stage::Error;

/// A task, as far as a decision about it goes.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub id: String,
    pub title: Option<String>,
    pub digest: Option<String>,
    pub work_type: Option<WorkType>,
    pub work: Option<Work>,
    /// The model of each of several answers.
    pub options: Vec<Option<String>>,
    /// Somebody has begun to work on it.
    pub is_tried: bool,
    pub open: Vec<Question>,
    /// Answered with a no, which may be taken back.
    pub denied: Vec<Question>,
}

/// A question that nobody has answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Question {
    pub gate: Gate,
    pub task_digest: Option<String>,
    pub diff_digest: Option<String>,
}

#[derive(Deserialize)]
struct Task {
    id: String,
    title: Option<String>,
    digest: Option<String>,
    work_type: Option<String>,
    route: Option<Route>,
    result: Option<Outcome>,
    decisions: Option<Vec<Noted>>,
}

#[derive(Deserialize)]
struct Route {
    work_type: Option<String>,
}

#[derive(Deserialize)]
struct Outcome {
    /// A word of others may stand here too.
    status: Option<String>,
    options: Option<Vec<Answer>>,
    workdir: Option<String>,
    base: Option<String>,
    head: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
}

/// Whom a decision line is for.
#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Released {
    id: String,
    digest: Option<String>,
}

/// All tasks that a run file knows, in the order in which they first came.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    tasks: Vec<Asked>,
    places: HashMap<String, usize>,
}

impl Questions {
    pub fn read(run: &Path) -> Result<Self, Error> {
        let mut questions = Self::default();
        let mut wrong = None;
        let read = Follower::new(run).new_lines(|number, line| {
            if wrong.is_none()
                && let Err(reason) = questions.note(line)
            {
                wrong = Some(format!("{}:{number}: {reason}", run.display()));
            }
        });
        read.map_err(crate::refused)?;
        wrong.map_or(Ok(questions), |wrong| Err(Error::Document(wrong)))
    }

    pub fn of(&self, id: &str) -> Option<&Asked> {
        self.places.get(id).map(|at| &self.tasks[*at])
    }

    /// Every open question.
    pub fn pending(&self) -> impl Iterator<Item = (&Asked, &Question)> {
        self.tasks.iter().flat_map(|asked| asked.open.iter().map(move |question| (asked, question)))
    }

    fn note(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let record = Record::parse(line).map_err(|error| error.to_string())?;
        match &*record.kind() {
            "task" => self.task(record.view().map_err(|error| error.to_string())?),
            "release" => {
                let released: Released = record.view().map_err(|error| error.to_string())?;
                let asked = self.entry(&released.id);
                // What was asked about an earlier try is asked no more.
                let title = asked.title.take();
                *asked = Asked { id: released.id, title, digest: released.digest, is_tried: true, ..Asked::default() };
            }
            "decision" => {
                let Named { id } = record.view().map_err(|error| error.to_string())?;
                self.decision(&id, &record.view().map_err(|error| error.to_string())?);
            }
            _ => {}
        }
        Ok(())
    }

    fn entry(&mut self, id: &str) -> &mut Asked {
        let at = *self.places.entry(id.to_owned()).or_insert_with(|| {
            self.tasks.push(Asked { id: id.to_owned(), ..Asked::default() });
            self.tasks.len() - 1
        });
        &mut self.tasks[at]
    }

    fn task(&mut self, task: Task) {
        let Task { id, title, digest, work_type, route, result, decisions } = task;
        let is_tried = result.as_ref().is_some_and(|result| result.status.as_deref() != Some("held"));
        let (options, work) = match result {
            Some(Outcome { options, workdir, base, head, .. }) => {
                let models = options.into_iter().flatten().map(|answer| answer.model).collect();
                (models, Some(Work { workdir, base, head, changed: None }))
            }
            None => (Vec::new(), None),
        };
        let routed = route.and_then(|route| route.work_type);
        let work_type = routed.or(work_type).as_deref().and_then(known_word);
        let entry = self.entry(&id);
        *entry = Asked { id, title, digest, work_type, work, options, is_tried, ..Asked::default() };
        for noted in decisions.into_iter().flatten() {
            // An edited task is asked about as it is now, and what was said about an earlier text is no answer to it.
            let task_digest = entry.digest.clone();
            if noted.status != Some(DecisionStatus::Pending) && noted.task_digest != task_digest {
                continue;
            }
            entry.note(noted.gate, noted.status, Question::of(&noted, task_digest));
        }
    }

    fn decision(&mut self, id: &str, noted: &Noted) {
        let asked = self.entry(id);
        if noted.status == Some(DecisionStatus::Pending) {
            asked.digest = noted.task_digest.clone().or_else(|| asked.digest.take());
        } else if asked.open.iter().any(|open| Some(open.gate) == noted.gate && open.task_digest != noted.task_digest) {
            // It was said about an earlier text of the task.
            return;
        }
        let question = Question::of(noted, noted.task_digest.clone());
        asked.note(noted.gate, noted.status, question);
    }
}

impl Asked {
    /// The newest word at a gate is the one that counts. One that we do not know answers nothing.
    fn note(&mut self, gate: Option<Gate>, status: Option<DecisionStatus>, question: Option<Question>) {
        let (Some(gate), Some(question)) = (gate, question) else { return };
        self.open.retain(|open| open.gate != gate);
        self.denied.retain(|denied| denied.gate != gate);
        match status {
            Some(DecisionStatus::Pending) | None => self.open.push(question),
            Some(DecisionStatus::Denied) => self.denied.push(question),
            Some(DecisionStatus::Approved | DecisionStatus::Retry) => {}
        }
    }
}

impl Question {
    fn of(noted: &Noted, task_digest: Option<String>) -> Option<Self> {
        Some(Self { gate: noted.gate?, task_digest, diff_digest: noted.diff_digest.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str]) -> Vec<(String, Gate)> {
        let mut questions = Questions::default();
        for line in lines {
            questions.note(line).unwrap();
        }
        questions.pending().map(|(asked, question)| (asked.id.clone(), question.gate)).collect()
    }

    const ASKED: &str = r#"{"type":"task","id":"1","digest":"d","decisions":[{"gate":"plan","status":"approved","by":"x","at":"y"},{"gate":"result","status":"pending","by":"approve","at":"y","task_digest":"d"}]}"#;

    fn said(status: &str, digest: &str) -> String {
        format!(
            r#"{{"type":"decision","id":"1","gate":"result","status":"{status}","by":"x","at":"y","task_digest":"{digest}"}}"#
        )
    }

    #[test]
    fn a_question_is_open_until_it_is_answered_or_the_task_is_tried_again() {
        let open = [("1".to_owned(), Gate::Result)];
        assert_eq!(after(&[ASKED]), open);
        assert_eq!(after(&[&said("pending", "d")]), open);
        assert_eq!(after(&[ASKED, &said("approved", "old")]), open);
        assert!(after(&[ASKED, &said("approved", "d")]).is_empty());
        assert!(after(&[ASKED, r#"{"type":"release","id":"1","attempt":2,"digest":"d","at":"y"}"#]).is_empty());
        assert!(after(&[ASKED, r#"{"type":"task","id":"1","digest":"d"}"#]).is_empty());
    }

    #[test]
    fn a_word_that_only_others_know_answers_nothing() {
        let open = [("1".to_owned(), Gate::Result)];
        assert_eq!(after(&[ASKED, &said("granted", "d")]), open);
        let foreign = ASKED.replace("\"pending\"", "\"granted\"").replace("\"plan\"", "\"end\"");
        assert_eq!(after(&[&foreign]), open);
        let parked =
            r#"{"type":"task","id":"1","work_type":"x","route":{"work_type":"y"},"result":{"status":"parked"}}"#;
        assert!(after(&[parked]).is_empty());
    }

    #[test]
    fn a_no_may_be_taken_back() {
        let mut questions = Questions::default();
        for line in [ASKED, &said("denied", "d")] {
            questions.note(line).unwrap();
        }
        let denied: Vec<_> = questions.of("1").unwrap().denied.iter().map(|question| question.gate).collect();
        assert_eq!(denied, [Gate::Result]);
        assert_eq!(questions.pending().count(), 0);
        questions.note(&said("approved", "d")).unwrap();
        assert!(questions.of("1").unwrap().denied.is_empty());
    }
}
