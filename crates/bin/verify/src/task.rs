//! What verify reads of a task, and what there is to check.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use record::{Action, Check, CheckStatus, Done, Record};
use serde::Deserialize;

use crate::fence::Declared;

/// The kind of a check that is a command of the task.
pub const COMMAND: &str = "command";
/// The kind of a check that is a done criterion.
pub const DONE: &str = "done";

/// The fields that decide whether a task is ours.
#[derive(Deserialize)]
struct Concern<'a> {
    #[serde(default, borrow)]
    result: Option<Standing<'a>>,
    #[serde(default, borrow)]
    verdict: Option<Standing<'a>>,
}

#[derive(Deserialize)]
struct Standing<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
}

/// Whose turn a task is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// It has a result that is `ok` and no verdict.
    Ours,
    /// Somebody has judged it before.
    Judged {
        /// Whether it passed.
        passed: bool,
    },
    /// There is nothing to judge.
    NotOurs,
}

/// Whether a task has to be checked.
pub fn turn(record: &Record) -> Result<Turn, String> {
    let concern: Concern = record.view().map_err(|error| error.to_string())?;
    Ok(match (concern.verdict, concern.result) {
        (Some(verdict), _) => Turn::Judged { passed: verdict.status == "pass" },
        (None, Some(result)) if result.status == "ok" => Turn::Ours,
        _ => Turn::NotOurs,
    })
}

/// A task that has to be checked.
#[derive(Debug)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Which try it is; 0 when nobody counts.
    pub attempt: u64,
    /// The folder in which the agent worked.
    pub workdir: Option<String>,
    /// The commit that the work started from.
    pub base: Option<String>,
    /// The commit that holds the work.
    pub head: Option<String>,
    /// The paths that the executor saw change.
    pub changed: Option<Vec<String>>,
    /// What the executor saw the agent do to git itself.
    pub tampering: Vec<String>,
    /// How many processes the agent had left behind, which its executor ended.
    pub left_behind: u64,
    /// The sandbox that the task was routed to.
    pub sandbox: Option<String>,
    /// The sandbox of the last call, as the agent reported it.
    pub reported_sandbox: Option<String>,
    /// The plan's file.
    pub source: Option<String>,
    /// The files that the task declares.
    pub files: Vec<DeclaredFile>,
    /// What has to be run.
    pub checks: Vec<Planned>,
    /// What nothing can be run for, as it will stand in the verdict.
    pub unchecked: Vec<Check>,
}

/// A command that has to exit with 0.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Planned {
    /// `command` or `done`.
    pub kind: &'static str,
    /// The command.
    pub command: String,
    /// Whether it is a done criterion that the plan has not ticked off: then it says that it does not hold yet.
    pub is_open: bool,
}

/// A file that a task declares, for lines whose writer knows other actions than ours.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct DeclaredFile {
    path: String,
    #[serde(default)]
    action: Option<String>,
}

#[derive(Deserialize)]
struct View {
    id: String,
    #[serde(default)]
    files: Option<Vec<DeclaredFile>>,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    route: Option<Routed>,
    #[serde(default)]
    batch: Option<Batch>,
    #[serde(default)]
    result: Outcome,
    #[serde(default)]
    commands: Option<Vec<String>>,
    #[serde(default)]
    done: Option<Vec<Criterion>>,
}

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    attempt: u64,
}

#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    path: Option<String>,
}

#[derive(Deserialize)]
struct Routed {
    #[serde(default)]
    sandbox: Option<String>,
}

/// A call of an agent.
#[derive(Deserialize)]
struct Called {
    #[serde(default)]
    sandbox: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    left_behind: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Outcome {
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    base: Option<String>,
    #[serde(default)]
    head: Option<String>,
    #[serde(default)]
    changed: Option<Vec<String>>,
    #[serde(default)]
    tampering: Option<Vec<String>>,
    #[serde(default)]
    attempts: Option<Vec<Called>>,
}

/// As [`Done`], for lines whose writer leaves out what is empty.
#[derive(Deserialize)]
struct Criterion {
    #[serde(default)]
    text: String,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    checked: bool,
}

impl Task {
    /// Reads a task that is ours.
    pub fn read(record: &Record) -> Result<Self, String> {
        let view: View = record.view().map_err(|error| error.to_string())?;
        let done = view.done.unwrap_or_default();
        let done =
            done.into_iter().map(|it| Done { text: it.text, command: it.command, checked: it.checked }).collect();
        let (checks, unchecked) = plan(view.commands.unwrap_or_default(), done);
        let last = view.result.attempts.and_then(|calls| calls.into_iter().next_back());
        Ok(Self {
            id: view.id,
            attempt: view.batch.map_or(0, |batch| batch.attempt),
            workdir: view.result.workdir,
            base: view.result.base,
            head: view.result.head,
            changed: view.result.changed,
            tampering: view.result.tampering.unwrap_or_default(),
            sandbox: view.route.and_then(|route| route.sandbox),
            left_behind: last.as_ref().and_then(|last| last.left_behind).unwrap_or_default(),
            reported_sandbox: last.and_then(|last| last.sandbox),
            source: view.source.and_then(|source| source.path),
            files: view.files.unwrap_or_default(),
            checks,
            unchecked,
        })
    }

    /// What it may change; `below` is the folder of the work below the top of the repository.
    pub fn declared(&self, below: &Path) -> Declared {
        let files = self.files.iter().map(|file| {
            let action = match file.action.as_deref() {
                Some("create") => Some(Action::Create),
                Some("modify") => Some(Action::Modify),
                Some("delete") => Some(Action::Delete),
                Some("test") => Some(Action::Test),
                Some("read") => Some(Action::Read),
                _ => None,
            };
            (file.path.as_str(), action)
        });
        Declared::new(files, below)
    }
}

/// Commands first, then criteria, each command once; criteria in words are kept apart, so that whoever approves sees
/// what nobody has proven.
fn plan(commands: Vec<String>, done: Vec<Done>) -> (Vec<Planned>, Vec<Check>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut checks: Vec<Planned> = Vec::new();
    let mut unchecked = Vec::new();
    let mut add = |kind, command: String, is_open: bool| match seen.entry(command.trim().to_owned()) {
        Entry::Occupied(known) => checks[*known.get()].is_open |= is_open,
        Entry::Vacant(new) => {
            new.insert(checks.len());
            checks.push(Planned { kind, command, is_open });
        }
    };
    for command in commands.into_iter().filter(|command| !command.trim().is_empty()) {
        add(COMMAND, command, false);
    }
    for criterion in done {
        match criterion.command.filter(|command| !command.trim().is_empty()) {
            Some(command) => add(DONE, command, !criterion.checked),
            None if criterion.text.is_empty() => {}
            None => unchecked.push(skipped(DONE, criterion.text, String::new())),
        }
    }
    (checks, unchecked)
}

/// A check that was not run.
pub fn skipped(kind: &str, name: String, why: String) -> Check {
    Check {
        kind: kind.into(),
        name,
        status: CheckStatus::Skipped,
        exit: None,
        seconds: 0.0,
        tail: why,
        log: None,
        baseline: None,
        findings: Vec::new(),
        usage: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn_of(fields: &str) -> Result<Turn, String> {
        turn(&Record::parse(&format!(r#"{{"type":"task","id":"1"{fields}}}"#)).unwrap())
    }

    #[test]
    fn only_good_results_without_a_verdict_are_ours() {
        assert_eq!(turn_of(""), Ok(Turn::NotOurs));
        assert_eq!(turn_of(r#","result":null"#), Ok(Turn::NotOurs));
        assert_eq!(turn_of(r#","result":{"status":"failed"}"#), Ok(Turn::NotOurs));
        assert_eq!(turn_of(r#","result":{"status":"held"}"#), Ok(Turn::NotOurs));
        assert_eq!(turn_of(r#","result":{"status":"ok"}"#), Ok(Turn::Ours));
        assert_eq!(turn_of(r#","result":{"status":"ok"},"verdict":null"#), Ok(Turn::Ours));
        assert_eq!(
            turn_of(r#","result":{"status":"ok"},"verdict":{"status":"pass"}"#),
            Ok(Turn::Judged { passed: true })
        );
        assert_eq!(turn_of(r#","verdict":{"status":"unproven"}"#), Ok(Turn::Judged { passed: false }));
        assert!(turn_of(r#","result":{}"#).unwrap_err().contains("status"));
    }

    #[test]
    fn each_command_is_run_once_and_words_are_not_run() {
        let line = r#"{"type":"task","id":"1","commands":["make","  ","make"," make "],"batch":{"attempt":3},
            "done":[{"text":"`make` passes","command":"make","checked":false},{"text":"good","checked":true},
            {"text":"t","command":"test -e x"}]}"#;
        let task = Task::read(&Record::parse(line).unwrap()).unwrap();
        let run: Vec<_> = task.checks.iter().map(|check| (check.kind, check.command.as_str())).collect();
        assert_eq!(run, [("command", "make"), ("done", "test -e x")]);
        assert!(task.checks.iter().all(|check| check.is_open));
        let words: Vec<_> = task.unchecked.iter().map(|check| (check.name.as_str(), check.status)).collect();
        assert_eq!(words, [("good", CheckStatus::Skipped)]);
        assert_eq!(task.attempt, 3);
    }

    #[test]
    fn a_field_of_the_wrong_form_is_named() {
        let record = Record::parse(r#"{"type":"task","id":"1","commands":["a",7]}"#).unwrap();
        assert!(Task::read(&record).unwrap_err().starts_with("commands[1]: "));
    }
}
