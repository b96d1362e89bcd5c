//! journal from outside: what was passed on is in the run file, whatever happens.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin};
use std::thread;
use std::time::Duration;

use harness::{Tool, finished, until};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn journal(folder: &Path) -> Tool {
    Tool::ours("journal").arg("run.jsonl").folder(folder)
}

fn task(number: usize) -> String {
    format!("{{\"type\":\"task\", \"id\":\"{number}\",\"n\":0.10,\"odd\":{{\"b\":1,\"a\":1e2}}}}\n")
}

fn tasks(numbers: std::ops::Range<usize>) -> String {
    numbers.map(task).collect()
}

fn content(folder: &Path) -> String {
    fs::read_to_string(folder.join("run.jsonl")).unwrap()
}

/// A journal that is running, with its stdin.
fn running(folder: &Path) -> (Child, ChildStdin) {
    let mut child = journal(folder).start();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn every_line_is_added_and_passed_on_byte_for_byte() {
    let folder = folder();
    let first = format!("{{\"type\":\"plan\"}}\n{}{{\"type\":\"mine\",\"x\":1.50}}\n", tasks(0..3));
    assert_eq!(journal(folder.path()).input(first.clone()).run().ended(0).out, first);
    assert_eq!(content(folder.path()), first);
    let second = tasks(0..2);
    assert_eq!(journal(folder.path()).input(second.clone()).run().ended(0).out, second);
    assert_eq!(content(folder.path()), first + &second);
    assert_eq!(journal(folder.path()).run().ended(0).out, "");
}

#[test]
fn many_lines_take_few_writes_and_none_is_lost() {
    let folder = folder();
    let input = tasks(0..50_000);
    assert_eq!(journal(folder.path()).input(input.clone()).run().ended(0).out, input);
    assert_eq!(content(folder.path()), input);
}

#[test]
fn a_line_is_on_disk_before_it_is_passed_on_and_is_not_kept_back() {
    let folder = folder();
    let (mut child, mut stdin) = running(folder.path());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    for number in 0..50 {
        stdin.write_all(task(number).as_bytes()).unwrap();
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, task(number));
        assert!(content(folder.path()).ends_with(&line));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_was_passed_on_survives_a_kill() {
    for round in 0..12 {
        let folder = folder();
        fs::write(folder.path().join("run.jsonl"), "{\"type\":\"old\"}\n").unwrap();
        let (mut child, mut stdin) = running(folder.path());
        let writer = thread::spawn(move || {
            for number in 0.. {
                if stdin.write_all(task(number).as_bytes()).is_err() {
                    return;
                }
            }
        });
        let mut out = child.stdout.take().unwrap();
        let mut passed = vec![0; 1 + round * 7000];
        out.read_exact(&mut passed).unwrap();
        signal(&child, Signal::KILL);
        out.read_to_end(&mut passed).unwrap();
        child.wait().unwrap();
        writer.join().unwrap();
        let passed = String::from_utf8(passed).unwrap();
        let kept = content(folder.path());
        let kept = kept.strip_prefix("{\"type\":\"old\"}\n").unwrap();
        assert!(kept.starts_with(&passed), "round {round}: {} bytes passed on, {} kept", passed.len(), kept.len());
        // The next one goes on where this one was ended.
        let done = journal(folder.path()).input(task(0)).run().ended(0);
        assert_eq!(done.out, task(0));
        assert!(content(folder.path()).ends_with(&("\n".to_owned() + &task(0))));
        assert!(content(folder.path()).lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}

#[test]
fn a_last_line_that_was_cut_off_is_moved_aside() {
    let folder = folder();
    fs::write(folder.path().join("run.jsonl"), format!("{}{{\"type\":\"ta", task(1))).unwrap();
    let done = journal(folder.path()).input(task(2)).run().ended(0);
    assert_eq!(content(folder.path()), task(1) + &task(2));
    assert_eq!(fs::read_to_string(folder.path().join("run.jsonl.cut")).unwrap(), "{\"type\":\"ta\n");
    assert_eq!(done.err, "journal: run.jsonl: the last line was cut off; it is in run.jsonl.cut now\n");
}

#[test]
fn a_second_journal_is_refused_with_the_pid_of_the_first() {
    let folder = folder();
    let (child, mut stdin) = running(folder.path());
    stdin.write_all(task(1).as_bytes()).unwrap();
    until("the first one writes", || folder.path().join("run.jsonl").exists());
    let refused = journal(folder.path()).input(task(2)).run().ended(1);
    assert!(refused.err.contains(&format!("in use by process {}", child.id())), "{}", refused.err);
    assert_eq!((refused.out, refused.err.lines().count()), (String::new(), 1));
    drop(stdin);
    finished(child).ended(0);
    assert_eq!(content(folder.path()), task(1));
    journal(folder.path()).input(task(3)).run().ended(0);
}

#[test]
fn others_may_add_lines_meanwhile() {
    let folder = folder();
    let run = folder.path().join("run.jsonl");
    let (child, mut stdin) = running(folder.path());
    thread::scope(|scope| {
        for writer in 0..3 {
            let run = &run;
            scope.spawn(move || {
                for number in 0..30 {
                    let done = Tool::new("bash")
                        .args(&["-c", "flock \"$0\" sh -c 'printf \"%s\\n\" \"$1\" >> \"$0\"' \"$0\" \"$1\""])
                        .arg(run)
                        .arg(format!("{{\"type\":\"decision\",\"id\":\"{writer}.{number}\"}}"))
                        .run();
                    done.ended(0);
                }
            });
        }
        for number in 0..300 {
            stdin.write_all(task(number).as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(1));
        }
    });
    drop(stdin);
    finished(child).ended(0);
    let text = content(folder.path());
    assert_eq!(text.lines().filter(|line| line.contains("decision")).count(), 90);
    let ours: String = text.lines().filter(|line| !line.contains("decision")).fold(String::new(), |mut all, line| {
        writeln!(all, "{line}").unwrap();
        all
    });
    assert_eq!(ours, tasks(0..300));
}

#[test]
fn a_bad_line_ends_it_after_the_ones_before_are_on_disk() {
    let folder = folder();
    let done = journal(folder.path()).input(tasks(0..3) + "nonsense\n" + &task(4)).run().ended(65);
    assert_eq!(done.out, tasks(0..3));
    assert_eq!(content(folder.path()), tasks(0..3));
    assert!(done.err.starts_with("journal: stdin:4: not JSON"), "{}", done.err);
    let cut = journal(folder.path()).input("{\"type\":\"task\",\"id\":\"9\"").run().ended(65);
    assert!(cut.err.starts_with("journal: stdin:1: "), "{}", cut.err);
    assert_eq!(content(folder.path()), tasks(0..3));
}

#[test]
fn nothing_is_passed_on_that_does_not_fit_on_the_disk() {
    let folder = folder();
    let program = harness::bin("journal");
    // Blocks of 1024 bytes. Without the trap the signal of the limit would end it, as no full disk does.
    let limited = Tool::new("bash")
        .args(&["-c", "ulimit -f 4; trap '' XFSZ; exec \"$0\" run.jsonl"])
        .arg(program)
        .folder(folder.path());
    let done = limited.input(tasks(0..1000)).run().ended(1);
    assert!(done.err.starts_with("journal: run.jsonl: "), "{}", done.err);
    assert_eq!(done.err.lines().count(), 1);
    let kept = content(folder.path());
    assert!(kept.is_empty() || kept.ends_with('\n'));
    assert!(kept.starts_with(&done.out));
}

#[test]
fn the_folder_is_made_inside_a_plan_folder_and_nowhere_else() {
    let folder = folder();
    let at = |run: &str| Tool::ours("journal").arg(run).folder(folder.path()).input(task(1)).run();
    at(".plan/slugs/run.jsonl").ended(0);
    assert_eq!(fs::read_to_string(folder.path().join(".plan/slugs/run.jsonl")).unwrap(), task(1));
    let missing = at("missing/run.jsonl").ended(2);
    assert_eq!(missing.err, "journal: missing: no such folder; make it, or let RUN lie below .plan/\n");
    let other = at(".plan").ended(2);
    assert_eq!(other.err, "journal: .plan: a folder, and not a run file\n");
}

#[test]
fn a_first_signal_lets_it_read_to_the_end() {
    let folder = folder();
    let (mut child, mut stdin) = running(folder.path());
    stdin.write_all(task(1).as_bytes()).unwrap();
    let mut first = vec![0; task(1).len()];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    signal(&child, Signal::TERM);
    thread::sleep(Duration::from_millis(50));
    stdin.write_all(task(2).as_bytes()).unwrap();
    drop(stdin);
    assert_eq!(finished(child).ended(143).out, task(2));
    assert_eq!(content(folder.path()), tasks(1..3));
}

#[test]
fn a_reader_that_goes_ends_it_and_what_was_read_is_kept() {
    let folder = folder();
    let (mut child, mut stdin) = running(folder.path());
    stdin.write_all(task(1).as_bytes()).unwrap();
    let mut first = vec![0; task(1).len()];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    drop(child.stdout.take());
    let done = finished(child);
    assert_eq!((done.code, done.err.as_str()), (141, ""));
    assert_eq!(content(folder.path()), task(1));
    drop(stdin);
}

#[test]
fn it_keeps_every_rule_for_stages() {
    let folder = folder();
    let run = folder.path().join("run.jsonl");
    // A run file has one owner at a time, so one rule is tried after the other.
    let args = ["--strict", "--jobs", "1", "--patience", "20", "--adds", "nothing"];
    Tool::ours("stage-check").args(&args).arg(harness::bin("journal")).arg(run).run().ended(0);
}
