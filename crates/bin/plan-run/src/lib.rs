//! plan-run: start and watch the whole pipe, and go on where it stopped.

mod activity;
mod args;
mod board;
mod ends;
mod glimpse;
mod joint;
mod line;
mod memory;
mod pipe;
mod place;
mod progress;
mod screen;
mod shell;
mod stages;
mod summary;
mod tools;
mod view;
mod watch;
mod words;

use std::io::{self, Write};

use clap::Parser;
use stage::{Error, Exit};

pub use args::Args;

use crate::place::Place;
use crate::stages::{Job, is_executor};
use crate::tools::Tools;

const NAME: &str = "plan-run";

/// Runs the tool with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    stage::main(NAME, || run(&Args::parse()))
}

fn run(args: &Args) -> Result<Exit, Error> {
    let tools = Tools::new();
    let place = Place::of(args)?;
    let root = (!place.is_at_root).then(|| place.root.clone());
    let job = Job {
        plan: &args.plan,
        run: &place.run,
        root,
        options: &args.options,
        has_worktrees: has_worktrees(args, &place),
        has_our_executors: !args.swaps.instead.iter().any(|(name, _)| is_executor(name)),
    };
    let line = line::line(&job, &args.swaps, &tools)?;
    if args.dry_run {
        let mut command = shell::command(&line, &tools);
        command.push('\n');
        io::stdout().write_all(command.as_bytes()).map_err(|_| Error::ReaderGone)?;
        return Ok(Exit::Ok);
    }
    let owner = place.take(args.from.is_some())?;
    watch::run(&place, line, &tools, owner, args)
}

/// Whether each task gets a worktree of its own.
fn has_worktrees(args: &Args, place: &Place) -> bool {
    args.options.isolate.as_deref().map_or(place.is_repository, |how| how == "worktree")
}
