//! verify: run a task's commands and command-like done criteria, and say whether its work is proven.

mod args;
mod check;
mod checkout;
mod environment;
mod log;
mod sandbox;
mod site;
mod stream;
mod task;
mod verifier;

use clap::Parser;
use stage::Error;

use args::Args;
use sandbox::Sandbox;
use verifier::Verifier;

/// The name in front of everything that is told to people.
const NAME: &str = "verify";

/// The command line, for man pages and completions.
pub fn command() -> clap::Command {
    <Args as clap::CommandFactory>::command()
}

/// Runs the tool with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    if let Some(code) = sandbox::restricted_child() {
        return code;
    }
    let args = Args::parse();
    stage::main(NAME, || {
        let sandbox = Sandbox::choose(args.sandbox, args.permits()?)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::system("cannot start", error))?;
        let verifier = Verifier::new(args, sandbox)?;
        let outcome = runtime.block_on(stream::serve(&verifier));
        // What blocks in a thread, such as the reader of stdin, is not waited for.
        runtime.shutdown_background();
        outcome
    })
}
