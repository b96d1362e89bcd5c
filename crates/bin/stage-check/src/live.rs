//! One run of the command, with all its ends in our hands.

use std::io::{PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal};
use stage::Error;

use crate::bench::Bench;
use crate::session;

/// A run that has begun.
pub struct Live<'a> {
    bench: &'a Bench,
    child: Child,
    leader: Pid,
    input: Option<SyncSender<Vec<u8>>>,
    out: Collector,
    err: Collector,
    end: Option<End>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Not at all, within the time it had.
    TimedOut,
}

impl End {
    /// The number that a shell would show.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Exit(code) => Some(code),
            Self::Signal(signal) => Some(128 + signal),
            Self::TimedOut => None,
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Exit(code) => write!(out, "exit {code}"),
            Self::Signal(signal) => write!(out, "ended by signal {signal}"),
            Self::TimedOut => write!(out, "it did not end in time"),
        }
    }
}

/// What is known after a run.
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it told.
    pub stderr: Vec<u8>,
    /// Processes that outlived it, by name.
    pub left: Vec<String>,
}

impl Outcome {
    /// The last thing that it told, if it told anything.
    pub fn last_word(&self) -> Option<String> {
        let told = String::from_utf8_lossy(&self.stderr);
        told.lines().rev().map(str::trim_end).find(|line| !line.is_empty()).map(str::to_owned)
    }

    /// How it ended, and the last thing that it told: where lines are missing, that is often why.
    pub fn epitaph(&self) -> String {
        match self.last_word() {
            Some(word) => format!("{}, told last: {word}", self.end),
            None => format!("{}, nothing on stderr", self.end),
        }
    }
}

impl<'a> Live<'a> {
    /// Starts the command.
    pub fn start(bench: &'a Bench) -> Result<Self, Error> {
        let system = |what: &str| {
            let what = what.to_owned();
            move |error| Error::system(what, error)
        };
        let mut child = bench.command.start().map_err(system("cannot start the command"))?;
        let leader = Pid::from_child(&child);
        let missing = || Error::system("pipe", std::io::Error::other("the command has no pipes"));
        let mut stdin = child.stdin.take().ok_or_else(missing)?;
        let out = Collector::start(child.stdout.take().ok_or_else(missing)?).map_err(system("cannot read"))?;
        let err = Collector::start(child.stderr.take().ok_or_else(missing)?).map_err(system("cannot read"))?;
        let (input, chunks) = sync_channel::<Vec<u8>>(64);
        thread::spawn(move || {
            for chunk in chunks {
                // A command that does not read to the end is judged by what comes out.
                if stdin.write_all(&chunk).is_err() {
                    return;
                }
            }
        });
        Ok(Self { bench, child, leader, input: Some(input), out, err, end: None })
    }

    /// Gives it input; false when there is no room for more at the moment.
    pub fn send(&self, bytes: impl Into<Vec<u8>>) -> bool {
        match &self.input {
            Some(input) => !matches!(input.try_send(bytes.into()), Err(TrySendError::Full(_))),
            None => true,
        }
    }

    /// Ends its input once all that was sent has been read.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Stops reading what it writes: the reader has gone.
    pub fn close_output(&mut self) {
        self.out.close();
    }

    /// How much it has told on stderr so far.
    pub fn told(&self) -> usize {
        self.err.shared.0.lock().unwrap_or_else(PoisonError::into_inner).bytes.len()
    }

    /// Sends a signal to all its processes, as a terminal would.
    pub fn signal(&self, signal: Signal) {
        session::signal(self.leader, signal);
    }

    /// Waits until so many line ends have come out; false when they do not come in time.
    pub fn lines_come(&self, count: usize, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        self.out.wait(deadline, |bytes| line_ends(bytes) >= count)
    }

    /// Waits for its end.
    pub fn ends(&mut self, within: Duration) -> Result<Option<End>, Error> {
        let deadline = Instant::now() + within;
        let mut pause = Duration::from_millis(1);
        while self.end.is_none() {
            let status = self.child.try_wait().map_err(|error| Error::system("wait", error))?;
            self.end = status.map(|status| match (status.code(), status.signal()) {
                (Some(code), _) => End::Exit(code),
                (None, signal) => End::Signal(signal.unwrap_or_default()),
            });
            if self.end.is_none() {
                if Instant::now() >= deadline || self.bench.stopped() {
                    break;
                }
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
        }
        Ok(self.end)
    }

    /// Ends its input, waits for its end, and looks at who is left.
    pub fn finish(mut self) -> Result<Outcome, Error> {
        self.close_input();
        let end = self.ends(self.bench.timeout)?.unwrap_or(End::TimedOut);
        Ok(self.outcome(end))
    }

    /// As [`Live::finish`] for a run that has ended, or should have.
    pub fn outcome(mut self, end: End) -> Outcome {
        if end == End::TimedOut {
            session::end(self.leader);
            let _ = self.child.wait();
        }
        let deadline = Instant::now() + self.bench.patience;
        self.out.wait_end(deadline);
        self.err.wait_end(deadline);
        let mut left = session::members(self.leader);
        while !left.is_empty() && Instant::now() < deadline && !self.bench.stopped() {
            thread::sleep(Duration::from_millis(10));
            left = session::members(self.leader);
        }
        let left = if end == End::TimedOut { Vec::new() } else { left.into_iter().map(|(_, name)| name).collect() };
        Outcome { end, stdout: self.out.take(), stderr: self.err.take(), left }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        session::end(self.leader);
        let _ = self.child.wait();
    }
}

/// How many lines have come to their end.
pub fn line_ends(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

#[derive(Default)]
struct Collected {
    bytes: Vec<u8>,
    ended: bool,
}

/// Reads a pipe to its end, on a thread of its own.
struct Collector {
    shared: Arc<(Mutex<Collected>, Condvar)>,
    /// Dropped to make the thread let go of the pipe.
    hold: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    fn start(mut from: impl Read + AsFd + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new((Mutex::new(Collected::default()), Condvar::new()));
        let (let_go, hold) = pipe()?;
        let ours = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let mut block = vec![0; 64 << 10];
            loop {
                let mut ends = [PollFd::new(&from, PollFlags::IN), PollFd::new(&let_go, PollFlags::IN)];
                if poll(&mut ends, None).is_err() {
                    continue;
                }
                let (ready, told) = (!ends[0].revents().is_empty(), !ends[1].revents().is_empty());
                let count = if told || !ready { 0 } else { from.read(&mut block).unwrap_or(0) };
                let (collected, changed) = &*ours;
                let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
                collected.bytes.extend_from_slice(&block[..count]);
                collected.ended = count == 0 && (told || ready);
                changed.notify_all();
                if collected.ended {
                    return;
                }
            }
        });
        Ok(Self { shared, hold: Some(hold), thread: Some(thread) })
    }

    /// Returns once the pipe is closed on our side.
    fn close(&mut self) {
        self.hold = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn wait(&self, deadline: Instant, enough: impl Fn(&[u8]) -> bool) -> bool {
        let (collected, changed) = &*self.shared;
        let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if enough(&collected.bytes) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if collected.ended || left.is_zero() {
                return false;
            }
            collected = changed.wait_timeout(collected, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_end(&self, deadline: Instant) {
        // Never "enough": returns at the end of the pipe or at the deadline.
        self.wait(deadline, |_| false);
    }

    fn take(&mut self) -> Vec<u8> {
        self.close();
        let mut collected = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut collected.bytes)
    }
}
