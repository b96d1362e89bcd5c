//! Commands in the place of stages and between them.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, quick};

fn two() -> Bench {
    Bench::new(&[quick("1", &["a.txt"], &[]), quick("2", &["b.txt"], &["1"])])
}

#[test]
fn a_stage_is_replaced_and_another_one_put_in() {
    let bench = two();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/examples/echo-exec.py");
    let exec = format!("python3 {} codex sh -c 'cat >/dev/null; echo by me >>a.txt'", example.display());
    let args = ["--codex-exec", &exec, "--stage", "verify=tee -a ../seen.jsonl", "--stage", "verify=cat", "plan.md"];
    bench.trusting().args(&args).run().ended(0);
    assert_eq!(fs::read_to_string(bench.root().join("a.txt")).unwrap(), "by me\nby me\n");
    assert_eq!(bench.log().len(), 0, "our own executor was not there");
    let seen = fs::read_to_string(bench.path("seen.jsonl")).unwrap();
    assert_eq!(seen.lines().filter(|line| line.contains("\"verdict\"")).count(), 2, "{seen}");
}

#[test]
fn our_tools_come_first_in_the_path_of_a_command() {
    let bench = two();
    // There is a system program of this name.
    bench.trusting().args(&["--route", "route --explain", "plan.md"]).run().ended(0);
}

#[test]
fn what_a_stage_swallows_is_named() {
    let bench = two();
    let swallow = r#"grep --line-buffered -v '"id":"1"'"#;
    // It never comes out, so somebody has to stop it.
    let done = bench.trusting().args(&["--stage", &format!("verify={swallow}"), "--quiet", "1", "plan.md"]);
    let mut child = done.start();
    let mut told = String::new();
    let mut err = std::io::BufReader::new(child.stderr.take().unwrap());
    while !told.contains("has not come out yet") {
        assert_ne!(std::io::BufRead::read_line(&mut err, &mut told).unwrap(), 0, "{told}");
    }
    let line = told.lines().last().unwrap();
    assert!(line.starts_with("plan-run: task 1 went into verify+1 (grep --line-buffered"), "{line}");
    crate::harness::signal(&child, rustix::process::Signal::TERM);
    std::io::Read::read_to_string(&mut err, &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{told}");
}

#[test]
fn what_is_in_a_stage_that_ends_is_named() {
    let bench = two();
    // Takes the plan and the first task, and ends.
    let done = bench.trusting().args(&["--stage", "verify=head -n 2 >/dev/null", "plan.md"]).run().ended(1);
    assert!(
        done.err
            .contains("plan-run: verify+1 (head -n 2 >/dev/null) ended with exit code 0 while lines were still coming"),
        "{}",
        done.err
    );
    assert!(done.err.contains("plan-run: task 1 went into verify+1 (head -n 2 >/dev/null) at "), "{}", done.err);
}

#[test]
fn lines_pass_as_they_are_however_long() {
    let bench = two();
    let long = r#"python3 -c '
import sys
for line in sys.stdin:
    print(line, end="", flush=True)
    if "\"type\":\"plan\"" in line:
        print("{\"type\":\"mine\", \"n\":0.10,\"x\":\"" + "y" * 5000000 + "\"}", flush=True)
'"#;
    bench
        .trusting()
        .args(&["--stage", &format!("codex-exec={long}"), "--stage", "approve=tee ../out.jsonl", "plan.md"])
        .run()
        .ended(0);
    let out = fs::read_to_string(bench.path("out.jsonl")).unwrap();
    let line = out.lines().find(|line| line.starts_with("{\"type\":\"mine\"")).unwrap();
    assert_eq!(line, format!("{{\"type\":\"mine\", \"n\":0.10,\"x\":\"{}\"}}", "y".repeat(5_000_000)));
    assert_eq!(bench.lines().iter().filter(|line| line["type"] == "mine").count(), 1);
}

#[test]
fn a_line_that_is_none_stops_it() {
    let bench = two();
    let noise = "{ cat; echo 'not a line'; }";
    let done = bench.trusting().args(&["--stage", &format!("route={noise}"), "plan.md"]).run().ended(65);
    assert!(done.err.contains("approve: stdin:4: not JSON"), "{}", done.err);
    assert_eq!(bench.log().len(), 0);
}

#[test]
fn a_command_that_is_not_there_is_a_death() {
    let bench = two();
    let done = bench.trusting().args(&["--verify", "no-such-command-at-all", "plan.md"]).run().ended(1);
    assert!(done.err.contains("plan-run: verify (no-such-command-at-all) ended with exit code 127 (there is no such command); its last words: "), "{}", done.err);
    let done = bench.trusting().args(&["--stage", "nobody=cat", "plan.md"]).run().ended(2);
    assert!(done.err.contains("there is no stage \"nobody\"; the stages are plan-parse, route"), "{}", done.err);
}
