//! Running stages, one after the other, each with the whole output of the one before.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use process::{Cut, End, Job, Observer, Progress, Stop, Stopper, Stream, run};
use serde::Deserialize;
use serde_json::Value;
use stage::{Error, Exit};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// More than this no stage has to say.
const LONGEST: usize = 256 << 20;

/// What a stage printed and how it ended.
pub(crate) struct Done {
    pub out: String,
    pub code: u8,
}

/// A task as it came out of the pipe, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Outcome {
    pub status: String,
    pub message: Option<String>,
    #[serde(default)]
    pub attempts: Vec<Value>,
}

impl Outcome {
    /// The result of the one task in these lines.
    pub fn of(lines: &str) -> Option<Self> {
        let task = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["type"] == "task")?;
        serde_json::from_value(task["result"].clone()).ok()
    }

    /// The conversation to continue.
    pub fn thread(&self) -> Option<String> {
        self.attempts.last()?["thread"].as_str().map(str::to_owned)
    }
}

/// Runs stages in a folder until a signal comes.
pub(crate) struct Stages {
    runtime: tokio::runtime::Runtime,
    /// From the beginning on, so that one that comes between two stages is not lost.
    interrupt: Signal,
    terminate: Signal,
    stopper: Stopper,
    stop: Stop,
    folder: PathBuf,
}

impl Stages {
    pub fn new(folder: PathBuf) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::system("cannot start", error))?;
        let inside = runtime.enter();
        let listen = |kind| signal(kind).map_err(|error| Error::system("cannot listen for signals", error));
        let (interrupt, terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        drop(inside);
        let (stopper, stop) = Stopper::new();
        Ok(Self { runtime, interrupt, terminate, stopper, stop, folder })
    }

    /// Runs one stage. What it tells is told; a signal stops it and is the error.
    pub fn run(&mut self, name: &str, args: &[OsString], input: String) -> Result<Done, Stopped> {
        let mut job = Job::new(program(name)).args(args);
        job.input = input.into_bytes();
        job.folder.clone_from(&self.folder);
        let mut output = Output::default();
        let Self { runtime, interrupt, terminate, stopper, .. } = self;
        let stop = self.stop.clone();
        let outcome = runtime.block_on(async {
            let running = run(&job, &mut output, stop);
            tokio::pin!(running);
            let mut stopped = None;
            loop {
                tokio::select! {
                    ended = &mut running => {
                        let ended = ended.map_err(|error| Stopped::Error(Error::Usage(error.to_string())))?;
                        return match stopped {
                            Some(number) => Err(Stopped::Signal(Exit::Stopped(number))),
                            None => Ok(ended),
                        };
                    }
                    Some(()) = interrupt.recv() => stopped = Some(2),
                    Some(()) = terminate.recv() => stopped = Some(15),
                }
                stopper.stop();
            }
        })?;
        output.finish();
        let code = match outcome.end {
            End::Exited(code) if outcome.cut != Some(Cut::Stopped) => u8::try_from(code).unwrap_or(1),
            _ => 1,
        };
        Ok(Done { out: String::from_utf8_lossy(&output.out).into_owned(), code })
    }
}

/// Why a stage did not come to its end.
pub(crate) enum Stopped {
    Signal(Exit),
    Error(Error),
}

#[derive(Default)]
struct Output {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Output {
    fn finish(&mut self) {
        if !self.err.is_empty() {
            stage::relay(&String::from_utf8_lossy(&std::mem::take(&mut self.err)));
        }
    }
}

impl Observer for Output {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> Progress {
        match stream {
            Stream::Out if self.out.len() < LONGEST => self.out.extend_from_slice(bytes),
            Stream::Out => {}
            Stream::Err => {
                self.err.extend_from_slice(bytes);
                while let Some(end) = self.err.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.err.drain(..=end).collect();
                    stage::relay(String::from_utf8_lossy(&line).trim_end_matches('\n'));
                }
            }
        }
        Progress::Made
    }
}

/// A tool of ours: beside this program first, then on PATH.
pub(crate) fn program(name: &str) -> OsString {
    let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.join(name)));
    beside.filter(|path| path.is_file()).map_or_else(|| name.into(), PathBuf::into_os_string)
}
