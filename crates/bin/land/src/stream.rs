//! Lines in, lines out: one task lands while the others go by.

use record::Record;
use stage::{Error, Exit, Input, Intake, Outlet, tell};

use crate::NAME;
use crate::args::Args;
use crate::lander::Lander;
use crate::task::{Turn, Work};

/// Tasks that wait to land, those first that come first in the plan.
type Waiting = Vec<(Box<Record>, Work)>;

/// Serves stdin to its end.
pub(crate) async fn serve(args: Args) -> Result<Exit, Error> {
    if let Some(run) = &args.run {
        // When the whole pipe starts at once, nobody else may have made it yet.
        let made = tree::Places::make_for(run);
        made.map_err(|error| Error::system(error.path.display().to_string(), error.source))?;
    }
    if let Some(folder) = args.run.as_deref().and_then(|run| run.parent())
        && !folder.as_os_str().is_empty()
        && !folder.is_dir()
    {
        return Err(Error::Usage(format!(
            "--run: {}: no such folder; make it, or let RUN lie below .plan/",
            folder.display()
        )));
    }
    let mut intake = Intake::checking(|record| Turn::of(record).map(drop))?;
    intake.before_end(process::end_all);
    let outlet = Outlet::stdout();
    let mut lander = Lander::new(args);
    let mut stream = Stream::default();
    let outcome = stream.pump(&mut lander, &mut intake, &outlet).await;
    process::end_strays();
    if let Err(error) = outcome {
        // What stands in the way may be another thing than a reader that has gone.
        return Err(outlet.finish().err().unwrap_or(error));
    }
    if let Some(number) = outlet.close(&mut intake).await? {
        stream.note(Exit::Stopped(number));
    }
    let exit = stream.exit.unwrap_or(Exit::Ok);
    match stream.bad {
        Some(error) if !matches!(exit, Exit::Stopped(_)) => Err(error),
        Some(error) => {
            tell(NAME, &error.to_string());
            Ok(exit)
        }
        None => Ok(exit),
    }
}

#[derive(Default)]
struct Stream {
    exit: Option<Exit>,
    bad: Option<Error>,
    ended: bool,
    waiting: Waiting,
    /// The plan line, until somebody looks at it.
    plan: Option<Box<Record>>,
}

impl Stream {
    async fn pump(&mut self, lander: &mut Lander, intake: &mut Intake, outlet: &Outlet) -> Result<(), Error> {
        loop {
            // All that is there already: what comes first in the plan is to land first.
            while !self.ended {
                let input = tokio::select! {
                    biased;
                    input = tokio::task::unconstrained(next(intake, outlet, false)) => input,
                    () = std::future::ready(()), if !self.waiting.is_empty() => break,
                    () = outlet.failed() => Input::ReaderGone,
                };
                self.take(input, outlet)?;
            }
            if let Some(plan) = self.plan.take() {
                lander.plan(&plan);
            }
            let first = (0..self.waiting.len()).min_by_key(|at| self.waiting[*at].1.place);
            let Some(first) = first else { return Ok(()) };
            let (mut record, work) = self.waiting.remove(first);
            let exit = {
                let landing = lander.land(&mut record, &work);
                tokio::pin!(landing);
                loop {
                    let input = tokio::select! {
                        biased;
                        exit = &mut landing => break exit,
                        () = outlet.failed() => Input::ReaderGone,
                        input = next(intake, outlet, self.ended) => input,
                    };
                    self.take(input, outlet)?;
                }
            };
            self.note(exit);
            outlet.line(record.as_str().to_owned());
        }
    }

    fn note(&mut self, exit: Exit) {
        self.exit = Some(self.exit.map_or(exit, |before| before.or(exit)));
    }

    fn take(&mut self, input: Input, outlet: &Outlet) -> Result<(), Error> {
        match input {
            Input::Task(record) => match Turn::of(&record) {
                Ok(Turn::Land(work)) => self.waiting.push((record, *work)),
                Ok(Turn::Pass) => outlet.line(record.as_str().to_owned()),
                Ok(Turn::Unapproved { id, why }) => {
                    tell(NAME, &format!("task {id}: does not land: {why}"));
                    self.note(Exit::NeedsDecision);
                    outlet.line(record.as_str().to_owned());
                }
                // The intake has looked at it before and would have told its line.
                Err(reason) => return Err(Error::Document(reason)),
            },
            Input::Other(record) => {
                outlet.line(record.as_str().to_owned());
                if record.kind() == "plan" {
                    self.plan = Some(record);
                }
            }
            Input::Bad(error) => {
                self.bad = Some(error);
                self.ended = true;
                for (record, _) in self.waiting.drain(..) {
                    outlet.line(record.as_str().to_owned());
                }
            }
            Input::End => self.ended = true,
            Input::Signal(number) => self.note(Exit::Stopped(number)),
            Input::ReaderGone => {
                process::end_all();
                return Err(Error::ReaderGone);
            }
        }
        Ok(())
    }
}

/// The next thing from outside; no line while the reader is slow.
async fn next(intake: &mut Intake, outlet: &Outlet, ended: bool) -> Input {
    if ended {
        return intake.outside().await;
    }
    tokio::select! {
        biased;
        () = outlet.room() => {}
        input = intake.outside() => return input,
    }
    intake.next().await
}
