//! decide from outside: what is pending, what a decision is bound to, and who takes it up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::path::Path;
use std::thread;

use harness::{Done, Tool, finished, until};
use serde_json::{Value, json};
use tempfile::TempDir;

fn decide(folder: &Path, args: &[&str]) -> Done {
    Tool::ours("decide").arg("run.jsonl").args(args).env("USER", "ada").folder(folder).run()
}

fn question(id: &str, gate: &str) -> Value {
    json!({"gate": gate, "status": "pending", "by": "approve", "at": "2026-01-01T00:00:00Z", "task_digest": format!("d{id}")})
}

fn task(id: &str, gates: &[&str], more: Value) -> Value {
    let decisions: Vec<Value> = gates.iter().map(|gate| question(id, gate)).collect();
    let mut task = json!({"type": "task", "id": id, "title": format!("Title {id}"), "digest": format!("d{id}"), "decisions": decisions});
    let Value::Object(more) = more else { panic!("fields") };
    task.as_object_mut().unwrap().extend(more);
    task
}

fn run_file(lines: &[Value]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    fs::write(folder.path().join("run.jsonl"), text).unwrap();
    folder
}

fn written(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("run.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn newest(folder: &Path) -> Value {
    written(folder).pop().unwrap()
}

#[test]
fn a_decision_is_one_line_bound_to_the_task() {
    let folder = run_file(&[task("1", &["result"], json!({"verdict": {"status": "pass"}}))]);
    assert_eq!(decide(folder.path(), &[]).ended(0).out, "1\tresult\tTitle 1\n");
    decide(folder.path(), &["1", "approve", "--note", "well done"]).ended(0);
    let line = newest(folder.path());
    assert!(line["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        line,
        json!({"type": "decision", "id": "1", "gate": "result", "status": "approved", "by": "person:ada", "at": line["at"],
               "note": "well done", "task_digest": "d1"})
    );
    assert_eq!(decide(folder.path(), &["--list"]).ended(0).out, "");
    let again = decide(folder.path(), &["1", "deny"]).ended(2);
    assert_eq!(again.err, "decide: task 1: nothing is pending, nor for another task\n");
    assert_eq!(written(folder.path()).len(), 2);
}

#[test]
fn what_cannot_be_decided_is_told_with_what_could() {
    let folder = run_file(&[task("1", &["plan", "result"], json!({})), task("2", &[], json!({}))]);
    let unknown = decide(folder.path(), &["9", "approve"]).ended(2);
    assert_eq!(unknown.err, "decide: run.jsonl: no task 9; pending: 1 (plan), 1 (result)\n");
    let several = decide(folder.path(), &["1", "approve"]).ended(2);
    assert_eq!(several.err, "decide: task 1: several questions are open: say --gate plan or --gate result\n");
    let settled = decide(folder.path(), &["2", "approve"]).ended(2);
    assert!(settled.err.starts_with("decide: task 2: nothing is pending; pending: 1"), "{}", settled.err);
    decide(folder.path(), &["1", "retry", "--gate", "plan"]).ended(2);
    decide(folder.path(), &["1", "deny", "--gate", "result", "--backend", "claude"]).ended(2);
    decide(folder.path(), &["1", "deny", "--gate", "result", "--choice", "1"]).ended(2);
    decide(folder.path(), &["1"]).ended(2);
    assert_eq!(written(folder.path()).len(), 2);
    decide(folder.path(), &["1", "deny", "--gate", "plan", "--by", "bot"]).ended(0);
    let line = newest(folder.path());
    assert_eq!((&line["gate"], &line["status"], &line["by"]), (&json!("plan"), &json!("denied"), &json!("bot")));
    let missing = Tool::ours("decide").args(&["none.jsonl", "1", "approve"]).folder(folder.path()).run().ended(2);
    assert_eq!(missing.err, "decide: none.jsonl: no such run file\n");
    fs::write(folder.path().join("run.jsonl"), "{}\n").unwrap();
    assert!(decide(folder.path(), &[]).ended(65).err.starts_with("decide: run.jsonl:1: no \"type\""));
}

#[test]
fn a_fallback_names_who_takes_over() {
    let failed = json!({"route": {"work_type": "implement", "backend": "codex"}, "result": {"status": "failed", "backend": "codex"}});
    let folder = run_file(&[task("1", &["fallback"], failed.clone()), task("2", &["fallback"], failed)]);
    decide(folder.path(), &["1", "approve"]).ended(0);
    let line = newest(folder.path());
    assert_eq!((&line["backend"], &line["model"]), (&json!("claude"), &json!("claude-sonnet-4-6")));
    decide(folder.path(), &["2", "approve", "--backend", "local", "--model", "m"]).ended(0);
    let line = newest(folder.path());
    assert_eq!((&line["backend"], &line["model"]), (&json!("local"), &json!("m")));
    let folder = run_file(&[task("1", &["fallback"], json!({"result": {"status": "failed"}}))]);
    for (backend, why) in
        [("manual", "no agent would take over"), ("codex", "say which of its models, too: --model MODEL")]
    {
        let done = decide(folder.path(), &["1", "approve", "--gate", "fallback", "--backend", backend]).ended(2);
        assert!(done.err.starts_with(&format!("decide: --backend {backend}: {why}")), "{}", done.err);
    }
}

#[test]
fn one_of_several_answers_is_named_by_its_model() {
    let options = json!({"result": {"status": "ok", "options": [{"model": "a"}, {"model": "b"}]}});
    let folder = run_file(&[task("1", &["result"], options)]);
    let none = decide(folder.path(), &["1", "approve", "--choice", "3"]).ended(2);
    assert_eq!(none.err, "decide: --choice 3: task 1 has 2 answers to choose from\n");
    decide(folder.path(), &["1", "approve", "--choice", "2"]).ended(0);
    assert_eq!(newest(folder.path())["choice"], "b");
}

#[test]
fn what_was_tried_may_be_sent_back_unasked() {
    let folder = run_file(&[task("1", &[], json!({"result": {"status": "failed"}})), task("2", &[], json!({}))]);
    decide(folder.path(), &["1", "retry", "--note", "use the other file"]).ended(0);
    let line = newest(folder.path());
    assert_eq!((&line["gate"], &line["status"]), (&json!("result"), &json!("retry")));
    decide(folder.path(), &["2", "retry"]).ended(2);
}

#[test]
fn what_was_cut_off_and_is_asked_about_may_be_wanted_again() {
    let release = json!({"type": "release", "id": "1", "attempt": 1, "digest": "d1", "at": "2026-01-01T00:00:00Z"});
    let mut asked = question("1", "plan");
    asked["type"] = json!("decision");
    asked["id"] = json!("1");
    let folder = run_file(&[release, asked]);
    decide(folder.path(), &["1", "retry"]).ended(0);
    let line = newest(folder.path());
    assert_eq!((&line["gate"], &line["status"]), (&json!("result"), &json!("retry")));
    decide(folder.path(), &["1", "retry", "--gate", "plan"]).ended(2);
}

#[test]
fn work_on_commits_of_its_own_is_bound_to_its_change() {
    let folder = tempfile::tempdir().unwrap();
    let git = |script: &str| {
        let done = Tool::new("bash").args(&["-ec", script]).folder(folder.path()).env("HOME", folder.path()).run();
        done.ended(0).out
    };
    let made = git("git init -q; git config user.name t; git config user.email t@example.org
        echo one > a; git add a; git commit -qm one; echo two > a; git commit -qam two; git rev-parse HEAD~ HEAD");
    let commits: Vec<&str> = made.lines().collect();
    let diff = git("git diff --binary --full-index HEAD~ HEAD");
    let result = |head: &str| json!({"result": {"status": "ok", "base": commits[0], "head": head}});
    let lines = [task("1", &["result"], result(commits[1])), task("2", &["result"], result("0000"))];
    let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    fs::write(folder.path().join("run.jsonl"), text).unwrap();
    decide(folder.path(), &["1", "approve"]).ended(0);
    assert_eq!(newest(folder.path())["diff_digest"], blake3::hash(diff.as_bytes()).to_hex().as_str());
    let unreadable = decide(folder.path(), &["2", "approve"]).ended(1);
    assert!(unreadable.err.starts_with("decide: task 2: the change cannot be shown: git: "), "{}", unreadable.err);
    assert!(unreadable.err.ends_with("; to have it done anew: decide run.jsonl 2 retry\n"), "{}", unreadable.err);
    // What is gone can still be wanted anew.
    decide(folder.path(), &["2", "retry"]).ended(0);
    let line = newest(folder.path());
    assert_eq!((&line["status"], line.get("diff_digest")), (&json!("retry"), None));
}

#[test]
fn an_approve_that_waits_takes_it_up() {
    let folder = run_file(&[]);
    let line = |id: &str| {
        format!(
            "{}\n",
            json!({"type": "task", "id": id, "digest": format!("d{id}"), "title": "t", "verdict": {"status": "pass"}})
        )
    };
    let mut waiting =
        Tool::ours("approve").args(&["--run", "run.jsonl", "--wait", "--no-terminal"]).folder(folder.path()).start();
    let mut stdin = waiting.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, (line("1") + &line("2")).as_bytes()).unwrap();
    drop(stdin);
    until("both questions are open", || decide(folder.path(), &[]).out == "1\tresult\t\n2\tresult\t\n");
    decide(folder.path(), &["1", "approve"]).ended(0);
    decide(folder.path(), &["2", "deny", "--note", "no"]).ended(0);
    let done = finished(waiting).ended(20);
    let status = |id: &str| done.task(id)["decisions"][0]["status"].clone();
    assert_eq!((status("1"), status("2")), (json!("approved"), json!("denied")));
}

#[test]
fn many_at_once_and_a_journal_lose_nothing() {
    let ids: Vec<String> = (0..24).map(|id| id.to_string()).collect();
    let lines: Vec<Value> = ids.iter().map(|id| task(id, &["result"], json!({}))).collect();
    let folder = run_file(&lines);
    let mut journal = Tool::ours("journal").arg("run.jsonl").folder(folder.path()).start();
    let mut stdin = journal.stdin.take().unwrap();
    let out = journal.stdout.take().unwrap();
    let reader = thread::spawn(move || std::io::read_to_string(out).unwrap());
    thread::scope(|scope| {
        for id in &ids {
            let folder = folder.path();
            scope.spawn(move || decide(folder, &[id, "approve"]).ended(0));
        }
        for number in 0..400 {
            let line = format!("{{\"type\":\"other\",\"n\":{number}}}\n");
            std::io::Write::write_all(&mut stdin, line.as_bytes()).unwrap();
        }
    });
    drop(stdin);
    assert!(journal.wait().unwrap().success());
    reader.join().unwrap();
    let all = written(folder.path());
    assert_eq!(all.iter().filter(|line| line["type"] == "decision").count(), 24);
    let numbers: Vec<u64> = all.iter().filter_map(|line| line["n"].as_u64()).collect();
    assert_eq!(numbers, (0..400).collect::<Vec<_>>());
    assert_eq!(decide(folder.path(), &[]).ended(0).out, "");
}
