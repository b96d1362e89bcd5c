//! What a worktree for each task costs, in a repository of 10,000 files.
//!
//! The agent writes two files, one of which git ignores, and removes one. Nine tasks, one at a time; of a task that uses
//! the tree again, all that codex-exec does for it counts: the snapshot of the user's work, the tree, the look at git
//! before and after, the commit and the branch, but not the agent:
//!
//!   a task : reset = median of (time between two finished tasks - a call of the agent) : (git reset --hard; git clean -ffdxq)
//!   first : add    = (codex-exec with one task, from start to end - readiness check - a call) : git worktree add
//!
//! The peers are git alone, in a worktree that the same agent has worked in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::data::routed_task;
use crate::executor::{ours, spawner};
use crate::figure::{Figure, Spread, Target, seconds};
use crate::run::plain;
use crate::scratch::Scratch;
use crate::{Extent, Result, tell};

const TASKS: u64 = 9;
const FILES: usize = 10_000;
const SANDBOX: &str = "workspace-write";
const ISOLATED: [&str; 1] = ["--isolate=worktree"];

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let folder = repository(scratch)?;
    let agent = agent(scratch)?;
    let lines: Vec<String> = (1..=TASKS).map(|number| routed_task(number, SANDBOX) + "\n").collect();
    let one = scratch.file("isolated-one.jsonl", &lines[0])?;
    let all = scratch.file("isolated-all.jsonl", lines.concat())?;
    let (mut first, mut add, mut again, mut reset) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=extent.rounds {
        tell(&format!("worktrees: round {round} of {}", extent.rounds));
        let _ = fs::remove_dir_all(folder.join(".plan"));
        git(&folder, &["worktree", "prune"])?;
        let bare = scratch.path("bare-worktree");
        let began = Instant::now();
        git(&folder, &["worktree", "add", "-q", "--detach", path(&bare)?, "HEAD"])?;
        let added = began.elapsed().as_secs_f64();
        let (check, calls) = spawner(&bare, &agent, SANDBOX, &lines)?;
        let call = Spread::of(calls).median;
        let mut resets = Vec::new();
        for line in &lines {
            spawner(&bare, &agent, SANDBOX, std::slice::from_ref(line))?;
            let began = Instant::now();
            git(&bare, &["reset", "--hard", "-q"])?;
            git(&bare, &["clean", "-ffdxq"])?;
            resets.push(began.elapsed().as_secs_f64());
        }
        git(&folder, &["worktree", "remove", "--force", path(&bare)?])?;
        let (time, _) = ours(&folder, &agent, &one, &ISOLATED, 1)?;
        let (_, arrivals) = ours(&folder, &agent, &all, &ISOLATED, TASKS)?;
        if round == 0 {
            continue;
        }
        first.push(time - check - call);
        add.push(added);
        again.push(Spread::of(arrivals.windows(2).map(|pair| pair[1] - pair[0])).median - call);
        reset.push(Spread::of(resets).median);
    }
    let told = |times: &[f64]| seconds(Spread::of(times.iter().copied()).median);
    let figure = |name: &str, ours: &[f64], peer: &[f64], most: f64, peers: &str| {
        Figure::ratio(name, Spread::of_ratios(ours, peer), Target::AtMost(most))
            .ours(told(ours))
            .peer(format!("{peers} {}", told(peer)))
    };
    Ok(vec![
        figure("worktree for a task : reset", &again, &reset, 1.5, "git reset --hard and git clean"),
        figure("first worktree : add", &first, &add, 1.2, "git worktree add"),
    ])
}

fn repository(scratch: &Scratch) -> Result<PathBuf> {
    let folder = scratch.path("many-files");
    for number in 0..FILES {
        let file = folder.join(format!("part-{:02}/deep/file-{number}.rs", number / 100));
        fs::create_dir_all(file.parent().ok_or("no folder")?)?;
        // Sizes as in usual sources: 0.1 to 8 KB, most of them small.
        fs::write(file, format!("// line {number}\n").repeat(8 + number % 23 * (number % 29)))?;
    }
    fs::write(folder.join(".gitignore"), "*.log\n")?;
    for args in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "all"]] {
        git(&folder, args)?;
    }
    Ok(folder)
}

/// The instant agent, after some work.
fn agent(scratch: &Scratch) -> Result<PathBuf> {
    let instant = scratch.example("instant-agent")?;
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--json*) echo made > made.rs; echo log > made.log; rm part-07/deep/file-777.rs;; esac\n\
         exec '{}' \"$@\"\n",
        instant.display()
    );
    let path = scratch.file("writing-agent", script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

fn git(folder: &Path, args: &[&str]) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"])
        .args(args);
    plain(&mut git, folder);
    let done = git.stdout(Stdio::null()).status()?;
    if done.success() { Ok(()) } else { Err(format!("git {args:?} failed").into()) }
}

fn path(path: &Path) -> Result<&str> {
    Ok(path.to_str().ok_or("the folder's name is not UTF-8")?)
}
