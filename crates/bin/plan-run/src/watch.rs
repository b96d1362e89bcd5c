//! The watch over the pipe, from its start to the end of its last stage.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use run::Owner;
use rustix::process::Signal;
use stage::{Error, Exit};

use crate::args::Args;
use crate::board::Landmarks;
use crate::ends::{Circumstances, Meaning, meaning};
use crate::line::Link;
use crate::memory::Memory;
use crate::pipe::{self, Event, Pipe, Post};
use crate::place::Place;
use crate::screen::Screen;
use crate::stages::{PLAN_BATCH, is_executor};
use crate::summary::{self, Outcome};
use crate::tools::Tools;
use crate::view::View;

/// How often it is looked whether something takes too long.
const TICK: Duration = Duration::from_millis(250);
/// How long the last lines may take to be copied once every stage has ended.
const LAST_LINES: Duration = Duration::from_millis(500);
/// How long stages may take to end after a second signal.
const GRACE: Duration = Duration::from_secs(3);
/// How long nothing may come out of a stage that is not ours before it is told.
const QUIET: Duration = Duration::from_secs(900);

/// Runs the pipe to its end.
pub(crate) fn run(place: &Place, line: Vec<Link>, tools: &Tools, owner: Owner, args: &Args) -> Result<Exit, Error> {
    let signals = |error| Error::system("signals", error);
    process::count_signals().map_err(signals)?;
    let wakes = wakes().map_err(signals)?;
    let started = Instant::now();
    let released = line.iter().position(|link| link.name == PLAN_BATCH).map_or(1, |at| at + 1);
    let pipe = pipe::start(line, tools, owner, Landmarks { released }, args.plan == Path::new("-"))?;
    hear(wakes, pipe.news.clone())?;
    let quiet = args.options.quiet.map_or(QUIET, Duration::from_secs);
    let stages = pipe.posts.iter().map(|post| (post.link.name.clone(), post.link.asks)).collect();
    let view = View::new(stages, released - 1, place.logs(args));
    let run = place.run.clone();
    let screen = Screen::new();
    let mut watch = Watch {
        pipe,
        screen,
        view,
        run,
        is_remembered: false,
        released,
        quiet,
        stopped: 0,
        kill_at: None,
        unchecked: Vec::new(),
        has_its_input: None,
        exits: Vec::new(),
    };
    watch.watch();
    watch.screen.close();
    process::end_strays();
    let outcome = watch.outcome();
    let sheet = watch.pipe.board.sheet();
    Ok(summary::conclude(&mut watch.screen, &sheet, place, args, started.elapsed(), &outcome))
}

/// Becomes readable at a signal.
fn wakes() -> io::Result<UnixStream> {
    let (wakes, ring) = UnixStream::pair()?;
    for signal in [Signal::INT, Signal::TERM] {
        signal_hook::low_level::pipe::register(signal.as_raw(), ring.try_clone()?)?;
    }
    Ok(wakes)
}

fn hear(wakes: UnixStream, news: SyncSender<Event>) -> Result<(), Error> {
    let listen = move || {
        use std::io::Read;
        let mut wakes = wakes;
        let mut byte = [0];
        while matches!(wakes.read(&mut byte), Ok(1)) && news.send(Event::Signal).is_ok() {}
    };
    let spawned = thread::Builder::new().name("signals".into()).spawn(listen);
    spawned.map(drop).map_err(|error| Error::system("cannot start a thread", error))
}

struct Watch {
    pipe: Pipe,
    screen: Screen,
    view: View,
    run: PathBuf,
    /// What the run file knew at first is on the board.
    is_remembered: bool,
    /// The first stage behind the one that releases tasks.
    released: usize,
    quiet: Duration,
    /// How many signals were sent on.
    stopped: usize,
    /// When what is left is killed.
    kill_at: Option<Instant>,
    /// Stages that have ended, and whose last lines may still be on their way to the board.
    unchecked: Vec<usize>,
    /// An executor behind another one that had all of its input when it was looked last.
    has_its_input: Option<usize>,
    /// How each stage ended, in the order of the pipe.
    exits: Vec<(usize, Exit)>,
}

impl Watch {
    fn watch(&mut self) {
        let mut left = self.pipe.posts.len();
        let mut looked = Instant::now();
        while left > 0 {
            match self.pipe.events.recv_timeout(TICK) {
                Ok(Event::News(text)) => self.screen.news(&text),
                Ok(Event::Words(stage, line)) => self.relay(stage, &line),
                Ok(Event::Ended(stage)) => {
                    left -= 1;
                    self.ended(stage);
                }
                Ok(Event::Signal) => self.send_on(),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if looked.elapsed() >= TICK {
                looked = Instant::now();
                self.look();
                self.draw();
            }
        }
        // What came last is still on its way from the copying threads.
        let patience = Instant::now() + LAST_LINES;
        loop {
            let is_copied = self.pipe.posts.iter().all(|post| post.has_no_output.load(Ordering::Relaxed));
            match self.pipe.events.recv_timeout(Duration::from_millis(10)) {
                Ok(Event::News(text)) => self.screen.news(&text),
                Ok(Event::Words(stage, line)) => self.relay(stage, &line),
                Err(_) if is_copied || Instant::now() > patience => break,
                Ok(Event::Ended(_) | Event::Signal) | Err(_) => {}
            }
        }
        self.check_ended(true);
    }

    fn relay(&mut self, stage: usize, text: &str) {
        let link = &self.pipe.posts[stage].link;
        let is_named = text.strip_prefix(link.name.as_str()).is_some_and(|rest| rest.starts_with(':'));
        if link.is_foreign() && !is_named {
            self.screen.relay(&format!("{}: {text}", link.name));
        } else {
            self.screen.relay(text);
        }
    }

    fn ended(&mut self, stage: usize) {
        let post = &self.pipe.posts[stage];
        let circumstances = Circumstances {
            has_no_reader: post.has_no_reader.load(Ordering::Relaxed),
            was_stopped: self.stopped > 0 || post.was_ended.load(Ordering::Relaxed),
            was_killed: self.kill_at.is_some_and(|at| at <= Instant::now()),
        };
        let meaning = match post.status() {
            Some(status) => meaning(status, circumstances),
            None => Meaning::Death("ended, nobody knows how".into()),
        };
        let is_early =
            !post.has_all_input.load(Ordering::Relaxed) && !circumstances.has_no_reader && !circumstances.was_stopped;
        let mut told = match &meaning {
            Meaning::Death(how) => Some(format!("{} {how}", post.link.told())),
            Meaning::Result(exit) if is_early => Some(format!(
                "{} ended with exit code {} while lines were still coming",
                post.link.told(),
                exit.number()
            )),
            _ => None,
        };
        if let Some(told) = &mut told {
            let words = post.last_words.lock().unwrap_or_else(PoisonError::into_inner);
            if !words.is_empty() {
                told.push_str("; its last words: ");
                told.push_str(&words.iter().map(String::as_str).collect::<Vec<_>>().join(" / "));
            }
        }
        if let Some(told) = told {
            self.screen.tell(&told);
        }
        match meaning {
            Meaning::Result(exit) => self.exits.push((stage, exit)),
            Meaning::Consequence => {}
            Meaning::Death(_) => {
                self.exits.push((stage, Exit::Failed));
                // What it has started must not go on without it.
                post.started.signal(Signal::TERM);
                process::end_strays();
            }
        }
        self.unchecked.push(stage);
    }

    /// Looks for tasks that have gone missing in stages that have ended; `at_last` also in those whose output somebody
    /// else still holds.
    fn check_ended(&mut self, at_last: bool) {
        let is_ready = |stage: &usize| at_last || self.pipe.posts[*stage].has_no_output.load(Ordering::Relaxed);
        let (ready, waiting) = std::mem::take(&mut self.unchecked).into_iter().partition(is_ready);
        self.unchecked = waiting;
        let ready: Vec<usize> = ready;
        // Of a run that was stopped, whatever was on its way has not come out.
        if self.stopped == 0 {
            for stage in ready {
                self.tell_missing(stage);
            }
        }
    }

    /// Names the tasks that went into a stage that has ended and did not come out.
    fn tell_missing(&mut self, stage: usize) {
        // What plan-batch has kept back has not gone missing.
        if stage + 1 == self.released {
            return;
        }
        let name = self.pipe.posts[stage].link.told();
        let missing = self.pipe.board.sheet().still_in(stage, None);
        for (id, since) in missing {
            self.screen.tell(&format!("task {id} went into {name} at {since} and did not come out"));
        }
    }

    /// What takes too long.
    fn look(&mut self) {
        self.check_ended(false);
        if self.stopped == 1 {
            self.stop_later_executor();
        }
        if self.kill_at.is_some_and(|at| at <= Instant::now()) {
            for post in self.pipe.posts.iter().filter(|post| post.status().is_none()) {
                post.started.signal(Signal::KILL);
            }
        }
        for (stage, post) in self.pipe.posts.iter().enumerate() {
            if !post.link.is_foreign() || post.status().is_some() || stage + 1 == self.released {
                continue;
            }
            let late = self.pipe.board.sheet().still_in(stage, Some(self.quiet));
            for (id, since) in late {
                let name = post.link.told();
                let text = format!(
                    "task {id} went into {name} at {since} and has not come out yet: does it buffer its output?"
                );
                self.screen.tell(&text);
            }
        }
    }

    fn draw(&mut self) {
        let Some((_, rows)) = self.screen.size() else { return };
        let mut sheet = self.pipe.board.sheet();
        if !self.is_remembered && self.pipe.posts[self.released - 1].has_all_input.load(Ordering::Relaxed) {
            self.is_remembered = true;
            // What cannot be read is told by plan-batch.
            if let Ok(memory) = Memory::read(&self.run, &sheet.rows) {
                sheet.rows.iter_mut().for_each(|row| row.was_finished = memory.is_finished(row));
            }
        }
        let picture = self.view.picture(&sheet, rows);
        drop(sheet);
        self.screen.draw(&picture);
    }

    /// Sends a signal on to every stage.
    fn send_on(&mut self) {
        let signals = process::signals();
        if signals.count <= self.stopped {
            return;
        }
        self.stopped = signals.count;
        let Some(signal) = [Signal::INT, Signal::TERM].into_iter().find(|signal| signal.as_raw() == signals.last)
        else {
            return;
        };
        if self.stopped > 1 {
            self.kill_at.get_or_insert(Instant::now() + GRACE);
        }
        let first = self.pipe.posts.iter().position(|post| is_executor(&post.link.name));
        for (stage, post) in self.pipe.posts.iter().enumerate().filter(|(_, post)| post.status().is_none()) {
            if is_executor(&post.link.name) && self.stopped == 1 && first != Some(stage) {
                continue;
            }
            if post.started.has_group() {
                post.started.signal(signal);
            } else if !post.link.is_foreign() {
                // The terminal may have sent it already.
                let _ = process::send_on(post.started.pid(), signal, self.stopped);
            } else if !signals.by_terminal {
                post.started.signal(signal);
            }
        }
        if self.stopped == 1 {
            self.screen.tell("stopping: what runs is ended, and what is known is kept; once more ends it at once");
        }
    }

    /// An executor ends at the first signal, and what comes from the one before it would be lost. So one behind another is
    /// only stopped when it has had all of its input for a while and still runs: then it has agents of its own.
    fn stop_later_executor(&mut self) {
        let is_running = |post: &Post| is_executor(&post.link.name) && post.status().is_none();
        let Some(stage) = self.pipe.posts.iter().position(|post| is_running(post)) else { return };
        let post = &self.pipe.posts[stage];
        if post.has_all_input.load(Ordering::Relaxed)
            && self.has_its_input.replace(stage) == Some(stage)
            && !post.was_ended.swap(true, Ordering::Relaxed)
            && let Some(signal) = named(process::signals().last)
        {
            post.started.signal(signal);
        }
    }

    fn outcome(&mut self) -> Outcome {
        self.exits.sort_by_key(|(stage, _)| *stage);
        let exits = self.exits.iter().map(|(_, exit)| *exit);
        let exit = exits.fold(Exit::Ok, Exit::or);
        // All lines of the plan have arrived where tasks are released.
        let is_whole = (0..self.released).all(|stage| {
            self.exits.iter().any(|(other, exit)| *other == stage && matches!(exit, Exit::Ok | Exit::NeedsDecision))
        });
        let exit = if self.stopped > 0 { Exit::Stopped(process::signals().last) } else { exit };
        Outcome { exit, is_whole }
    }
}

/// The signal of this number, if it is one that we hear.
fn named(number: i32) -> Option<Signal> {
    [Signal::INT, Signal::TERM].into_iter().find(|signal| signal.as_raw() == number)
}
