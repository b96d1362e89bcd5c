//! One command, from its start to what the verdict says about it.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use process::{Cut, End, Job, Limits, Output, StartError, Stopper};
use record::{Check, CheckStatus};

use crate::log::Log;
use crate::sandbox::{Ground, Kind, Permits};
use crate::task::Planned;

/// What is the same for all checks of a task.
pub struct Setting<'a> {
    /// Where they run.
    pub ground: Ground<'a>,
    /// What keeps them there.
    pub kind: Kind,
    /// What is let through.
    pub permits: &'a Permits,
    /// What runs the commands.
    pub shell: &'a Path,
    /// Changes to the environment.
    pub env: Vec<(OsString, Option<OsString>)>,
    /// The clocks.
    pub limits: Limits,
}

/// Runs a command.
pub async fn run(planned: &Planned, setting: &Setting<'_>, mut log: Log) -> Check {
    let command = [setting.shell.into(), OsString::from("-c"), OsString::from(&planned.command)];
    let mut words = setting.kind.wrap(setting.permits, setting.ground, &command).into_iter();
    let mut job = Job::new(words.next().unwrap_or_default()).args(words);
    job.folder = setting.ground.folder.to_owned();
    job.env.clone_from(&setting.env);
    job.output = Output::Together;
    job.limits = setting.limits;
    let (stopper, stop) = Stopper::new();
    let outcome = process::run(&job, &mut log, stop).await;
    drop(stopper);

    let mut notes = Vec::new();
    let mut check = failed(planned, String::new());
    match outcome {
        Ok(outcome) => {
            check.seconds = (outcome.time.as_secs_f64() * 1000.0).round() / 1000.0;
            match (outcome.cut, outcome.end) {
                (Some(Cut::Timeout), _) => notes.push(format!(
                    "timed out after {} s and was ended with all it had started",
                    setting.limits.total.unwrap_or_default().as_secs_f64()
                )),
                (Some(_), _) => notes.push("was stopped".to_owned()),
                (None, End::Exited(code)) => check.exit = Some(code),
                (None, End::Signalled(signal)) => notes.push(format!("ended by signal {signal}")),
            }
            // Bubblewrap's own first process outlives the command for a moment, or for as long as something else does.
            let own = usize::from(setting.kind == Kind::Bubblewrap);
            let left_behind = outcome.left_behind.saturating_sub(own);
            if outcome.cut.is_none() && left_behind > 0 {
                notes.push(format!("left {left_behind} process(es) behind, which were ended"));
            }
            if check.exit == Some(0) {
                check.status = CheckStatus::Pass;
            }
        }
        Err(error) => {
            if !is_the_works(&error) {
                check.status = CheckStatus::Skipped;
            }
            notes.push(error.to_string());
        }
    }
    (check.log, check.tail) = log.finish(&notes);
    check
}

/// Whether it is because of the work that a command could not be started: its folder has gone, or the command is one
/// that no system takes.
fn is_the_works(error: &StartError) -> bool {
    match error {
        StartError::NoFolder(_) => true,
        StartError::Missing(_) => false,
        StartError::System { source, .. } => {
            matches!(source.kind(), ErrorKind::InvalidInput | ErrorKind::ArgumentListTooLong)
        }
    }
}

/// A check that could not even begin.
pub fn failed(planned: &Planned, why: String) -> Check {
    Check {
        kind: planned.kind.into(),
        name: planned.command.clone(),
        status: CheckStatus::Fail,
        exit: None,
        seconds: 0.0,
        tail: why,
        log: None,
        baseline: None,
        findings: Vec::new(),
        usage: None,
    }
}
