//! kill -9 of each process of the pipe and of all at once, at random moments: the same command then goes on, every task is
//! finished once, and nothing is left behind.

use std::fs::File;
use std::process::Child;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, Job};
use crate::deaths::children;
use crate::harness::{Done, Tool, finished, is_running, until};

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
    let result = std::panic::catch_unwind(|| check(&bench, &last, &["1", "2", "3", "4", "5"]));
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

#[test]
#[ignore = "takes half an hour; make test-long"]
fn five_hundred_kills() {
    rounds(chosen().unwrap_or(1000..1500));
}
