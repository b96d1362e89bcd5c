//! What is read of a task that stands at the gate: all that a person or a rule may want to know of it.
//!
//! Only `id` and `digest` are needed, the rest may be missing: the stages before may be anybody's.

use std::collections::HashSet;

use change::Work;
use policy::approval::Case;
use record::{Baseline, Gate, Noted, WorkType, known_word, may_write};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Sheet {
    pub id: String,
    pub digest: String,
    pub title: Option<String>,
    pub objective: Option<String>,
    pub files: Option<Vec<File>>,
    pub commands: Option<Vec<String>>,
    pub done: Option<Vec<Criterion>>,
    pub needs: Option<Vec<String>>,
    pub body: Option<String>,
    pub checked: Option<bool>,
    pub backend: Option<String>,
    work_type: Option<String>,
    pub route: Option<Route>,
    pub batch: Option<Batch>,
    pub result: Option<Outcome>,
    pub verdict: Option<Verdict>,
    pub decisions: Option<Vec<Noted>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct File {
    pub path: String,
    pub action: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Criterion {
    pub text: Option<String>,
    pub command: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Route {
    work_type: Option<String>,
    pub backend: Option<String>,
    pub models: Option<Vec<String>>,
    pub effort: Option<String>,
    pub sandbox: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub rank: Option<u32>,
    pub rule: Option<String>,
    pub why: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Batch {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub attempt: Option<u64>,
    pub feedback: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    pub class: Option<String>,
    pub evidence: Option<String>,
    pub backend: Option<String>,
    pub model: Option<String>,
    pub message: Option<String>,
    pub options: Option<Vec<Answer>>,
    pub usage: Option<Usage>,
    pub rate_limit: Option<RateLimit>,
    pub attempts: Option<Vec<Attempt>>,
    pub workdir: Option<String>,
    pub base: Option<String>,
    pub head: Option<String>,
    pub changed: Option<Vec<String>>,
    /// What the agent did to git itself.
    pub tampering: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub model: Option<String>,
    pub status: Option<String>,
    pub class: Option<String>,
    pub message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Usage {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub input: Option<u64>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub cached_input: Option<u64>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub output: Option<u64>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub reasoning: Option<u64>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub total: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RateLimit {
    pub remaining_percent: Option<f64>,
    pub resets_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Attempt {
    pub sandbox: Option<String>,
    pub started: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub failed_actions: Option<u64>,
    pub log: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    pub status: String,
    pub checks: Option<Vec<Check>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    pub kind: Option<String>,
    pub name: Option<String>,
    pub status: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub exit: Option<i64>,
    pub seconds: Option<f64>,
    pub tail: Option<String>,
    pub log: Option<String>,
    baseline: Option<String>,
    pub findings: Option<Vec<Finding>>,
}

/// Words of others may stand here too.
#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    pub severity: Option<String>,
    pub file: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub line: Option<u64>,
    pub text: Option<String>,
}

impl Sheet {
    /// What a policy is asked. `target` is who would take over at gate `fallback`, with its rank.
    pub fn case<'a>(&'a self, gate: Gate, target: (&'a str, Option<u32>), interrupted: bool) -> Case<'a> {
        let result = self.result.as_ref().filter(|_| gate != Gate::Plan);
        Case {
            gate,
            when: match gate {
                Gate::Plan => None,
                Gate::Fallback => result.and_then(|result| result.class.as_deref()),
                Gate::Result => self.verdict.as_ref().map(|verdict| verdict.status.as_str()),
            },
            interrupted,
            manual: self.is_manual(),
            has_options: self.options().iter().filter(|answer| answer.is_given()).count() > 1,
            sandbox: result.and_then(Outcome::sandbox).and_then(known_word),
            backend: match gate {
                Gate::Fallback => Some(target.0),
                _ => result.and_then(|result| result.backend.as_deref()).or_else(|| self.planned_backend()),
            },
            work_type: self.work_type(),
            changed: result.and_then(|result| result.changed.as_deref()),
            rank: match gate {
                Gate::Fallback => target.1,
                _ => self.route.as_ref().and_then(|route| route.rank),
            },
        }
    }

    pub fn work_type(&self) -> Option<WorkType> {
        self.kind_of_work().and_then(known_word)
    }

    /// As the route says it, else as the plan does; the word may be one that only others know.
    fn kind_of_work(&self) -> Option<&str> {
        let routed = self.route.as_ref().and_then(|route| route.work_type.as_deref());
        routed.or(self.work_type.as_deref())
    }

    /// The files that it is to write.
    pub fn written(&self) -> impl Iterator<Item = &File> {
        self.files.iter().flatten().filter(|file| file.action.as_deref() != Some("read"))
    }

    /// Whether an agent that does it may write.
    pub fn may_write(&self) -> bool {
        let sandbox = self.route.as_ref().and_then(|route| route.sandbox.as_deref());
        !self.is_manual() && may_write(sandbox, self.written().next().is_some())
    }

    /// Only a person can do it.
    pub fn is_manual(&self) -> bool {
        self.planned_backend() == Some("manual") || self.work_type() == Some(WorkType::Manual)
    }

    pub fn planned_backend(&self) -> Option<&str> {
        let routed = self.route.as_ref().and_then(|route| route.backend.as_deref());
        let planned = || self.backend.as_deref().map(|backend| backend.split(':').next().unwrap_or(backend));
        routed.or_else(planned)
    }

    /// The commands that `verify` will run, each of them once.
    pub fn checks_to_come(&self) -> impl Iterator<Item = &str> {
        let criteria = self.done.iter().flatten().filter_map(|done| done.command.as_deref());
        let mut seen = HashSet::new();
        let commands = self.commands.iter().flatten().map(String::as_str).chain(criteria);
        commands.filter(move |command| seen.insert(command.trim()))
    }

    /// Several answers, one of which has to be chosen.
    pub fn options(&self) -> &[Answer] {
        match self.result.as_ref().and_then(|result| result.options.as_deref()) {
            Some(options) if options.len() > 1 => options,
            _ => &[],
        }
    }
}

impl Answer {
    /// Nobody says that it failed.
    fn is_given(&self) -> bool {
        self.class.is_none() && self.status.as_deref() != Some("failed")
    }
}

impl Finding {
    /// Severity, place and text, on one line.
    pub fn told(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = self.file.as_deref().map(|file| format!(" {file}{line}:")).unwrap_or_default();
        let severity = self.severity.as_deref().unwrap_or("finding");
        format!("{severity}{place} {}", self.text.as_deref().unwrap_or("no text"))
    }
}

impl Check {
    /// What the commit before the work says about this outcome.
    pub fn baseline(&self) -> Option<Baseline> {
        self.baseline.as_deref().and_then(known_word)
    }
}

impl Outcome {
    /// Where its change is.
    pub fn work(&self) -> Work {
        Work {
            workdir: self.workdir.clone(),
            base: self.base.clone(),
            head: self.head.clone(),
            changed: self.changed.clone(),
        }
    }

    /// The sandbox as the agent reported it for the last call.
    pub fn sandbox(&self) -> Option<&str> {
        self.attempts.as_ref()?.last()?.sandbox.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use record::{Record, Sandbox};

    use super::*;

    fn sheet(fields: &str) -> Sheet {
        Record::parse(&format!(r#"{{"type":"task","id":"1","digest":"d",{fields}}}"#)).unwrap().view().unwrap()
    }

    #[test]
    fn only_the_sandbox_that_the_agent_reported_counts() {
        let asked =
            sheet(r#""route":{"sandbox":"read-only","rank":2},"result":{"attempts":[{"sandbox":"read-only"},{}]}"#);
        assert_eq!(asked.case(Gate::Result, ("claude", None), false).sandbox, None);
        let reported =
            sheet(r#""route":{"sandbox":"workspace-write"},"result":{"attempts":[{},{"sandbox":"read-only"}]}"#);
        assert_eq!(reported.case(Gate::Result, ("claude", None), false).sandbox, Some(Sandbox::ReadOnly));
        assert_eq!(reported.case(Gate::Plan, ("claude", None), false).sandbox, None);
    }

    #[test]
    fn a_fallback_is_judged_by_who_would_take_over() {
        let failed =
            sheet(r#""route":{"backend":"codex","rank":1},"result":{"backend":"codex","class":"rate_limited"}"#);
        let case = failed.case(Gate::Fallback, ("claude", Some(3)), false);
        assert_eq!((case.backend, case.rank, case.when), (Some("claude"), Some(3), Some("rate_limited")));
        assert_eq!(failed.case(Gate::Result, ("claude", Some(3)), false).backend, Some("codex"));
    }

    #[test]
    fn of_two_answers_a_person_has_to_choose() {
        let has_options = |second: &str| {
            let options = format!(r#""result":{{"options":[{{"model":"a","status":"ok"}},{{"model":"b"{second}}}]}}"#);
            sheet(&options).case(Gate::Result, ("claude", None), false).has_options
        };
        assert!(has_options(""));
        assert!(has_options(r#","status":"ok","message":"m""#));
        assert!(!has_options(r#","status":"failed""#));
        assert!(!has_options(r#","class":"timeout""#));
    }

    #[test]
    fn a_command_that_stands_twice_is_run_once() {
        let sheet = sheet(r#""commands":["a","b"],"done":[{"command":" a "},{"command":"c"}]"#);
        assert_eq!(sheet.checks_to_come().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn words_that_only_others_know_and_floats_are_read() {
        let foreign = sheet(
            r#""work_type":"explore","route":{"work_type":"deploy","sandbox":"none","rank":5.0},"batch":{"attempt":1.0},
                "result":{"status":"parked","attempts":[{"sandbox":"none","failed_actions":2.0}],"usage":{"input":3.0}},
                "verdict":{"status":"pass","checks":[{"exit":-1.0}]},
                "decisions":[{"gate":"end","status":"granted","by":"x","at":"now"}]"#
                .trim(),
        );
        let case = foreign.case(Gate::Result, ("claude", None), false);
        // What the plan says is no answer where the route says something else.
        assert_eq!((case.work_type, case.sandbox, case.rank), (None, None, Some(5)));
        assert_eq!(foreign.batch.unwrap().attempt, Some(1));
        assert_eq!(foreign.verdict.unwrap().checks.unwrap()[0].exit, Some(-1));
    }

    #[test]
    fn what_is_needed_is_named() {
        let record = Record::parse(r#"{"type":"task","id":"1"}"#).unwrap();
        assert_eq!(record.view::<Sheet>().unwrap_err().to_string(), "missing field `digest`");
    }
}
