//! The running pipe: stages, and the threads that copy between them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use process::{Member, StartError, Started};
use run::Owner;
use rustix::process::Signal;
use stage::Error;

use crate::board::{Board, Landmarks};
use crate::glimpse::Glimpse;
use crate::joint::{self, End, Tap};
use crate::line::{Link, What};
use crate::tools::Tools;
use crate::words;

/// What happens in the pipe.
#[derive(Debug)]
pub(crate) enum Event {
    /// Something happened to a task.
    News(String),
    /// A stage says something on stderr.
    Words(usize, String),
    /// A stage has ended.
    Ended(usize),
    /// SIGINT or SIGTERM.
    Signal,
}

/// A stage that was started.
#[derive(Debug)]
pub(crate) struct Post {
    pub link: Link,
    pub started: Started,
    status: Mutex<Option<ExitStatus>>,
    has_ended: Condvar,
    /// All of its input has been handed to it.
    pub has_all_input: AtomicBool,
    /// Nobody reads its output any more.
    pub has_no_reader: AtomicBool,
    /// Nothing more comes out of it: all that did has been noted on the board.
    pub has_no_output: AtomicBool,
    /// We have ended it.
    pub was_ended: AtomicBool,
    pub last_words: Mutex<VecDeque<String>>,
}

/// So many lines count as last words.
const LAST_WORDS: usize = 3;
/// So long the last words of a stage may take to arrive once it has ended.
const LAST_WORDS_COME: Duration = Duration::from_millis(300);
/// So long it may take to learn how a stage ended that has closed its output.
const ENDING: Duration = Duration::from_secs(2);
/// So many events may wait; then the pipe does.
const EVENTS: usize = 1024;

impl Post {
    /// How it ended, once it has.
    pub fn status(&self) -> Option<ExitStatus> {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_status(&self, status: ExitStatus) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        self.has_ended.notify_all();
    }

    fn wait_for_status(&self, patience: Duration) -> Option<ExitStatus> {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.has_ended.wait_timeout_while(status, patience, |status| status.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for its end, and tells whether all that it had to say has been said.
    fn has_ended_well(&self) -> bool {
        loop {
            if let Some(status) = self.wait_for_status(ENDING) {
                return matches!(status.code(), Some(0 | 20));
            }
        }
    }

    fn says(&self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let mut words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.len() == LAST_WORDS {
            words.pop_front();
        }
        words.push_back(line.to_owned());
    }
}

/// The whole pipe.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub posts: Vec<Arc<Post>>,
    pub board: Arc<Board>,
    pub events: Receiver<Event>,
    pub news: SyncSender<Event>,
    /// Ours as long as nobody else has taken it over.
    _owner: Option<Owner>,
}

/// Starts all stages and begins to copy between them. To be called on the main thread.
pub(crate) fn start(
    line: Vec<Link>,
    tools: &Tools,
    owner: Owner,
    landmarks: Landmarks,
    stdin: bool,
) -> Result<Pipe, Error> {
    let (news, events) = sync_channel(EVENTS);
    let board = Arc::<Board>::default();
    let mut owner = Some(owner);
    let mut posts: Vec<Arc<Post>> = Vec::new();
    let mut outputs = Vec::new();
    let mut inputs = Vec::new();
    let mut words = Vec::new();
    for link in line {
        let (input, output, said) = (pipe()?, pipe()?, pipe()?);
        let (read, write) = input;
        let read = if posts.is_empty() { first_input(stdin)? } else { Some(read.into()) };
        let started = launch(&link, tools, read, output.1.into(), said.1.into(), &mut owner)?;
        inputs.push(write);
        outputs.push(output.0);
        words.push(said.0);
        posts.push(Arc::new(Post {
            link,
            started,
            status: Mutex::default(),
            has_ended: Condvar::new(),
            has_all_input: AtomicBool::new(false),
            has_no_reader: AtomicBool::new(false),
            has_no_output: AtomicBool::new(false),
            was_ended: AtomicBool::new(false),
            last_words: Mutex::default(),
        }));
    }
    let spawn = |name: String, work: Box<dyn FnOnce() + Send>| {
        let spawned = thread::Builder::new().name(name).spawn(work);
        spawned.map(drop).map_err(|error| Error::system("cannot start a thread", error))
    };
    for (at, said) in words.into_iter().enumerate() {
        let (over, is_over) = channel();
        let (post, news) = (Arc::clone(&posts[at]), news.clone());
        let (speaker, speaking) = (Arc::clone(&post), news.clone());
        spawn(
            "words".into(),
            Box::new(move || {
                words::read(said, |line| {
                    speaker.says(&line);
                    // Nobody is told any more once the watch is over.
                    let _ = speaking.send(Event::Words(at, line));
                });
                drop(over);
            }),
        )?;
        spawn(
            "end".into(),
            Box::new(move || {
                if let Ok(status) = post.started.wait() {
                    post.set_status(status);
                }
                let _: Result<(), _> = is_over.recv_timeout(LAST_WORDS_COME);
                let _ = news.send(Event::Ended(at));
            }),
        )?;
    }
    // The first stage reads by itself.
    posts[0].has_all_input.store(true, Ordering::Relaxed);
    let mut writers = inputs.into_iter().skip(1).map(Some).chain([None]);
    for (at, output) in outputs.into_iter().enumerate() {
        let writer = writers.next().flatten();
        let (source, reader) = (Arc::clone(&posts[at]), posts.get(at + 1).cloned());
        // What is in front of the stage that releases tasks.
        let front = if at + 2 == landmarks.released { posts[..=at].to_vec() } else { Vec::new() };
        let mut watcher = Watcher { board: Arc::clone(&board), source, stage: at + 1, landmarks, news: news.clone() };
        spawn(
            "joint".into(),
            Box::new(move || {
                let end = joint::copy(&output, writer.as_ref(), &mut watcher);
                watcher.source.has_no_output.store(true, Ordering::Relaxed);
                // Before either end is closed: the stages may end at once then, and it must be known why.
                match (end, reader) {
                    (End::Reader, _) => watcher.source.has_no_reader.store(true, Ordering::Relaxed),
                    // Half a plan is none: it must not be taken for a whole one.
                    (End::Input, Some(reader)) if !front.iter().all(|post| post.has_ended_well()) => {
                        reader.was_ended.store(true, Ordering::Relaxed);
                        reader.started.signal(Signal::TERM);
                        reader.wait_for_status(ENDING);
                    }
                    (End::Input, Some(reader)) => reader.has_all_input.store(true, Ordering::Relaxed),
                    (End::Input, None) => {}
                }
            }),
        )?;
    }
    Ok(Pipe { posts, board, events, news, _owner: owner })
}

fn pipe() -> Result<(io::PipeReader, io::PipeWriter), Error> {
    io::pipe().map_err(|error| Error::system("cannot make a pipe", error))
}

/// The plan itself may come on stdin.
fn first_input(is_wanted: bool) -> Result<Option<OwnedFd>, Error> {
    use std::os::fd::AsFd;
    if !is_wanted {
        return Ok(None);
    }
    io::stdin().as_fd().try_clone_to_owned().map(Some).map_err(|error| Error::system("stdin", error))
}

fn launch(
    link: &Link,
    tools: &Tools,
    stdin: Option<OwnedFd>,
    stdout: OwnedFd,
    stderr: OwnedFd,
    owner: &mut Option<Owner>,
) -> Result<Started, Error> {
    let mut env: Vec<(OsString, OsString)> = Vec::new();
    let (program, args) = match &link.command {
        What::Tool { program, args, .. } => (program.clone().into_os_string(), args.clone()),
        What::Shell(command) => {
            env.push(("PATH".into(), tools.path()));
            ("sh".into(), vec!["-c".into(), command.into()])
        }
    };
    let mut member = Member { program, args, env, stdin, stdout, stderr, stays_in_our_group: link.asks };
    let started = match owner.as_ref().filter(|_| link.is_journal) {
        None => member.start(),
        Some(lock) => {
            let refused = |error: run::Error| Error::Refused(error.to_string());
            let handed = lock.hand_down().map_err(refused)?;
            let (name, value) = handed.variable();
            member.env.push((name.into(), value.into()));
            let started = member.start();
            drop(handed);
            // From now on it lives as long as journal does.
            *owner = None;
            started
        }
    };
    started.map_err(|error| match error {
        StartError::System { program, source } => Error::system(program, source),
        other => Error::Refused(other.to_string()),
    })
}

/// Looks at the lines that go into a stage.
struct Watcher {
    board: Arc<Board>,
    source: Arc<Post>,
    stage: usize,
    landmarks: Landmarks,
    news: SyncSender<Event>,
}

impl Tap for Watcher {
    fn line(&mut self, line: &[u8]) {
        let told = self.board.sheet().note(&Glimpse::of(line), self.stage, self.landmarks);
        for text in told {
            let _ = self.news.send(Event::News(text));
        }
    }

    fn fragment(&mut self, fragment: &[u8]) -> bool {
        // The line end may be left out at the end of input, but the end of a line may not.
        let is_whole = serde_json::from_slice::<serde::de::IgnoredAny>(fragment).is_ok();
        let was_killed = !is_whole && self.source.wait_for_status(ENDING).is_some_and(|status| status.code().is_none());
        if was_killed {
            let text = format!("{} was ended in the middle of a line; it is left out", self.source.link.name);
            let _ = self.news.send(Event::News(text));
            return false;
        }
        self.line(fragment);
        true
    }
}
