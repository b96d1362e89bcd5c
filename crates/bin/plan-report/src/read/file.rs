//! The run file as a whole.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use run::Follower;
use serde_json::Value;

use super::line::{Decision, Landed};
use super::task::Task;
use super::value::{object, text, whole};

/// What a run file says.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The run file, as it was named.
    pub path: PathBuf,
    /// The plan's file, as the plan line has it.
    pub plan: Option<String>,
    pub title: Option<String>,
    pub goal: Option<String>,
    pub digest: Option<String>,
    /// How many tasks the plan has, as the plan line counts them.
    pub count: Option<u64>,
    /// In the order of the plan where it is known, else in the order in which they first came.
    pub tasks: Vec<Task>,
    places: HashMap<String, usize>,
    pub unread: Unread,
}

/// Lines that could not be read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Unread {
    pub count: u64,
    /// The number of the first one and what was the matter.
    pub first: Option<(u64, String)>,
}

impl Run {
    /// Notes a line of the run file.
    fn note(&mut self, number: u64, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let value: Value = match serde_json::from_str(line) {
            Ok(value @ Value::Object(_)) => value,
            Ok(_) => return self.skip(number, "not a JSON object".into()),
            Err(error) => return self.skip(number, error.to_string()),
        };
        let Some(kind) = text(&value, "type") else { return self.skip(number, "no \"type\"".into()) };
        if kind == "plan" {
            self.plan_line(&value);
            return;
        }
        if !["task", "release", "decision", "landed"].contains(&kind.as_str()) {
            return;
        }
        let Some(id) = text(&value, "id") else { return self.skip(number, format!("a {kind} without an id")) };
        match kind.as_str() {
            "task" => self.task(&id).note(&value),
            "release" => self.task(&id).release(&value),
            "decision" => match Decision::read(&value) {
                Some(decision) => {
                    let task = self.task(&id);
                    if let Some(carried) = object(&value, "task") {
                        task.carried(carried);
                    }
                    task.decide(decision);
                }
                None => self.skip(number, "a decision without gate or status".into()),
            },
            _ => {
                if let Some(landed) = Landed::read(&value) {
                    self.task(&id).land(landed);
                }
            }
        }
    }

    fn plan_line(&mut self, line: &Value) {
        self.plan = text(line, "path").or_else(|| self.plan.take());
        self.title = text(line, "title").or_else(|| self.title.take());
        self.goal = text(line, "goal").or_else(|| self.goal.take());
        self.digest = text(line, "digest").or_else(|| self.digest.take());
        self.count = whole(line, "tasks").or(self.count);
    }

    fn skip(&mut self, number: u64, why: String) {
        self.unread.count += 1;
        self.unread.first.get_or_insert((number, why));
    }

    fn task(&mut self, id: &str) -> &mut Task {
        let at = *self.places.entry(id.to_owned()).or_insert_with(|| {
            self.tasks.push(Task::new(id));
            self.tasks.len() - 1
        });
        &mut self.tasks[at]
    }

    /// The task of this id.
    pub fn of(&self, id: &str) -> Option<&Task> {
        self.places.get(id).map(|at| &self.tasks[*at])
    }

    /// Brings in the lines that `plan-parse` makes of the plan as it is now: tasks that have not been begun, the plan's
    /// order, and which tasks have been edited since.
    pub fn add_plan(&mut self, lines: &str) {
        let mut order = HashMap::new();
        for value in lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if text(&value, "type").as_deref() == Some("plan") {
                self.plan_line(&value);
            }
            let Some(id) = text(&value, "id").filter(|_| text(&value, "type").as_deref() == Some("task")) else {
                continue;
            };
            order.insert(id.clone(), order.len());
            let task = self.task(&id);
            task.describe(&value);
            task.is_edited = task.worked.is_some() && task.worked != task.digest;
        }
        self.tasks.sort_by_key(|task| order.get(&task.id).copied().unwrap_or(usize::MAX));
        self.places = self.tasks.iter().enumerate().map(|(at, task)| (task.id.clone(), at)).collect();
    }

    /// From the first moment that the file tells to the last one.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let moments = || {
            self.tasks.iter().flat_map(|task| {
                let calls = task.calls().flat_map(|call| [call.started, call.ended()]);
                let releases = task.releases.iter().map(|release| release.at);
                calls.chain(releases).chain(task.decisions.iter().map(|decision| decision.at)).flatten()
            })
        };
        Some((moments().min()?, moments().max()?))
    }
}

/// Reads a run file, also while it grows.
pub(crate) struct Reader {
    follower: Follower,
    path: PathBuf,
}

impl Reader {
    pub fn new(path: &Path) -> Self {
        Self { follower: Follower::new(path), path: path.to_owned() }
    }

    /// An empty run, to be filled by [`Reader::read`].
    pub fn empty(&self) -> Run {
        Run { path: self.path.clone(), ..Run::default() }
    }

    /// Reads what has been added since; true when there was something. A last line without a line end is not there yet.
    pub fn read(&mut self, run: &mut Run) -> Result<bool, run::Error> {
        let mut is_new = false;
        loop {
            let path = &self.path;
            let done = self.follower.new_lines(|number, line| {
                is_new = true;
                if number == 1 {
                    // Another file has taken the name, and what the old one said is over.
                    *run = Run { path: path.clone(), ..Run::default() };
                }
                run.note(number, line);
            });
            match done {
                Ok(()) => return Ok(is_new),
                // The follower stands behind that line now.
                Err(run::Error::NotUtf8 { line, .. }) => {
                    is_new = true;
                    run.skip(line, "not UTF-8".into());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str]) -> Run {
        let mut run = Run::default();
        for (at, line) in lines.iter().enumerate() {
            run.note(at as u64 + 1, line);
        }
        run
    }

    const CALL: &str = r#"{"backend":"codex","model":"m","started":"2026-01-01T10:00:00Z","seconds":2.5,"usage":{"input":10.0,"cached_input":4,"output":5,"total":15}}"#;

    fn done(attempt: u64, more: &str) -> String {
        format!(
            r#"{{"type":"task","id":"1","title":"T","digest":"d","batch":{{"number":1,"attempt":{attempt}}},"result":{{"status":"ok","backend":"codex","attempts":[{CALL}]}}{more}}}"#
        )
    }

    #[test]
    fn a_call_counts_once_however_often_its_line_comes() {
        let run = after(&[&done(1, ""), &done(1, r#","verdict":{"status":"pass","checks":[]}"#), &done(2, "")]);
        let task = run.of("1").unwrap();
        assert_eq!((task.rounds.len(), task.calls().count()), (2, 1));
        let tokens = task.calls().next().unwrap().tokens.unwrap();
        assert_eq!((tokens.input, tokens.cached, tokens.total), (10, 4, 15));
        assert_eq!(task.calls().next().unwrap().ended().unwrap().to_string(), "2026-01-01T10:00:02.5Z");
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_nothing_else_is_lost() {
        let run = after(&[
            "{",
            "7",
            "",
            r#"{"x":1}"#,
            r#"{"type":"task"}"#,
            r#"{"type":"note","id":7}"#,
            r#"{"type":"task","id":"a","result":"done","verdict":[],"decisions":{"x":1},"files":"all","batch":null}"#,
        ]);
        assert_eq!(run.unread.count, 4);
        assert_eq!(run.unread.first.as_ref().unwrap().0, 1);
        assert!(run.of("a").unwrap().last().unwrap().outcome.is_none());
    }

    #[test]
    fn a_release_makes_older_answers_old_unless_the_result_is_the_same() {
        let said = r#"{"type":"decision","id":"1","gate":"result","status":"approved","by":"x","at":"2026-01-01T10:00:03Z","task_digest":"d"}"#;
        let release = r#"{"type":"release","id":"1","attempt":2,"digest":"d","at":"2026-01-01T10:00:04Z"}"#;
        assert!(after(&[&done(1, ""), said]).of("1").unwrap().said("result").is_some());
        let out = after(&[&done(1, ""), said, release]);
        assert!(out.of("1").unwrap().is_out && out.of("1").unwrap().said("result").is_none());
        let again = after(&[&done(1, ""), said, release, &done(2, "")]);
        assert!(!again.of("1").unwrap().is_out && again.of("1").unwrap().said("result").is_some());
        let other = after(&[&done(1, ""), said, release, &done(2, "").replace("2.5", "9")]);
        assert!(other.of("1").unwrap().said("result").is_none());
    }

    #[test]
    fn a_question_shows_the_work_that_it_is_about_before_that_has_come_out() {
        let release = r#"{"type":"release","id":"1","attempt":1,"digest":"d","at":"2026-01-01T09:59:00Z"}"#;
        let asked = format!(
            r#"{{"type":"decision","id":"1","gate":"result","status":"pending","by":"approve","at":"2026-01-01T10:00:03Z","task_digest":"d","task":{}}}"#,
            done(1, r#","verdict":{"status":"pass","checks":[]}"#)
        );
        let run = after(&[release, &asked]);
        let task = run.of("1").unwrap();
        assert!(task.is_out && task.last().unwrap().verdict.is_some());
        assert_eq!((task.title.as_deref(), task.calls().count()), (Some("T"), 1));
        let run = after(&[release, &asked, &done(1, "")]);
        assert_eq!((run.of("1").unwrap().calls().count(), run.of("1").unwrap().rounds.len()), (1, 1));
    }

    #[test]
    fn the_plan_brings_order_new_tasks_and_edits() {
        let mut run = after(&[r#"{"type":"task","id":"2","digest":"old"}"#, &done(1, "")]);
        run.add_plan("{\"type\":\"plan\",\"title\":\"P\",\"tasks\":3}\n{\"type\":\"task\",\"id\":\"1\",\"digest\":\"d\"}\n{\"type\":\"task\",\"id\":\"2\",\"digest\":\"new\"}\n{\"type\":\"task\",\"id\":\"3\",\"digest\":\"x\"}\n");
        let ids: Vec<&str> = run.tasks.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3"]);
        assert_eq!(run.tasks.iter().map(|task| task.is_edited).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(run.of("3").unwrap().digest.as_deref(), Some("x"));
        assert_eq!(run.title.as_deref(), Some("P"));
    }
}
