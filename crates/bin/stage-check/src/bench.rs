//! What every rule has at hand: the command, the limits, and what is asked of it.

use std::time::Duration;

use stage::{Error, Signals};

use crate::args::Args;
use crate::command::Command;
use crate::input;
use crate::live::{End, Live, Outcome};
use crate::session;

/// The command on the bench.
pub struct Bench {
    pub command: Command,
    /// What the user typed, for the report.
    pub name: String,
    pub timeout: Duration,
    pub patience: Duration,
    pub seed: u64,
    pub strict: bool,
    pub executor: bool,
    pub adds: Vec<String>,
    pub exits: Vec<i32>,
    /// Lines that give the stage work.
    pub sample: Option<Vec<String>>,
    signals: Signals,
}

impl Bench {
    /// As the command line asks.
    pub fn new(args: &Args, signals: Signals) -> Result<Self, Error> {
        let ourselves = std::env::current_exe().map_err(|error| Error::system("cannot find myself", error))?;
        let sample = args.sample.as_ref().map(|path| {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
            Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
        });
        let words: Vec<_> = args.command.iter().map(|word| word.to_string_lossy()).collect();
        Ok(Self {
            command: Command::new(&args.command, ourselves),
            name: words.join(" "),
            timeout: Duration::from_secs_f64(args.timeout),
            patience: Duration::from_secs_f64(args.patience),
            seed: args.seed,
            strict: args.strict,
            executor: args.executor,
            adds: args.adds.clone(),
            exits: if args.exits.is_empty() { vec![0] } else { args.exits.iter().copied().map(i32::from).collect() },
            sample: sample.transpose()?,
            signals,
        })
    }

    /// Whether the user wants us to end.
    pub fn stopped(&self) -> bool {
        self.signals.received().is_some()
    }

    /// Starts the command.
    pub fn start(&self) -> Result<Live<'_>, Error> {
        Live::start(self)
    }

    /// Runs the command on `input` from beginning to end.
    pub fn run(&self, input: impl Into<Vec<u8>>) -> Result<Outcome, Error> {
        let live = self.start()?;
        live.send(input);
        live.finish()
    }

    /// Tries a plain plan, before any rule is tried: a command that does not exist is told from one that breaks rules,
    /// and of one that gives up before it has written anything the cause is returned.
    pub fn first_try(&self) -> Result<Option<String>, Error> {
        let outcome = self.run(input::bytes(&input::mixed("")))?;
        let told = outcome.last_word();
        if outcome.end == End::Exit(session::NOT_FOUND) || outcome.end == End::Exit(126) {
            let told = told.unwrap_or_else(|| outcome.end.to_string());
            return Err(Error::Usage(format!("cannot run the command: {}", told.trim_start_matches("stage-check: "))));
        }
        let how = match outcome.end {
            End::Exit(0) | End::TimedOut => return Ok(None),
            End::Exit(code) if self.exits.contains(&code) => return Ok(None),
            End::Exit(code) => format!("the command ended with {code}"),
            End::Signal(signal) => format!("the command was ended by signal {signal}"),
        };
        let told = told.unwrap_or_else(|| "nothing on stderr".into());
        Ok(outcome.stdout.is_empty().then(|| format!("{how} before any line came out: {told}")))
    }
}
