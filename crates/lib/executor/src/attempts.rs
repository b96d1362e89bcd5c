//! One task from its first call to its result.

use std::time::{Duration, Instant};

use agent::{Agent, Call, Effort, Report};
use jiff::Timestamp;
use process::{Limits, Stop};
use record::{Answer, Attempt, Class, RateLimit, Sandbox, Status, TaskResult, Usage, WorkType, now};
use serde_json::value::RawValue;

use crate::budget::{Account, Reached};
use crate::options::Options;
use crate::pause::{Pause, left as left_until, sleep_until};
use crate::prompts::Prompts;
use crate::task::remedy;

/// Everything that one task needs to be run.
pub(crate) struct Order {
    pub id: String,
    pub attempt: u64,
    pub prompts: Prompts,
    pub models: Vec<String>,
    pub effort: Option<Effort>,
    pub sandbox: Sandbox,
    pub work_type: Option<WorkType>,
    pub commands: Vec<String>,
    pub folder: std::path::PathBuf,
    /// The commit to go on from.
    pub head: Option<String>,
    pub logs: Option<std::sync::Arc<tree::Logs>>,
    /// The calls that other executors have made for the task.
    pub earlier: Vec<Box<RawValue>>,
    /// What it may cost.
    pub account: Account,
    /// The pause of all tasks when the service has reached a limit.
    pub pause: Pause,
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

/// What comes after a call.
enum Then {
    /// Nothing: that was it.
    Nothing,
    /// Another call after this time.
    Again(Duration),
    /// Another call once the service's limit has been reset.
    Reset(Timestamp),
}

/// Calls one model until there is something to tell. The first call has been taken leave for already.
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
    let mut resume = order.prompts.resume.clone();
    let mut afresh = order.prompts.afresh.clone();
    let (mut retries, mut waited) = (0, Duration::ZERO);
    loop {
        // The limit is the task's; what earlier tries have used up is gone.
        let used = begun.elapsed().saturating_sub(waited);
        if let Some(why) = &afresh {
            tell(&format!("task {}: {why}: it is told everything anew", order.id));
        }
        let left = options.timeout.saturating_sub(used).max(Duration::from_millis(1));
        let (attempt, report) = call(agent, order, model, options, left, resume.as_ref(), stop.clone(), tell).await;
        order.account.spend(report.usage);
        outcome.attempts.push(Attempt { afresh: afresh.take(), ..attempt });
        outcome.last = report;
        let last = &outcome.last;

        let class = last.failure.as_ref().map_or("failed", |(class, _)| class.name());
        let then = if last.lost {
            afresh = Some(match (&resume, &last.failure) {
                (Some((thread, _)), Some((_, why))) => format!("conversation {thread} could not be continued ({why})"),
                _ => "the conversation could not be continued".to_owned(),
            });
            resume = None;
            Then::Again(Duration::ZERO)
        } else if let Some(reset) = reset(last, options, waited)
            && let Some(next) = after_reset(agent, order, last, resume.clone())
        {
            resume = next;
            Then::Reset(reset)
        } else if retries < options.retries
            && let Some(wait) = worth_waiting(last, order.sandbox, options)
            && used + wait < options.timeout
        {
            retries += 1;
            Then::Again(wait)
        } else {
            Then::Nothing
        };
        if !matches!(then, Then::Nothing)
            && let Err(Reached::Run(why) | Reached::Task(why)) = order.account.take(1)
        {
            if outcome.last.lost {
                outcome.last.failure = Some((Class::Budget, why));
            }
            break;
        }
        let slept = Instant::now();
        let is_stopped = match then {
            Then::Nothing => break,
            Then::Again(Duration::ZERO) => false,
            Then::Again(wait) => {
                let (seconds, most) = (wait.as_secs_f64(), options.retries);
                tell(&format!(
                    "task {}: {class}; trying again in {seconds:.1} s (retry {retries} of {most})",
                    order.id
                ));
                is_stopped(&mut stop, tokio::time::sleep(wait)).await
            }
            Then::Reset(reset) => {
                order.pause.until(reset);
                tell(&format!(
                    "task {}: {class}: nothing is started until {reset:.0}, when the limit resets ({:.0} s from now)",
                    order.id,
                    left_until(reset).as_secs_f64()
                ));
                let is_stopped = is_stopped(&mut stop, sleep_until(reset)).await;
                waited += slept.elapsed().max(Duration::from_secs(1));
                is_stopped
            }
        };
        if is_stopped {
            outcome.last.failure = Some((Class::Cancelled, "stopped while it waited for another try".into()));
            break;
        }
    }
    outcome.seconds = rounded(begun.elapsed());
    outcome
}

/// Whether it was stopped before that was over.
async fn is_stopped(stop: &mut Stop, over: impl Future<Output = ()>) -> bool {
    tokio::select! {
        () = over => false,
        () = stop.wait() => true,
    }
}

/// One call, with its line for the record.
#[expect(clippy::too_many_arguments, reason = "what is the same for all calls is in the order")]
async fn call(
    agent: &(impl Agent + Sync),
    order: &Order,
    model: &str,
    options: &Options,
    left: Duration,
    resume: Option<&(String, String)>,
    stop: Stop,
    tell: &(impl Fn(&str) + Sync),
) -> (Attempt, Report) {
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
        prompt: resume.map_or(&order.prompts.whole, |(_, prompt)| prompt).clone(),
        resume: resume.map(|(thread, _)| thread.clone()),
        model: model.to_owned(),
        effort: order.effort.clone(),
        sandbox: order.sandbox,
        work_type: order.work_type,
        commands: order.commands.clone(),
        folder: order.folder.clone(),
        limits: Limits { total: Some(left), ..options.limits() },
        log,
    };
    let report = agent.call(call, stop).await;
    if report.left_behind > 0 {
        let count = report.left_behind;
        tell(&format!("task {}: the agent left {count} process(es) behind, which were ended", order.id));
    }
    let attempt = Attempt {
        backend: agent.backend().to_owned(),
        model: Some(model.to_owned()),
        thread: report.thread.clone(),
        afresh: None,
        sandbox: report.sandbox,
        started,
        seconds: rounded(report.time),
        class: report.failure.as_ref().map(|(class, _)| *class),
        evidence: report.failure.as_ref().map(|(_, evidence)| evidence.clone()),
        usage: report.usage,
        failed_actions: (report.failed_actions > 0).then_some(report.failed_actions),
        left_behind: u64::try_from(report.left_behind).ok().filter(|count| *count > 0),
        log: path.map(|path| path.display().to_string()),
    };
    (attempt, report)
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
            let wait = left_until(known_reset(report)?);
            (wait <= options.max_wait).then_some(wait)
        }
        _ => None,
    }
}

/// When the limit resets that has stopped a call, if that is known and in the future.
fn known_reset(report: &Report) -> Option<Timestamp> {
    report.failure.as_ref().filter(|(class, _)| *class == Class::RateLimited)?;
    let reset: Timestamp = report.rate_limit.as_ref()?.resets_at.as_ref()?.parse().ok()?;
    (reset > Timestamp::now()).then_some(reset)
}

/// The moment to wait for, when the user wants to wait so long. All waits of a task together may take that long.
fn reset(report: &Report, options: &Options, waited: Duration) -> Option<Timestamp> {
    let most = options.wait_for_reset?.saturating_sub(waited);
    known_reset(report).filter(|reset| left_until(*reset) <= most)
}

/// What is said after the reset: the same again, or, where something may have been done already, to go on. `None` when
/// neither can be: work that has been begun is not begun again on top of itself.
#[expect(clippy::option_option, reason = "whether there is a next call, and which conversation it continues")]
fn after_reset(
    agent: &impl Agent,
    order: &Order,
    report: &Report,
    resume: Option<(String, String)>,
) -> Option<Option<(String, String)>> {
    if !report.acted || order.sandbox == Sandbox::ReadOnly {
        return Some(resume);
    }
    let thread = report.thread.as_ref().filter(|thread| agent.can_resume(thread).is_ok())?;
    Some(Some((thread.clone(), order.prompts.go_on.clone())))
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
        tampering: Vec::new(),
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
