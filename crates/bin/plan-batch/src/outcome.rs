//! How a task came out of the pipe, as its line in the run file tells.

use serde::Deserialize;
use serde_json::value::RawValue;

/// How a task came out, apart from what people say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    /// It was not begun.
    Held,
    /// Somebody stopped it.
    Cancelled,
    /// What may be spent was used up.
    Budget,
    /// The executor failed, or says something that we do not understand.
    Failed,
    /// It was done, and was not shown to be right.
    Unproven,
    /// It was done, and nothing speaks against it.
    Done,
    /// Nobody has worked on it.
    Untouched,
}

impl How {
    /// Whether it counts toward `--attempts`.
    pub fn is_try(self) -> bool {
        matches!(self, Self::Failed | Self::Unproven | Self::Done)
    }

    /// Whether a yes of a person makes it finished.
    pub fn is_work(self) -> bool {
        matches!(self, Self::Unproven | Self::Done | Self::Untouched)
    }

    pub fn of(outcome: Option<&Outcome>, verdict: Option<&Verdict>) -> Self {
        let Some(outcome) = outcome else { return Self::Untouched };
        match (outcome.status.as_deref(), outcome.class.as_deref()) {
            (Some("held"), _) => Self::Held,
            (_, Some("cancelled")) => Self::Cancelled,
            (_, Some("budget")) => Self::Budget,
            (Some("ok"), _) if verdict.is_none_or(Verdict::is_pass) => Self::Done,
            (Some("ok"), _) => Self::Unproven,
            _ => Self::Failed,
        }
    }
}

/// A task in the run file. Words of others stop nobody here.
#[derive(Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(borrow)]
    pub id: std::borrow::Cow<'a, str>,
    pub digest: Option<String>,
    pub batch: Option<Batch>,
    #[serde(borrow)]
    pub result: Option<&'a RawValue>,
    pub verdict: Option<Verdict>,
    #[serde(borrow)]
    pub decisions: Option<Vec<&'a RawValue>>,
    pub landed: Option<Landed>,
}

#[derive(Deserialize)]
pub(crate) struct Batch {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub number: Option<u64>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub attempt: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Outcome {
    status: Option<String>,
    pub class: Option<String>,
    pub workdir: Option<String>,
    pub base: Option<String>,
    pub head: Option<String>,
    pub attempts: Option<Vec<Attempt>>,
}

/// One call of an agent.
#[derive(Deserialize, Hash)]
pub(crate) struct Attempt {
    pub backend: Option<String>,
    pub model: Option<String>,
    pub thread: Option<String>,
    pub started: Option<String>,
    pub usage: Option<Usage>,
}

#[derive(Deserialize, Hash)]
pub(crate) struct Usage {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    pub total: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Verdict {
    status: Option<String>,
    checks: Option<Vec<Check>>,
}

#[derive(Deserialize)]
struct Check {
    name: Option<String>,
    status: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    exit: Option<i64>,
    tail: Option<String>,
    baseline: Option<String>,
    findings: Option<Vec<Finding>>,
}

#[derive(Deserialize)]
struct Finding {
    file: Option<String>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    line: Option<u64>,
    text: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Landed {
    status: Option<String>,
}

impl Landed {
    /// It is in the branch, or there was nothing to bring there.
    pub fn is_in(&self) -> bool {
        matches!(self.status.as_deref(), Some("merged" | "nothing"))
    }

    /// It did not fit.
    pub fn is_conflict(&self) -> bool {
        self.status.as_deref() == Some("conflict")
    }
}

impl Outcome {
    /// The conversation of the last call, to go on with.
    pub fn thread(&self) -> Option<String> {
        self.attempts.as_ref()?.last()?.thread.clone()
    }
}

impl Verdict {
    fn is_pass(&self) -> bool {
        self.status.as_deref() == Some("pass")
    }

    /// What the agent is told about the first check that failed because of it, else about the first one that failed.
    pub fn feedback(&self) -> Option<String> {
        if self.is_pass() {
            return None;
        }
        let failed = || self.checks.iter().flatten().filter(|check| check.status.as_deref() == Some("fail"));
        let own = failed().find(|check| check.baseline.as_deref() != Some("already_failing"));
        let Some(check) = own.or_else(|| failed().next()) else {
            return Some("nothing could show that it is done".into());
        };
        let name = check.name.as_deref().unwrap_or("a check");
        let exit = check.exit.map(|exit| format!(" with exit code {exit}")).unwrap_or_default();
        let findings: Vec<String> = check.findings.iter().flatten().map(Finding::told).collect();
        let tail = check.tail.as_deref().unwrap_or_default().trim_end();
        let details: Vec<&str> =
            findings.iter().map(String::as_str).chain([tail]).filter(|text| !text.is_empty()).collect();
        let colon = if details.is_empty() { "" } else { ":\n" };
        Some(format!("{name} failed{exit}{colon}{}", details.join("\n")))
    }
}

impl Finding {
    fn told(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = self.file.as_deref().map(|file| format!("{file}{line}: ")).unwrap_or_default();
        format!("{place}{}", self.text.as_deref().unwrap_or_default())
    }
}
