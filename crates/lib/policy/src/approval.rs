//! The approval policy: what may pass a gate without a person.
//!
//! A policy is a list of rules; the first rule that matches decides, and where none matches nothing is approved.
//! Three things are never approved by a rule that does not name them: a fallback (the rule must name its gate and
//! the backend that takes over), interrupted work (`when = "interrupted"`) and work that only a person can do
//! (`backend = "manual"` or `work_type = "manual"`). No rule can choose between several answers, so none matches such
//! a result.

mod file;
mod paths;

use record::{Gate, Sandbox, WorkType};

pub use file::ApprovalError;
use paths::Paths;

/// An approval policy.
#[derive(Debug, Default)]
pub struct ApprovalPolicy {
    rules: Vec<Rule>,
    warnings: Vec<String>,
}

/// What a policy is asked about: one task at one gate. What is not known is absent, and a condition on it is not met.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Where the task stands.
    pub gate: Gate,
    /// The verdict (`pass`, `fail`, `unproven`) at gate `result`, the class of the failure at gate `fallback`.
    pub when: Option<&'a str>,
    /// The task was begun and never came out.
    pub interrupted: bool,
    /// Only a person can do the task.
    pub manual: bool,
    /// There are several answers, and somebody has to choose one.
    pub has_options: bool,
    /// The sandbox that the agent reported, never the one that it was asked to use.
    pub sandbox: Option<Sandbox>,
    /// Who does or did the task; at gate `fallback` who would take over.
    pub backend: Option<&'a str>,
    /// The kind of work.
    pub work_type: Option<WorkType>,
    /// The paths that have changed.
    pub changed: Option<&'a [String]>,
    /// The cost order.
    pub rank: Option<u32>,
}

/// What a rule decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ruling {
    /// Yes or no.
    pub decision: Answer,
    /// The rule's name, or its number from 1 where it has none.
    pub rule: String,
}

/// What a rule may say.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Approved,
    /// No.
    Denied,
}

#[derive(Debug)]
struct Rule {
    name: Option<String>,
    gates: Vec<Gate>,
    when: Vec<String>,
    sandboxes: Vec<Sandbox>,
    backends: Vec<String>,
    work_types: Vec<WorkType>,
    paths: Option<Paths>,
    max_rank: Option<u32>,
    decision: Answer,
}

impl ApprovalPolicy {
    /// Reads a policy; `name` is the file's, for errors.
    pub fn parse(name: &str, text: &str) -> Result<Self, ApprovalError> {
        file::parse(name, text)
    }

    /// Rules that cannot do what they seem to say, each told in one line.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the first matching rule says.
    pub fn decide(&self, case: &Case) -> Option<Ruling> {
        let number = self.rules.iter().position(|rule| rule.matches(case))?;
        let rule = &self.rules[number];
        let name = rule.name.clone().unwrap_or_else(|| (number + 1).to_string());
        Some(Ruling { decision: rule.decision, rule: name })
    }
}

impl Rule {
    fn matches(&self, case: &Case) -> bool {
        !(case.has_options && case.gate == Gate::Result)
            && self.may_speak(case)
            && allows(&self.gates, Some(&case.gate))
            && self.when_is_met(case)
            && allows(&self.sandboxes, case.sandbox.as_ref())
            && (self.backends.is_empty() || case.backend.is_some_and(|own| self.backends.iter().any(|one| one == own)))
            && allows(&self.work_types, case.work_type.as_ref())
            && self.paths.as_ref().is_none_or(|paths| paths_hold(paths, case))
            && self.max_rank.is_none_or(|most| case.rank.is_some_and(|rank| rank <= most))
    }

    /// A yes to something unusual must be meant.
    fn may_speak(&self, case: &Case) -> bool {
        if self.decision == Answer::Denied {
            return true;
        }
        let names_fallback = self.gates.contains(&Gate::Fallback) && !self.backends.is_empty();
        let names_manual =
            self.backends.iter().any(|backend| backend == "manual") || self.work_types.contains(&WorkType::Manual);
        (case.gate != Gate::Fallback || names_fallback) && (!case.manual || case.gate != Gate::Result || names_manual)
    }

    fn when_is_met(&self, case: &Case) -> bool {
        let says = |word: &str| self.when.iter().any(|when| when == word);
        if case.interrupted {
            return says(INTERRUPTED);
        }
        self.when.is_empty() || case.when.is_some_and(|word| word != INTERRUPTED && says(word))
    }
}

/// Where nothing is known to have changed, only an agent that could not write has surely changed nothing: git sees no
/// ignored files and nothing inside a nested repository.
fn paths_hold(paths: &Paths, case: &Case) -> bool {
    match case.changed {
        Some(changed @ [_, ..]) => paths.hold(changed),
        Some([]) | None => case.sandbox == Some(Sandbox::ReadOnly),
    }
}

const INTERRUPTED: &str = "interrupted";

/// No condition, or one that names the value.
fn allows<T: PartialEq>(named: &[T], value: Option<&T>) -> bool {
    named.is_empty() || value.is_some_and(|value| named.contains(value))
}

#[cfg(test)]
mod tests;
