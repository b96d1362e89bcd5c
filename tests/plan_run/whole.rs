//! Twelve tasks with dependencies and files that overlap: with the real Codex CLI, and against a simulation of the rule.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use mock_models::{Conversation, Script, Step};

use crate::bench::{Bench, Job, TRUST, plan};
use crate::harness::Desk;

/// Id, seconds, written files, needs.
const TASKS: [(&str, f64, &[&str], &[&str]); 12] = [
    ("1", 2.0, &["a.txt"], &[]),
    ("2", 3.0, &["b.txt"], &[]),
    ("3", 1.5, &["a.txt"], &[]),
    ("4", 2.5, &["c.txt"], &["1"]),
    ("5", 1.0, &["b.txt", "d.txt"], &["1"]),
    ("6", 3.5, &[], &["2"]),
    ("7", 1.0, &["d.txt"], &["3", "4"]),
    ("8", 2.0, &["e.txt"], &[]),
    ("9", 1.5, &["a.txt", "e.txt"], &["5"]),
    ("10", 2.0, &["f.txt"], &["6", "8"]),
    ("11", 2.5, &["f.txt", "c.txt"], &["7"]),
    ("12", 1.0, &[], &["9", "10", "11"]),
];

fn jobs() -> Vec<Job> {
    TASKS.into_iter().map(|(id, seconds, writes, needs)| Job { id, seconds, writes, needs }).collect()
}

/// When each task runs by the stated rule: up to three at a time, in the order of the plan, all needs finished, no two on
/// one file; under barriers nothing goes out before all of the last batch are back.
fn simulated(jobs: &[Job], rolling: bool) -> f64 {
    let mut out: Vec<(f64, &Job)> = Vec::new();
    let mut done: HashSet<&str> = HashSet::new();
    let mut begun: HashSet<&str> = HashSet::new();
    let mut now = 0.0;
    while done.len() < jobs.len() {
        if rolling || out.is_empty() {
            for job in jobs {
                let meets = out.iter().any(|(_, other)| other.writes.iter().any(|file| job.writes.contains(file)));
                let is_ready = job.needs.iter().all(|need| done.contains(need)) && !begun.contains(job.id);
                if out.len() < 3 && is_ready && !meets {
                    begun.insert(job.id);
                    out.push((now + job.seconds, job));
                }
            }
        }
        now = out.iter().map(|(end, _)| *end).fold(f64::INFINITY, f64::min);
        out.retain(|(end, job)| {
            if *end <= now {
                done.insert(job.id);
            }
            *end > now
        });
    }
    now
}

/// What must hold of any run: begin and end of each task's work, and when it was approved.
fn check(spans: &HashMap<String, (f64, f64)>, approved: &HashMap<String, f64>) {
    assert_eq!(spans.len(), TASKS.len());
    for (id, _, writes, needs) in TASKS {
        let (begin, _) = spans[id];
        // Both ends count: whoever works at this moment.
        let beside: Vec<&str> = TASKS
            .iter()
            .map(|(other, ..)| *other)
            .filter(|other| *other != id && spans[*other].0 <= begin && begin < spans[*other].1)
            .collect();
        assert!(beside.len() < 3, "{beside:?} work while {id} begins");
        for other in beside {
            let others = TASKS.iter().find(|task| task.0 == other).unwrap().2;
            assert!(!writes.iter().any(|file| others.contains(file)), "{id} and {other} write one file");
        }
        for need in needs {
            assert!(approved[*need] <= begin, "{id} began at {begin}, and {need} was approved at {}", approved[*need]);
        }
    }
}

fn makespan(rolling: bool) {
    // So long that what the pipe itself takes shows as the few percent that it is.
    let mut jobs = jobs();
    for job in &mut jobs {
        job.seconds *= 3.0;
    }
    let bench = Bench::new(&jobs);
    let sleeper = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_run/sleeper.py");
    let tool = bench.trusting().arg("--codex-exec").arg(sleeper);
    let tool = if rolling { tool.arg("--rolling") } else { tool };
    tool.arg("plan.md").run().ended(0);
    let mut spans: HashMap<String, (f64, f64)> = HashMap::new();
    for (what, task, at) in bench.log() {
        let span = spans.entry(task).or_default();
        if what == "begin" { span.0 = at } else { span.1 = at }
    }
    let mut approved = HashMap::new();
    for line in bench.lines().iter().filter(|line| line["type"] == "decision" && line["gate"] == "result") {
        approved.insert(line["id"].as_str().unwrap().to_owned(), crate::kills::seconds(line["at"].as_str().unwrap()));
    }
    check(&spans, &approved);
    let first = spans.values().map(|span| span.0).fold(f64::INFINITY, f64::min);
    let last = spans.values().map(|span| span.1).fold(0.0, f64::max);
    let (makespan, wanted) = (last - first, simulated(&jobs, rolling));
    eprintln!("rolling {rolling}: {makespan:.2} s, simulated {wanted:.2} s");
    assert!(makespan <= wanted * 1.05 && makespan >= wanted, "{makespan:.2} s and not {wanted:.2} s");
}

#[test]
fn batches_take_as_long_as_the_rule_says() {
    makespan(false);
}

#[test]
fn rolling_takes_as_long_as_the_rule_says() {
    makespan(true);
}

#[test]
fn the_simulation_knows_the_rule() {
    let job = |id, seconds, writes, needs| Job { id, seconds, writes, needs };
    let jobs = [
        job("1", 1.0, &["a"][..], &[][..]),
        job("2", 2.0, &["a"], &[]),
        job("3", 4.0, &[], &[]),
        job("4", 1.0, &[], &["1"]),
    ];
    // 1 and 3 (4 s), then 2 and 4 (2 s); rolling: 2 at 1 s, 4 at 1 s, and 3 until 4 s.
    assert!((simulated(&jobs, false) - 6.0).abs() < 1e-9);
    assert!((simulated(&jobs, true) - 4.0).abs() < 1e-9);
}

#[test]
fn twelve_tasks_through_the_real_cli() {
    let stamps = tempfile::NamedTempFile::new().unwrap();
    let conversation = |(id, _, writes, _): (&str, f64, &[&str], &[&str])| {
        let files: String = writes.iter().map(|file| format!("echo {id} >>{file}; ")).collect();
        let stamp = |what: &str| format!("echo {what} {id} $(date +%s.%N) >>{}", stamps.path().display());
        let work = format!("{}; {files}sleep 0.3; {}", stamp("begin"), stamp("end"));
        Conversation::new([Step::shell(work), Step::text("Done.")]).matching(format!("Task {id}: "))
    };
    let desk = Desk::new(Script::new(TASKS.map(conversation)));
    let mut jobs = jobs();
    // Everybody writes the stamps, and who only reads is not allowed to.
    jobs.iter_mut()
        .filter(|job| job.writes.is_empty())
        .for_each(|job| job.writes = if job.id == "6" { &["g.txt"] } else { &["h.txt"] });
    fs::write(desk.repo().join("plan.md"), plan(&jobs)).unwrap();
    fs::write(desk.repo().join("../trust.toml"), TRUST).unwrap();
    let args = ["--approve-policy", "../trust.toml", "--isolate", "none", "plan.md"];
    desk.tool("plan-run").args(&args).run().ended(0);
    let stamps = fs::read_to_string(stamps.path()).unwrap();
    let mut spans: HashMap<String, (f64, f64)> = HashMap::new();
    for line in stamps.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let span = spans.entry(words[1].to_owned()).or_default();
        let at: f64 = words[2].parse().unwrap();
        if words[0] == "begin" { span.0 = at } else { span.1 = at }
    }
    let run = fs::read_to_string(desk.repo().join(".plan/plan/run.jsonl")).unwrap();
    let mut approved = HashMap::new();
    for line in run.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        if line["type"] == "decision" && line["gate"] == "result" && line["status"] == "approved" {
            approved
                .insert(line["id"].as_str().unwrap().to_owned(), crate::kills::seconds(line["at"].as_str().unwrap()));
        }
    }
    check(&spans, &approved);
    assert_eq!(fs::read_to_string(desk.repo().join("a.txt")).unwrap().lines().last(), Some("9"));
}
