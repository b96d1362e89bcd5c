//! Runs programs and takes the time.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Result, tell};

/// One that takes part in a comparison: does its work once and tells how many seconds it took.
pub(crate) type Contestant<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

/// Lets contestants take turns: one round to warm up, then `rounds` that count. The seconds of each, round by round.
pub(crate) fn take_turns(what: &str, rounds: usize, contestants: &mut [Contestant]) -> Result<Vec<Vec<f64>>> {
    let mut times = vec![Vec::with_capacity(rounds); contestants.len()];
    for contestant in &mut *contestants {
        contestant()?;
    }
    for round in 1..=rounds {
        if rounds < 50 {
            tell(&format!("{what}: round {round} of {rounds}"));
        }
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            times.push(contestant()?);
        }
    }
    Ok(times)
}

/// Only what a person's shell has for certain: nothing of our own surroundings may change what is measured.
pub(crate) fn plain(command: &mut Command, folder: &Path) {
    let kept = ["PATH", "TMPDIR", "LD_LIBRARY_PATH"];
    let set: Vec<_> = command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    let from_here: Vec<_> = kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
    command.env_clear().envs(from_here).env("HOME", folder).current_dir(folder);
    command.envs(set.into_iter().filter_map(|(name, value)| Some((name, value?))));
}

/// One of our tools. cargo sets these paths at compile time.
pub(crate) fn tool(name: &str) -> Command {
    Command::new(match name {
        "plan-parse" => env!("CARGO_BIN_EXE_plan-parse"),
        "route" => env!("CARGO_BIN_EXE_route"),
        "codex-exec" => env!("CARGO_BIN_EXE_codex-exec"),
        "verify" => env!("CARGO_BIN_EXE_verify"),
        "plan-batch" => env!("CARGO_BIN_EXE_plan-batch"),
        "journal" => env!("CARGO_BIN_EXE_journal"),
        "land" => env!("CARGO_BIN_EXE_land"),
        _ => env!("CARGO_BIN_EXE_approve"),
    })
}

/// From the start of a program to its end, in seconds: stdin from a file, stdout to nowhere.
pub(crate) fn timed(command: &mut Command, input: &Path) -> Result<f64> {
    command.stdin(File::open(input)?).stdout(Stdio::null()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let stderr = child.stderr.take();
    let status = child.wait()?;
    let time = began.elapsed().as_secs_f64();
    if status.success() {
        return Ok(time);
    }
    let told = stderr.map(std::io::read_to_string).transpose()?.unwrap_or_default();
    Err(format!("{}: {status}: {}", command.get_program().display(), told.trim()).into())
}

/// How many lines end in a piece of output.
pub(crate) fn line_ends(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}
