//! The page while a run goes on.

use std::fs;
use std::io::{BufRead, BufReader, Write};

use crate::harness::{Tool, finished, signal, until};
use crate::runs;

#[test]
fn the_page_is_written_again_until_the_pipe_ends() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    // Nothing is there yet: the run is waited for.
    let mut report =
        Tool::ours("plan-report").args(&["run.jsonl", "--follow", "-o", "page.html"]).folder(place).start();
    let page = || fs::read_to_string(place.join("page.html")).unwrap_or_default();
    until("the first page", || page().ends_with("</html>"));
    let mut journal = Tool::ours("journal").arg("run.jsonl").folder(place).start();
    let mut stdin = journal.stdin.take().unwrap();
    let one = runs::done("1", &[], 1, 5, "pass", "the first", "approved").to_string();
    let first = runs::release("1", 1, 1).to_string();
    writeln!(stdin, "{first}").unwrap();
    until("the task runs", || page().contains("▶ running"));
    writeln!(stdin, "{one}").unwrap();
    until("the task is finished", || page().contains("the first") && !page().contains("▶ running"));
    assert!(page().contains("data-follow=\"3\""));
    drop(stdin);
    finished(journal).ended(0);
    until("the report ends with the pipe", || report.try_wait().unwrap().is_some());
    finished(report).ended(0);
    assert!(page().contains("the first") && !page().contains("data-follow"), "the last page is a quiet one");
    let left: Vec<_> = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn it_ends_by_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &runs::every_state());
    let report = Tool::ours("plan-report").arg(&run).arg("--follow").start();
    until("the page", || run.with_extension("html").exists());
    signal(&report, rustix::process::Signal::TERM);
    assert_eq!(finished(report).ended(143).out, format!("{}\n", run.with_extension("html").display()));
}

#[test]
fn the_open_page_follows_and_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().canonicalize().unwrap();
    let mut journal = Tool::ours("journal").arg("run.jsonl").folder(&place).start();
    let mut stdin = journal.stdin.take().unwrap();
    let line = |id: &str| {
        runs::done(id, &[], 1, 5, "pass", "said", if id == "1" { "approved" } else { "pending" }).to_string()
    };
    writeln!(stdin, "{}", line("1")).unwrap();
    until("the line is there", || fs::read_to_string(place.join("run.jsonl")).is_ok_and(|text| text.ends_with('\n')));
    let report = Tool::ours("plan-report").args(&["run.jsonl", "--follow"]).folder(&place).start();
    let page = place.join("run.html");
    until("the page", || fs::read_to_string(&page).is_ok_and(|text| text.contains("said")));
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_report/drive.mjs");
    let mut node = Tool::new("node")
        .arg(script)
        .args(&["follow"])
        .arg(&page)
        .env("BROWSER", crate::browser::folder())
        .env("HOME", &place)
        .start();
    let mut told = BufReader::new(node.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    assert_eq!(next(), "ready");
    writeln!(stdin, "{}", line("2")).unwrap();
    assert_eq!(next(), "seen");
    drop(stdin);
    finished(journal).ended(0);
    finished(report).ended(0);
    finished(node).ended(0);
}
