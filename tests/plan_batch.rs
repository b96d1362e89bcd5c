//! plan-batch from outside: what is released when, and what the run file makes of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout};

use harness::{Done, Tool, finished, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
}

fn with(mut task: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("fields") };
    task.as_object_mut().unwrap().extend(more);
    task
}

/// A task that writes a file of its own.
fn task(id: &str, needs: &[&str]) -> Value {
    json!({"type": "task", "id": id, "title": format!("Title {id}"), "digest": format!("d{id}"), "needs": needs,
           "files": [{"path": format!("{id}.txt"), "action": "modify"}],
           "route": {"backend": "codex", "sandbox": "workspace-write"}})
}

fn reads(id: &str, needs: &[&str]) -> Value {
    with(task(id, needs), json!({"files": [], "route": {"backend": "codex", "sandbox": "read-only"}}))
}

fn decision(id: &str, gate: &str, status: &str) -> Value {
    json!({"gate": gate, "status": status, "by": "person:ada", "at": record_now(), "task_digest": format!("d{id}")})
}

fn record_now() -> String {
    // Later than everything before it.
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("2099-01-01T{:02}:{:02}:{:02}Z", next / 3600, next / 60 % 60, next % 60)
}

fn approved(task: &Value) -> Value {
    let id = task["id"].as_str().unwrap();
    with(
        task.clone(),
        json!({
            "result": {"status": "ok", "code": 0, "backend": "codex", "attempts": [{"thread": format!("thread-{id}"), "started": record_now()}]},
            "verdict": {"status": "pass", "checks": []}, "decisions": [decision(id, "result", "approved")],
        }),
    )
}

fn unproven(task: &Value, head: &str) -> Value {
    let checks = json!([{"kind": "command", "name": "ok", "status": "pass", "exit": 0, "seconds": 1.0, "tail": ""},
                        {"kind": "command", "name": "cargo test", "status": "fail", "exit": 101, "seconds": 1.0, "tail": "the tail"}]);
    with(
        task.clone(),
        json!({
            "result": {"status": "ok", "code": 0, "backend": "codex", "base": "b", "head": head, "attempts": [{"thread": "t-1", "started": record_now()}]},
            "verdict": {"status": "fail", "checks": checks},
        }),
    )
}

fn failed(task: &Value) -> Value {
    with(
        task.clone(),
        json!({"result": {"status": "failed", "code": 10, "class": "rate_limited", "backend": "codex", "attempts": [{"started": record_now()}]}}),
    )
}

impl Bench {
    fn new(run: &[Value]) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        bench.append(run);
        bench
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run.jsonl")
    }

    fn append(&self, lines: &[Value]) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.run()).unwrap();
        let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn tool(&self, args: &[&str]) -> Tool {
        Tool::ours("plan-batch").args(&["--run", "run.jsonl"]).args(args).folder(self.folder.path())
    }

    fn batch(&self, args: &[&str], tasks: &[Value]) -> Done {
        self.tool(args).input(plan(tasks)).run()
    }

    fn written(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.run()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn follow(&self, args: &[&str], tasks: &[Value]) -> Following {
        Following::start(self.tool(&[&["--follow"], args].concat()), tasks)
    }
}

fn plan(tasks: &[Value]) -> String {
    let plan = json!({"type": "plan", "v": 1, "path": "p.md", "title": "p", "digest": "p", "tasks": tasks.len(), "format": "x"});
    std::iter::once(&plan).chain(tasks).map(|line| line.to_string() + "\n").collect()
}

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter(|line| line["type"] == "task").map(|line| line["id"].as_str().unwrap()).collect()
}

fn released(done: &Done) -> Vec<String> {
    ids(&done.lines()).into_iter().map(str::to_owned).collect()
}

/// A plan-batch that follows its run file.
struct Following {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Following {
    fn start(tool: Tool, tasks: &[Value]) -> Self {
        let mut child = tool.start();
        child.stdin.take().unwrap().write_all(plan(tasks).as_bytes()).unwrap();
        let mut following = Self { out: BufReader::new(child.stdout.take().unwrap()), child };
        assert_eq!(following.next()["type"], "plan");
        following
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn take(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Its end: nothing more came out.
    fn ends(mut self, code: i32) -> String {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.out, &mut rest).unwrap();
        assert_eq!(rest, "");
        finished(self.child).ended(code).err
    }
}

#[test]
fn three_independent_tasks_go_out_with_their_releases_on_disk() {
    let bench = Bench::new(&[]);
    let tasks = [task("1", &[]), task("2", &["1"]), task("3", &[]), reads("4", &[]), task("5", &[])];
    let done = bench.batch(&[], &tasks).ended(0);
    assert_eq!(released(&done), ["1", "3", "4"]);
    assert_eq!(done.task("3")["batch"], json!({"number": 1, "attempt": 1, "attempts_left": 1}));
    let written = bench.written();
    assert_eq!(written.len(), 3);
    assert_eq!(
        written[1],
        json!({"type": "release", "id": "3", "attempt": 1, "digest": "d3", "at": written[1]["at"], "sandbox": "workspace-write"})
    );
}

#[test]
fn tasks_that_meet_wait_and_an_unknown_writer_is_alone() {
    let file = |id: &str, action: &str| with(task(id, &[]), json!({"files": [{"path": "a.txt", "action": action}]}));
    let bench = Bench::new(&[]);
    let done = bench.batch(&[], &[file("1", "modify"), file("2", "create"), file("3", "read"), task("4", &[])]);
    assert_eq!(released(&done.ended(0)), ["1", "4"]);
    let unknown = with(task("1", &[]), json!({"files": []}));
    let bench = Bench::new(&[]);
    assert_eq!(released(&bench.batch(&[], &[unknown.clone(), reads("2", &[])]).ended(0)), ["1"]);
    let bench = Bench::new(&[]);
    assert_eq!(released(&bench.batch(&[], &[reads("2", &[]), unknown, reads("3", &[])]).ended(0)), ["2", "3"]);
    let bench = Bench::new(&[]);
    let many: Vec<Value> = (0..9).map(|id| task(&id.to_string(), &[])).collect();
    assert_eq!(released(&bench.batch(&["--size", "5"], &many).ended(0)).len(), 5);
}

#[test]
fn bad_plans_are_told_before_anything_is_released() {
    let bench = Bench::new(&[]);
    let told = |tasks: &[Value], text: &str| {
        let done = bench.batch(&[], tasks).ended(65);
        assert!(done.err.contains(text), "{}", done.err);
        assert!(released(&done).is_empty() && bench.written().is_empty());
    };
    told(&[task("1", &["9"])], "plan-batch: stdin:2: task 1: needs: there is no task 9");
    told(&[task("1", &[]), task("2", &["3"]), task("3", &["2"])], "wait for each other: 2 needs 3 needs 2");
    told(&[task("1", &[]), task("1", &[])], "stdin:3: task 1: there was a line");
    told(&[json!({"type": "task", "id": "1"})], "missing field `digest`");
    assert!(bench.tool(&[]).run().ended(65).err.contains("no plan line"));
    let wrong = Bench::new(&[json!({"no": "type"})]);
    assert!(wrong.batch(&[], &[task("1", &[])]).ended(65).err.contains("run.jsonl:1: no \"type\""));
}

#[test]
fn blank_lines_count_and_whole_numbers_may_be_floats() {
    let bench = Bench::new(&[]);
    let spaced = plan(&[task("1", &["9"])]).replace('\n', "\n\n");
    let done = bench.tool(&[]).input(spaced).run().ended(65);
    assert!(done.err.contains("stdin:3: task 1: needs"), "{}", done.err);
    let one = task("1", &[]);
    let bench = Bench::new(&[
        json!({"type": "release", "id": "1", "attempt": 1.0, "digest": "d1", "at": record_now()}),
        with(unproven(&one, "h"), json!({"batch": {"number": 4.0, "attempt": 1.0, "attempts_left": 1.0}})),
    ]);
    let done = bench.batch(&[], &[one]).ended(0);
    let batch = &done.task("1")["batch"];
    assert_eq!((&batch["number"], &batch["attempt"]), (&json!(5), &json!(2)));
}

#[test]
fn what_is_finished_is_not_done_again_and_an_edit_is() {
    let (one, two) = (task("1", &[]), task("2", &["1"]));
    let out = |task: &Value| with(approved(task), json!({"batch": {"number": 1, "attempt": 1}}));
    let bench = Bench::new(&[out(&one)]);
    assert_eq!(released(&bench.batch(&[], &[one.clone(), two.clone()]).ended(0)), ["2"]);
    let bench = Bench::new(&[out(&one), out(&two)]);
    assert!(released(&bench.batch(&[], &[one.clone(), two.clone()]).ended(0)).is_empty());
    let edited = with(two.clone(), json!({"digest": "new"}));
    let done = bench.batch(&[], &[one.clone(), edited]).ended(0);
    assert_eq!((released(&done), &done.task("2")["batch"]["attempt"]), (vec!["2".to_owned()], &json!(2)));
    assert!(done.err.contains("task 2: it has changed in the plan"), "{}", done.err);
    let ticked = with(one, json!({"checked": true}));
    assert_eq!(released(&Bench::new(&[]).batch(&[], &[ticked, two]).ended(0)), ["2"]);
}

#[test]
fn work_on_commits_is_finished_once_it_has_landed() {
    let one = task("1", &[]);
    let done = with(
        approved(&one),
        json!({"batch": {"attempt": 1},
        "result": {"status": "ok", "backend": "codex", "base": "b", "head": "h", "attempts": [{"started": record_now()}]}}),
    );
    let bench = Bench::new(&[with(done.clone(), json!({"landed": {"status": "merged"}}))]);
    assert!(released(&bench.batch(&[], std::slice::from_ref(&one)).ended(0)).is_empty());
    // What only has to land goes out with its result.
    let bench = Bench::new(std::slice::from_ref(&done));
    let again = bench.batch(&[], std::slice::from_ref(&one)).ended(0).task("1");
    assert_eq!((&again["result"], &again["batch"]["attempt"]), (&done["result"], &json!(2)));
    bench.append(&[with(again, json!({"landed": {"status": "nothing"}}))]);
    assert!(released(&bench.batch(&[], &[one]).ended(0)).is_empty());
}

#[test]
fn following_releases_batch_after_batch_until_all_is_finished() {
    let bench = Bench::new(&[]);
    let tasks = [task("1", &[]), task("2", &[]), task("3", &["1"]), task("4", &["2", "3"])];
    let mut following = bench.follow(&[], &tasks);
    let first = following.take(2);
    assert_eq!(ids(&first), ["1", "2"]);
    bench.append(&[approved(&first[0])]);
    // The other one is still out; nothing more comes until it is back.
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(bench.written().iter().filter(|line| line["type"] == "release").count(), 2);
    bench.append(&[approved(&first[1])]);
    let third = following.next();
    assert_eq!((&third["id"], &third["batch"]["number"]), (&json!("3"), &json!(2)));
    bench.append(&[approved(&third)]);
    let fourth = following.next();
    bench.append(&[approved(&fourth)]);
    assert_eq!(following.ends(0), "");
}

#[test]
fn a_batch_costs_the_same_however_long_the_run_file_is() {
    let old: Vec<Value> = (0..2000).map(|id| approved(&task(&format!("old {id}"), &[]))).collect();
    let bench = Bench::new(&old);
    let tasks: Vec<Value> = (0..20).map(|id| task(&id.to_string(), &[])).collect();
    let mut following = bench.follow(&["--size", "1"], &tasks);
    let pid = following.child.id();
    let has_read = || {
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
        io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok()).unwrap()
    };
    let mut before = None;
    for _ in 0..20 {
        let next = following.next();
        before.get_or_insert_with(has_read);
        bench.append(&[approved(&next)]);
    }
    let read = has_read() - before.unwrap();
    let length = fs::metadata(bench.run()).unwrap().len();
    assert!(length > 500_000 && read < length / 4, "{read} of {length} bytes read again");
    following.ends(0);
}

#[test]
fn rolling_waits_for_nothing_but_the_needs() {
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&["--rolling"], &[task("1", &[]), task("2", &[]), task("3", &["1"])]);
    let first = following.take(2);
    bench.append(&[approved(&first[0])]);
    let third = following.next();
    assert_eq!(third["id"], "3");
    bench.append(&[approved(&third), approved(&first[1])]);
    following.ends(0);
}

#[test]
fn what_is_not_proven_is_tried_again_with_what_is_known() {
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&[], &[task("1", &[]), task("2", &["1"])]);
    let first = following.next();
    bench.append(&[unproven(&first, "h1")]);
    let second = following.next();
    assert_eq!(
        second["batch"],
        json!({"number": 2, "attempt": 2, "feedback": "cargo test failed with exit code 101:\nthe tail",
        "thread": "t-1", "head": "h1", "attempts_left": 0})
    );
    assert_eq!(second.get("result"), None);
    bench.append(&[unproven(&second, "h2")]);
    let err = following.ends(20);
    assert!(
        err.contains("task 1: is not proven after 2 tries: to have it tried again: decide run.jsonl 1 retry"),
        "{err}"
    );
    // A person may have it tried again.
    bench
        .append(&[with(decision("1", "result", "retry"), json!({"type": "decision", "id": "1", "note": "look at a"}))]);
    let done = bench.batch(&[], &[task("1", &[]), task("2", &["1"])]).ended(0);
    let batch = &done.task("1")["batch"];
    assert_eq!((&batch["attempt"], &batch["head"]), (&json!(3), &json!("h2")));
    assert!(batch["feedback"].as_str().unwrap().starts_with("look at a\ncargo test failed"), "{batch}");
}

#[test]
fn the_agent_is_told_what_is_its_own_doing() {
    let bench = Bench::new(&[]);
    let one = [task("1", &[])];
    let first = bench.batch(&[], &one).ended(0).task("1");
    let checks = json!([
        {"kind": "command", "name": "make lint", "status": "fail", "exit": 1, "tail": "old", "baseline": "already_failing"},
        {"kind": "scope", "name": "scope", "status": "fail", "tail": "",
         "findings": [{"severity": "error", "file": "ci.yml", "text": "not named"}, {"file": "a.rs", "line": 3.0, "text": "nor this"}]},
    ]);
    bench.append(&[with(unproven(&first, "h"), json!({"verdict": {"status": "fail", "checks": checks}}))]);
    let second = bench.batch(&[], &one).ended(0).task("1");
    assert_eq!(second["batch"]["feedback"], "scope failed:\nci.yml: not named\na.rs:3: nor this");
}

#[test]
fn a_failure_stops_the_next_batch_unless_the_user_wants_otherwise() {
    let tasks = [task("1", &[]), task("2", &["1"]), task("3", &[]), task("4", &["3"])];
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&[], &tasks);
    let out = following.take(2);
    bench.append(&[failed(&out[0]), approved(&out[1])]);
    assert!(
        following.ends(20).contains("task 1: failed (rate_limited): to have it tried again: decide run.jsonl 1 retry")
    );

    let bench = Bench::new(&[]);
    let mut following = Following::start(bench.tool(&["--follow"]).env("CODEX_FAIL_CLOSED", "0"), &tasks);
    let out = following.take(2);
    bench.append(&[failed(&out[0]), approved(&out[1])]);
    let fourth = following.next();
    assert_eq!(fourth["id"], "4");
    bench.append(&[approved(&fourth)]);
    // It has failed, and that is no question.
    assert!(following.ends(1).contains("task 1: failed (rate_limited)"));
    // It is tried once more, and no more than that.
    let again = bench.batch(&[], &tasks).ended(0);
    assert_eq!(released(&again), ["1"]);
    bench.append(&[failed(&again.task("1"))]);
    assert!(released(&bench.batch(&[], &tasks).ended(20)).is_empty());
    bench.append(&[with(
        decision("1", "fallback", "approved"),
        json!({"type": "decision", "id": "1", "backend": "claude", "model": "m"}),
    )]);
    let fallback = bench.batch(&[], &tasks).ended(0).task("1");
    assert_eq!(fallback["decisions"][0]["backend"], "claude");
}

#[test]
fn a_denied_result_stops_and_a_retry_goes_on() {
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&[], &[task("1", &[])]);
    let first = following.next();
    let said = |status: &str| with(decision("1", "result", status), json!({"note": "not so"}));
    bench.append(&[with(approved(&first), json!({"decisions": [said("retry")]}))]);
    let second = following.next();
    assert_eq!((&second["batch"]["attempt"], &second["batch"]["feedback"]), (&json!(2), &json!("not so")));
    let mut decisions = second["decisions"].as_array().cloned().unwrap();
    assert_eq!(decisions.len(), 1);
    decisions.push(said("denied"));
    bench.append(&[with(approved(&second), json!({"decisions": decisions}))]);
    assert!(following.ends(20).contains("task 1: denied (not so)"));
    assert!(released(&bench.batch(&[], &[task("1", &[])]).ended(20)).is_empty());
}

#[test]
fn work_that_does_not_fit_on_the_branch_is_begun_afresh_there() {
    let retry = with(decision("1", "result", "retry"), json!({"type": "decision", "id": "1", "note": "again"}));
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&[], &[task("1", &[])]);
    let first = following.next();
    let landed = json!({"landed": {"status": "conflict", "conflicts": ["f1"]}});
    let mut done = with(approved(&first), landed);
    done["result"]["base"] = json!("b");
    done["result"]["head"] = json!("h");
    bench.append(&[done]);
    let told = following.ends(20);
    assert!(told.contains("task 1: does not fit on the branch any more: "), "{told}");
    assert!(told.contains(": decide run.jsonl 1 retry"), "{told}");
    bench.append(std::slice::from_ref(&retry));
    let batch = bench.batch(&[], &[task("1", &[])]).ended(0).task("1")["batch"].clone();
    assert!(batch.get("head").is_none() && batch.get("thread").is_none(), "{batch}");
    assert!(batch["feedback"].as_str().unwrap().contains("did not fit on the branch"), "{batch}");
}

#[test]
fn held_and_interrupted_tries_are_not_counted() {
    let held =
        |task: &Value| with(task.clone(), json!({"result": {"status": "held", "backend": "codex", "held_by": "9"}}));
    let one = reads("1", &[]);
    let bench = Bench::new(&[]);
    let first = bench.batch(&[], std::slice::from_ref(&one)).ended(0).task("1");
    bench.append(&[held(&first)]);
    let second = bench.batch(&[], std::slice::from_ref(&one)).ended(0).task("1");
    assert_eq!((&second["batch"]["attempt"], &second["batch"]["attempts_left"]), (&json!(2), &json!(1)));
    let third = bench.batch(&[], std::slice::from_ref(&one)).ended(0);
    assert!(third.err.contains("task 1: it was interrupted"), "{}", third.err);
    let batch = &third.task("1")["batch"];
    assert_eq!((&batch["attempt"], &batch["attempts_left"]), (&json!(3), &json!(1)));
}

#[test]
fn only_what_may_have_been_done_in_place_is_asked_about() {
    let bench = Bench::new(&[]);
    let tasks = [task("1", &[])];
    bench.batch(&["--isolate", "worktree"], &tasks).ended(0);
    assert_eq!(
        (&bench.written()[0]["isolate"], &bench.written()[0]["sandbox"]),
        (&json!("worktree"), &json!("workspace-write"))
    );
    let again = bench.batch(&[], &tasks).ended(0);
    assert!(again.err.contains("task 1: it was interrupted"), "{}", again.err);
    // The second release says nothing of worktrees, though the third run is told of them.
    assert_eq!(released(&bench.batch(&["--isolate", "worktree"], &tasks).ended(20)), [""; 0]);
    // Whatever a script has written there, it may have written in place.
    let stranger = |more: Value| {
        let release = json!({"type": "release", "id": "1", "attempt": 1, "digest": "d1", "at": record_now()});
        Bench::new(&[with(release, more)]).batch(&[], &tasks).code
    };
    assert_eq!((stranger(json!({})), stranger(json!({"isolate": "jail"}))), (20, 20));
    assert_eq!((stranger(json!({"sandbox": "jail"})), stranger(json!({"sandbox": "read-only"}))), (20, 0));
    // What it could do then counts, not what it may do now.
    let bench = Bench::new(&[]);
    bench.batch(&[], &tasks).ended(0);
    bench.batch(&[], &[reads("1", &[])]).ended(20);
    // The work of a person is never half done by an agent.
    let manual = with(task("1", &[]), json!({"route": {"backend": "manual"}}));
    let bench = Bench::new(&[]);
    bench.batch(&[], std::slice::from_ref(&manual)).ended(0);
    bench.batch(&[], &[manual]).ended(0);
}

#[test]
fn words_that_only_others_know_stop_nobody_and_approve_nothing() {
    let odd = with(
        task("1", &[]),
        json!({"files": [{"path": "1.txt", "action": "polish"}], "route": {"backend": "x", "sandbox": "jail"},
               "decisions": [{"gate": "moon", "status": "full", "by": "x", "at": "y"}]}),
    );
    let bench = Bench::new(&[]);
    let first = bench.batch(&[], std::slice::from_ref(&odd)).ended(0).task("1");
    let granted = json!({"gate": "result", "status": "granted", "by": "x", "at": "y", "task_digest": "d1"});
    let back = with(approved(&first), json!({"decisions": [decision("1", "result", "approved"), granted]}));
    let foreign = json!({"verdict": {"status": "lovely"}, "result": {"status": "ok", "backend": "x"}});
    bench.append(&[with(back, foreign)]);
    // It was approved, and then somebody said something that nobody understands.
    let second = bench.batch(&[], std::slice::from_ref(&odd)).ended(0).task("1");
    assert_eq!(second["batch"]["feedback"], "nothing could show that it is done");
    bench.append(&[with(second, json!({"result": {"status": "parked", "backend": "x", "attempts": []}}))]);
    let told = bench.batch(&[], std::slice::from_ref(&odd)).ended(20).err;
    assert!(told.contains("task 1: failed: to have it tried again"), "{told}");
    // A plan that nobody has clearly said yes to is not begun.
    let unclear =
        with(task("1", &[]), json!({"decisions": [{"gate": "plan", "status": "maybe", "by": "x", "at": "y"}]}));
    assert!(Bench::new(&[]).batch(&[], &[unclear]).ended(20).err.contains("task 1: pending at gate plan"));
}

#[test]
fn a_decision_about_another_change_is_none() {
    let bench = Bench::new(&[]);
    harness::repository(bench.folder.path(), &[("a.txt", "one\n")]);
    let commit = |text: &str| {
        fs::write(bench.folder.path().join("a.txt"), text).unwrap();
        harness::git(bench.folder.path(), &["commit", "-qam", text]);
        harness::git(bench.folder.path(), &["rev-parse", "HEAD"]).trim().to_owned()
    };
    let (base, head) = (commit("two"), commit("three"));
    let tasks = [task("1", &[])];
    let first = bench.batch(&[], &tasks).ended(0).task("1");
    let about = |diff: &str| with(decision("1", "result", "denied"), json!({"diff_digest": diff}));
    let result = json!({"status": "ok", "backend": "codex", "base": base, "head": head, "attempts": [{"thread": "t"}]});
    let came = with(unproven(&first, "h"), json!({"result": result, "decisions": [about("of another")]}));
    bench.append(&[came]);
    // The no was said about other work, so it is tried again as if nothing had been said.
    let second = bench.batch(&[], &tasks).ended(0).task("1");
    assert_eq!((&second["batch"]["head"], &second["batch"]["thread"]), (&json!(head), &json!("t")));
    let diff = harness::git(bench.folder.path(), &["diff", "--binary", "--full-index", &base, &head]);
    let digest = blake3::hash(diff.as_bytes()).to_hex().to_string();
    let result = json!({"status": "ok", "backend": "codex", "base": base, "head": head, "attempts": [{"thread": "u"}]});
    bench.append(&[with(unproven(&second, "h"), json!({"result": result, "decisions": [about(&digest)]}))]);
    assert!(bench.batch(&["--attempts", "9"], &tasks).ended(20).err.contains("task 1: denied"));
}

#[test]
fn what_had_landed_when_the_crash_came_is_finished() {
    let bench = Bench::new(&[]);
    let repo = bench.folder.path();
    harness::repository(repo, &[("a.txt", "one\n")]);
    let base = harness::git(repo, &["rev-parse", "HEAD"]).trim().to_owned();
    fs::write(repo.join("a.txt"), "two").unwrap();
    harness::git(repo, &["commit", "-qam", "work on a branch"]);
    let head = harness::git(repo, &["rev-parse", "HEAD"]).trim().to_owned();
    let diff = harness::git(repo, &["diff", "--binary", "--full-index", &base, &head]);
    let digest = blake3::hash(diff.as_bytes()).to_hex().to_string();
    harness::git(repo, &["reset", "-q", "--hard", &base]);
    let tasks = [task("1", &[])];
    let first = bench.batch(&[], &tasks).ended(0).task("1");
    let result = json!({"status": "ok", "backend": "codex", "base": base, "head": head, "attempts": []});
    let yes = with(decision("1", "result", "approved"), json!({"diff_digest": digest}));
    bench.append(&[with(approved(&first), json!({"result": result, "decisions": [yes]}))]);
    let land = |task: &str, diff: &str| {
        let message = format!("Title\n\nPlan: p.md\nTask: {task}\nTask-Digest: d1\nDiff-Digest: {diff}\n");
        harness::git(repo, &["commit", "-q", "--allow-empty", "-m", &message]);
    };
    // Another task, and an earlier attempt of this one.
    land("2", &digest);
    land("1", "another");
    let before = fs::read(bench.run()).unwrap();
    assert_eq!(released(&bench.batch(&[], &tasks).ended(0)), ["1"]);
    fs::write(bench.run(), before).unwrap();
    land("1", &digest);
    assert!(released(&bench.batch(&[], &tasks).ended(0)).is_empty());
}

#[test]
fn a_no_at_the_plan_can_be_taken_back_with_the_told_command() {
    let bench = Bench::new(&[]);
    let said =
        with(decision("1", "plan", "denied"), json!({"type": "decision", "id": "1", "at": "2026-01-01T00:00:00Z"}));
    bench.append(&[said]);
    let tasks = [task("1", &[])];
    let told = bench.batch(&[], &tasks).ended(20).err;
    assert!(told.ends_with("decide run.jsonl 1 approve --gate plan\n"), "{told}");
    let decide =
        || Tool::ours("decide").args(&["run.jsonl", "1", "approve", "--gate", "plan"]).folder(bench.folder.path());
    decide().run().ended(0);
    assert_eq!(released(&bench.batch(&[], &tasks).ended(0)), ["1"]);
}

#[test]
fn no_more_is_begun_than_may_be_spent() {
    let cost = |task: &Value, tokens: u64| {
        let attempts = json!([{"backend": "codex", "started": record_now(), "usage": {"total": tokens}}]);
        with(approved(task), json!({"result": {"status": "ok", "backend": "codex", "attempts": attempts}}))
    };
    let tasks: Vec<Value> = (1..=4).map(|id| task(&id.to_string(), &[])).collect();
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&["--size", "2", "--max-tokens", "100"], &tasks);
    let out = following.take(2);
    bench.append(&[cost(&out[0], 60), cost(&out[1], 50)]);
    let told = following.ends(20);
    assert!(
        told.contains("110 of 100 tokens are used up (--max-tokens), so no more tasks are begun and 2 are left"),
        "{told}"
    );
    assert_eq!(released(&bench.batch(&["--max-tokens", "111"], &tasks).ended(0)), ["3", "4"]);

    // Calls are counted before they are made; the two of a task for two models together.
    let bench = Bench::new(&[]);
    let two =
        with(task("1", &[]), json!({"route": {"backend": "codex", "sandbox": "read-only", "models": ["a", "b"]}}));
    let person = with(task("5", &[]), json!({"route": {"backend": "manual"}}));
    let tasks = [two, tasks[1].clone(), tasks[2].clone(), person];
    let mut following = bench.follow(&["--size", "4", "--max-attempts", "3"], &tasks);
    let out = following.take(3);
    assert_eq!(ids(&out), ["1", "2", "5"]);
    let done = with(approved(&out[2]), json!({"result": null}));
    bench.append(&[cost(&out[0], 1), cost(&out[1], 1), done]);
    // One of the two was not made after all.
    let third = following.next();
    bench.append(&[cost(&third, 1)]);
    following.ends(0);

    // What an executor did not begin for want of a budget is no try, and nothing to ask about.
    let bench = Bench::new(&[]);
    let tasks = [task("1", &[])];
    let mut following = bench.follow(&[], &tasks);
    let out = following.next();
    let result = json!({"status": "failed", "code": 1, "class": "budget", "backend": "codex", "attempts": []});
    bench.append(&[with(out, json!({"result": result}))]);
    assert!(following.ends(20).contains("task 1: was not done, because what may be spent is used up"));
    let again = bench.batch(&[], &tasks).ended(0).task("1");
    assert_eq!((&again["batch"]["attempt"], &again["batch"]["attempts_left"]), (&json!(2), &json!(1)));
}

#[test]
fn interrupted_work_in_the_tree_waits_for_a_person() {
    let bench = Bench::new(&[]);
    let tasks = [task("1", &[])];
    bench.batch(&[], &tasks).ended(0);
    let stopped = bench.batch(&[], &tasks).ended(20);
    assert!(stopped.err.contains("task 1: was begun and never came out"), "{}", stopped.err);
    Tool::ours("decide").args(&["run.jsonl", "1", "retry"]).folder(bench.folder.path()).run().ended(0);
    assert_eq!(bench.batch(&[], &tasks).ended(0).task("1")["batch"]["attempt"], 2);
    let agreed = with(task("1", &[]), json!({"decisions": [decision("1", "plan", "approved")]}));
    assert_eq!(bench.batch(&[], &[agreed]).ended(0).task("1")["batch"]["attempt"], 3);
}

#[test]
fn nothing_goes_out_that_the_plan_gate_has_not_let_through() {
    let at_plan = |status: &str| with(task("1", &[]), json!({"decisions": [decision("1", "plan", status)]}));
    let bench = Bench::new(&[]);
    let pending = bench.batch(&[], &[at_plan("pending"), task("2", &[])]).ended(20);
    assert_eq!(pending.err, "plan-batch: task 1: pending at gate plan: decide run.jsonl 1 approve --gate plan\n");
    assert!(released(&bench.batch(&[], &[at_plan("denied")]).ended(20)).is_empty());
    bench.append(&[with(decision("1", "plan", "approved"), json!({"type": "decision", "id": "1"}))]);
    let done = bench.batch(&[], &[at_plan("pending")]).ended(0);
    assert_eq!(done.task("1")["decisions"][1]["status"], "approved");
}

#[test]
fn what_was_approved_afterwards_counts() {
    let bench = Bench::new(&[]);
    let tasks = [task("1", &[]), task("2", &["1"])];
    let first = bench.batch(&[], &tasks).ended(0).task("1");
    bench.append(&[with(approved(&first), json!({"decisions": [decision("1", "result", "pending")]}))]);
    Tool::ours("decide").args(&["run.jsonl", "1", "approve"]).folder(bench.folder.path()).run().ended(0);
    assert_eq!(released(&bench.batch(&[], &tasks).ended(0)), ["2"]);
}

#[test]
fn what_was_asked_about_when_the_crash_came_is_not_done_again() {
    for (answer, asked_again) in [(Some("approved"), false), (None, true)] {
        let bench = Bench::new(&[]);
        let tasks = [task("1", &[]), task("2", &["1"])];
        let first = bench.batch(&[], &tasks).ended(0).task("1");
        let mut asked = approved(&first);
        asked.as_object_mut().unwrap().remove("decisions");
        let said = |status: &str| {
            let line = json!({"type": "decision", "id": "1", "task": asked.clone()});
            with(line, decision("1", "result", status))
        };
        bench.append(&[said("pending")]);
        bench.append(&answer.map(said).into_iter().collect::<Vec<_>>());
        // Also when that ends in a crash too.
        let again = bench.batch(&[], &tasks).ended(0).task("1");
        assert_eq!(again["result"], asked["result"]);
        assert!(
            again["decisions"].as_array().is_none_or(|decisions| decisions.iter().all(|one| one.get("task").is_none()))
        );
        let mut following = bench.follow(&[], &tasks);
        let mut third = following.next();
        assert_eq!((&third["batch"]["attempt"], &third["result"]), (&json!(3), &asked["result"]));
        assert_eq!(third["batch"]["attempts_left"], first["batch"]["attempts_left"]);
        assert_eq!(third["decisions"].is_null(), asked_again, "{third}");
        if asked_again {
            third = with(third.clone(), json!({"decisions": [decision("1", "result", "approved")]}));
        }
        bench.append(&[third]);
        let second = following.next();
        assert_eq!(second["id"], "2");
        bench.append(&[approved(&second)]);
        following.ends(0);
    }
}

#[test]
fn a_retry_after_the_question_and_an_edit_begin_afresh() {
    let bench = Bench::new(&[]);
    let first = bench.batch(&[], &[task("1", &[])]).ended(0).task("1");
    let line = json!({"type": "decision", "id": "1", "task": approved(&first)});
    bench.append(&[with(line, decision("1", "result", "pending"))]);
    bench.append(&[with(json!({"type": "decision", "id": "1"}), decision("1", "result", "retry"))]);
    assert_eq!(bench.batch(&[], &[task("1", &[])]).ended(0).task("1").get("result"), None);

    let bench = Bench::new(&[]);
    let first = bench.batch(&[], &[reads("1", &[])]).ended(0).task("1");
    let line = json!({"type": "decision", "id": "1", "task": approved(&first)});
    bench.append(&[with(line, decision("1", "result", "approved"))]);
    let edited = with(reads("1", &[]), json!({"digest": "new"}));
    assert_eq!(bench.batch(&[], &[edited]).ended(0).task("1").get("result"), None);
}

#[test]
fn it_ends_when_the_journal_does() {
    let bench = Bench::new(&[]);
    let mut journal = Tool::ours("journal").arg("run.jsonl").folder(bench.folder.path()).start();
    until("the run file is owned", || {
        bench.run().with_extension("jsonl.lock").metadata().is_ok_and(|lock| lock.len() > 0)
    });
    let mut following = bench.follow(&["--quiet", "1"], &[task("1", &[])]);
    following.next();
    std::thread::sleep(std::time::Duration::from_millis(1800));
    drop(journal.stdin.take());
    finished(journal).ended(0);
    let err = following.ends(1);
    assert!(err.contains("task 1 out, and nothing has come back for 1 seconds: is a stage buffering"), "{err}");
    assert!(err.contains("run.jsonl: journal has ended, and task 1 had not come out"), "{err}");
}

#[test]
fn signals_and_a_reader_that_goes_end_it() {
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&[], &[task("1", &[])]);
    following.next();
    kill_process(Pid::from_child(&following.child), Signal::TERM).unwrap();
    following.ends(143);
    let bench = Bench::new(&[]);
    let mut following = bench.follow(&[], &[task("1", &[])]);
    following.next();
    drop(following.out);
    assert_eq!(finished(following.child).code, 141);
}

#[test]
fn the_loop_closes_through_a_real_pipe() {
    let bench = Bench::new(&[]);
    let tasks: Vec<Value> = (0..10)
        .map(|id| if id < 3 { task(&id.to_string(), &[]) } else { task(&id.to_string(), &[&(id - 3).to_string()]) })
        .collect();
    fs::write(bench.folder.path().join("plan.jsonl"), plan(&tasks)).unwrap();
    fs::write(bench.folder.path().join("all.toml"), "[[rule]]\ngate = \"result\"\ndecision = \"approved\"\n").unwrap();
    let stage = "import sys, json
for line in sys.stdin:
    task = json.loads(line)
    if task['type'] == 'task':
        task['result'] = {'status': 'ok', 'backend': 'x', 'attempts': []}
        task['verdict'] = {'status': 'pass', 'checks': []}
    print(json.dumps(task), flush=True)";
    let pipe = "plan-batch --run run.jsonl --follow < plan.jsonl | python3 -c \"$0\" | approve --policy all.toml --run run.jsonl | journal run.jsonl";
    let path = format!("{}:{}", folder_of("journal").display(), std::env::var("PATH").unwrap());
    let done = Tool::new("bash")
        .args(&["-o", "pipefail", "-c", pipe, stage])
        .env("PATH", path)
        .folder(bench.folder.path())
        .run()
        .ended(0);
    assert_eq!(released(&done).len(), 10, "{}", done.err);
    assert_eq!(bench.written().iter().filter(|line| line["type"] == "release").count(), 10);
}

fn folder_of(name: &str) -> PathBuf {
    harness::bin(name).parent().map(Path::to_owned).unwrap()
}
