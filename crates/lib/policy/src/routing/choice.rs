//! The decision: what the plan says where the policy allows it, else what the rules say.

use std::fmt::Write;

use record::{Route, Sandbox, WorkType};

use super::policy::{Model, Policy, Work};
use super::{Task, check};

/// What a flag or a variable says over the policy; empty where nobody says anything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overrides {
    /// The model of every codex task that has one model.
    pub model: Option<String>,
    /// The policy's model `code`.
    pub code: Option<String>,
    /// The policy's model `logic`.
    pub logic: Option<String>,
    /// The effort of every codex task.
    pub effort: Option<String>,
}

/// The route of one task, as it goes into the line.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice<'a> {
    /// The kind of work.
    pub work_type: WorkType,
    /// Who does it.
    pub backend: &'a str,
    /// With which models.
    pub models: Vec<&'a str>,
    /// How hard they think.
    pub effort: Option<&'a str>,
    /// What they may touch.
    pub sandbox: Option<Sandbox>,
    /// What it costs; only the order counts.
    pub rank: u32,
    /// The rule that decided the kind of work, or `plan`.
    pub rule: &'a str,
    /// Why, in one line.
    pub why: String,
    /// What the plan asked for and did not get, for a person.
    pub refused: Option<String>,
}

/// A model that somebody named, by its full name.
struct Named<'a> {
    name: &'a str,
    rank: Option<u32>,
}

/// The only backend that the `CODEX_*` variables are about.
const CODEX: &str = "codex";
/// The backend of a person.
const MANUAL: &str = "manual";

impl Work {
    /// The backend, when a plan may ask for it in work of this kind.
    fn permits(&self, asked: &str) -> Option<&str> {
        if asked == self.backend {
            return Some(&self.backend);
        }
        self.allow.iter().map(String::as_str).find(|allowed| *allowed == asked)
    }
}

impl Policy {
    /// A model by its name in the policy or by its full name.
    fn named<'a>(&'a self, model: &'a str) -> Named<'a> {
        if let Some(name) = self.models.get(model) {
            return Named { name, rank: self.ranks.get(model).copied() };
        }
        let mut names = self.models.iter().filter(|(_, full)| *full == model).map(|(name, _)| name.as_str());
        let rank = self.ranks.get(model).or_else(|| self.ranks.get(names.next()?));
        Named { name: model, rank: rank.copied() }
    }

    fn rank(&self, backend: &str) -> u32 {
        self.ranks.get(backend).copied().unwrap_or_default()
    }
}

impl<'a> Choice<'a> {
    pub(super) fn of(policy: &'a Policy, task: &'a Task) -> Self {
        let wish = task.backend.as_deref().map(str::trim).filter(|wish| !wish.is_empty());
        let (asked, model) = match wish.map(|wish| wish.split_once(':').unwrap_or((wish, ""))) {
            Some((backend, model)) => (Some(backend.trim()), Some(model.trim()).filter(|model| !model.is_empty())),
            None => (None, None),
        };
        let (work_type, rule, mut why) = match task.work_type {
            Some(work_type) => (work_type, "plan", format!("the plan says {}", check::name(work_type))),
            // Who asks for a person has said what kind of work it is.
            None if asked == Some(MANUAL) => (WorkType::Manual, "plan", "the plan says manual".to_owned()),
            None => {
                let decided = policy.rules.decide(task);
                (decided.work_type, decided.name, decided.why)
            }
        };
        // The check of the policy sees to it that every kind of work has a row.
        let row = &policy.rows[&work_type];
        let mut choice = Self {
            work_type,
            backend: &row.backend,
            models: Vec::with_capacity(2),
            effort: None,
            sandbox: row.sandbox,
            rank: 0,
            rule,
            why: String::new(),
            refused: None,
        };
        let mut named = None;
        if let (Some(wish), Some(asked)) = (wish, asked) {
            if let Some(backend) = row.permits(asked) {
                choice.backend = backend;
                named = model.filter(|_| backend != MANUAL).map(|model| policy.named(model));
                if rule != "plan" || backend != row.backend || named.is_some() {
                    why.push_str("; the plan asks for ");
                    why.push_str(wish);
                }
            } else {
                let name = check::name(work_type);
                let known = policy.backends.contains_key(asked);
                why.push_str("; the plan asks for ");
                why.push_str(wish);
                why.push_str(if known {
                    ", which the policy does not allow for "
                } else {
                    ", which no policy entry describes, for "
                });
                why.push_str(name);
                choice.refused = Some(if known {
                    format!(
                        "the plan asks for {wish}, the policy does not allow that for {name}: routed to {}; state another work type in the plan, or add \"{asked}\" to allow in [work_type.{name}]",
                        row.backend
                    )
                } else {
                    format!(
                        "the plan asks for {wish}, but there is no such backend: routed to {}; correct the plan, or add [backend.{asked}]",
                        row.backend
                    )
                });
            }
        }
        choice.with_models(policy, named, &mut why);
        choice.why = why;
        choice
    }

    fn with_models(&mut self, policy: &'a Policy, named: Option<Named<'a>>, why: &mut String) {
        if self.backend == MANUAL {
            self.sandbox = None;
            self.rank = policy.rank(MANUAL);
            return;
        }
        // Whoever a plan sends the work to, may touch what the policy says for this kind of work, and no more.
        self.sandbox = self.sandbox.or(Some(Sandbox::ReadOnly));
        let row = &policy.rows[&self.work_type];
        let backend = &policy.backends[self.backend];
        let own = self.backend == row.backend && !row.models.is_empty();
        let models: &[Model] = if own { &row.models } else { &backend.models };
        let of_backend = policy.rank(self.backend);
        if let Some(named) = named {
            self.models.push(named.name);
            self.rank = named.rank.unwrap_or(of_backend);
        } else if models.is_empty() {
            self.rank = of_backend;
        } else {
            for model in models {
                self.models.push(&model.name);
                self.rank += model.rank.unwrap_or(of_backend);
            }
        }
        self.effort = if own { row.effort.as_deref() } else { None }.or(backend.effort.as_deref());
        if self.backend != CODEX {
            return;
        }
        if let Some(effort) = &policy.overrides.effort {
            self.effort = Some(effort);
        }
        if let (Some(model), [_]) = (&policy.overrides.model, &*self.models) {
            let named = policy.named(model);
            self.models[0] = named.name;
            self.rank = named.rank.unwrap_or(of_backend);
            why.push_str("; --model or CODEX_MODEL names the model");
        }
    }

    /// The kind of work as the wire spells it.
    pub fn work_type_name(&self) -> &'static str {
        check::name(self.work_type)
    }

    /// The `route` section; `buffer` is used again and again.
    pub fn to_json<'b>(&self, buffer: &'b mut String) -> &'b str {
        buffer.clear();
        buffer.push_str("{\"work_type\":\"");
        buffer.push_str(self.work_type_name());
        buffer.push_str("\",\"backend\":");
        push_quoted(buffer, self.backend);
        buffer.push_str(",\"models\":[");
        for (number, model) in self.models.iter().enumerate() {
            if number > 0 {
                buffer.push(',');
            }
            push_quoted(buffer, model);
        }
        buffer.push(']');
        if let Some(effort) = self.effort {
            buffer.push_str(",\"effort\":");
            push_quoted(buffer, effort);
        }
        if let Some(sandbox) = self.sandbox {
            buffer.push_str(",\"sandbox\":\"");
            buffer.push_str(sandbox.name());
            buffer.push('"');
        }
        // Writing to a String cannot fail.
        let _ = write!(buffer, ",\"rank\":{}", self.rank);
        buffer.push_str(",\"rule\":");
        push_quoted(buffer, self.rule);
        buffer.push_str(",\"why\":");
        push_quoted(buffer, &self.why);
        buffer.push('}');
        buffer
    }

    /// The same as the contract's own type.
    pub fn route(&self) -> Route {
        Route {
            work_type: self.work_type,
            backend: self.backend.to_owned(),
            models: self.models.iter().map(|model| (*model).to_owned()).collect(),
            effort: self.effort.map(str::to_owned),
            sandbox: self.sandbox,
            rank: self.rank,
            rule: self.rule.to_owned(),
            why: self.why.clone(),
        }
    }
}

/// A text as a JSON string.
fn push_quoted(buffer: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        // A text always has a JSON form.
        buffer.push_str(&serde_json::to_string(text).unwrap_or_default());
    } else {
        buffer.push('"');
        buffer.push_str(text);
        buffer.push('"');
    }
}
