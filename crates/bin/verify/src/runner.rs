//! Runs the commands of a task, on its work and on what was there before.

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::path::{Path, PathBuf};

use process::Limits;
use record::{Check, CheckStatus};
use stage::Error;
use tree::{Logs, Places};

use crate::args::Args;
use crate::baseline::{self, Base, Outcome};
use crate::check::{self, Setting};
use crate::environment;
use crate::log::{Log, note};
use crate::sandbox::{Kind, Sandbox};
use crate::site::{NoSite, Site, Where};
use crate::task::{Planned, Task, skipped};
use crate::trees::Trees;
use crate::words::{secrets, tell};

/// How much of a command is shown when it is run; a dry run shows all of it.
const SHOWN: usize = 2000;

/// What the checks of all tasks share.
pub struct Runner {
    /// The command line.
    pub args: Args,
    /// What keeps checks away from the rest of the machine.
    pub sandbox: Sandbox,
    /// What runs the commands.
    pub shell: PathBuf,
    /// Where work is that no task names a place for.
    pub present: PathBuf,
    /// Trees for commits.
    pub trees: Trees,
    /// The `path` of the plan line, once it has come.
    pub plan: RefCell<Option<String>>,
    logs: OnceCell<Option<Logs>>,
    hinted: Cell<bool>,
}

/// A place that is ready, and what keeps checks there.
struct Stand {
    site: Site,
    kind: Kind,
}

impl Runner {
    /// Looks at what it needs of its surroundings; writes nothing.
    pub fn new(args: Args, sandbox: Sandbox) -> Result<Self, Error> {
        let present = args.ground()?;
        let mut shell = args.shell.clone().unwrap_or_else(usual_shell);
        if shell.components().nth(1).is_some() {
            // The checks run in other folders.
            shell = std::path::absolute(&shell).map_err(|error| Error::system("the shell", error))?;
        }
        Ok(Self {
            args,
            sandbox,
            shell,
            present,
            trees: Trees::default(),
            plan: RefCell::default(),
            logs: OnceCell::new(),
            hinted: Cell::default(),
        })
    }

    /// Runs all checks of a task.
    pub async fn run(&self, task: &Task, place: Result<Where, NoSite>) -> Vec<Check> {
        let prepared = match place {
            Ok(place) => self.prepare(task, place.clone()).await.map(|stand| (stand, place)),
            Err(reason) => Err(reason),
        };
        let (stand, place) = match prepared {
            Ok(prepared) => prepared,
            Err(NoSite::Here(reason)) => return skip(task, &task.checks, &reason),
            Err(NoSite::Work(reason)) => {
                tell(&format!("task {}: nothing can be run: {reason}", task.id));
                let reason = secrets().remove(reason);
                return task.checks.iter().map(|planned| check::failed(planned, reason.clone())).collect();
            }
        };
        let mut comparison = self.compare(task, &place).await;
        let mut done = Vec::new();
        for (at, planned) in task.checks.iter().enumerate() {
            let number = format!("check {} of {}", at + 1, task.checks.len());
            tell(&format!("task {}: {number}, {}: {}", task.id, place.shown(), shorten(&planned.command)));
            let mut check = self.check(planned, &stand, self.log(task, "verify")).await;
            if check.status == CheckStatus::Skipped {
                tell(&format!("task {}: {number} not run: {}", task.id, check.tail.trim_end()));
            }
            if check.status == CheckStatus::Fail {
                // A sandbox that has stopped working says nothing about the task.
                if let Err(reason) = self.sandbox.still_works(stand.kind, stand.site.ground()) {
                    let reason = format!("the sandbox does not work: {reason}");
                    done.extend(skip(task, &task.checks[at..], &reason));
                    return done;
                }
                self.tell_failure(task, &number, &check, stand.kind);
            }
            if let Some(comparison) = &mut comparison
                && let Some(said) = comparison.mark(planned, &mut check, &stand).await
            {
                tell(&format!("task {}: {number}: {said}", task.id));
            }
            done.push(check);
        }
        done
    }

    /// Makes a place ready. A sandbox would find out too that there is no shell, but it would look like a failed check.
    async fn prepare(&self, task: &Task, place: Where) -> Result<Stand, NoSite> {
        if !is_program(&self.shell) {
            let why = "no such program, and it is the shell that runs the commands";
            return Err(NoSite::Here(format!("{}: {why}", self.shell.display())));
        }
        let commit = matches!(place, Where::Commit { .. });
        let site = Site::prepare(place, &self.trees).await?;
        let kind = self.sandbox.kind(site.ground()).map_err(NoSite::Here)?;
        let stand = Stand { site, kind };
        if commit {
            self.make_ready(task, &stand).await.map_err(NoSite::Here)?;
        }
        Ok(stand)
    }

    /// Puts into a tree what its commit does not hold.
    async fn make_ready(&self, task: &Task, stand: &Stand) -> Result<(), String> {
        if let Some(command) = &self.args.setup {
            tell(&format!("task {}: --setup: {}", task.id, shorten(command)));
            let planned = Planned { kind: "setup", command: command.clone(), is_open: false };
            let check = self.check(&planned, stand, self.log(task, "verify-setup")).await;
            if check.status != CheckStatus::Pass {
                let end = check.tail.trim_end().lines().last().unwrap_or_default();
                let code = check.exit.map(|code| format!("exit code {code}: ")).unwrap_or_default();
                return Err(format!("--setup did not succeed: {code}{end}"));
            }
        }
        let ground = stand.site.ground();
        for path in &self.args.include {
            worktree::include::copy(ground.repository, path, ground.tree)?;
        }
        Ok(())
    }

    async fn check(&self, planned: &Planned, stand: &Stand, log: Log) -> Check {
        let ground = stand.site.ground();
        let permits = self.sandbox.permits();
        let setting = Setting {
            ground,
            kind: stand.kind,
            permits,
            shell: &self.shell,
            env: environment::of_checks(&self.args.keep_env, stand.kind.scratch(ground), permits, ground.tree),
            limits: Limits { total: Some(self.args.timeout), stall: None, grace: self.args.grace },
        };
        check::run(planned, &setting, log).await
    }

    /// What to compare with, where there is something and it is wanted.
    async fn compare<'a>(&'a self, task: &'a Task, place: &Where) -> Option<Comparison<'a>> {
        let Where::Commit { repository, commit, below } = place else { return None };
        let base = task.base.as_deref().filter(|base| worktree::is_commit_id(base) && !self.args.no_baseline)?;
        match Base::new(repository, base, commit, below).await {
            Ok(base) => Some(Comparison { runner: self, task, base, stand: None }),
            Err(reason) => {
                tell(&format!("task {}: nothing to compare with: {reason}", task.id));
                None
            }
        }
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
    fn log(&self, task: &Task, what: &str) -> Log {
        Log::new(self.log_file(task, what), secrets())
    }

    /// A file for what is said while `what` is done.
    pub fn log_file(&self, task: &Task, what: &str) -> Option<(PathBuf, File)> {
        let logs = self.logs.get_or_init(|| {
            let plan = self.plan.borrow();
            let made = Places::of(&self.present).and_then(|places| places.logs(plan.as_deref()));
            made.inspect_err(|error| tell(&format!("no logs are kept: {error}"))).ok()
        });
        let made = logs.as_ref().map(|logs| logs.create(&task.id, task.attempt, what));
        made.and_then(|made| made.inspect_err(|error| tell(&format!("no log: {error}"))).ok())
    }
}

/// The same commands on the commit from before the work.
struct Comparison<'a> {
    runner: &'a Runner,
    task: &'a Task,
    base: Base,
    /// A tree of the base, once it is needed.
    stand: Option<Stand>,
}

impl Comparison<'_> {
    /// Sets `baseline` of a check that was run on `stand`; what it says, for people.
    async fn mark(&mut self, planned: &Planned, check: &mut Check, stand: &Stand) -> Option<&'static str> {
        let now = Outcome::of(check)?;
        // What has taken all its time once may take it twice.
        let again = if now.passed || now.exit.is_none() { None } else { self.again(planned, stand).await };
        let before = match self.before(planned, stand).await {
            Ok(before) => before,
            Err(reason) => {
                tell(&format!("task {}: not run on the base: {reason}", self.task.id));
                None
            }
        };
        check.baseline = baseline::mark(planned, now, again, before, self.base.is_same);
        let said = baseline::explain(check.baseline, now, before)?;
        note(&mut check.tail, said);
        Some(said)
    }

    /// The command a second time on the work; no log, as the first one tells what went wrong.
    async fn again(&self, planned: &Planned, stand: &Stand) -> Option<Outcome> {
        let check = self.runner.check(planned, stand, Log::new(None, secrets())).await;
        Outcome::of(&check)
    }

    /// The command on the base, or what is remembered of it.
    async fn before(&mut self, planned: &Planned, stand: &Stand) -> Result<Option<Outcome>, String> {
        let Runner { args, shell, sandbox, .. } = self.runner;
        let how =
            format!("{} {} {} {:?}", shell.display(), stand.kind.name(), args.timeout.as_secs_f64(), sandbox.permits());
        let ready = format!("{:?} {:?}", args.setup, args.include);
        let key = self.base.key(&planned.command, &[&how, &ready]);
        if let Some(known) = self.base.remembered(&key) {
            return Ok(Some(known));
        }
        let Base { repository, commit, below, .. } = &self.base;
        let place = Where::Commit { repository: repository.clone(), commit: commit.clone(), below: below.clone() };
        let base = match self.stand.take() {
            Some(base) => base,
            None => self
                .runner
                .prepare(self.task, place)
                .await
                .map_err(|(NoSite::Here(reason) | NoSite::Work(reason))| reason)?,
        };
        let check = self.runner.check(planned, &base, self.runner.log(self.task, "verify-base")).await;
        let outcome = Outcome::of(&check);
        if let Some(outcome) = outcome {
            // A sandbox that does not work any more fails everything.
            if !outcome.passed {
                self.runner.sandbox.still_works(base.kind, base.site.ground())?;
            }
            if base.kind == stand.kind {
                self.base.remember(&key, outcome);
            }
        }
        self.stand = Some(base);
        Ok(outcome)
    }
}

/// Checks that were to be run and could not, for a reason that is not the task's.
fn skip(task: &Task, checks: &[Planned], reason: &str) -> Vec<Check> {
    tell(&format!("task {}: not run: {reason}", task.id));
    let why = secrets().remove(format!("[verify: not run: {reason}]\n"));
    checks.iter().map(|planned| skipped(planned.kind, planned.command.clone(), why.clone())).collect()
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
