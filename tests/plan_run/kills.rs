//! kill -9 of each process of the pipe and of all at once, at random moments: the same command then goes on, every task is
//! finished once, and nothing is left behind.

use std::fs::{self, File};
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::Duration;

use mock_models::{Conversation, Script, Step};
use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, Job, TRUST, plan};
use crate::deaths::children;
use crate::harness::{Desk, Done, Tool, finished, git, is_running, until};

/// Every process of the pipe, and all of them together.
const VICTIMS: [&str; 13] = [
    "plan-run",
    "plan-parse",
    "route",
    "approve-plan",
    "plan-batch",
    "codex-exec",
    "approve-fallback",
    "claude-exec",
    "verify",
    "approve",
    "land",
    "journal",
    "all",
];

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn kill(pid: u32) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL);
}

/// Kills one process of a pipe, or all of them, after this long; who was there.
pub fn killed_after(run: &Child, victim: &str, moment: Duration) -> Vec<(String, u32)> {
    thread::sleep(moment);
    let mut there = children(run.id());
    there.push(("plan-run".into(), run.id()));
    // The leader goes first: nobody may have time to say goodbye.
    for (name, pid) in there.iter().rev() {
        if victim == "all" || name == victim {
            kill(*pid);
        }
    }
    there
}

/// What must hold at the end, however often something was killed.
pub fn check(bench: &Bench, last: &Done, ids: &[&str]) {
    assert_eq!(last.code, 0, "{}\n{:#?}", last.err, bench.lines());
    let lines = bench.lines();
    for id in ids {
        let approvals: Vec<f64> = lines
            .iter()
            .filter(|line| line["type"] == "decision" && line["id"] == *id)
            .filter(|line| line["gate"] == "result" && line["status"] == "approved")
            .map(|line| seconds(line["at"].as_str().unwrap()))
            .collect();
        assert_eq!(approvals.len(), 1, "task {id} is approved once: {lines:#?}");
        let late =
            bench.log().iter().filter(|(what, task, at)| what == "begin" && task == id && *at > approvals[0]).count();
        assert_eq!(late, 0, "task {id} was done again after it was approved: {}\n{lines:#?}", last.err);
        let task = bench.last(id);
        assert_eq!(task["decisions"].as_array().unwrap().last().unwrap()["status"], "approved", "{task:#}");
    }
    for name in [".plan/plan/run.jsonl.lock", ".plan/tree.lock"] {
        if let Ok(lock) = File::open(bench.root().join(name)) {
            lock.try_lock().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    assert!(bench.agents().iter().all(|pid| !is_running(*pid)), "agents are left");
    let writers: Vec<&str> =
        ids.iter().copied().filter(|id| bench.last(id)["title"].as_str().unwrap().contains("writes")).collect();
    landed_once(&bench.root(), &writers);
}

/// Each of these tasks, and no other, has one commit in the branch.
pub fn landed_once(root: &Path, ids: &[&str]) {
    let log = git(root, &["log", "--format=%(trailers:key=Task,valueonly)"]);
    let mut commits: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    commits.sort_unstable();
    assert_eq!(commits, ids, "{}", git(root, &["log", "--stat"]));
}

/// What the user has not committed: an edit, and a file that git does not know.
const MINE: [(&str, &str); 2] = [("README", "x\nmine, \u{e9}\r\n"), ("mine.txt", "mine too, without a line end")];

fn leave_work(root: &Path) {
    for (name, text) in MINE {
        fs::write(root.join(name), text).unwrap();
    }
}

/// The user's own work is as it was, and nothing has been added to it.
fn work_is_intact(root: &Path) {
    for (name, text) in MINE {
        assert_eq!(fs::read_to_string(root.join(name)).unwrap(), text);
    }
    assert_eq!(git(root, &["status", "--porcelain"]), " M README\n?? mine.txt\n");
}

/// A moment as `date` understands it, in seconds.
pub fn seconds(moment: &str) -> f64 {
    let done = Tool::new("date").args(&["-d", moment, "+%s.%N"]).run().ended(0);
    done.out.trim().parse().unwrap()
}

fn round(seed: u64) {
    let mut random = Random(seed);
    let job = |id, writes, needs| Job { id, seconds: 0.15, writes, needs };
    let jobs = [
        job("1", &["a.txt"][..], &[][..]),
        job("2", &[], &[]),
        job("3", &["b.txt"], &["1"]),
        job("4", &["a.txt"], &["2"]),
        job("5", &[], &["3", "4"]),
    ];
    let bench = Bench::new(&jobs);
    leave_work(&bench.root());
    let victim = VICTIMS[usize::try_from(seed % 13).unwrap()];
    let run = bench.trusting().arg("plan.md").start();
    let moment = Duration::from_millis(random.below(if seed.is_multiple_of(3) { 400 } else { 3000 }));
    let there = killed_after(&run, victim, moment);
    let first = finished(run);
    // Whoever was not killed ends by himself.
    for (name, pid) in &there {
        until(&format!("{name} has ended after {victim} was killed"), || !is_running(*pid));
    }
    let agents = bench.agents();
    until("agents have ended", || agents.iter().all(|pid| !is_running(*pid)));
    let last = bench.trusting().arg("plan.md").run();
    let result = std::panic::catch_unwind(|| {
        check(&bench, &last, &["1", "2", "3", "4", "5"]);
        work_is_intact(&bench.root());
        assert_eq!(fs::read_to_string(bench.root().join("a.txt")).unwrap(), "1\n4\n");
    });
    if let Err(panic) = result {
        eprintln!("seed {seed}: {victim} was killed after {moment:?}; the first run said:\n{}", first.err);
        std::panic::resume_unwind(panic);
    }
}

/// Rounds of these seeds, two at a time.
fn rounds(seeds: std::ops::Range<u64>) {
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    round(seed);
                }
            });
        }
    });
}

/// One seed, or a range of them: `KILL_SEEDS=17 cargo test ... -- --ignored`.
fn chosen() -> Option<std::ops::Range<u64>> {
    let said = std::env::var("KILL_SEEDS").ok()?;
    let (from, to) = said.split_once("..").unwrap_or((&said, ""));
    let from = from.parse().unwrap();
    Some(from..to.parse().unwrap_or(from + 1))
}

#[test]
fn whatever_is_killed_the_same_command_goes_on() {
    rounds(0..13);
}

/// All processes whose environment names this folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let theirs = all.filter(|pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(folder)
    });
    let name = |pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ");
    theirs.filter(|pid| is_running(*pid)).map(|pid| format!("{pid} {}", name(pid))).collect()
}

/// The same with the real Codex CLI, while it works.
fn real_round(victim: &str, seed: u64) {
    let mut random = Random(seed);
    let job = |id, writes, needs| Job { id, seconds: 0.0, writes, needs };
    let jobs = [job("1", &["one.txt"][..], &[][..]), job("2", &["two.txt"], &[]), job("3", &["one.txt"], &["1", "2"])];
    let conversation = |id: &str, file: &str| {
        let work = format!("echo {id} >>{file}; sleep 0.5");
        Conversation::new([Step::shell(work), Step::text("Done.")]).matching(format!("Task {id}: "))
    };
    let script = [conversation("1", "one.txt"), conversation("2", "two.txt"), conversation("3", "one.txt")];
    let desk = Desk::new(Script::new(script));
    let repo = desk.repo();
    for (name, text) in [("README", "x\n"), ("plan.md", &plan(&jobs)), ("../trust.toml", TRUST)] {
        fs::write(repo.join(name), text).unwrap();
    }
    for args in [&["add", "-A"][..], &["commit", "-qm", "plan"]] {
        git(&repo, args);
    }
    for (name, value) in [("user.name", "Ada"), ("user.email", "ada@localhost")] {
        git(&repo, &["config", name, value]);
    }
    leave_work(&repo);
    let tool = || desk.tool("plan-run").args(&["--approve-policy", "../trust.toml", "plan.md"]);
    let run = tool().start();
    until("an agent asks its model", || !desk.server.requests().is_empty());
    let home = repo.parent().unwrap();
    assert!(processes_of(home).iter().any(|process| process.contains("codex exec ")), "{:?}", processes_of(home));
    let moment = Duration::from_millis(random.below(1500));
    let there = killed_after(&run, victim, moment);
    let first = finished(run);
    for (name, pid) in &there {
        until(&format!("{name} has ended after {victim} was killed"), || !is_running(*pid));
    }
    until("agents have ended", || processes_of(home).is_empty());
    assert!(first.code != 0, "{victim} was killed after {moment:?}: {}", first.err);
    let last = tool().run();
    let told = format!("{victim} was killed after {moment:?}:\n{}\nand then:\n{}", first.err, last.err);
    assert_eq!(last.code, 0, "{told}");
    let run = fs::read_to_string(repo.join(".plan/plan/run.jsonl")).unwrap();
    for id in ["1", "2", "3"] {
        let is_it =
            |line: &serde_json::Value| line["type"] == "decision" && line["id"] == id && line["gate"] == "result";
        let lines = run.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let approved = lines.filter(|line| is_it(line) && line["status"] == "approved").count();
        assert_eq!(approved, 1, "task {id}: {told}\n{run}");
    }
    landed_once(&repo, &["1", "2", "3"]);
    work_is_intact(&repo);
    for (name, text) in [("one.txt", "1\n3\n"), ("two.txt", "2\n")] {
        assert_eq!(fs::read_to_string(repo.join(name)).unwrap(), text, "{told}");
    }
    assert_eq!(processes_of(home), Vec::<String>::new());
}

#[test]
fn the_real_cli_is_killed_and_the_same_command_goes_on() {
    for (seed, victim) in ["all", "codex-exec", "plan-run"].into_iter().enumerate() {
        real_round(victim, u64::try_from(seed).unwrap());
    }
}

#[test]
#[ignore = "takes half an hour; make test-long"]
fn five_hundred_kills() {
    rounds(chosen().unwrap_or(1000..1500));
}
