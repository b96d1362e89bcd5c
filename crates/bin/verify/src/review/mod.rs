//! A second opinion: another model reads the task and the change.

mod answer;
mod prompt;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use agent::codex::Codex;
use agent::{Agent, Call, Effort};
use change::Work;
use process::{Limits, Stopper};
use record::{Check, CheckStatus, Record, Sandbox, WorkType};
use worktree::Tree;

use crate::args::ReviewArgs;
use crate::fence::finding_line;
use crate::runner::Runner;
use crate::scratch::{Scratch, scratch};
use crate::site::Where;
use crate::task::{Task, skipped};
use crate::words::{secrets, tell};
use answer::{Answer, SCHEMA};
use prompt::{Place, Subject, beginning, prompt};

/// The kind of a review's check.
const REVIEW: &str = "review";
/// As much of a diff is shown, in bytes; a model reads no more at once.
const DIFF: usize = 256 << 10;
/// As much of an answer that has the wrong form is shown, in bytes.
const WRONG: usize = 1000;
/// Without any event for so long, a call is not getting on.
const STALL: Duration = Duration::from_secs(300);

/// Where the reviewer works, kept for as long as the value lives.
struct Desk {
    place: Place,
    folder: PathBuf,
    scratch: Scratch,
    _tree: Option<Tree>,
}

/// Asks for a review of a task's change. `None` when there is no change to look at.
pub async fn review(args: &ReviewArgs, runner: &Runner, task: &Task, record: &Record, place: &Where) -> Option<Check> {
    let (work, changed) = match changes(task, place).await {
        Ok(Some(work)) => work,
        Ok(None) => return None,
        Err(reason) => return Some(not_made(task, &reason)),
    };
    match ask(args, runner, task, record, place, work, &changed).await {
        Ok(check) => Some(check),
        Err(reason) => Some(not_made(task, &reason)),
    }
}

/// A review that was not made, for a reason that is not the task's.
pub fn not_made(task: &Task, reason: &str) -> Check {
    tell(&format!("task {}: no review: {reason}", task.id));
    skipped(REVIEW, REVIEW.into(), secrets().remove(format!("[verify: not reviewed: {reason}]\n")))
}

/// Where the change is, and which paths it has.
async fn changes(task: &Task, place: &Where) -> Result<Option<(Work, BTreeSet<String>)>, String> {
    let (work, changed) = match place {
        Where::Commit { repository, commit, .. } => {
            let Some(base) = &task.base else { return Err("there is no result.base to compare with".into()) };
            let changed = crate::fence::changed_paths(repository.root(), base, commit).await?;
            let workdir = Some(repository.root().to_string_lossy().into_owned());
            let work = Work { workdir, base: Some(base.clone()), head: Some(commit.clone()), changed: None };
            (work, changed)
        }
        Where::InPlace(folder) => {
            let places = tree::Places::of(folder).map_err(|error| error.to_string())?;
            let changed = task.changed.clone().unwrap_or_default();
            let workdir = Some(places.root().to_string_lossy().into_owned());
            (Work { workdir, base: None, head: None, changed: Some(changed.clone()) }, changed)
        }
    };
    Ok((!changed.is_empty()).then(|| (work, changed.into_iter().collect())))
}

async fn ask(
    args: &ReviewArgs,
    runner: &Runner,
    task: &Task,
    record: &Record,
    place: &Where,
    work: Work,
    changed: &BTreeSet<String>,
) -> Result<Check, String> {
    let diff = tokio::task::spawn_blocking(move || change::diff(&work)).await.map_err(|error| error.to_string())?;
    let diff = diff.map_err(|error| format!("the change cannot be shown: {error}"))?;
    let diff = diff.ok_or("the change cannot be shown")?;
    let text = secrets().remove(diff.text);
    let shown = beginning(&text, DIFF);
    let is_cut = diff.is_cut || shown.len() < text.len();

    let desk = desk(runner, task, place).await?;
    let schema = desk.scratch.path().join("answer.schema.json");
    std::fs::write(&schema, SCHEMA).map_err(|error| format!("{}: {error}", schema.display()))?;
    let subject = Subject::of(record)?;
    let log = runner.log_file(task, REVIEW);
    let call = Call {
        prompt: prompt(&subject, shown, is_cut, desk.place, &mark()),
        resume: None,
        model: args.model(),
        effort: args.effort(),
        sandbox: Sandbox::ReadOnly,
        work_type: Some(WorkType::CodeReview),
        commands: Vec::new(),
        folder: desk.folder.clone(),
        limits: Limits { total: Some(args.review_timeout), stall: Some(STALL), grace: runner.args.grace },
        log: log.as_ref().and_then(|(_, file)| file.try_clone().ok()),
    };
    let model = call.model.clone();
    tell(&format!("task {}: asks {model} for a review", task.id));
    let (_stopper, stop) = Stopper::new();
    let report = Codex::new(args.program()).answering(&schema).call(call, stop).await;

    let mut check = skipped(REVIEW, REVIEW.into(), String::new());
    check.seconds = (report.time.as_secs_f64() * 1000.0).round() / 1000.0;
    check.usage = report.usage;
    check.log = log.map(|(path, _)| path.to_string_lossy().into_owned());
    let (status, tail) = match (report.failure, report.sandbox, report.message) {
        (Some((class, evidence)), ..) => {
            (CheckStatus::Skipped, format!("[verify: not reviewed: {}: {evidence}]\n", class.name()))
        }
        (None, Some(sandbox), _) if sandbox != Sandbox::ReadOnly => {
            let why = format!("{model} reports the sandbox {}, which could write", sandbox.name());
            (CheckStatus::Skipped, format!("[verify: not reviewed: {why}]\n"))
        }
        (None, _, message) => {
            let message = message.unwrap_or_default();
            match Answer::read(&message) {
                Ok(answer) => {
                    let (status, said, findings) = answer.judge(changed);
                    let listed: String = findings.iter().map(|finding| finding_line(finding) + "\n").collect();
                    check.findings = findings;
                    (status, format!("by {model}\n{said}{listed}"))
                }
                Err(why) => {
                    let answer = beginning(&message, WRONG);
                    (
                        CheckStatus::Fail,
                        format!(
                            "{answer}\n[verify: the answer of {model} has not the form that was asked for: {why}]\n"
                        ),
                    )
                }
            }
        }
    };
    check.status = match status {
        // Nobody has seen the rest.
        CheckStatus::Pass if is_cut => CheckStatus::Skipped,
        status => status,
    };
    check.tail = tail;
    if is_cut {
        crate::log::note(&mut check.tail, &format!("only the first {} KiB of the change were looked at", DIFF >> 10));
    }
    check.tail = secrets().remove(check.tail);
    let how = match check.status {
        CheckStatus::Pass => "passed",
        CheckStatus::Fail => "failed",
        CheckStatus::Skipped => "proves nothing",
    };
    tell(&format!("task {}: review {how}: {}", task.id, check.tail.trim_end().lines().last().unwrap_or_default()));
    Ok(check)
}

/// A tree as it was before the change; in place there is none.
async fn desk(runner: &Runner, task: &Task, place: &Where) -> Result<Desk, String> {
    let scratch = scratch().map_err(|error| error.to_string())?;
    if let (Where::Commit { repository, .. }, Some(base)) = (place, &task.base) {
        let tree = runner.trees.take(repository.root(), base).await?;
        return Ok(Desk { place: Place::Before, folder: tree.path().to_owned(), scratch, _tree: Some(tree) });
    }
    let folder = scratch.path().join("empty");
    std::fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Desk { place: Place::Nowhere, folder, scratch, _tree: None })
}

/// What nobody who wrote the plan or the change could know.
fn mark() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let parts = [now.as_nanos().to_string(), std::process::id().to_string()];
    let mut mark = record::digest(parts.iter().map(String::as_bytes));
    mark.truncate(16);
    mark
}

impl ReviewArgs {
    fn model(&self) -> String {
        let named = [&self.review_model, &self.model_code].into_iter().flatten().find(|name| !name.is_empty());
        named.cloned().unwrap_or_else(|| "gpt-5.3-codex".to_owned())
    }

    fn effort(&self) -> Option<Effort> {
        self.review_effort.as_deref().and_then(Effort::named)
    }

    fn program(&self) -> std::ffi::OsString {
        if self.codex.is_empty() { "codex".into() } else { self.codex.clone() }
    }
}
