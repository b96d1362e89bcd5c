//! A stage that looks at one line at a time.

use std::borrow::Cow;
use std::io;
use std::os::fd::AsFd;

use record::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Deserialize;

use crate::identity::Key;
use crate::lines::BLOCK;
use crate::pool::{Pool, Worker};
use crate::{Error, Exit, Identities, LineError, Lines, Signals, Sink};

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

    /// The work on one task as something that several threads can do at once, where tasks do not depend on each
    /// other; asked for once a thread, when there is much to do. Other lines then go by untouched.
    fn worker(&mut self) -> Option<Box<dyn Worker>> {
        None
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
    let mut out = Out { filter, sink: Sink::stdout() };
    let outcome = pump(&mut out);
    let flushed = out.flush();
    match outcome {
        Err(Error::ReaderGone) => Err(Error::ReaderGone),
        Err(error) => flushed.and(Err(error)),
        Ok(()) => flushed.map(|()| signals.or(out.filter.finish())),
    }
}

/// A filter and where its lines go: nothing is written that it has not seen.
pub(crate) struct Out<'a, F> {
    filter: &'a mut F,
    sink: Sink,
}

impl<F: Filter> Out<'_, F> {
    /// Adds whole lines, each with its line end. Many of them are written as they are.
    pub fn block(&mut self, lines: &[u8]) -> Result<(), Error> {
        if Sink::is_small(lines) {
            self.sink.keep_lines(lines);
            return self.flush_if_full();
        }
        self.flush()?;
        self.filter.before_writing(lines)?;
        self.sink.write_through(lines)
    }

    fn flush_if_full(&mut self) -> Result<(), Error> {
        if self.sink.has_room("") { Ok(()) } else { self.flush() }
    }

    /// Writes what is waiting, once the filter has seen it.
    fn flush(&mut self) -> Result<(), Error> {
        if self.sink.is_empty() {
            return Ok(());
        }
        self.filter.before_writing(self.sink.waiting()).inspect_err(|_| self.sink.forget())?;
        self.sink.flush()
    }
}

/// std's buffered stdin keeps bytes where `poll` cannot see them, so the descriptor is read directly.
pub(crate) struct Descriptor<F>(pub F);

impl<F: AsFd> io::Read for Descriptor<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, buffer)?)
    }
}

/// With less than this at hand, handing it over costs more than it gains.
const MUCH: usize = BLOCK / 2;

fn pump(out: &mut Out<impl Filter>) -> Result<(), Error> {
    let mut identities = Identities::default();
    let mut side = Side::default();
    let pumped = pump_with(out, &mut identities, &mut side);
    // What was handed over came before whatever went wrong.
    side.finish(&mut identities, out).and(pumped)
}

/// The threads beside this one, once there was so much to do that they were asked for.
#[derive(Default)]
struct Side {
    asked: bool,
    pool: Option<Pool>,
}

impl Side {
    fn pool(&mut self, key: &Key, filter: &mut impl Filter) -> Option<&mut Pool> {
        if !self.asked {
            self.asked = true;
            self.pool = Pool::new(key, || filter.worker());
        }
        self.pool.as_mut()
    }

    fn finish(&mut self, identities: &mut Identities, out: &mut Out<impl Filter>) -> Result<(), Error> {
        self.pool.as_mut().map_or(Ok(()), |pool| pool.finish(identities, out))
    }
}

fn pump_with(out: &mut Out<impl Filter>, identities: &mut Identities, side: &mut Side) -> Result<(), Error> {
    let stdin = io::stdin();
    let mut lines = Lines::new(Descriptor(stdin.as_fd()));
    let bad = |(number, error): (u64, LineError)| Error::input(number, error.to_string());
    let mut record = Record::default();
    loop {
        while !lines.is_ready() && !lines.is_at_end() {
            if !is_waiting(Some(&NOW))? {
                side.finish(identities, out)?;
                out.flush()?;
                is_waiting(None)?;
            }
            lines.more().map_err(bad)?;
            while lines.buffered() < BLOCK && !lines.is_at_end() && is_waiting(Some(&NOW))? {
                lines.more().map_err(bad)?;
            }
        }
        if lines.buffered() >= MUCH
            && let Some(pool) = side.pool(identities.key(), out.filter)
        {
            let (first, block) = lines.block();
            if !block.is_empty() {
                pool.give(first, block, identities, out)?;
                continue;
            }
        }
        side.finish(identities, out)?;
        let Some(line) = lines.next_line().map_err(bad)? else { return Ok(()) };
        let outcome = record.read(line).map_err(|error| error.to_string()).and_then(|()| match &*record.kind() {
            "task" => known(&record, identities).and_then(|()| out.filter.task(&mut record)),
            "plan" => out.filter.plan(&record),
            _ => Ok(()),
        });
        let output = outcome.and_then(|()| out.filter.output(&record));
        match output {
            Ok(Some(text)) => {
                out.sink.keep(text);
                out.flush_if_full()?;
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
    id: Cow<'a, str>,
    #[serde(default)]
    batch: Option<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    #[serde(default, deserialize_with = "record::whole")]
    attempt: u64,
}

/// Id and attempt of a task line; an error says what is wrong with them.
pub(crate) fn identity(record: &Record) -> Result<(Cow<'_, str>, u64), String> {
    match record.text("id") {
        Some(id) if !record.has("batch") => Ok((id, 0)),
        // Also to say what is wrong with the id.
        _ => {
            let identity: Identity = record.view().map_err(|error| error.to_string())?;
            Ok((identity.id, identity.batch.map_or(0, |batch| batch.attempt)))
        }
    }
}

/// What is told of a task that was there before.
pub(crate) fn twice(id: &str, attempt: u64) -> String {
    match attempt {
        0 => format!("task {id}: there was a line for this id before"),
        _ => format!("task {id}: there was a line for this id and attempt {attempt} before"),
    }
}

/// Checks the identity of a task line and notes it.
pub(crate) fn known(record: &Record, identities: &mut Identities) -> Result<(), String> {
    let (id, attempt) = identity(record)?;
    if identities.insert(&id, attempt) { Ok(()) } else { Err(twice(&id, attempt)) }
}

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Whether input is waiting, asked of the system for at most `patience`. The end of our reader ends the wait too.
fn is_waiting(patience: Option<&Timespec>) -> Result<bool, Error> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    loop {
        let mut ends = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut ends, patience) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(Error::system("stdin", error.into())),
        }
        if !ends[0].revents().is_empty() {
            return Ok(true);
        }
        if ends[1].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            return Err(Error::ReaderGone);
        }
        if patience.is_some() {
            return Ok(false);
        }
    }
}
