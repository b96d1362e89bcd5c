//! How a task stands, and what would make it go on.

use crate::read::{Landed, Run, Task};
use std::fmt::Write;

/// How a task stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum State {
    /// The plan has ticked it off, or its result was approved and, where it has commits, landed.
    Finished,
    /// It was released, and the pipe that owns the run file is at work.
    Running,
    /// A person has to say something.
    Waiting,
    /// It was tried and is not finished.
    Failed,
    /// It was released, never came out, and no pipe is at work.
    Interrupted,
    /// Another task keeps it from being begun.
    Held,
    /// Nothing has been tried, or it is to be tried again.
    Open,
}

impl State {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 7] =
        [Self::Finished, Self::Running, Self::Waiting, Self::Failed, Self::Interrupted, Self::Held, Self::Open];

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Held => "held",
            Self::Open => "open",
        }
    }

    /// A sign that tells it without colour.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Finished => "✓",
            Self::Running => "▶",
            Self::Waiting => "?",
            Self::Failed => "✗",
            Self::Interrupted => "!",
            Self::Held => "=",
            Self::Open => "○",
        }
    }
}

/// How a task stands and why; where something has to be done, with what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    pub state: State,
    pub why: String,
    /// The gate with the open question.
    pub gate: Option<String>,
    /// Commands that would make it go on, ready to be pasted.
    pub commands: Vec<String>,
}

/// Judges a task. `is_owned`: a pipe owns the run file now.
pub(crate) fn judge(run: &Run, task: &Task, is_owned: bool) -> Standing {
    let decide = format!("decide {} {}", quoted(&run.path.to_string_lossy()), quoted(&task.id));
    let standing = |state, why: &str| Standing { state, why: why.to_owned(), gate: None, commands: Vec::new() };
    if task.is_checked {
        return standing(State::Finished, "ticked off in the plan");
    }
    if task.is_edited {
        return standing(State::Open, "changed in the plan since it was worked on");
    }
    let last = task.last();
    let outcome = last.and_then(|round| round.outcome.as_ref());
    let is = |status| outcome.is_some_and(|outcome| outcome.is(status));
    let landed = last.and_then(|round| round.landed.as_ref());
    let result = task.said("result");
    let is_approved = result.is_some_and(|said| said.status == "approved");
    let is_cancelled = outcome.and_then(|outcome| outcome.class.as_deref()) == Some("cancelled");
    let has_head = outcome.is_some_and(|outcome| outcome.head.is_some());
    let has_failed = is("failed") || is("held");
    if !task.is_out && is_approved && !has_failed && (!has_head || landed.is_some_and(Landed::is_in)) {
        return standing(State::Finished, &format!("approved by {}", result.map_or("?", |said| &said.by)));
    }
    // A question is asked about what came out, or while the task is still in the pipe.
    for gate in ["plan", "fallback", "result"] {
        let Some(said) = task.said(gate) else { continue };
        let about = match gate {
            "plan" => "may it be begun at all?",
            "fallback" => "may a costlier backend take over?",
            _ => "is the result good?",
        };
        match said.status.as_str() {
            "pending" => return asked(gate, about, &decide),
            "denied" if gate == "plan" => {
                let mut denied = standing(State::Failed, &denial(said));
                denied.commands.push(format!("{decide} approve --gate plan"));
                return denied;
            }
            _ => {}
        }
    }
    if task.is_out {
        return out(task, is_owned, is_approved, &decide);
    }
    let Some(outcome) = outcome else {
        return standing(State::Open, if last.is_some() { "came out undone" } else { "not begun" });
    };
    if is("held") {
        let by = outcome.held_by.as_deref().map(|by| format!(" by task {by}")).unwrap_or_default();
        return standing(State::Held, &format!("held{by}"));
    }
    if is_cancelled {
        return standing(State::Open, "cancelled: the same pipe again begins it anew");
    }
    // Only what was said since the result came.
    let newest = result.or_else(|| task.said("fallback"));
    let mut failed = match newest.map(|said| (said.status.as_str(), said)) {
        Some(("retry", said)) => {
            let note = said.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
            return standing(State::Open, &format!("to be tried again{note}"));
        }
        Some(("denied", said)) => standing(State::Failed, &denial(said)),
        _ if landed.is_some_and(|landed| landed.status == "conflict") => {
            standing(State::Failed, "approved, and its change does not fit on the branch")
        }
        _ if is_approved => {
            let mut waits = standing(State::Waiting, "approved, and not landed: the same pipe again lands it");
            waits.gate = Some("land".into());
            return waits;
        }
        _ if is("failed") => {
            let class = outcome.class.as_deref().unwrap_or("other");
            standing(State::Failed, &format!("the executor failed: {class}"))
        }
        _ => match last.and_then(|round| round.verdict.as_ref()) {
            Some(verdict) if verdict.status != "pass" => {
                let check = verdict.checks.iter().find(|check| check.status == "fail");
                let check = check.map(|check| format!(": {}", check.name)).unwrap_or_default();
                standing(State::Failed, &format!("verdict {}{check}", verdict.status))
            }
            _ => {
                let mut waits = standing(State::Waiting, "done, and nobody was asked yet: the same pipe again asks");
                waits.gate = Some("result".into());
                return waits;
            }
        },
    };
    failed.commands.push(format!("{decide} retry"));
    failed
}

/// It was released and has not come out.
fn out(task: &Task, is_owned: bool, is_approved: bool, decide: &str) -> Standing {
    let is_apart = task.releases.last().is_some_and(|release| release.is_apart);
    let is_asked = !(is_owned || is_approved || is_apart);
    let (state, why) = if is_owned {
        (State::Running, "released, and not out of the pipe yet")
    } else if is_approved {
        (State::Interrupted, "approved, and never came out: the same pipe again brings it to its end")
    } else if is_apart {
        (State::Interrupted, "released, and never came out: the same pipe again begins it anew")
    } else {
        (State::Interrupted, "released, and never came out, so half of its work may be in the tree: look, then say so")
    };
    let commands = if is_asked { vec![format!("{decide} retry")] } else { Vec::new() };
    Standing { state, why: why.to_owned(), gate: None, commands }
}

fn denial(said: &crate::read::Decision) -> String {
    let note = said.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("denied at gate {} by {}{note}", said.gate, said.by)
}

fn asked(gate: &str, about: &str, decide: &str) -> Standing {
    let at = if gate == "result" { String::new() } else { format!(" --gate {gate}") };
    let mut commands = vec![format!("{decide} approve{at}"), format!("{decide} deny{at}")];
    if gate != "plan" {
        commands.push(format!("{decide} retry{at} --note '...'"));
    }
    Standing { state: State::Waiting, why: format!("gate {gate}: {about}"), gate: Some(gate.to_owned()), commands }
}

/// A word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:,@%=".contains(character);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    // Control characters are named and not pasted: a line end would run what stands behind it.
    if word.chars().any(char::is_control) {
        let mut text = String::from("$'");
        for byte in word.bytes() {
            match byte {
                b'\'' | b'\\' => text.extend(['\\', char::from(byte)]),
                b' '..=b'~' => text.push(char::from(byte)),
                _ => {
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
        }
        return text + "'";
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::read::{Decision, Outcome, Release, Round};
    use serde_json::json;

    fn run() -> Run {
        let mut run = Run::default();
        run.path = PathBuf::from("my run.jsonl");
        run
    }

    fn tried(result: &serde_json::Value) -> Task {
        let mut task = Task::new("1");
        task.digest = Some("d".into());
        task.rounds.push(Round { attempt: 1, outcome: Some(Outcome::read(result)), ..Round::default() });
        task
    }

    fn said(gate: &str, status: &str) -> Decision {
        Decision::read(&json!({"gate": gate, "status": status, "by": "person:x", "task_digest": "d"})).unwrap()
    }

    fn state(task: &Task) -> State {
        judge(&run(), task, false).state
    }

    #[test]
    fn the_contract_decides_what_is_finished() {
        let ok = json!({"status": "ok", "backend": "codex"});
        let mut task = tried(&ok);
        assert_eq!(state(&task), State::Waiting);
        task.decisions.push(said("result", "approved"));
        assert_eq!(state(&task), State::Finished);
        task.digest = Some("another".into());
        assert_ne!(state(&task), State::Finished, "the answer was given for another text");
        let mut task = tried(&json!({"status": "ok", "backend": "codex", "head": "abc"}));
        task.decisions.push(said("result", "approved"));
        assert_eq!(state(&task), State::Waiting, "not landed");
        for (landed, expected) in
            [("conflict", State::Failed), ("merged", State::Finished), ("nothing", State::Finished)]
        {
            task.rounds[0].landed = Landed::read(&json!({"status": landed}));
            assert_eq!(state(&task), expected, "{landed}");
        }
        let mut held = tried(&json!({"status": "held", "held_by": "7"}));
        held.decisions.push(said("result", "approved"));
        assert_eq!(state(&held), State::Held);
        let mut ticked = Task::new("1");
        ticked.is_checked = true;
        assert_eq!(state(&ticked), State::Finished);
        assert_eq!(state(&Task::new("1")), State::Open);
    }

    #[test]
    fn what_was_released_and_never_came_out_runs_or_was_interrupted() {
        let mut task = Task::new("1");
        task.releases.push(Release { attempt: 1, at: None, is_apart: false });
        task.is_out = true;
        assert_eq!(judge(&run(), &task, true).state, State::Running);
        let lost = judge(&run(), &task, false);
        assert_eq!((lost.state, lost.commands), (State::Interrupted, vec!["decide 'my run.jsonl' 1 retry".to_owned()]));
        task.releases[0].is_apart = true;
        let lost = judge(&run(), &task, false);
        assert_eq!((lost.state, lost.commands.len()), (State::Interrupted, 0), "the next run begins it by itself");
        task.releases[0].is_apart = false;
        task.decisions.push(said("result", "approved"));
        task.digest = Some("d".into());
        assert_eq!(judge(&run(), &task, false).commands.len(), 0, "nothing is to be done again");
    }

    #[test]
    fn a_question_comes_with_the_command_that_answers_it() {
        let mut task = tried(&json!({"status": "failed", "class": "rate_limited"}));
        assert_eq!(state(&task), State::Failed);
        task.decisions.push(said("fallback", "pending"));
        let waits = judge(&run(), &task, false);
        assert_eq!(waits.state, State::Waiting);
        assert_eq!(waits.commands[0], "decide 'my run.jsonl' 1 approve --gate fallback");
        task.decisions.push(said("fallback", "denied"));
        assert_eq!(state(&task), State::Failed);
        task.decisions.push(said("fallback", "retry"));
        assert_eq!(state(&task), State::Open);
    }

    #[test]
    fn a_word_is_pasted_as_one_word() {
        for word in ["a b", "x'y", "$(id)", "-rf", "", "a\nb", "ä", "it's\x1b[2J"] {
            let quoted = quoted(word);
            assert!(!quoted.contains(char::is_control), "{quoted}");
            let script = format!("printf '%s|' {quoted}");
            let shell = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(shell.stdout).unwrap(), format!("{word}|"), "{quoted}");
        }
        assert_eq!(quoted(".plan/x/run.jsonl"), ".plan/x/run.jsonl");
    }
}
