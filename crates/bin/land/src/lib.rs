//! land: bring approved changes into the user's branch, one commit per task.

mod applied;
mod args;
mod collision;
mod lander;
mod merge;
mod recheck;
mod recovery;
mod refusal;
mod signing;
mod stream;
mod task;
mod touched;
mod transfer;

use clap::{CommandFactory, Parser};
use stage::Error;

use crate::args::Args;

const NAME: &str = "land";

/// Runs the tool with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    let args = Args::parse();
    stage::main(NAME, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::system("cannot start", error))?;
        let outcome = runtime.block_on(stream::serve(args));
        // What blocks in a thread is not waited for.
        runtime.shutdown_background();
        outcome
    })
}

/// The command line, for man pages and completions.
pub fn command() -> clap::Command {
    Args::command()
}
