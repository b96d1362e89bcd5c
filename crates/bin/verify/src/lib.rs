//! verify: run a task's commands and command-like done criteria, and say whether its work is proven.

mod args;
mod baseline;
mod check;
mod environment;
mod fence;
mod git;
mod log;
mod review;
mod runner;
mod sandbox;
mod scratch;
mod site;
mod stream;
mod task;
mod trees;
mod verifier;
mod words;

use clap::Parser;
use stage::Error;

use args::Args;
use sandbox::Sandbox;
use verifier::Verifier;
use words::NAME;

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
    hide_environment();
    stage::main(NAME, || {
        if args.print_protected {
            let mut sink = stage::Sink::stdout();
            sink.line(fence::USUAL.trim_end())?;
            sink.flush()?;
            return Ok(stage::Exit::Ok);
        }
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

/// Commands run as the same user as we do: without this, one without a sandbox could read our environment, and with it
/// the keys that it is not given. Where it cannot be done they are only taken out of what is written.
fn hide_environment() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
