//! approve: ask a person, or a policy in a person's name, before work goes on.

mod args;
mod book;
mod conversation;
mod desk;
mod exhibit;
mod interrupted;
mod item;
mod page;
mod pager;
mod pending;
mod place;
mod sheet;
mod study;

use clap::{CommandFactory, Parser};
use stage::{Error, Exit};

use crate::args::Args;
use crate::desk::Desk;

/// Runs the tool with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    stage::main("approve", || run(&Args::parse()))
}

/// The command line, for man pages and completions.
pub fn command() -> clap::Command {
    Args::command()
}

fn run(args: &Args) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start", error))?;
    runtime.block_on(async { Desk::open(args)?.work().await })
}
