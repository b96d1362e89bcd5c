//! plan-batch: release up to three independent tasks at a time, and the next ones when those are decided.

mod args;
mod graph;
mod item;
mod judge;
mod ledger;
mod outcome;
mod queue;
mod releaser;
mod schedule;
mod spending;

use std::process::ExitCode;

use clap::Parser;
use stage::{Error, Exit};

pub use args::Args;

pub(crate) const NAME: &str = "plan-batch";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    stage::main(NAME, || run(Args::parse()))
}

fn run(args: Args) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start", error))?;
    runtime.block_on(releaser::run(args))
}
