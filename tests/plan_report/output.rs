//! Where the report goes, and what it refuses.

use std::fs;

use crate::harness::Tool;
use crate::runs;

#[test]
fn a_page_is_written_beside_the_run_file_and_its_path_is_told() {
    let folder = tempfile::tempdir().unwrap();
    runs::write(folder.path(), &runs::every_state());
    let report = |args: &[&str]| Tool::ours("plan-report").args(args).folder(folder.path()).run();
    let done = report(&["run.jsonl"]).ended(0);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("run.html\n", ""));
    let page = fs::read_to_string(folder.path().join("run.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    let printed = report(&["run.jsonl", "-o", "-"]).ended(0).out;
    assert!(printed.contains("Title of 1"));
    assert_eq!(report(&["run.jsonl", "--format", "md", "-o", "x.md"]).ended(0).out, "");
    assert!(fs::read_to_string(folder.path().join("x.md")).unwrap().starts_with("## A plan"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left there");
}

#[test]
fn what_is_read_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &runs::every_state());
    let before = fs::read(&run).unwrap();
    std::os::unix::fs::symlink("run.jsonl", folder.path().join("link")).unwrap();
    let report = |args: &[&str]| Tool::ours("plan-report").args(args).folder(folder.path()).run();
    for output in ["run.jsonl", "link", "./run.jsonl"] {
        let done = report(&["run.jsonl", "-o", output]).ended(2);
        assert!(done.err.contains("is read, so nothing is written there"), "{}", done.err);
    }
    for (args, code, why) in [
        (&["gone.jsonl"][..], 2, "plan-report: gone.jsonl: no such run file\n"),
        (&["."], 2, "plan-report: .: a folder, and not a run file\n"),
        (&["run.jsonl", "-o", "."], 2, "plan-report: .: a folder; name a file in it as --output\n"),
        (&["run.jsonl", "-o", "no/x.html"], 1, "plan-report: no/x.html: No such file or directory"),
        (&["run.jsonl", "gone.md"], 65, "plan-report: gone.md: plan-parse: "),
        (&["run.jsonl", "--follow", "--format", "text"], 2, "plan-report: --follow writes a file again and again"),
        (&["run.jsonl", "--before", "verify"], 2, "error: "),
        (&["run.jsonl", "--diff"], 2, "error: "),
    ] {
        let done = report(args).ended(code);
        assert!(done.err.starts_with(why), "{args:?}: {}", done.err);
    }
    assert_eq!(fs::read(&run).unwrap(), before);
}

#[test]
fn a_plan_brings_the_tasks_that_nobody_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plan.md"), "# A plan\n\n**Goal:** To see\n\n## Tasks\n\n### Task 1: First\n\nDo one thing.\n\n### Task 2: Second\n\nDo another.\n").unwrap();
    let parsed = Tool::ours("plan-parse").arg("plan.md").folder(folder.path()).run().ended(0);
    let mut first = parsed.task("1");
    let mut lines = vec![parsed.out.lines().next().unwrap().to_owned()];
    first["decisions"] = serde_json::json!([{"gate": "result", "status": "approved", "by": "person:x", "at": "2026-01-01T00:00:00Z", "task_digest": first["digest"]}]);
    first["result"] = serde_json::json!({"status": "ok", "backend": "codex"});
    lines.push(first.to_string());
    let run = runs::write(folder.path(), &lines);
    let text = |more: &[&str]| {
        Tool::ours("plan-report")
            .arg(&run)
            .args(more)
            .args(&["--format", "text"])
            .folder(folder.path())
            .run()
            .ended(0)
            .out
    };
    assert!(text(&[]).contains("1 of 1 task finished · 1 more in the plan"), "{}", text(&[]));
    assert!(text(&["plan.md"]).contains("1 of 2 tasks finished · 1 open"), "{}", text(&["plan.md"]));
    let edited = fs::read_to_string(folder.path().join("plan.md")).unwrap().replace("one thing", "something else");
    fs::write(folder.path().join("plan.md"), edited).unwrap();
    assert!(text(&["plan.md"]).contains("0 of 2 tasks finished · 2 open"), "{}", text(&["plan.md"]));
}

#[test]
fn an_empty_run_file_has_a_report_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &[]);
    for format in ["html", "md", "text", "json"] {
        Tool::ours("plan-report").arg(&run).args(&["--format", format, "-o", "-"]).run().ended(0);
    }
    assert_eq!(Tool::ours("plan-report").arg("--lines").arg(&run).run().ended(0).out, "");
}

#[test]
fn a_reader_that_has_had_enough_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &runs::large(500));
    let command = format!("{} {} -o - | head -c 10", crate::harness::bin("plan-report").display(), run.display());
    let done = Tool::new("sh").args(&["-c", &command]).run().ended(0);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("<!DOCTYPE ", ""));
}
