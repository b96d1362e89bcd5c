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
}

impl Intake {
    /// Begins to read. Must be called inside a tokio runtime with its drivers enabled.
    pub fn stdin() -> Result<Self, Error> {
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
        };
        start("intake", Box::new(move || read(|input| line.blocking_send(input).is_ok())))?;
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
        tokio::select! {
            biased;
            Some(()) = self.interrupt.recv() => self.signal(2),
            Some(()) = self.terminate.recv() => self.signal(15),
            Some(()) = self.reader.recv() => Input::ReaderGone,
            input = self.lines.recv(), if !self.ended => {
                let input = input.unwrap_or(Input::End);
                self.ended = matches!(input, Input::End | Input::Bad(_));
                input
            }
        }
    }

    fn signal(&mut self, number: i32) -> Input {
        if self.signalled {
            // Our children are told by the system when we end.
            std::process::exit(128 + number);
        }
        self.signalled = true;
        Input::Signal(number)
    }
}

fn read(send: impl Fn(Input) -> bool) {
    let stdin = io::stdin();
    let mut lines = Lines::new(Descriptor(&stdin));
    let mut identities = Identities::default();
    loop {
        let read = match lines.next_line() {
            Ok(Some(line)) => classify(line, &mut identities).map_err(|reason| (None, reason)),
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

fn classify(line: &str, identities: &mut Identities) -> Result<Input, String> {
    let record = Box::new(Record::parse(line).map_err(|error| error.to_string())?);
    if record.kind() != "task" {
        return Ok(Input::Other(record));
    }
    known(&record, identities)?;
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
