//! What an executor reads of a task, and whether the task is its own.

use agent::{Asked, Effort};
use record::{Access, Action, Class, FileRef, Gate, Record, Sandbox, WorkType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::options::Options;

/// The fields that an executor reads.
#[derive(Debug, Deserialize)]
pub(crate) struct Task {
    pub id: String,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    checked: bool,
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default)]
    files: Vec<FileRef>,
    #[serde(default)]
    route: Option<Route>,
    #[serde(default)]
    batch: Option<Batch>,
    #[serde(default)]
    result: Option<Earlier>,
    #[serde(default)]
    decisions: Vec<Decision>,
    #[serde(default)]
    landed: Option<Landed>,
}

#[derive(Debug, Deserialize)]
struct Route {
    backend: String,
    /// Words of its own may stand in the route of another backend; in ours they are looked at by [`Task::check`].
    #[serde(default)]
    work_type: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    effort: Option<String>,
    #[serde(default)]
    sandbox: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(deserialize_with = "record::whole")]
    number: u64,
    #[serde(default, deserialize_with = "record::whole")]
    attempt: u64,
    #[serde(default)]
    feedback: Option<String>,
    #[serde(default)]
    thread: Option<String>,
    #[serde(default)]
    head: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Earlier {
    status: String,
    #[serde(default)]
    backend: Option<String>,
    #[serde(default)]
    head: Option<String>,
    #[serde(default)]
    attempts: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
struct Landed {
    status: String,
}

#[derive(Debug, Deserialize)]
struct Decision {
    gate: String,
    status: String,
    #[serde(default)]
    task_digest: Option<String>,
    #[serde(default)]
    backend: Option<String>,
    #[serde(default)]
    model: Option<String>,
}

/// What is to be done with a task that has arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Concern {
    /// It is ours.
    Ours,
    /// It is finished: ticked off, or somebody's result is ok.
    Finished,
    /// It is not ours and not finished: this executor will not see it finish.
    NotOurs,
    /// It says nobody whom it is for.
    Unrouted,
}

/// How a task of ours is to be called.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub models: Vec<String>,
    /// A model that a person has decided on; neither flag nor variable overrides it.
    pub decided: bool,
    pub effort: Option<String>,
    pub sandbox: Option<Sandbox>,
    pub work_type: Option<WorkType>,
}

impl Wish {
    /// What the agent may touch. Two at once would write over each other, and only one answer is chosen.
    pub fn sandbox(&self, options: &Options) -> Sandbox {
        if self.models(options).len() > 1 {
            return Sandbox::ReadOnly;
        }
        options.sandbox.or(self.sandbox).unwrap_or(Sandbox::ReadOnly)
    }

    /// Who is asked.
    pub fn models(&self, options: &Options) -> Vec<String> {
        if self.decided { self.models.clone() } else { options.models(&self.models, self.work_type) }
    }
}

impl Task {
    pub fn of(record: &Record) -> Result<Self, String> {
        record.view().map_err(|error| error.to_string())
    }

    /// Whether a line has the form that we need of it; an error says what is wrong.
    pub fn check(record: &Record, backend: &str) -> Result<(), String> {
        let task = Self::of(record)?;
        if task.concern(backend) != Concern::Ours {
            return Ok(());
        }
        Self::asked(record)?;
        let sandbox = task.route.as_ref().and_then(|route| route.sandbox.as_deref());
        if let Some(sandbox) = sandbox.filter(|sandbox| known::<Sandbox>(sandbox).is_none()) {
            return Err(format!(
                "route.sandbox: \"{sandbox}\" is none of read-only, workspace-write, danger-full-access"
            ));
        }
        match task.wish().effort {
            Some(effort) if Effort::named(&effort).is_none() => {
                Err(format!("route.effort: \"{effort}\" is none of {}", Effort::NAMES.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// What the prompt is made of. Read apart, since only tasks of ours need it.
    pub fn asked(record: &Record) -> Result<Asked, String> {
        record.view().map_err(|error| error.to_string())
    }

    pub fn concern(&self, backend: &str) -> Concern {
        if self.checked {
            return Concern::Finished;
        }
        let addressed = match self.fallback().and_then(|decision| decision.backend.as_deref()) {
            Some(decided) => Some(decided),
            None => self.route.as_ref().map(|route| route.backend.as_str()),
        };
        match (&self.result, addressed) {
            (Some(result), Some(addressed)) if addressed == backend && result.backend.as_deref() != Some(backend) => {
                Concern::Ours
            }
            (Some(result), _) if result.status == "ok" => Concern::Finished,
            (None, Some(addressed)) if addressed == backend => Concern::Ours,
            (Some(_), _) | (None, Some(_)) => Concern::NotOurs,
            (None, None) => Concern::Unrouted,
        }
    }

    /// The newest decision at gate `fallback`, when it is a yes to this very task and says who and with which model.
    fn fallback(&self) -> Option<&Decision> {
        let newest = self.decisions.iter().rev().find(|decision| decision.gate == Gate::Fallback.name())?;
        let same = self.digest.is_some() && newest.task_digest == self.digest;
        let complete = newest.backend.is_some() && newest.model.is_some();
        (newest.status == "approved" && same && complete).then_some(newest)
    }

    pub fn wish(&self) -> Wish {
        let route = self.route.as_ref();
        let decided = self.fallback().and_then(|decision| decision.model.clone());
        Wish {
            decided: decided.is_some(),
            // That of the route is for the models of the route.
            effort: route.filter(|_| decided.is_none()).and_then(|route| route.effort.clone()),
            models: decided
                .map_or_else(|| route.map(|route| route.models.clone()).unwrap_or_default(), |model| vec![model]),
            sandbox: route.and_then(|route| known(route.sandbox.as_deref()?)),
            work_type: route.and_then(|route| known(route.work_type.as_deref()?)),
        }
    }

    /// The batch in which plan-batch has released it. Its needs are finished then, though they may never come by here.
    pub fn batch(&self) -> Option<u64> {
        self.batch.as_ref().map(|batch| batch.number)
    }

    /// Which try this is; 1 without batches.
    pub fn attempt(&self) -> u64 {
        self.batch.as_ref().map_or(1, |batch| batch.attempt.max(1))
    }

    /// Why it is tried again, where somebody has said so.
    pub fn feedback(&self) -> Option<&str> {
        self.batch.as_ref()?.feedback.as_deref().filter(|feedback| !feedback.trim().is_empty())
    }

    /// The agent's conversation to continue. Another backend than the one that began it begins anew.
    pub fn thread(&self) -> Option<&str> {
        self.batch.as_ref().filter(|_| self.fallback().is_none())?.thread.as_deref()
    }

    /// The commit to go on from, likewise.
    pub fn head(&self) -> Option<&str> {
        self.batch.as_ref().filter(|_| self.fallback().is_none())?.head.as_deref()
    }

    /// Whether its work is a commit that is not in the user's branch, so that no other task would see it.
    pub fn waits_to_land(&self) -> bool {
        let has_head = self.result.as_ref().is_some_and(|result| result.head.is_some());
        has_head && !self.landed.as_ref().is_some_and(|landed| matches!(landed.status.as_str(), "merged" | "nothing"))
    }

    /// The calls that other executors have made for it.
    pub fn earlier_attempts(&self) -> Vec<Box<RawValue>> {
        self.result.as_ref().map(|result| result.attempts.clone()).unwrap_or_default()
    }

    /// What it may write.
    pub fn access(&self, sandbox: Sandbox) -> Access {
        let written = self.files.iter().filter(|file| file.action != Action::Read);
        match sandbox {
            Sandbox::ReadOnly => Access::Reads,
            _ => Access::writes(written.map(|file| file.path.as_str())),
        }
    }
}

/// A word of the contract; `None` when it is somebody else's.
fn known<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

/// The remedy that belongs to a class whatever the CLI, where there is one.
pub(crate) fn remedy(class: Class) -> Option<&'static str> {
    match class {
        Class::Network => Some("see whether the network and the service are up, and run the pipe again"),
        Class::Timeout => Some("give it more time with --timeout SECONDS, or split the task"),
        Class::ContextWindow => Some("split the task"),
        Class::Budget => Some("raise that limit to go on"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concern(json: &str) -> Concern {
        Task::of(&Record::parse(json).unwrap()).unwrap().concern("codex")
    }

    fn task(rest: &str) -> String {
        format!(r#"{{"type":"task","id":"1","title":"t","digest":"d"{rest}}}"#)
    }

    const CLAUDE: &str = r#","route":{"backend":"claude"}"#;
    const CODEX: &str = r#","route":{"backend":"codex"}"#;

    #[test]
    fn a_task_is_ours_by_its_route() {
        assert_eq!(concern(&task(CODEX)), Concern::Ours);
        assert_eq!(concern(&task(CLAUDE)), Concern::NotOurs);
        assert_eq!(concern(&task("")), Concern::Unrouted);
        assert_eq!(concern(&task(&format!(r#"{CODEX},"checked":true"#))), Concern::Finished);
    }

    #[test]
    fn words_of_others_are_theirs() {
        let foreign = r#","route":{"backend":"relay","sandbox":"none","work_type":"magic"},"result":{"status":"odd"},"decisions":[{"gate":"mine","status":"odd"}],"batch":{"number":1.0,"attempt":2.0}"#;
        assert_eq!(concern(&task(foreign)), Concern::NotOurs);
        let ours = task(r#","route":{"backend":"codex","sandbox":"none"}"#);
        let why = Task::check(&Record::parse(&ours).unwrap(), "codex").unwrap_err();
        assert!(why.starts_with("route.sandbox: \"none\" is none of"), "{why}");
    }

    #[test]
    fn a_result_of_our_own_is_left_alone() {
        let with = |route: &str, status: &str, by: &str| {
            concern(&task(&format!(r#"{route},"result":{{"status":"{status}","backend":"{by}"}}"#)))
        };
        assert_eq!(with(CODEX, "ok", "codex"), Concern::Finished);
        assert_eq!(with(CODEX, "failed", "codex"), Concern::NotOurs);
        assert_eq!(with(CLAUDE, "ok", "claude"), Concern::Finished);
        assert_eq!(with(CODEX, "failed", "claude"), Concern::Ours);
    }

    #[test]
    fn a_fallback_needs_a_yes_to_this_very_task() {
        let decided = |status: &str, digest: &str, backend: &str| {
            format!(
                r#"{{"gate":"fallback","status":"{status}","by":"x","at":"y","task_digest":"{digest}","backend":"{backend}","model":"m"}}"#
            )
        };
        let with = |route: &str, decisions: &str| concern(&task(&format!(r#"{route},"decisions":[{decisions}]"#)));
        assert_eq!(with(CLAUDE, &decided("approved", "d", "codex")), Concern::Ours);
        assert_eq!(with(CLAUDE, &decided("approved", "other", "codex")), Concern::NotOurs);
        assert_eq!(with(CLAUDE, &decided("denied", "d", "codex")), Concern::NotOurs);
        assert_eq!(with(CODEX, &decided("approved", "d", "claude")), Concern::NotOurs);
        let both = format!("{},{}", decided("approved", "d", "codex"), decided("denied", "d", "codex"));
        assert_eq!(with(CLAUDE, &both), Concern::NotOurs);
        let no_model = decided("approved", "d", "codex").replace(r#","model":"m""#, "");
        assert_eq!(with(CLAUDE, &no_model), Concern::NotOurs);
    }
}
