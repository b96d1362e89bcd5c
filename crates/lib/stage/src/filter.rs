//! A stage that looks at one line at a time.

use std::io;
use std::os::fd::AsFd;

use record::Record;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use serde::Deserialize;

use crate::{Error, Exit, Identities, Lines, Signals, Sink};

/// A stage that looks at one line at a time.
pub trait Filter {
    /// A line of type `task`; what is set on the record is written. An error says what the line lacks.
    fn task(&mut self, record: &mut Record) -> Result<(), String>;

    /// A line of type `plan`.
    fn plan(&mut self, record: &Record) -> Result<(), String> {
        let _ = record;
        Ok(())
    }

    /// What is written for a line, without its line end: the line itself, unless the stage's product is another text.
    fn output<'a>(&'a mut self, record: &'a Record) -> Result<Option<&'a str>, String> {
        Ok(Some(record.as_str()))
    }

    /// Called with each block of lines before it is written; on an error it is not written, and the run ends.
    fn before_writing(&mut self, lines: &[u8]) -> Result<(), Error> {
        let _ = lines;
        Ok(())
    }

    /// The input has ended; how did it go?
    fn finish(&mut self) -> Exit {
        Exit::Ok
    }
}

/// Runs `filter` from stdin to stdout, to the end of input.
///
/// Output is written in blocks while more input is waiting, and at once when it is not. A bad line ends the run
/// after everything before it has been written. A closed stdout ends it too, even while nothing comes in.
pub fn run(filter: &mut impl Filter) -> Result<Exit, Error> {
    let signals = Signals::listen().map_err(|error| Error::system("signals", error))?;
    let mut sink = Sink::stdout();
    let outcome = pump(filter, &mut sink);
    let flushed = flush(filter, &mut sink);
    match outcome {
        Err(Error::ReaderGone) => Err(Error::ReaderGone),
        Err(error) => flushed.and(Err(error)),
        Ok(()) => flushed.map(|()| signals.or(filter.finish())),
    }
}

/// Writes what is waiting, once the filter has seen it.
fn flush(filter: &mut impl Filter, sink: &mut Sink) -> Result<(), Error> {
    if sink.is_empty() {
        return Ok(());
    }
    filter.before_writing(sink.waiting()).inspect_err(|_| sink.forget())?;
    sink.flush()
}

/// std's buffered stdin keeps bytes where `poll` cannot see them, so the descriptor is read directly.
pub(crate) struct Descriptor<F>(pub F);

impl<F: AsFd> io::Read for Descriptor<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, buffer)?)
    }
}

fn pump(filter: &mut impl Filter, sink: &mut Sink) -> Result<(), Error> {
    let stdin = io::stdin();
    let mut lines = Lines::new(Descriptor(stdin.as_fd()));
    let mut record = Record::default();
    let mut identities = Identities::default();
    loop {
        if !lines.is_ready() {
            before_reading(filter, sink)?;
        }
        let line = match lines.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err((number, error)) => return Err(Error::input(number, error.to_string())),
        };
        let outcome = record.read(line).map_err(|error| error.to_string()).and_then(|()| match &*record.kind() {
            "task" => known(&record, &mut identities).and_then(|()| filter.task(&mut record)),
            "plan" => filter.plan(&record),
            _ => Ok(()),
        });
        let output = outcome.and_then(|()| filter.output(&record));
        match output {
            Ok(Some(text)) => {
                sink.keep(text);
                if !sink.has_room("") {
                    flush(filter, sink)?;
                }
            }
            Ok(None) => {}
            Err(reason) => return Err(Error::input(lines.number(), reason)),
        }
    }
}

/// What every stage needs of a task: an identity that has not been there before.
#[derive(Deserialize)]
struct Identity<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
    #[serde(default)]
    batch: Option<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    #[serde(default)]
    attempt: u64,
}

/// Checks the identity of a task line and notes it.
pub(crate) fn known(record: &Record, identities: &mut Identities) -> Result<(), String> {
    let (id, attempt) = match record.text("id") {
        Some(id) if !record.has("batch") => (id, 0),
        // Also to say what is wrong with the id.
        _ => {
            let identity: Identity = record.view().map_err(|error| error.to_string())?;
            (identity.id, identity.batch.map_or(0, |batch| batch.attempt))
        }
    };
    if identities.insert(&id, attempt) {
        return Ok(());
    }
    Err(match attempt {
        0 => format!("task {id}: there was a line for this id before"),
        _ => format!("task {id}: there was a line for this id and attempt {attempt} before"),
    })
}

/// Called when the next line has to be read first: writes what is waiting if reading would make us wait, and then
/// waits for input and for the end of our reader at once.
fn before_reading(filter: &mut impl Filter, sink: &mut Sink) -> Result<(), Error> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    let waits = |timeout: Option<&rustix::event::Timespec>| -> Result<bool, Error> {
        loop {
            let mut ends = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut ends, timeout) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(Error::system("stdin", error.into())),
            }
            if !ends[0].revents().is_empty() {
                return Ok(false);
            }
            if ends[1].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
                return Err(Error::ReaderGone);
            }
            if timeout.is_some() {
                return Ok(true);
            }
        }
    };
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    if waits(Some(&now))? {
        flush(filter, sink)?;
        waits(None)?;
    }
    Ok(())
}
