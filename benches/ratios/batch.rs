//! plan-batch with ten times as much: tasks, what a run file holds, and tasks that all want the same file; and journal
//! beside `tee`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::data;
use crate::figure::{Figure, Spread, Target, seconds, speed};
use crate::run::{Contestant, plain, take_turns, timed, tool};
use crate::scratch::Scratch;
use crate::{Extent, Result};

/// Ten times as much may take so many times as long, and as much memory.
const LINEAR: Target = Target::AtMost(11.0);

/// A plan of `count` tasks as lines. Each needs three earlier ones; or none, and all of them write one file.
fn plan(path: PathBuf, count: usize, meets: bool) -> Result<PathBuf> {
    let mut file = BufWriter::new(File::create(&path)?);
    writeln!(file, r#"{{"type":"plan","v":1,"path":"p.md","title":"p","digest":"p","tasks":{count},"format":"x"}}"#)?;
    for task in 0..count {
        let mut needs = String::new();
        if !meets {
            for need in [1, 7, 1000].into_iter().filter_map(|back| task.checked_sub(back)) {
                let comma = if needs.is_empty() { "" } else { "," };
                write!(needs, "{comma}\"{need}\"")?;
            }
        }
        let written = if meets { 0 } else { task % 5000 };
        writeln!(
            file,
            r#"{{"type":"task","id":"{task}","title":"Task {task}","digest":"d{task}","needs":[{needs}],"files":[{{"path":"src/f{written}.rs","action":"modify"}}],"route":{{"work_type":"implement","backend":"codex","models":["m"],"effort":"high","sandbox":"workspace-write","rank":10,"rule":"r","why":"w"}}}}"#
        )?;
    }
    file.flush()?;
    Ok(path)
}

/// A run file of `count` lines: for each of half as many tasks its release, and how it came out.
fn run_file(path: PathBuf, count: usize) -> Result<PathBuf> {
    let mut file = BufWriter::new(File::create(&path)?);
    for task in 0..count / 2 {
        let batch = task / 3 + 1;
        writeln!(
            file,
            r#"{{"type":"release","id":"{task}","attempt":1,"digest":"d{task}","at":"2026-01-01T00:00:00.000Z","sandbox":"workspace-write"}}
{{"type":"task","id":"{task}","title":"Task {task}","digest":"d{task}","batch":{{"number":{batch},"attempt":1,"attempts_left":1}},"result":{{"status":"ok","code":0,"backend":"codex","message":"It is done.","attempts":[{{"backend":"codex","model":"m","thread":"t{task}","started":"2026-01-01T00:00:01Z","seconds":1.0,"usage":{{"input":1,"cached_input":0,"output":1,"total":2}}}}]}},"verdict":{{"status":"pass","checks":[{{"kind":"command","name":"cargo test","status":"pass","exit":0,"seconds":1.0,"tail":"ok"}}]}},"decisions":[{{"gate":"result","status":"approved","by":"person:ada","at":"2026-01-01T00:01:00.000Z","task_digest":"d{task}"}}]}}"#
        )?;
    }
    file.flush()?;
    Ok(path)
}

fn released(run: &Path, folder: &Path) -> Command {
    let mut command = tool("plan-batch");
    command.arg("--run").arg(run).args(["--size", "1"]);
    plain(&mut command, folder);
    command
}

/// The time until the first task is released and the tool has ended; `known` is what the run file holds before.
fn contestant<'a>(scratch: &'a Scratch, plan: &'a Path, known: Option<&'a Path>) -> Result<Contestant<'a>> {
    let run = scratch.path("batch-run.jsonl");
    let folder = scratch.repository()?;
    Ok(Box::new(move || {
        match known {
            Some(known) => drop(fs::copy(known, &run)?),
            None => fs::write(&run, "")?,
        }
        timed(&mut released(&run, folder), plan)
    }))
}

/// The most memory of a run, in bytes, once the first task is out.
fn memory(scratch: &Scratch, plan: &Path) -> Result<f64> {
    let run = scratch.path("batch-run.jsonl");
    fs::write(&run, "")?;
    let mut command = released(&run, scratch.repository()?);
    command.arg("--follow").stdin(File::open(plan)?).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let out = child.stdout.take().ok_or("no stdout")?;
    let is_out = BufReader::new(out).lines().map_while(std::result::Result::ok).any(|line| line.contains("\"batch\""));
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
    child.kill()?;
    child.wait()?;
    let status = status?;
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    peak.filter(|_| is_out).map(|peak| peak * 1024.0).ok_or_else(|| "no task was released".into())
}

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let count = extent.tasks;
    let little = plan(scratch.path("little.jsonl"), count / 10, false)?;
    let much = plan(scratch.path("much.jsonl"), count, false)?;
    let (little_met, much_met) =
        (plan(scratch.path("little-met.jsonl"), count / 10, true)?, plan(scratch.path("much-met.jsonl"), count, true)?);
    let little_run = run_file(scratch.path("little-run.jsonl"), count / 10)?;
    let much_run = run_file(scratch.path("much-run.jsonl"), count)?;
    let mut figures = Vec::new();
    for (name, small, large, known) in [
        ("plan-batch, ten times as many tasks", &little, &much, None),
        ("plan-batch, ten times as many on one file", &little_met, &much_met, None),
        ("plan-batch, ten times as long a run", &little, &much, Some((&little_run, &much_run))),
    ] {
        let (little_known, much_known) = known.unzip();
        let mut contestants = vec![
            contestant(scratch, small, little_known.map(PathBuf::as_path))?,
            contestant(scratch, large, much_known.map(PathBuf::as_path))?,
        ];
        let times = take_turns(name, extent.rounds, &mut contestants)?;
        let told = |times: &[f64]| seconds(Spread::of(times.iter().copied()).median);
        figures.push(
            Figure::ratio(name, Spread::of_ratios(&times[1], &times[0]), LINEAR)
                .ours(format!("{count} tasks {}", told(&times[1])))
                .peer(format!("{} {}", count / 10, told(&times[0]))),
        );
    }
    let (small, large) = (memory(scratch, &little)?, memory(scratch, &much)?);
    figures.push(
        Figure::ratio("plan-batch memory, ten times as many", Spread::of([large / small]), LINEAR)
            .ours(format!("{:.0} MB", large / 1e6))
            .peer(format!("{:.0} MB", small / 1e6)),
    );
    figures.push(journal(scratch, extent)?);
    Ok(figures)
}

/// journal has each block on disk before it passes it on; tee has not.
fn journal(scratch: &Scratch, extent: Extent) -> Result<Figure> {
    let stream = data::stream(&scratch.path("passed.jsonl"), extent.passed)?;
    let folder = scratch.repository()?;
    let run = scratch.path("journal-run.jsonl");
    let (path, copy) = (&stream.path, &run);
    let mut contestants: Vec<Contestant> = Vec::new();
    for command in [tool("journal"), Command::new("tee")] {
        let mut command = command;
        command.arg(&run);
        plain(&mut command, folder);
        contestants.push(Box::new(move || {
            // A run file that is there already would only grow.
            let _ = fs::remove_file(copy);
            timed(&mut command, path)
        }));
    }
    let times = take_turns("journal, tee", extent.rounds, &mut contestants)?;
    let told = |times: &[f64]| speed(stream.bytes, Spread::of(times.iter().copied()).median);
    Ok(Figure::ratio("journal : tee, time", Spread::of_ratios(&times[0], &times[1]), Target::None)
        .ours(told(&times[0]))
        .peer(format!("tee, nothing synced: {}", told(&times[1]))))
}
