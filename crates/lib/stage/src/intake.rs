//! Lines in, for a stage that keeps several tasks going at once.

use std::future::pending;
use std::io;
use std::os::fd::BorrowedFd;

use record::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::filter::{Descriptor, known};
use crate::lines::LineError;
use crate::{Error, Identities, Lines};

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

type Check = Box<dyn Fn(&Record) -> Result<(), String>>;

/// Reads stdin when there is something to read, and watches for signals and for the end of our reader.
///
/// There is no thread behind it: starting one, and handing lines over, costs more than reading them.
pub struct Intake {
    lines: Lines<Descriptor<io::Stdin>>,
    identities: Identities,
    check: Check,
    ended: bool,
    stdin: Watched,
    stdout: Watched,
    signalled: bool,
    interrupt: Signal,
    terminate: Signal,
    before_end: Option<Box<dyn FnOnce()>>,
}

impl Intake {
    /// Begins to read stdin, with a look at each task for what the stage needs of it: what `check` says is wrong makes
    /// the line a bad one, told with its number. Must be called inside a tokio runtime with its drivers enabled.
    pub fn checking(check: impl Fn(&Record) -> Result<(), String> + 'static) -> Result<Self, Error> {
        let signals = |error| Error::system("signals", error);
        // Before the runtime listens, so that the count is right by the time it wakes us.
        process::count_signals().map_err(signals)?;
        Ok(Self {
            lines: Lines::new(Descriptor(io::stdin())),
            identities: Identities::default(),
            check: Box::new(check),
            ended: false,
            stdin: Watched::new(rustix::stdio::stdin(), Interest::READABLE),
            stdout: Watched::new(rustix::stdio::stdout(), Interest::WRITABLE | Interest::ERROR),
            signalled: false,
            interrupt: signal(SignalKind::interrupt()).map_err(signals)?,
            terminate: signal(SignalKind::terminate()).map_err(signals)?,
            before_end: None,
        })
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

    /// The number of the line that came last, from 1.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// What has to be done before a second signal ends the process, such as ending what our children have started:
    /// the system tells only the children themselves.
    pub fn before_end(&mut self, work: impl FnOnce() + 'static) {
        self.before_end = Some(Box::new(work));
    }

    async fn wait(&mut self, lines: bool) -> Input {
        loop {
            let signal = tokio::select! {
                biased;
                Some(()) = self.interrupt.recv() => 2,
                Some(()) = self.terminate.recv() => 15,
                () = self.stdout.is_gone() => return Input::ReaderGone,
                input = next(&mut self.lines, &mut self.identities, &self.check, &self.stdin), if lines && !self.ended => {
                    self.ended = matches!(input, Input::End | Input::Bad(_));
                    return input;
                }
            };
            if self.is_news(signal) {
                return Input::Signal(signal);
            }
        }
    }

    /// Whether the signal is the first one. The same one, come by another way, is no news; a second one ends the process.
    fn is_news(&mut self, number: i32) -> bool {
        if self.signalled {
            if process::signals().count < 2 {
                return false;
            }
            if let Some(work) = self.before_end.take() {
                work();
            }
            std::process::exit(128 + number);
        }
        self.signalled = true;
        true
    }
}

async fn next(
    lines: &mut Lines<Descriptor<io::Stdin>>,
    identities: &mut Identities,
    check: &Check,
    stdin: &Watched,
) -> Input {
    // A file is always ready; others of our tasks want to get on too.
    tokio::task::consume_budget().await;
    loop {
        lines.skip_blank();
        if lines.is_ready() || lines.is_at_end() {
            break;
        }
        if let Err(error) = stdin.readable().await.map_err(|error| (lines.number() + 1, LineError::Read(error))) {
            return bad(error);
        }
        if let Err(error) = lines.more() {
            return bad(error);
        }
    }
    let read = match lines.next_line() {
        Ok(Some(line)) => classify(line, identities, check),
        Ok(None) => Ok(Input::End),
        Err(error) => return bad(error),
    };
    read.unwrap_or_else(|reason| Input::Bad(Error::input(lines.number(), reason)))
}

fn bad((number, error): (u64, LineError)) -> Input {
    Input::Bad(Error::input(number, error.to_string()))
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

/// A descriptor that the runtime watches for us, where the system can: files and `/dev/null` are always ready.
struct Watched(Option<AsyncFd<BorrowedFd<'static>>>);

impl Watched {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may lie about their descriptor; ours does not"
    )]
    fn new(descriptor: BorrowedFd<'static>, interest: Interest) -> Self {
        Self(AsyncFd::with_interest(descriptor, interest).ok())
    }

    /// Returns when reading does not make us wait.
    async fn readable(&self) -> io::Result<()> {
        let Some(watched) = &self.0 else { return Ok(()) };
        loop {
            let mut ready = watched.readable().await?;
            // Somebody else may read from the same pipe; then there is nothing left for us.
            if !now(*watched.get_ref(), PollFlags::IN).is_empty() {
                return Ok(());
            }
            ready.clear_ready();
        }
    }

    /// Returns when nobody is at the other end any more; never for a file.
    async fn is_gone(&self) {
        let Some(watched) = &self.0 else { return pending().await };
        while let Ok(mut ready) = watched.ready(Interest::WRITABLE | Interest::ERROR).await {
            if now(*watched.get_ref(), PollFlags::empty()).intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
            {
                return;
            }
            ready.clear_ready();
        }
        // Then the next write tells.
        pending::<()>().await;
    }
}

/// What holds at this moment.
fn now(descriptor: BorrowedFd<'static>, wanted: PollFlags) -> PollFlags {
    let mut ends = [PollFd::from_borrowed_fd(descriptor, wanted)];
    match poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => ends[0].revents(),
        Err(_) => PollFlags::empty(),
    }
}
