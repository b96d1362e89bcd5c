//! What to run, and how long it may take.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

/// A child to be run.
#[derive(Clone, Debug)]
pub struct Job {
    /// A program on PATH, or a path.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The folder to run in.
    pub folder: PathBuf,
    /// Environment variables to set (`Some`) or remove (`None`); all others are inherited.
    pub env: Vec<(OsString, Option<OsString>)>,
    /// What it reads from stdin, which is closed afterwards.
    pub input: Vec<u8>,
    /// Whether stdout and stderr arrive as one stream in the order of writing.
    pub output: Output,
    /// How long it may take.
    pub limits: Limits,
}

/// How the output of a child arrives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Output {
    /// stdout and stderr apart.
    Apart,
    /// All of it as stdout, in the order in which it was written.
    Together,
}

/// The clocks of a child.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the whole run; `None` for no limit.
    pub total: Option<Duration>,
    /// Between two signs of progress; `None` for no limit.
    pub stall: Option<Duration>,
    /// Between the polite signal (TERM) and the last one (KILL).
    pub grace: Duration,
}

impl Job {
    /// A job without arguments or input, in the present folder, without limits and with five seconds of grace.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            folder: PathBuf::from("."),
            env: Vec::new(),
            input: Vec::new(),
            output: Output::Apart,
            limits: Limits { total: None, stall: None, grace: Duration::from_secs(5) },
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }
}
