//! Lines in, verdicts out: one task is checked while the others go by.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use record::{Record, VerdictStatus};
use stage::{Error, Exit, Input, Intake, Outlet};

use crate::task::{self, Task, Turn};
use crate::verifier::Verifier;

/// As long as the tasks that wait for their turn are this long together, no more lines are taken in.
const WAITING: usize = 64 << 20;

type Checked = Result<(Box<Record>, VerdictStatus), Error>;

/// Serves stdin to its end.
pub async fn serve(verifier: &Verifier) -> Result<Exit, Error> {
    let mut intake = Intake::checking(|record| sort(record).map(drop))?;
    intake.before_end(|| {
        process::end_all();
        crate::scratch::remove_ours();
    });
    let outlet = Outlet::stdout();
    let mut exit = Exit::Ok;
    let mut bad = None;
    let mut ended = false;
    let mut waiting = Waiting::default();
    let mut running: Option<Pin<Box<dyn Future<Output = Checked> + '_>>> = None;

    loop {
        if running.is_none() {
            running = waiting.next().map(|(record, task)| check(verifier, record, task));
        }
        if running.is_none() && ended {
            break;
        }
        tokio::select! {
            checked = finished(&mut running) => {
                running = None;
                let (record, status) = checked?;
                if status != VerdictStatus::Pass {
                    exit = exit.or(Exit::Failed);
                }
                outlet.line(record.as_str().to_owned());
            }
            () = outlet.failed() => {
                process::end_all();
                drop(running.take());
                return outlet.finish().and(Err(Error::ReaderGone));
            }
            input = next(&mut intake, &outlet, waiting.bytes > WAITING) => match input {
                Input::Task(record) => match sort(&record) {
                    Ok(Sorted::Check(task)) if verifier.is_dry() => {
                        verifier.tell_plan(&task).await?;
                        outlet.line(record.as_str().to_owned());
                    }
                    Ok(Sorted::Check(task)) => waiting.add(record, task),
                    Ok(Sorted::Pass { well }) => {
                        if !well && !verifier.is_dry() {
                            exit = exit.or(Exit::Failed);
                        }
                        outlet.line(record.as_str().to_owned());
                    }
                    // The intake has looked at it before and would have told its line.
                    Err(reason) => return Err(Error::Document(reason)),
                },
                Input::Other(record) => {
                    if record.kind() == "plan" {
                        verifier.plan(record.text("path").as_deref());
                    }
                    outlet.line(record.as_str().to_owned());
                }
                Input::Bad(error) => {
                    bad = Some(error);
                    ended = true;
                    for record in waiting.take() {
                        outlet.line(record.as_str().to_owned());
                    }
                }
                Input::End => ended = true,
                Input::Signal(number) => exit = exit.or(Exit::Stopped(number)),
                Input::ReaderGone => {
                    process::end_all();
                    drop(running.take());
                    return Err(Error::ReaderGone);
                }
            },
        }
    }
    if let Some(number) = outlet.close(&mut intake).await? {
        exit = exit.or(Exit::Stopped(number));
    }
    process::end_strays();
    verifier.finish();
    match bad {
        Some(error) if !matches!(exit, Exit::Stopped(_)) => Err(error),
        Some(error) => {
            crate::words::tell(&error.to_string());
            Ok(exit)
        }
        None => Ok(exit),
    }
}

/// What becomes of a task.
enum Sorted {
    /// It is checked.
    Check(Box<Task>),
    /// It passes as it is.
    Pass {
        /// Whether nobody has found anything wrong with it.
        well: bool,
    },
}

fn sort(record: &Record) -> Result<Sorted, String> {
    Ok(match task::turn(record)? {
        Turn::Ours => Sorted::Check(Box::new(Task::read(record)?)),
        Turn::Judged { passed } => Sorted::Pass { well: passed },
        Turn::NotOurs => Sorted::Pass { well: true },
    })
}

/// The tasks that wait for their turn.
#[derive(Default)]
struct Waiting {
    tasks: VecDeque<(Box<Record>, Box<Task>)>,
    bytes: usize,
}

impl Waiting {
    fn add(&mut self, record: Box<Record>, task: Box<Task>) {
        self.bytes += record.as_str().len();
        self.tasks.push_back((record, task));
    }

    fn next(&mut self) -> Option<(Box<Record>, Box<Task>)> {
        let next = self.tasks.pop_front()?;
        self.bytes -= next.0.as_str().len();
        Some(next)
    }

    /// All of them, unchecked.
    fn take(&mut self) -> impl Iterator<Item = Box<Record>> {
        self.bytes = 0;
        std::mem::take(&mut self.tasks).into_iter().map(|(record, _)| record)
    }
}

fn check(verifier: &Verifier, mut record: Box<Record>, task: Box<Task>) -> Pin<Box<dyn Future<Output = Checked> + '_>> {
    Box::pin(async move {
        let verdict = verifier.judge(&task, &record).await;
        let set = record.set("verdict", &verdict).map_err(|error| error.to_string());
        set.map_err(|reason| Error::Document(format!("task {}: {reason}", task.id)))?;
        Ok((record, verdict.status))
    })
}

/// The next thing from outside; no line while there is enough to do or the reader is slow.
async fn next(intake: &mut Intake, outlet: &Outlet, enough: bool) -> Input {
    if enough {
        return intake.outside().await;
    }
    tokio::select! {
        biased;
        () = outlet.room() => {}
        input = intake.outside() => return input,
    }
    intake.next().await
}

/// The outcome of the task that is being checked; never returns when there is none.
async fn finished(task: &mut Option<Pin<Box<dyn Future<Output = Checked> + '_>>>) -> Checked {
    match task {
        Some(task) => task.as_mut().await,
        None => std::future::pending().await,
    }
}
