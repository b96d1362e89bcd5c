//! A stage that dies, a second run at once, and a run file that cannot be written.

use std::fs;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, Job, quick};
use crate::harness::{finished, is_running, signal, until};

fn slow() -> Bench {
    Bench::new(&[Job { id: "1", seconds: 600.0, writes: &["a.txt"], needs: &[] }, quick("2", &["b.txt"], &["1"])])
}

/// The children of a process, by their names.
pub fn children(pid: u32) -> Vec<(String, u32)> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let found = list.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
    found
        .filter_map(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let words: Vec<_> =
                words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            let program = words[0].rsplit('/').next()?.to_owned();
            let gate = words.iter().position(|word| word == "--gate").map(|at| format!("-{}", words[at + 1]));
            Some((program + &gate.unwrap_or_default(), pid))
        })
        .collect()
}

#[test]
fn a_stage_that_dies_is_named_and_nothing_is_left() {
    for victim in ["codex-exec", "verify", "plan-batch", "journal"] {
        let bench = slow();
        let run = bench.trusting().arg("plan.md").start();
        until("the agent works", || bench.begun("1") == 1);
        let stages = children(run.id());
        assert!(stages.iter().any(|(name, _)| name == "approve") && !stages.iter().any(|(name, _)| name == "route"));
        let agent = bench.agents()[0];
        let (_, pid) = *stages.iter().find(|(name, _)| name == victim).unwrap();
        kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
        if victim == "plan-batch" {
            // The agent may finish what it has begun; we do not wait for that.
            until("it is told", || !is_running(pid));
            signal(&run, Signal::TERM);
        }
        let done = finished(run);
        assert_eq!(done.code, if victim == "plan-batch" { 143 } else { 1 }, "{victim}: {}", done.err);
        assert!(
            done.err.contains(&format!("plan-run: {victim} ended by signal 9 (SIGKILL)")),
            "{victim}: {}",
            done.err
        );
        if victim == "codex-exec" {
            assert!(done.err.contains("plan-run: task 1 went into codex-exec at "), "{}", done.err);
        }
        until("the agent is gone", || !is_running(agent));
        assert!(stages.iter().all(|(_, pid)| !is_running(*pid)), "{victim}");
        bench.lines();
    }
}

#[test]
fn a_second_run_is_refused_at_once() {
    let bench = slow();
    let run = bench.trusting().arg("plan.md").start();
    until("the agent works", || bench.begun("1") == 1);
    let began = Instant::now();
    let done = bench.trusting().arg("plan.md").run().ended(1);
    assert!(began.elapsed().as_secs() < 5);
    let journal = children(run.id()).iter().find(|(name, _)| name == "journal").unwrap().1;
    let wanted =
        format!("plan-run: .plan/plan/run.jsonl: in use by process {journal}; one pipe at a time may own a run file\n");
    assert_eq!(done.err, wanted);
    signal(&run, Signal::INT);
    finished(run).ended(130);
    assert_eq!(bench.begun("1"), 1);
}

#[test]
fn a_swapped_journal_leaves_the_lock_with_plan_run() {
    let bench = slow();
    let run = bench.trusting().args(&["--journal", "cat >/dev/null", "plan.md"]).start();
    until("the agent works", || bench.begun("1") == 1);
    let done = bench.trusting().arg("plan.md").run().ended(1);
    assert!(done.err.contains(&format!("in use by process {};", run.id())), "{}", done.err);
    signal(&run, Signal::TERM);
    finished(run).ended(143);
}

#[test]
fn a_signal_ends_agents_and_the_same_command_goes_on() {
    let bench = Bench::new(&[Job { id: "1", seconds: 2.0, writes: &[], needs: &[] }, quick("2", &["b.txt"], &["1"])]);
    let run = bench.trusting().arg("plan.md").start();
    until("the agent works", || bench.begun("1") == 1);
    let agent = bench.agents()[0];
    signal(&run, Signal::INT);
    let done = finished(run).ended(130);
    assert!(!is_running(agent), "{}", done.err);
    assert_eq!(bench.last("1")["result"]["class"], "cancelled", "{}", done.err);
    bench.trusting().arg("plan.md").run().ended(0);
    assert_eq!((bench.begun("1"), bench.begun("2")), (2, 1));
}

#[test]
fn a_second_signal_ends_what_does_not_heed_the_first() {
    let bench = slow();
    let deaf = "trap '' INT TERM; exec sleep 1000";
    let mut run = bench.trusting().args(&["--verify", deaf, "plan.md"]).start();
    until("the agent works", || bench.begun("1") == 1);
    let sleeper = || children(run.id()).into_iter().find(|(name, _)| name == "sleep").map(|(_, pid)| pid);
    until("the stage is there", || sleeper().is_some());
    let (agent, sleeper) = (bench.agents()[0], sleeper().unwrap());
    signal(&run, Signal::INT);
    until("the agent has ended", || !is_running(agent));
    assert!(is_running(sleeper) && is_running(run.id()), "who does not heed a first signal is waited for");
    signal(&run, Signal::INT);
    let began = Instant::now();
    while run.try_wait().unwrap().is_none() && began.elapsed() < crate::harness::PATIENCE {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let is_left = run.try_wait().unwrap().is_none();
    if is_left {
        signal(&run, Signal::KILL);
    }
    assert!(!is_left && !is_running(sleeper), "after a second signal it goes on");
    finished(run).ended(130);
    bench.lines();
}
