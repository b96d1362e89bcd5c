//! How the time of landing grows with the number of tasks.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::figure::{Figure, Spread, Target, seconds};
use crate::run::{Contestant, plain, take_turns, timed, tool};
use crate::scratch::Scratch;
use crate::{Extent, Result};

const FILES: usize = 1_000;
const TASKS: usize = 100;
/// Twice the tasks in this many times the time is linear.
const MOST: f64 = 2.2;

/// Says of every task that its checks pass.
const VERIFY: &str = r#"sed 's/}$/,"verdict":{"status":"pass","checks":[]}}/'"#;

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let top = scratch.path("landing");
    fs::create_dir_all(&top)?;
    git(&top, &["init", "-q", "-b", "main"])?;
    git(&top, &["config", "user.name", "nobody"])?;
    git(&top, &["config", "user.email", "nobody@example.org"])?;
    import(&top)?;
    let base = git(&top, &["rev-parse", "base"])?;
    git(&top, &["checkout", "-q", "-B", "main", "base"])?;
    let lines = (0..TASKS).map(|number| task(&top, &base, number)).collect::<Result<Vec<_>>>()?;
    let half = scratch.file("landing-half.jsonl", lines[..TASKS / 2].concat())?;
    let all = scratch.file("landing-all.jsonl", lines.concat())?;
    let land = |input: &Path| {
        git(&top, &["reset", "-q", "--hard", &base])?;
        let mut land = tool("land");
        land.args(["--verify", VERIFY]);
        plain(&mut land, &top);
        let time = timed(&mut land, input)?;
        let landed = git(&top, &["rev-list", "--count", &format!("{base}..main")])?;
        let wanted = fs::read_to_string(input)?.lines().count().to_string();
        if landed == wanted { Ok(time) } else { Err(format!("{landed} of {wanted} tasks have landed").into()) }
    };
    let mut contestants: [Contestant; 2] = [Box::new(|| land(&all)), Box::new(|| land(&half))];
    let times = take_turns("landing", extent.rounds.min(3), &mut contestants)?;
    let told = |times: &[f64]| seconds(Spread::of(times.iter().copied()).median);
    Ok(vec![
        Figure::ratio("landing 100 tasks : landing 50", Spread::of_ratios(&times[0], &times[1]), Target::AtMost(MOST))
            .ours(format!("100 tasks {}", told(&times[0])))
            .peer(format!("50 tasks {}", told(&times[1]))),
    ])
}

/// A commit with the files, and one commit on it for each task.
fn import(top: &Path) -> Result<()> {
    let mut stream = String::from("commit refs/heads/base\ncommitter n <n@example.org> 0 +0000\ndata 4\nbase\n");
    for number in 0..FILES {
        let text = format!("This is file number {number}.\n").repeat(10);
        write!(stream, "M 644 inline folder-{}/file-{number}.txt\ndata {}\n{text}\n", number % 20, text.len())?;
    }
    for number in 0..TASKS {
        write!(
            stream,
            "commit refs/heads/work-{number}\ncommitter n <n@example.org> 0 +0000\ndata 4\nwork\nfrom refs/heads/base\n\
             M 644 inline folder-{}/file-{number}.txt\ndata 8\nchanged\n\n",
            number % 20
        )?;
    }
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet"]).current_dir(top).stdin(Stdio::piped());
    let mut import = import.spawn()?;
    import.stdin.take().ok_or("no stdin")?.write_all(stream.as_bytes())?;
    if import.wait()?.success() { Ok(()) } else { Err("git fast-import failed".into()) }
}

fn task(top: &Path, base: &str, number: usize) -> Result<String> {
    let head = git(top, &["rev-parse", &format!("work-{number}")])?;
    let decision = json!({"gate": "result", "status": "approved", "by": "policy:all", "at": "2026-01-01T00:00:00Z",
        "task_digest": "d"});
    let task = json!({"type": "task", "id": number.to_string(), "title": "A task", "digest": "d",
        "result": {"status": "ok", "code": 0, "backend": "codex", "base": base, "head": head}, "decisions": [decision]});
    Ok(format!("{task}\n"))
}

fn git(folder: &Path, args: &[&str]) -> Result<String> {
    let done = Command::new("git").current_dir(folder).args(args).stderr(Stdio::inherit()).output()?;
    if !done.status.success() {
        return Err(format!("git {args:?} failed").into());
    }
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}
