//! What codex-exec adds to the agent that it runs.
//!
//! The agent is examples/instant-agent.rs, which answers at once, so that what is left is what codex-exec does: starting
//! and ending it, its log, and two looks at the tree by git. Twenty tasks, one at a time, in a small git repository:
//!
//!   added = (codex-exec, from start to end - readiness check - 20 calls of the agent) / 20
//!
//! "Readiness check" and "calls" are the same programs with the same arguments, run by a spawner that does nothing else:
//! it writes the prompt, reads stdout to its end and waits. So the start of codex-exec itself, and what it adds to the two
//! calls of the readiness check, counts as added, too.
//!
//! The second figure looks only at the tasks behind the first: the time between the arrival of their lines, less the time
//! of a call; the median of these. The readiness check and the start are not in it at all.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::data::routed_task;
use crate::figure::{Figure, Spread, Target, seconds};
use crate::run::{line_ends, plain, tool};
use crate::scratch::Scratch;
use crate::{Extent, Result, tell};

const TASKS: u64 = 20;

const MOST: f64 = 10.0;

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for sandbox in ["read-only", "workspace-write"] {
        figures.extend(of_sandbox(scratch, extent, sandbox)?);
    }
    Ok(figures)
}

fn of_sandbox(scratch: &Scratch, extent: Extent, sandbox: &str) -> Result<Vec<Figure>> {
    let folder = scratch.repository()?;
    let agent = scratch.example("instant-agent")?;
    let lines: Vec<String> = (1..=TASKS).map(|number| routed_task(number, sandbox) + "\n").collect();
    let input = scratch.file(&format!("{sandbox}.jsonl"), lines.concat())?;
    let (mut added, mut between, mut whole, mut calls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=extent.rounds {
        tell(&format!("codex-exec ({sandbox}): round {round} of {}", extent.rounds));
        let (time, arrivals) = ours(folder, &agent, &input, &[], TASKS)?;
        let (check, alone) = spawner(folder, &agent, sandbox, &lines)?;
        // Only a cache: the next round begins where this one did.
        let _ = std::fs::remove_dir_all(folder.join(".plan"));
        if round == 0 {
            continue;
        }
        let tasks = TASKS as f64;
        added.push((time - check - alone.iter().sum::<f64>()) / tasks * 1e3);
        let call = Spread::of(alone).median;
        let gaps = arrivals.windows(2).map(|pair| pair[1] - pair[0]);
        between.push((Spread::of(gaps).median - call) * 1e3);
        whole.push(time);
        calls.push(call);
    }
    let told = |times: Vec<f64>| seconds(Spread::of(times).median);
    let (whole, call) = (told(whole), told(calls));
    let figure = |name: &str, values, target| {
        Figure::absolute(format!("codex-exec {name}, {sandbox}"), Spread::of(values), "ms", target)
            .ours(format!("{whole} for {TASKS} tasks"))
            .peer(format!("a call alone {call}"))
    };
    Ok(vec![
        figure("adds a task", added, Target::AtMost(MOST)),
        figure("adds, median task", between, Target::AtMost(MOST)),
    ])
}

/// The seconds of codex-exec from start to end, and when each line came.
pub(crate) fn ours(folder: &Path, agent: &Path, input: &Path, args: &[&str], tasks: u64) -> Result<(f64, Vec<f64>)> {
    let mut command = tool("codex-exec");
    command.args(["--jobs", "1"]).args(args).env("CODEX_BIN", agent).env("CODEX_HOME", folder.join("no-such-folder"));
    plain(&mut command, folder);
    command.stdin(File::open(input)?).stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let mut output = child.stdout.take().ok_or("no stdout")?;
    let (mut arrivals, mut all, mut block) = (Vec::new(), Vec::new(), vec![0; 1 << 16]);
    while let count @ 1.. = output.read(&mut block)? {
        let lines = line_ends(&block[..count]);
        arrivals.extend(std::iter::repeat_n(began.elapsed().as_secs_f64(), lines));
        all.extend_from_slice(&block[..count]);
    }
    let status = child.wait()?;
    let time = began.elapsed().as_secs_f64();
    let done = String::from_utf8_lossy(&all).matches(r#""result":{"status":"ok""#).count() as u64;
    if status.success() && done == tasks {
        return Ok((time, arrivals));
    }
    Err(format!("codex-exec: {status}, {done} of {tasks} tasks are done").into())
}

/// The seconds of the readiness check, and of each call, by a spawner that does nothing else.
pub(crate) fn spawner(folder: &Path, agent: &Path, sandbox: &str, lines: &[String]) -> Result<(f64, Vec<f64>)> {
    let check = call(folder, agent, &["exec", "--help"], "")?
        + call(folder, agent, &["sandbox", "-P", ":read-only", "--", "true"], "")?;
    let place = folder.to_str().ok_or("the folder's name is not UTF-8")?;
    let args =
        ["exec", "--json", "--skip-git-repo-check", "--sandbox", sandbox, "-C", place, "-m", "gpt-5.3-codex", "-"];
    let calls = lines.iter().map(|line| call(folder, agent, &args, line)).collect::<Result<_>>()?;
    Ok((check, calls))
}

fn call(folder: &Path, agent: &Path, args: &[&str], prompt: &str) -> Result<f64> {
    let mut command = Command::new(agent);
    command.args(args);
    plain(&mut command, folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn()?;
    child.stdin.take().ok_or("no stdin")?.write_all(prompt.as_bytes())?;
    let done = child.wait_with_output()?;
    let time = began.elapsed().as_secs_f64();
    if done.status.success() { Ok(time) } else { Err(format!("{}: {}", agent.display(), done.status).into()) }
}
