//! The life of plan-batch: the whole plan in, then batch after batch out.

use std::path::Path;
use std::time::{Duration, Instant};

use run::{Follower, is_owned};
use stage::{Error, Exit, Input, Intake, Outlet, tell};
use tokio::time::{MissedTickBehavior, interval};
use tree::Places;

use crate::NAME;
use crate::args::Args;
use crate::item::Item;
use crate::schedule::{Outgoing, Plan, Rules, Schedule};
use crate::spending::Spending;

/// How soon something new in the run file is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often it is looked whether somebody still writes the run file.
const OWNER_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: Args) -> Result<Exit, Error> {
    let outlet = Outlet::stdout();
    let mut intake = Intake::checking(|record| Item::read(record, 0).map(drop))?;
    let outcome = work(args, &outlet, &mut intake).await;
    if matches!(outcome, Err(Error::ReaderGone)) {
        // What stands in the way may be another thing than a reader that has gone.
        return Err(outlet.finish().err().unwrap_or(Error::ReaderGone));
    }
    let signal = outlet.close(&mut intake).await?;
    outcome.map(|exit| signal.map_or(exit, |number| exit.or(Exit::Stopped(number))))
}

async fn work(args: Args, outlet: &Outlet, intake: &mut Intake) -> Result<Exit, Error> {
    let (mut plan, mut is_begun) = (Plan::default(), false);
    loop {
        match intake.next().await {
            Input::Task(record) => plan.task(&record, intake.line())?,
            Input::Other(record) => {
                is_begun |= record.kind() == "plan";
                outlet.line(record.as_str().to_owned());
            }
            Input::End => break,
            Input::Bad(error) => return Err(error),
            Input::Signal(signal) => return Ok(Exit::Stopped(signal)),
            Input::ReaderGone => return Err(Error::ReaderGone),
        }
    }
    if !is_begun {
        return Err(Error::Document("stdin: no plan line: plan-parse PLAN.md writes one".into()));
    }
    let mut releaser = Releaser::open(args, plan)?;
    releaser.read()?;
    // Where git cannot tell, it goes to land again, which looks for itself.
    releaser.schedule.find_landed(|| change::landed(Path::new(".")).unwrap_or_default());
    for told in releaser.schedule.begin() {
        tell(NAME, &told);
    }
    releaser.work(outlet, intake).await
}

struct Releaser {
    args: Args,
    schedule: Schedule,
    follower: Follower,
    last_news: Instant,
}

impl Releaser {
    fn open(args: Args, plan: Plan) -> Result<Self, Error> {
        let is_fail_closed = std::env::var_os("CODEX_FAIL_CLOSED").is_none_or(|value| value != "0");
        let spending = Spending::new(args.max_tokens, args.max_attempts);
        let schedule = Schedule::new(Rules::new(&args, is_fail_closed), plan, spending)?;
        let path = &args.run;
        Places::make_for(path).map_err(|error| Error::system(error.path.display().to_string(), error.source))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Error::Usage(format!(
                "--run: {}: no such folder; make it, or let RUN lie below .plan/",
                folder.display()
            )));
        }
        Ok(Self { schedule, follower: Follower::new(path), last_news: Instant::now(), args })
    }

    /// The tasks that something new in the run file is about.
    fn read(&mut self) -> Result<Vec<u32>, Error> {
        let (schedule, mut touched, mut wrong) = (&mut self.schedule, Vec::new(), None);
        let read = self.follower.new_lines(|number, line| match schedule.note(line) {
            Ok(task) => touched.extend(task),
            Err(reason) if wrong.is_none() => wrong = Some((number, reason)),
            Err(_) => {}
        });
        read.map_err(refused)?;
        match wrong {
            Some((number, reason)) => Err(Error::Document(format!("{}:{number}: {reason}", self.args.run.display()))),
            None => Ok(touched),
        }
    }

    /// Takes in what is new; whether there was anything.
    fn look(&mut self) -> Result<bool, Error> {
        let touched = self.read()?;
        self.schedule.look_at(&touched);
        Ok(!touched.is_empty())
    }

    /// Releases what may go out now.
    fn release(&mut self, outlet: &Outlet) -> Result<(), Error> {
        let outgoing = self.schedule.release()?;
        let releases: Vec<&str> = outgoing.iter().map(|outgoing| &*outgoing.release).collect();
        // That a task was begun is on disk before anybody can begin it.
        run::append(&self.args.run, &releases).map_err(refused)?;
        for Outgoing { line, told, .. } in outgoing {
            if let Some(told) = told {
                tell(NAME, &told);
            }
            self.last_news = Instant::now();
            outlet.line(line);
        }
        Ok(())
    }

    async fn work(&mut self, outlet: &Outlet, intake: &mut Intake) -> Result<Exit, Error> {
        self.release(outlet)?;
        if !self.args.follow {
            return Ok(if self.is_out() { Exit::Ok } else { self.end() });
        }
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut owner = interval(OWNER_EVERY);
        owner.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_owned = false;
        while self.is_out() {
            let is_time_for_owner = tokio::select! {
                () = outlet.failed() => return Err(Error::ReaderGone),
                input = intake.outside() => match input {
                    Input::Signal(signal) => return Ok(Exit::Stopped(signal)),
                    Input::ReaderGone => return Err(Error::ReaderGone),
                    _ => false,
                },
                _ = look.tick() => false,
                _ = owner.tick() => true,
            };
            // Asked before the lines are read: what came until it ended must have been seen.
            let is_owned = is_time_for_owner && is_owned(&self.args.run);
            if self.look()? {
                self.last_news = Instant::now();
                self.release(outlet)?;
            }
            if is_time_for_owner {
                if let Some(outstanding) = self.schedule.outstanding().filter(|_| was_owned && !is_owned) {
                    return Err(Error::Refused(format!(
                        "{}: journal has ended, and {outstanding} had not come out: run the pipe again",
                        self.args.run.display(),
                    )));
                }
                was_owned |= is_owned;
                self.tell_quiet(was_owned);
            }
        }
        Ok(self.end())
    }

    fn is_out(&self) -> bool {
        self.schedule.outstanding().is_some()
    }

    fn tell_quiet(&mut self, was_owned: bool) {
        if self.last_news.elapsed() < Duration::from_secs(self.args.quiet) {
            return;
        }
        self.last_news = Instant::now();
        let why = if was_owned {
            "is a stage buffering its output, or does a question wait?"
        } else {
            "is journal RUN at the end of the pipe?"
        };
        let quiet = self.args.quiet;
        let outstanding = self.schedule.outstanding().unwrap_or_default();
        tell(NAME, &format!("{outstanding} out, and nothing has come back for {quiet} seconds: {why}"));
    }

    /// Nothing is out and nothing more can go out.
    fn end(&self) -> Exit {
        let told = self.schedule.end();
        for line in &told {
            tell(NAME, line);
        }
        match told.is_empty() {
            true => Exit::Ok,
            false if self.schedule.needs_person() => Exit::NeedsDecision,
            false => Exit::Failed,
        }
    }
}

fn refused(error: run::Error) -> Error {
    match error {
        run::Error::System { path, source } => Error::system(path.display().to_string(), source),
        run::Error::NotUtf8 { .. } => Error::Document(error.to_string()),
        other => Error::Refused(other.to_string()),
    }
}
