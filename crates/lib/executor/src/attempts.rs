//! One task from its first call to its result.

use std::time::{Duration, Instant};

use agent::{Agent, Call, Effort, Report};
use jiff::Timestamp;
use process::Stop;
use record::{Answer, Attempt, Class, RateLimit, Sandbox, Status, TaskResult, Usage, WorkType, now};
use serde_json::value::RawValue;

use crate::options::Options;
use crate::task::remedy;

/// Everything that one task needs to be run.
pub(crate) struct Order {
    pub id: String,
    pub attempt: u64,
    pub prompt: String,
    pub models: Vec<String>,
    pub effort: Option<Effort>,
    pub sandbox: Sandbox,
    pub work_type: Option<WorkType>,
    pub commands: Vec<String>,
    pub folder: std::path::PathBuf,
    pub logs: Option<std::sync::Arc<tree::Logs>>,
    /// The calls that other executors have made for the task.
    pub earlier: Vec<Box<RawValue>>,
}

/// What has come of all calls to one model.
struct Outcome {
    model: String,
    attempts: Vec<Attempt>,
    last: Report,
    seconds: f64,
}

/// Between two tries after a cut stream; the CLI itself has waited longer before it gave up.
const PAUSE: Duration = Duration::from_millis(500);

/// Runs a task to its result: one model, or two at once.
pub(crate) async fn run(
    agent: &(impl Agent + Sync),
    order: &Order,
    options: &Options,
    stop: Stop,
    tell: impl Fn(&str) + Sync,
) -> TaskResult {
    match order.models.as_slice() {
        [one, two, ..] => {
            let (first, second) =
                (ask(agent, order, one, options, stop.clone(), &tell), ask(agent, order, two, options, stop, &tell));
            let (first, second) = tokio::join!(first, second);
            both(agent.backend(), order, [first, second])
        }
        [model] => {
            let outcome = ask(agent, order, model, options, stop, &tell).await;
            alone(agent.backend(), order, outcome)
        }
        [] => failed(agent.backend(), order, Class::Other, "no model is named for this task"),
    }
}

/// The result of a task that could not even be called.
pub(crate) fn failed(backend: &str, order: &Order, class: Class, evidence: &str) -> TaskResult {
    let mut result = empty(backend, order, Status::Failed);
    result.code = Some(class.code().number());
    result.class = Some(class);
    result.evidence = Some(evidence.to_owned());
    result
}

/// The result of a task that is not started because of another one.
pub(crate) fn held(backend: &str, by: &str) -> TaskResult {
    TaskResult { held_by: Some(by.to_owned()), ..blank(backend, Status::Held) }
}

async fn ask(
    agent: &(impl Agent + Sync),
    order: &Order,
    model: &str,
    options: &Options,
    mut stop: Stop,
    tell: &(impl Fn(&str) + Sync),
) -> Outcome {
    let begun = Instant::now();
    let mut outcome = Outcome { model: model.to_owned(), attempts: Vec::new(), last: Report::default(), seconds: 0.0 };
    loop {
        let mut limits = options.limits();
        // The limit is the task's; what earlier tries have used up is gone.
        limits.total = Some(options.timeout.saturating_sub(begun.elapsed()).max(Duration::from_millis(1)));
        let (path, log) = match order.logs.as_ref().map(|logs| logs.create(&order.id, order.attempt, agent.backend())) {
            Some(Ok((path, log))) => (Some(path), Some(log)),
            Some(Err(error)) => {
                tell(&format!("task {}: its log cannot be kept: {error}", order.id));
                (None, None)
            }
            None => (None, None),
        };
        let started = now();
        let call = Call {
            prompt: order.prompt.clone(),
            model: model.to_owned(),
            effort: order.effort.clone(),
            sandbox: order.sandbox,
            work_type: order.work_type,
            commands: order.commands.clone(),
            folder: order.folder.clone(),
            limits,
            log,
        };
        let report = agent.call(call, stop.clone()).await;
        outcome.attempts.push(Attempt {
            backend: agent.backend().to_owned(),
            model: Some(model.to_owned()),
            thread: report.thread.clone(),
            sandbox: report.sandbox,
            started,
            seconds: rounded(report.time),
            class: report.failure.as_ref().map(|(class, _)| *class),
            evidence: report.failure.as_ref().map(|(_, evidence)| evidence.clone()),
            usage: report.usage,
            failed_actions: (report.failed_actions > 0).then_some(report.failed_actions),
            log: path.map(|path| path.display().to_string()),
        });
        outcome.last = report;
        let tries = u32::try_from(outcome.attempts.len()).unwrap_or(u32::MAX);
        let wait = if tries > options.retries { None } else { worth_waiting(&outcome.last, order.sandbox, options) };
        let Some(wait) = wait.filter(|wait| begun.elapsed() + *wait < options.timeout) else {
            outcome.seconds = rounded(begun.elapsed());
            return outcome;
        };
        let class = outcome.last.failure.as_ref().map_or("failed", |(class, _)| class.name());
        tell(&format!(
            "task {}: {class}; trying again in {:.1} s (retry {tries} of {})",
            order.id,
            wait.as_secs_f64(),
            options.retries
        ));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.wait() => {
                outcome.last.failure = Some((Class::Cancelled, "stopped while it waited for another try".into()));
                outcome.seconds = rounded(begun.elapsed());
                return outcome;
            }
        }
    }
}

/// How long to wait before another call; `None` when another call would not help, or would not start afresh.
fn worth_waiting(report: &Report, sandbox: Sandbox, options: &Options) -> Option<Duration> {
    let class = report.failure.as_ref()?.0;
    if report.acted && sandbox != Sandbox::ReadOnly {
        return None;
    }
    match class {
        Class::Network => Some(PAUSE),
        Class::RateLimited => {
            let reset: Timestamp = report.rate_limit.as_ref()?.resets_at.as_ref()?.parse().ok()?;
            let wait = reset.duration_since(Timestamp::now());
            let wait = Duration::try_from(wait).ok()?;
            (wait <= options.max_wait).then_some(wait)
        }
        _ => None,
    }
}

fn alone(backend: &str, order: &Order, outcome: Outcome) -> TaskResult {
    let mut result = empty(backend, order, Status::Ok);
    result.model = Some(outcome.model);
    result.message = outcome.last.message;
    result.rate_limit = current(outcome.last.rate_limit);
    fail(&mut result, outcome.last.failure);
    account(&mut result, &outcome.attempts);
    result
}

/// Two answers: one that fails does not lose the other.
fn both(backend: &str, order: &Order, outcomes: [Outcome; 2]) -> TaskResult {
    let mut result = empty(backend, order, Status::Ok);
    let mut failure = None;
    let mut answered = false;
    for outcome in outcomes {
        let failed = outcome.last.failure.is_some();
        answered |= !failed;
        result.rate_limit = current(outcome.last.rate_limit).or(result.rate_limit);
        result.options.push(Answer {
            model: outcome.model,
            status: if failed { Status::Failed } else { Status::Ok },
            class: outcome.last.failure.as_ref().map(|(class, _)| *class),
            message: outcome.last.message,
            usage: total(&outcome.attempts),
            seconds: outcome.seconds,
        });
        failure = failure.or(outcome.last.failure);
        account(&mut result, &outcome.attempts);
    }
    if !answered {
        fail(&mut result, failure);
    }
    result
}

fn fail(result: &mut TaskResult, failure: Option<(Class, String)>) {
    if let Some((class, evidence)) = failure {
        result.status = Status::Failed;
        result.code = Some(class.code().number());
        result.class = Some(class);
        result.evidence = Some(evidence);
    }
}

/// Adds calls and their tokens.
fn account(result: &mut TaskResult, attempts: &[Attempt]) {
    if let Some(more) = total(attempts) {
        let mut usage = result.usage.unwrap_or_default();
        usage += more;
        result.usage = Some(usage);
    }
    result.attempts.extend(attempts.iter().filter_map(|attempt| serde_json::value::to_raw_value(attempt).ok()));
}

fn total(attempts: &[Attempt]) -> Option<Usage> {
    attempts.iter().filter_map(|attempt| attempt.usage).reduce(|mut sum, usage| {
        sum += usage;
        sum
    })
}

/// A limit whose reset is past says nothing about now.
fn current(limit: Option<RateLimit>) -> Option<RateLimit> {
    limit.map(|limit| match limit.resets_at.as_ref().and_then(|reset| reset.parse::<Timestamp>().ok()) {
        Some(reset) if reset <= Timestamp::now() => RateLimit { resets_at: None, ..limit },
        _ => limit,
    })
}

fn empty(backend: &str, order: &Order, status: Status) -> TaskResult {
    TaskResult {
        code: Some(0),
        attempts: order.earlier.clone(),
        workdir: Some(order.folder.display().to_string()),
        ..blank(backend, status)
    }
}

fn blank(backend: &str, status: Status) -> TaskResult {
    TaskResult {
        status,
        code: None,
        class: None,
        evidence: None,
        backend: backend.to_owned(),
        model: None,
        message: None,
        options: Vec::new(),
        usage: None,
        rate_limit: None,
        attempts: Vec::new(),
        workdir: None,
        base: None,
        head: None,
        changed: None,
        held_by: None,
    }
}

/// Milliseconds are as exact as a person can use.
fn rounded(time: impl Into<Duration>) -> f64 {
    (time.into().as_secs_f64() * 1000.0).round() / 1000.0
}

/// What a person is told of a failure.
pub(crate) fn told(result: &TaskResult, agent: &impl Agent) -> Option<String> {
    let class = result.class.filter(|_| result.status == Status::Failed)?;
    let remedy = agent.remedy(class).or_else(|| remedy(class)).map(|remedy| format!("; {remedy}")).unwrap_or_default();
    Some(format!("{}: {}{remedy}", class.name(), result.evidence.as_deref().unwrap_or("no more is known")))
}
