//! The sections of a task line, as far as a report shows them.

use jiff::Timestamp;
use serde_json::Value;

use super::value::{list, moment, number, object, text, texts, whole};

/// Tokens. What nobody has counted is absent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tokens {
    pub input: u64,
    /// Within `input`.
    pub cached: u64,
    pub output: u64,
    /// Within `output`.
    pub reasoning: u64,
    pub total: u64,
}

impl Tokens {
    pub fn read(of: &Value) -> Option<Self> {
        let usage = object(of, "usage")?;
        let get = |key| whole(usage, key);
        let (input, output) = (get("input").unwrap_or(0), get("output").unwrap_or(0));
        Some(Self {
            input,
            cached: get("cached_input").unwrap_or(0),
            output,
            reasoning: get("reasoning").unwrap_or(0),
            total: get("total").unwrap_or(input.saturating_add(output)),
        })
    }
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        for (one, other) in [
            (&mut self.input, other.input),
            (&mut self.cached, other.cached),
            (&mut self.output, other.output),
            (&mut self.reasoning, other.reasoning),
            (&mut self.total, other.total),
        ] {
            *one = one.saturating_add(other);
        }
    }
}

/// One call of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub backend: String,
    pub model: Option<String>,
    pub thread: Option<String>,
    pub sandbox: Option<String>,
    pub started: Option<Timestamp>,
    /// Seconds.
    pub seconds: Option<f64>,
    /// Why it failed.
    pub class: Option<String>,
    pub evidence: Option<String>,
    pub tokens: Option<Tokens>,
    pub log: Option<String>,
}

impl Call {
    fn read(call: &Value, backend: Option<&str>) -> Self {
        Self {
            backend: text(call, "backend").or_else(|| backend.map(str::to_owned)).unwrap_or_else(|| "?".into()),
            model: text(call, "model"),
            thread: text(call, "thread"),
            sandbox: text(call, "sandbox"),
            started: moment(call, "started"),
            seconds: number(call, "seconds"),
            class: text(call, "class"),
            evidence: text(call, "evidence"),
            tokens: Tokens::read(call),
            log: text(call, "log"),
        }
    }

    /// When it ended.
    pub fn ended(&self) -> Option<Timestamp> {
        later(self.started?, self.seconds.unwrap_or(0.0))
    }
}

/// So many seconds later; `None` where no calendar reaches.
pub(crate) fn later(from: Timestamp, seconds: f64) -> Option<Timestamp> {
    jiff::SignedDuration::try_from_secs_f64(seconds).ok().and_then(|time| from.checked_add(time).ok())
}

/// One of several answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub model: Option<String>,
    pub class: Option<String>,
    pub message: Option<String>,
    pub tokens: Option<Tokens>,
    pub seconds: Option<f64>,
}

/// The `result` section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub status: Option<String>,
    pub class: Option<String>,
    pub evidence: Option<String>,
    pub backend: Option<String>,
    pub message: Option<String>,
    pub options: Vec<Answer>,
    pub base: Option<String>,
    pub head: Option<String>,
    pub changed: Vec<String>,
    pub workdir: Option<String>,
    pub held_by: Option<String>,
    /// What the agent did to git itself.
    pub tampering: Vec<String>,
}

impl Outcome {
    pub fn read(result: &Value) -> Self {
        let answer = |answer: &Value| Answer {
            model: text(answer, "model"),
            class: text(answer, "class"),
            message: text(answer, "message"),
            tokens: Tokens::read(answer),
            seconds: number(answer, "seconds"),
        };
        Self {
            status: text(result, "status"),
            class: text(result, "class"),
            evidence: text(result, "evidence"),
            backend: text(result, "backend"),
            message: text(result, "message"),
            options: list(result, "options").iter().map(answer).collect(),
            base: text(result, "base"),
            head: text(result, "head"),
            changed: texts(result, "changed"),
            workdir: text(result, "workdir"),
            held_by: text(result, "held_by"),
            tampering: texts(result, "tampering"),
        }
    }

    pub fn is(&self, status: &str) -> bool {
        self.status.as_deref() == Some(status)
    }
}

/// The calls of a result, each with its JSON, by which it is known again. A result that names none and tells tokens
/// counts as one call.
pub(crate) fn calls(result: &Value) -> Vec<(String, Call)> {
    let backend = text(result, "backend");
    let attempts = list(result, "attempts");
    if attempts.is_empty() && object(result, "usage").is_some() {
        return vec![(result.to_string(), Call::read(result, None))];
    }
    attempts.iter().map(|call| (call.to_string(), Call::read(call, backend.as_deref()))).collect()
}

/// One check of a verdict.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub kind: String,
    pub name: String,
    pub status: String,
    pub exit: Option<i64>,
    pub seconds: Option<f64>,
    pub tail: Option<String>,
    pub log: Option<String>,
    pub baseline: Option<String>,
    pub findings: Vec<Finding>,
    pub tokens: Option<Tokens>,
}

/// One thing that a check found.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub severity: String,
    pub place: Option<String>,
    pub text: String,
}

/// The `verdict` section.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub status: String,
    pub checks: Vec<Check>,
}

impl Verdict {
    pub fn read(verdict: &Value) -> Self {
        let finding = |finding: &Value| Finding {
            severity: text(finding, "severity").unwrap_or_else(|| "note".into()),
            place: text(finding, "file").map(|file| match whole(finding, "line") {
                Some(line) => format!("{file}:{line}"),
                None => file,
            }),
            text: text(finding, "text").unwrap_or_default(),
        };
        let check = |check: &Value| Check {
            kind: text(check, "kind").unwrap_or_else(|| "check".into()),
            name: text(check, "name").unwrap_or_else(|| "?".into()),
            status: text(check, "status").unwrap_or_else(|| "?".into()),
            exit: check.get("exit").and_then(Value::as_i64),
            seconds: number(check, "seconds"),
            tail: text(check, "tail"),
            log: text(check, "log"),
            baseline: text(check, "baseline"),
            findings: list(check, "findings").iter().map(finding).collect(),
            tokens: Tokens::read(check),
        };
        Self {
            status: text(verdict, "status").unwrap_or_else(|| "?".into()),
            checks: list(verdict, "checks").iter().map(check).collect(),
        }
    }
}

/// An answer at a gate.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub gate: String,
    pub status: String,
    pub by: String,
    pub at: Option<Timestamp>,
    pub note: Option<String>,
    pub task_digest: Option<String>,
    pub backend: Option<String>,
    pub model: Option<String>,
    pub choice: Option<String>,
}

impl Decision {
    pub fn read(decision: &Value) -> Option<Self> {
        Some(Self {
            gate: text(decision, "gate")?,
            status: text(decision, "status")?,
            by: text(decision, "by").unwrap_or_else(|| "?".into()),
            at: moment(decision, "at"),
            note: text(decision, "note"),
            task_digest: text(decision, "task_digest"),
            backend: text(decision, "backend"),
            model: text(decision, "model"),
            choice: text(decision, "choice"),
        })
    }

    pub fn is_same(&self, other: &Self) -> bool {
        (&self.gate, &self.status, &self.by, self.at) == (&other.gate, &other.status, &other.by, other.at)
    }
}

/// The `landed` section.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub status: String,
    pub commit: Option<String>,
    pub conflicts: Vec<String>,
}

impl Landed {
    pub fn read(landed: &Value) -> Option<Self> {
        Some(Self {
            status: text(landed, "status")?,
            commit: text(landed, "commit"),
            conflicts: texts(landed, "conflicts"),
        })
    }

    pub fn is_in(&self) -> bool {
        matches!(self.status.as_str(), "merged" | "nothing")
    }
}

/// The `route` section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    pub work_type: Option<String>,
    pub backend: Option<String>,
    pub models: Vec<String>,
    pub effort: Option<String>,
    pub sandbox: Option<String>,
    pub rule: Option<String>,
    pub why: Option<String>,
}

impl Route {
    pub fn read(route: &Value) -> Self {
        Self {
            work_type: text(route, "work_type"),
            backend: text(route, "backend"),
            models: texts(route, "models"),
            effort: text(route, "effort"),
            sandbox: text(route, "sandbox"),
            rule: text(route, "rule"),
            why: text(route, "why"),
        }
    }
}
