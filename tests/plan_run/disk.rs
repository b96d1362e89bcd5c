//! A run file that cannot be written: a disk that fills up, and a place where nothing can be made.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::bench::{Bench, Job, quick};
use crate::harness::{Done, Tool, bin, is_running};
use crate::kills;

/// plan-run where no file can grow beyond so many blocks of 1024 bytes.
fn limited(bench: &Bench, blocks: usize, trap: &str) -> Done {
    let command = format!("ulimit -f {blocks}; {trap} exec \"$0\" --approve-policy ../trust.toml plan.md");
    bench.prepare(Tool::new("bash")).args(&["-c", &command]).arg(bin("plan-run")).run()
}

/// Nobody has worked on what the run file does not know to be released.
fn nothing_unknown_was_begun(bench: &Bench) {
    let lines = bench.lines();
    for (_, task, _) in bench.log() {
        assert!(lines.iter().any(|line| line["type"] == "release" && line["id"] == *task), "{task}: {lines:#?}");
    }
}

#[test]
fn a_disk_that_fills_up_stops_it_and_nothing_is_lost() {
    // Where it fills up differs: before the work, at a question, at a decision, at the end of a task, at the next release.
    for (round, blocks) in [1, 2, 4, 6, 8].into_iter().enumerate() {
        let bench = Bench::new(&[
            quick("1", &["a.txt"], &[]),
            quick("2", &["b.txt"], &["1"]),
            quick("3", &["c.txt"], &["2"]),
            quick("4", &["d.txt"], &["3"]),
        ]);
        // As on a full disk, writing fails; or the limit's own signal comes as well.
        let done = limited(&bench, blocks, if round % 2 == 0 { "trap '' XFSZ;" } else { "" }).ended(1);
        let told = |line: &str| {
            line.contains(": .plan/plan/run.jsonl: only ") && line.ends_with("could be written (is the disk full?)")
        };
        assert!(done.err.lines().any(told), "{blocks} blocks: {}", done.err);
        assert!(
            done.err.ends_with("plan-run: to go on: plan-run --approve-policy ../trust.toml plan.md\n"),
            "{}",
            done.err
        );
        nothing_unknown_was_begun(&bench);
        for (id, need) in [("2", "1"), ("3", "2")] {
            let is_approved =
                |line: &Value| line["id"] == need && line["gate"] == "result" && line["status"] == "approved";
            assert!(bench.begun(id) == 0 || bench.lines().iter().any(is_approved), "{id} began on what is not known");
        }
        assert_eq!(bench.begun("4"), 0, "{blocks} blocks are not enough for the whole plan: {}", done.err);
        // With room again the same command goes on.
        let last = bench.trusting().arg("plan.md").run();
        kills::check(&bench, &last, &["1", "2", "3", "4"]);
    }
}

#[test]
fn a_disk_that_fills_up_ends_the_agents_too() {
    let bench = Bench::new(&[
        quick("1", &["a.txt"], &[]),
        Job { id: "2", seconds: 600.0, writes: &["b.txt"], needs: &[] },
        quick("3", &["c.txt"], &["1"]),
    ]);
    let done = limited(&bench, 2, "").ended(1);
    assert!(done.err.contains("journal: .plan/plan/run.jsonl: only "), "{}", done.err);
    assert_eq!((bench.begun("2"), bench.begun("3")), (1, 0), "{}", done.err);
    assert!(bench.agents().iter().all(|pid| !is_running(*pid)), "{}", done.err);
    nothing_unknown_was_begun(&bench);
}

#[test]
fn a_run_file_that_cannot_be_written_is_told_before_anything_starts() {
    let bench = Bench::new(&[quick("1", &["a.txt"], &[])]);
    // For root, too, nothing can be made there.
    symlink("/proc/version", bench.root().join("linked.jsonl")).unwrap();
    fs::create_dir(bench.root().join("folder.jsonl")).unwrap();
    for (run, code, why) in [
        ("/proc/run.jsonl", 1, "/proc/run.jsonl.lock: No such file or directory (os error 2); nothing was started: "),
        ("/sys/run.jsonl", 1, "/sys/run.jsonl.lock: "),
        ("/dev/full", 2, "--run: /dev/full: a device or a pipe, and not a run file"),
        ("folder.jsonl", 2, "--run: folder.jsonl: a folder, and not a run file"),
        ("missing/run.jsonl", 2, "--run: missing: no such folder"),
    ] {
        let done = bench.trusting().args(&["--run", run, "plan.md"]).run().ended(code);
        assert!(done.err.starts_with(&format!("plan-run: {why}")), "{run}: {}", done.err);
        assert_eq!((done.err.lines().count(), code == 2 || done.err.contains(" by --run")), (1, true), "{}", done.err);
        assert_eq!(bench.log().len(), 0);
    }
    // This one looks as if it could be written, and then every write fails.
    let done = bench.trusting().args(&["--run", "linked.jsonl", "plan.md"]).run();
    assert!(done.code != 0 && done.err.contains("linked.jsonl: "), "{}", done.err);
    assert_eq!(bench.log().len(), 0, "{}", done.err);
}
