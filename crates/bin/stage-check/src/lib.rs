//! stage-check: tries any command against the contract and says what it breaks.
//!
//! The command is run many times, each time with input made for one rule, and what comes back is compared with
//! what was sent. It gets a session of its own, without a terminal, and no agent can be started from it.

mod args;
mod bench;
mod command;
mod difference;
mod input;
mod ledger;
mod live;
mod odd;
mod pool;
mod random;
mod report;
mod rule;
mod rules;
mod session;
mod tree;

use clap::Parser;
use stage::{Error, Exit};

/// The command line, for man pages and completions.
pub fn command() -> clap::Command {
    <args::Args as clap::CommandFactory>::command()
}

/// Runs the tool with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    if let Some(command) = session::asked_for() {
        return session::exec(command);
    }
    let args = args::Args::parse();
    stage::main("stage-check", || run(&args))
}

fn run(args: &args::Args) -> Result<Exit, Error> {
    let rules = rule::selected(&args.only)?;
    if args.list {
        return report::list(&rules).map(|()| Exit::Ok);
    }
    let signals = stage::Signals::listen().map_err(|error| Error::system("signals", error))?;
    let bench = bench::Bench::new(args, signals.clone())?;
    let outcomes = match bench.first_try()? {
        Some(cause) => rule::untried(&rules, cause),
        None => pool::try_all(&bench, &rules, args.jobs)?,
    };
    if signals.received().is_some() {
        return Ok(signals.or(Exit::Ok));
    }
    report::write(args, &bench, &outcomes)?;
    let broken = outcomes.iter().any(|(_, verdict)| verdict.is_broken());
    Ok(if broken { Exit::Failed } else { Exit::Ok })
}
