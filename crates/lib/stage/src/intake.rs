//! Lines in, for a stage that keeps several tasks going at once.

use std::io;
use std::thread;

use record::Record;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver};

use crate::filter::{Descriptor, known};
use crate::{Error, Identities, Lines};

/// How many lines are read ahead.
const AHEAD: usize = 16;

/// What happens to a stage from outside.
#[derive(Debug)]
pub enum Input {
    /// A task that has not been there before.
    Task(Box<Record>),
    /// Any other line.
    Other(Box<Record>),
    /// A line that cannot be used: nothing after it is read.
    Bad(Error),
    /// The end of input.
    End,
    /// The first SIGINT or SIGTERM, by its number. A second one ends the process.
    Signal(i32),
    /// Nobody reads our output any more.
    ReaderGone,
}

/// Reads stdin on a thread of its own and watches for signals and for the end of our reader.
pub struct Intake {
    lines: Receiver<Input>,
    ended: bool,
    reader: Receiver<()>,
    signalled: bool,
    interrupt: Signal,
    terminate: Signal,
    before_end: Option<Box<dyn FnOnce()>>,
}

impl Intake {
    /// Begins to read. Must be called inside a tokio runtime with its drivers enabled.
    pub fn stdin() -> Result<Self, Error> {
        Self::checking(|_| Ok(()))
    }

    /// As [`Intake::stdin`], with a look at each task for what the stage needs of it: what `check` says is wrong makes
    /// the line a bad one, told with its number.
    pub fn checking(check: impl Fn(&Record) -> Result<(), String> + Send + 'static) -> Result<Self, Error> {
        let signals = |error| Error::system("signals", error);
        let (line, lines) = mpsc::channel(AHEAD);
        let (gone, reader) = mpsc::channel(1);
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name(name.into())
                .spawn(work)
                .map(drop)
                .map_err(|error| Error::system("cannot start a thread", error))
        };
        let intake = Self {
            lines,
            ended: false,
            reader,
            signalled: false,
            interrupt: signal(SignalKind::interrupt()).map_err(signals)?,
            terminate: signal(SignalKind::terminate()).map_err(signals)?,
            before_end: None,
        };
        start("intake", Box::new(move || read(check, |input| line.blocking_send(input).is_ok())))?;
        start(
            "reader-watch",
            Box::new(move || {
                wait_for_reader_gone();
                // The stage may have ended meanwhile; then nobody needs to know.
                let _ = gone.blocking_send(());
            }),
        )?;
        Ok(intake)
    }

    /// The next thing that happens. After [`Input::End`] or [`Input::Bad`] only signals and the end of the reader
    /// are still told. Nothing is lost when the future is dropped before it is ready.
    pub async fn next(&mut self) -> Input {
        self.wait(true).await
    }

    /// As [`Intake::next`], but no line is taken in: for a stage that has enough to do already.
    pub async fn outside(&mut self) -> Input {
        self.wait(false).await
    }

    /// What has to be done before a second signal ends the process, such as ending what our children have started:
    /// the system tells only the children themselves.
    pub fn before_end(&mut self, work: impl FnOnce() + 'static) {
        self.before_end = Some(Box::new(work));
    }

    async fn wait(&mut self, lines: bool) -> Input {
        tokio::select! {
            biased;
            Some(()) = self.interrupt.recv() => self.signal(2),
            Some(()) = self.terminate.recv() => self.signal(15),
            Some(()) = self.reader.recv() => Input::ReaderGone,
            input = self.lines.recv(), if lines && !self.ended => {
                let input = input.unwrap_or(Input::End);
                self.ended = matches!(input, Input::End | Input::Bad(_));
                input
            }
        }
    }

    fn signal(&mut self, number: i32) -> Input {
        if self.signalled {
            if let Some(work) = self.before_end.take() {
                work();
            }
            std::process::exit(128 + number);
        }
        self.signalled = true;
        Input::Signal(number)
    }
}

fn read(check: impl Fn(&Record) -> Result<(), String>, send: impl Fn(Input) -> bool) {
    let stdin = io::stdin();
    let mut lines = Lines::new(Descriptor(&stdin));
    let mut identities = Identities::default();
    loop {
        let read = match lines.next_line() {
            Ok(Some(line)) => classify(line, &mut identities, &check).map_err(|reason| (None, reason)),
            Ok(None) => Ok(Input::End),
            Err((number, error)) => Err((Some(number), error.to_string())),
        };
        let input = read.unwrap_or_else(|(number, reason)| {
            Input::Bad(Error::input(number.unwrap_or_else(|| lines.number()), reason))
        });
        let last = matches!(input, Input::Bad(_) | Input::End);
        if !send(input) || last {
            return;
        }
    }
}

fn classify(
    line: &str,
    identities: &mut Identities,
    check: impl Fn(&Record) -> Result<(), String>,
) -> Result<Input, String> {
    let record = Box::new(Record::parse(line).map_err(|error| error.to_string())?);
    if record.kind() != "task" {
        return Ok(Input::Other(record));
    }
    known(&record, identities)?;
    check(&record)?;
    Ok(Input::Task(record))
}

/// Returns when the other end of stdout has been closed; never, when stdout is a file.
fn wait_for_reader_gone() {
    let stdout = io::stdout();
    loop {
        let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut ends, None) {
            Ok(_) if ends[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) => {
                return;
            }
            Ok(_) | Err(Errno::INTR) => {}
            // Then the next write tells.
            Err(_) => return thread::park(),
        }
    }
}
