//! One task, from its result to its verdict.

use std::cell::{Cell, OnceCell, RefCell};
use std::path::{Path, PathBuf};

use process::Limits;
use record::{Check, CheckStatus, Verdict, VerdictStatus};
use stage::Error;
use tree::{Logs, Places};

use crate::args::Args;
use crate::check::{self, Setting};
use crate::environment;
use crate::fence::{self, Protected};
use crate::log::Log;
use crate::sandbox::{Kind, Sandbox};
use crate::scratch::scratch;
use crate::site::{NoSite, Site, Where};
use crate::task::{self, Planned, Task, skipped};
use crate::words::{secrets, tell};

/// How much of a command is shown when it is run; a dry run shows all of it.
const SHOWN: usize = 2000;

/// What the checks of all tasks share.
pub struct Verifier {
    args: Args,
    sandbox: Sandbox,
    protected: Protected,
    shell: PathBuf,
    present: PathBuf,
    /// The `path` of the plan line, once it has come.
    plan: RefCell<Option<String>>,
    logs: OnceCell<Option<Logs>>,
    hinted: Cell<bool>,
}

impl Verifier {
    /// Looks at what it needs of its surroundings; writes nothing.
    pub fn new(args: Args, sandbox: Sandbox) -> Result<Self, Error> {
        let present = args.ground()?;
        let protected = Protected::new(args.protected.as_ref(), &args.protect, &args.no_protect)?;
        let mut shell = args.shell.clone().unwrap_or_else(usual_shell);
        if shell.components().nth(1).is_some() {
            // The checks run in other folders.
            shell = std::path::absolute(&shell).map_err(|error| Error::system("the shell", error))?;
        }
        Ok(Self {
            args,
            sandbox,
            protected,
            shell,
            present,
            plan: RefCell::default(),
            logs: OnceCell::new(),
            hinted: Cell::default(),
        })
    }

    /// Whether nothing is run.
    pub fn is_dry(&self) -> bool {
        self.args.dry_run
    }

    /// Notes the plan's own line.
    pub fn plan(&self, path: Option<&str>) {
        *self.plan.borrow_mut() = path.map(str::to_owned);
    }

    /// Tells what would be run.
    pub fn tell_plan(&self, task: &Task) -> Result<(), Error> {
        let say = |text: &str| tell(&format!("task {}: {text}", task.id));
        if task.checks.is_empty() {
            say("nothing to run, so it would be unproven");
            return Ok(());
        }
        let place = match Where::find(task, &self.present) {
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
        let ground =
            crate::sandbox::Ground { tree: &tree, repository: &tree, folder: &folder, scratch: scratch.path() };
        let sandbox = self.sandbox.kind(ground).map_or_else(|reason| reason, |kind| kind.name().to_owned());
        for planned in &task.checks {
            let shell = self.shell.display();
            say(&format!("would run {} (sandbox {sandbox}, {shell} -c): {}", place.shown(), planned.command));
        }
        Ok(())
    }

    /// Holds a task against the fence and runs its checks, one after the other.
    pub async fn judge(&self, task: &Task) -> Verdict {
        let place = Where::find(task, &self.present);
        // Before anything is run: what checks leave behind is not the task's.
        let fence = self.fence(task, &place).await;
        let mut checks = if task.checks.is_empty() { Vec::new() } else { self.run(task, place).await };
        checks.extend(task.unchecked.iter().cloned());
        checks.extend(fence);
        let verdict = Verdict { status: status(&checks), checks };
        let (word, why) = match verdict.status {
            VerdictStatus::Pass => ("pass", ""),
            VerdictStatus::Fail => ("fail", ""),
            VerdictStatus::Unproven if task.checks.is_empty() => ("unproven", ": it has nothing that can be run"),
            VerdictStatus::Unproven => ("unproven", ": its checks could not be run"),
        };
        tell(&format!("task {}: {word}{why}", task.id));
        verdict
    }

    /// What has changed, held against what may.
    async fn fence(&self, task: &Task, place: &Result<Where, NoSite>) -> Vec<Check> {
        let plan = self.plan.borrow().clone();
        let mut checks = match place {
            Ok(place) => fence::checks(&self.protected, task, place, &self.present, plan.as_deref()).await,
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

    async fn run(&self, task: &Task, place: Result<Where, NoSite>) -> Vec<Check> {
        let prepared = match place {
            Ok(place) => {
                let shown = place.shown();
                Site::prepare(place).await.map(|site| (site, shown))
            }
            Err(reason) => Err(reason),
        };
        let (site, place) = match prepared {
            Ok(site) => site,
            Err(NoSite::Here(reason)) => return skip(task, &task.checks, &reason),
            Err(NoSite::Work(reason)) => {
                tell(&format!("task {}: nothing can be run: {reason}", task.id));
                let reason = secrets().remove(reason);
                return task.checks.iter().map(|planned| check::failed(planned, reason.clone())).collect();
            }
        };
        // A sandbox would find that out too, but it would look like a failure of the check.
        if !is_program(&self.shell) {
            let reason =
                format!("{}: no such program, and it is the shell that runs the commands", self.shell.display());
            return skip(task, &task.checks, &reason);
        }
        let kind = match self.sandbox.kind(site.ground()) {
            Ok(kind) => kind,
            Err(reason) => return skip(task, &task.checks, &reason),
        };
        let setting = Setting {
            ground: site.ground(),
            kind,
            permits: self.sandbox.permits(),
            shell: &self.shell,
            env: environment::of_checks(
                &self.args.keep_env,
                kind.scratch(site.ground()),
                self.sandbox.permits(),
                site.ground().tree,
            ),
            limits: Limits { total: Some(self.args.timeout), stall: None, grace: self.args.grace },
        };
        let mut done = Vec::new();
        for (at, planned) in task.checks.iter().enumerate() {
            let number = format!("check {} of {}", at + 1, task.checks.len());
            tell(&format!("task {}: {number}, {place}: {}", task.id, shorten(&planned.command)));
            let check = check::run(planned, &setting, self.log(task)).await;
            if check.status == CheckStatus::Skipped {
                tell(&format!("task {}: {number} not run: {}", task.id, check.tail.trim_end()));
            }
            if check.status == CheckStatus::Fail {
                // A sandbox that has stopped working says nothing about the task.
                if let Err(reason) = self.sandbox.still_works(kind, site.ground()) {
                    let reason = format!("the sandbox does not work: {reason}");
                    done.extend(skip(task, &task.checks[at..], &reason));
                    return done;
                }
                self.tell_failure(task, &number, &check, kind);
            }
            done.push(check);
        }
        done
    }

    fn tell_failure(&self, task: &Task, number: &str, check: &Check, kind: Kind) {
        let how = match check.exit {
            Some(code) => format!("exit code {code}"),
            None => check.tail.trim_end().lines().last().unwrap_or_default().to_owned(),
        };
        let log = check.log.as_ref().map(|log| format!(", see {log}")).unwrap_or_default();
        tell(&format!("task {}: {number} failed: {how}{log}", task.id));
        if kind.restricts() && !self.hinted.replace(true) {
            tell(
                "if a check needs more than the sandbox lets through: --allow-write DIR, --allow-network, --sandbox none",
            );
        }
    }

    /// A log for one check. Where none can be kept, the end of the output has to do.
    fn log(&self, task: &Task) -> Log {
        let logs = self.logs.get_or_init(|| {
            let plan = self.plan.borrow();
            let made = Places::of(&self.present).and_then(|places| places.logs(plan.as_deref()));
            made.inspect_err(|error| tell(&format!("no logs are kept: {error}"))).ok()
        });
        let made = logs.as_ref().map(|logs| logs.create(&task.id, task.attempt, "verify"));
        let made = made.and_then(|made| made.inspect_err(|error| tell(&format!("no log: {error}"))).ok());
        Log::new(made, secrets())
    }
}

/// Checks that were to be run and could not, for a reason that is not the task's.
fn skip(task: &Task, checks: &[Planned], reason: &str) -> Vec<Check> {
    tell(&format!("task {}: not run: {reason}", task.id));
    let why = secrets().remove(format!("[verify: not run: {reason}]\n"));
    checks.iter().map(|planned| skipped(planned.kind, planned.command.clone(), why.clone())).collect()
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

/// Plans are written, and tried by agents, with bash in mind; `sh` does where there is none.
fn usual_shell() -> PathBuf {
    PathBuf::from(if is_program(Path::new("bash")) { "bash" } else { "sh" })
}

/// Whether there is such a program: on PATH, or at a path.
fn is_program(name: &Path) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A name with a separator is a path, and `join` leaves an absolute one as it is.
    name.components().nth(1).is_some() && name.is_file()
        || std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn shorten(command: &str) -> String {
    if command.len() <= SHOWN {
        return command.to_owned();
    }
    let start: String = command.chars().take(SHOWN).collect();
    format!("{start} ... ({} bytes in all)", command.len())
}

#[cfg(test)]
mod tests {
    use super::*;

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
