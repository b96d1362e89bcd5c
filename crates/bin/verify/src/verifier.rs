//! One task, from its result to its verdict.

use std::cell::OnceCell;

use record::{Check, CheckStatus, Record, Verdict, VerdictStatus};
use stage::Error;
use tree::Places;

use crate::args::Args;
use crate::fence::{self, Protected};
use crate::review;
use crate::runner::Runner;
use crate::sandbox::{Ground, Sandbox};
use crate::scratch::scratch;
use crate::site::{NoSite, Where};
use crate::task::{self, Task};
use crate::words::{secrets, tell};

/// Judges tasks.
pub struct Verifier {
    runner: Runner,
    /// The usual list is only read when a change is looked at: that takes longer than everything else at the start.
    protected: OnceCell<Protected>,
}

impl Verifier {
    /// Looks at what it needs of its surroundings; writes nothing.
    pub fn new(args: Args, sandbox: Sandbox) -> Result<Self, Error> {
        let protected = OnceCell::new();
        if args.protected.is_some() || !args.protect.is_empty() || !args.no_protect.is_empty() {
            let list = Protected::new(args.protected.as_ref(), &args.protect, &args.no_protect)?;
            protected.get_or_init(|| list);
        }
        Ok(Self { runner: Runner::new(args, sandbox)?, protected })
    }

    /// Whether nothing is run.
    pub fn is_dry(&self) -> bool {
        self.runner.args.dry_run
    }

    /// Notes the plan's own line. No agent is at work yet.
    pub fn plan(&self, path: Option<&str>) {
        *self.runner.plan.borrow_mut() = path.map(str::to_owned);
        if let Ok(places) = Places::of(&self.runner.present)
            && places.is_repository()
        {
            // If it is one that cannot be worked in, that is told when it is needed.
            let _ = self.runner.trees.note(places.root());
        }
    }

    /// To be called when there is nothing more to judge.
    pub fn finish(&self) {
        self.runner.trees.clear();
    }

    /// Tells what would be run.
    pub async fn tell_plan(&self, task: &Task) -> Result<(), Error> {
        let say = |text: &str| tell(&format!("task {}: {text}", task.id));
        if task.checks.is_empty() {
            say("nothing to run, so it would be unproven");
            return Ok(());
        }
        let place = match Where::find(task, &self.runner.present).await {
            Ok(place) => place,
            Err(NoSite::Work(reason)) => {
                say(&format!("would fail, as nothing could be run: {reason}"));
                return Ok(());
            }
            Err(NoSite::Here(reason)) => {
                say(&format!("would be unproven, as nothing could be run: {reason}"));
                return Ok(());
            }
        };
        let folder = match &place {
            Where::InPlace(folder) => folder.clone(),
            Where::Commit { repository, .. } => repository.root().to_owned(),
        };
        let scratch = scratch()?;
        let tree = Places::of(&folder).map_or_else(|_| folder.clone(), |places| places.root().to_owned());
        let ground = Ground { tree: &tree, repository: &tree, folder: &folder, scratch: scratch.path() };
        let sandbox = self.runner.sandbox.kind(ground).map_or_else(|reason| reason, |kind| kind.name().to_owned());
        for planned in &task.checks {
            let shell = self.runner.shell.display();
            say(&format!("would run {} (sandbox {sandbox}, {shell} -c): {}", place.shown(), planned.command));
        }
        let args = &self.runner.args;
        if let (Where::Commit { .. }, Some(base)) = (&place, task.base.as_ref().filter(|_| !args.no_baseline)) {
            say(&format!("would run the same in a tree of {}, its base", base.get(..12).unwrap_or(base)));
        }
        if args.review.review {
            say("would ask for a review of what was changed, if there is something");
        }
        Ok(())
    }

    /// Holds a task against the fence and runs its checks, one after the other.
    pub async fn judge(&self, task: &Task, record: &Record) -> Verdict {
        let place = Where::find(task, &self.runner.present).await;
        // Before anything is run: what checks leave behind is not the task's.
        let fence = self.fence(task, &place).await;
        let found = place.as_ref().ok().cloned();
        let mut checks = if task.checks.is_empty() { Vec::new() } else { self.runner.run(task, place).await };
        checks.extend(task.unchecked.iter().cloned());
        checks.extend(fence);
        if let Some(place) = found {
            checks.extend(self.review(task, record, &place, status(&checks)).await);
        }
        let verdict = Verdict { status: status(&checks), checks };
        let (word, why) = match verdict.status {
            VerdictStatus::Pass => ("pass", ""),
            VerdictStatus::Fail => ("fail", ""),
            VerdictStatus::Unproven if task.checks.is_empty() => ("unproven", ": it has nothing that can be run"),
            VerdictStatus::Unproven => ("unproven", ": not all of its checks could be made"),
        };
        tell(&format!("task {}: {word}{why}", task.id));
        verdict
    }

    /// What another model thinks of the change, where that is wanted. It costs money, and what has failed is done again
    /// anyway.
    async fn review(&self, task: &Task, record: &Record, place: &Where, so_far: VerdictStatus) -> Option<Check> {
        let args = &self.runner.args.review;
        if !args.review {
            return None;
        }
        if so_far == VerdictStatus::Fail {
            return Some(review::not_made(task, "another check has failed"));
        }
        review::review(args, &self.runner, task, record, place).await
    }

    fn protected(&self) -> Result<&Protected, Error> {
        if let Some(list) = self.protected.get() {
            return Ok(list);
        }
        let usual = Protected::new(None, &[], &[])?;
        Ok(self.protected.get_or_init(|| usual))
    }

    /// What has changed, held against what may.
    async fn fence(&self, task: &Task, place: &Result<Where, NoSite>) -> Vec<Check> {
        let plan = self.runner.plan.borrow().clone();
        let mut checks = match place {
            Ok(place) => match self.protected() {
                Ok(list) => fence::checks(list, task, place, &self.runner.present, plan.as_deref()).await,
                Err(error) => vec![fence::impossible(&error.to_string())],
            },
            Err(NoSite::Work(reason)) if task.head.is_some() => vec![fence::impossible(reason)],
            Err(_) => Vec::new(),
        };
        for check in &mut checks {
            check.tail = secrets().remove(std::mem::take(&mut check.tail));
            for finding in &mut check.findings {
                finding.text = secrets().remove(std::mem::take(&mut finding.text));
            }
            if check.status == CheckStatus::Fail {
                let first = check.tail.lines().next().unwrap_or_default();
                tell(&format!("task {}: {} failed: {first}", task.id, check.name));
            }
        }
        checks
    }
}

/// `pass` needs something that was run, and all of it good. What was not run proves nothing either way.
fn status(checks: &[Check]) -> VerdictStatus {
    let has = |status| checks.iter().any(|check| check.status == status);
    // A command that was skipped was to be run; a criterion in words never was.
    let missing = checks.iter().any(|check| check.status == CheckStatus::Skipped && !check.tail.is_empty());
    // To have changed only what was declared proves nothing.
    let is_proof = |check: &Check| matches!(check.kind.as_str(), task::COMMAND | task::DONE);
    let proven = checks.iter().any(|check| check.status == CheckStatus::Pass && is_proof(check));
    if has(CheckStatus::Fail) {
        VerdictStatus::Fail
    } else if proven && !missing {
        VerdictStatus::Pass
    } else {
        VerdictStatus::Unproven
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::skipped;

    #[test]
    fn pass_needs_something_that_was_run() {
        let check = |status, tail: &str| Check { status, ..skipped("done", "x".into(), tail.into()) };
        let (pass, fail) = (check(CheckStatus::Pass, ""), check(CheckStatus::Fail, ""));
        let (words, broken) = (check(CheckStatus::Skipped, ""), check(CheckStatus::Skipped, "no sandbox"));
        for (checks, wanted) in [
            (vec![], VerdictStatus::Unproven),
            (vec![words.clone()], VerdictStatus::Unproven),
            (vec![pass.clone(), words.clone()], VerdictStatus::Pass),
            (vec![pass.clone(), fail.clone()], VerdictStatus::Fail),
            (vec![pass, broken.clone()], VerdictStatus::Unproven),
            (vec![fail, broken], VerdictStatus::Fail),
            (
                vec![Check { kind: "scope".into(), ..check(CheckStatus::Pass, "1 path was changed") }],
                VerdictStatus::Unproven,
            ),
        ] {
            assert_eq!(status(&checks), wanted, "{checks:?}");
        }
    }
}
