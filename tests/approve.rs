//! approve from outside: gates, policies, the run file, and a person at a real terminal (a pty).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use harness::person::{Growing, Person, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const APPROVE: &str = env!("CARGO_BIN_EXE_approve");

// ---- lines

fn task(id: &str) -> Value {
    json!({"type": "task", "id": id, "title": format!("Title of {id}"), "digest": format!("digest-{id}")})
}

fn with(mut task: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("fields") };
    task.as_object_mut().unwrap().extend(fields);
    task
}

fn judged(id: &str, status: &str) -> Value {
    let checks = json!([{"kind": "command", "name": "cargo test", "status": status, "seconds": 1.5, "tail": "tail of the check"}]);
    with(task(id), json!({"verdict": {"status": status, "checks": checks}}))
}

fn ran_in(task: Value, sandbox: &str) -> Value {
    let attempt = json!({"backend": "codex", "started": "2026-01-01T00:00:00Z", "seconds": 1.0, "sandbox": sandbox});
    with(task, json!({"result": {"status": "ok", "code": 0, "backend": "codex", "attempts": [attempt], "changed": []}}))
}

fn failed(id: &str, work_type: &str) -> Value {
    with(
        task(id),
        json!({
            "route": {"work_type": work_type, "backend": "codex", "models": ["m"], "rank": 1, "rule": "r", "why": "w"},
            "result": {"status": "failed", "code": 10, "class": "rate_limited", "evidence": "an event", "backend": "codex"},
        }),
    )
}

fn stream(lines: &[Value]) -> String {
    lines.iter().map(|line| line.to_string() + "\n").collect()
}

fn lines(text: &[u8]) -> Vec<Value> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The lines of a run file, without the questions that were asked.
fn answers(run: &Path) -> Vec<Value> {
    lines(&fs::read(run).unwrap()).into_iter().filter(|line| line["status"] != "pending").collect()
}

/// `status` of the newest decision.
fn status(task: &Value) -> &str {
    newest(task)["status"].as_str().unwrap_or("none")
}

fn newest(task: &Value) -> &Value {
    task["decisions"].as_array().and_then(|all| all.last()).unwrap_or(&Value::Null)
}

// ---- approve without a terminal

fn approve(args: &[&str]) -> Command {
    let mut command = Command::new(APPROVE);
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("USER", "ada");
    command
}

fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A tool that stops early may leave the rest unread.
    let writer = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn quiet(args: &[&str], input: &str) -> Output {
    run(approve(&[&["--no-terminal"], args].concat()).env_remove("TERM"), input)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn sits_down(args: &[&str]) -> Person {
    sits_down_with(args, &[])
}

fn sits_down_with(args: &[&str], variables: &[(&str, &str)]) -> Person {
    sits_down_before(APPROVE, args, variables)
}

fn sits_down_before(program: &str, args: &[&str], variables: &[(&str, &str)]) -> Person {
    Person::sits_down(Path::new(program), args, variables, None)
}

// ---- gates and policies

const TRUST: &str = r#"
[[rule]]
name = "looked-only"
gate = "result"
when = "pass"
sandbox = "read-only"
decision = "approved"

[[rule]]
when = "fail"
decision = "denied"
"#;

#[test]
fn a_rule_approves_what_passed_in_a_read_only_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "trust.toml", TRUST);
    let output = quiet(&["--policy", &policy], &stream(&[ran_in(judged("1", "pass"), "read-only")]));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
    let task = &lines(&output.stdout)[0];
    let decision = newest(task);
    assert_eq!(decision["status"], "approved");
    assert_eq!(decision["gate"], "result");
    assert_eq!(decision["by"], "policy:looked-only");
    assert_eq!(decision["task_digest"], "digest-1");
    assert!(decision.get("diff_digest").is_none());
}

#[test]
fn without_a_rule_that_matches_nothing_is_approved() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "trust.toml", TRUST);
    // It was asked to work in a read-only sandbox and did not.
    let asked = with(judged("1", "pass"), json!({"route": {"sandbox": "read-only"}}));
    let input =
        stream(&[ran_in(asked.clone(), "workspace-write"), with(asked, json!({"id": "2"})), judged("3", "unproven")]);
    let output = quiet(&["--policy", &policy], &input);
    assert_eq!(code(&output), 20);
    assert!(lines(&output.stdout).iter().all(|task| status(task) == "pending"), "{:?}", lines(&output.stdout));
    let err = stderr(&output);
    for id in ["1", "2", "3"] {
        assert!(err.contains(&format!("approve: task {id}: pending at gate result")), "{err}");
    }
    assert_eq!(err.matches("to go on:").count(), 1, "{err}");
    assert!(err.contains("approve --gate result < FILE"), "{err}");
}

#[test]
fn a_process_without_a_terminal_asks_nobody() {
    // `setsid` is how a program loses its terminal; where there is none, the test above says the same.
    if Command::new("setsid").arg("--version").output().is_err() {
        return;
    }
    let mut command = Command::new("setsid");
    command.args(["--wait", APPROVE]);
    let output = run(&mut command, &stream(&[judged("1", "pass")]));
    assert_eq!(code(&output), 20, "{}", stderr(&output));
    assert_eq!(status(&lines(&output.stdout)[0]), "pending");
}

#[test]
fn a_no_of_a_rule_is_a_decision_too() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "trust.toml", TRUST);
    let output = quiet(&["--policy", &policy], &stream(&[judged("1", "fail")]));
    assert_eq!(code(&output), 20);
    let out = lines(&output.stdout);
    assert_eq!((status(&out[0]), newest(&out[0])["by"].as_str()), ("denied", Some("policy:2")));
    assert!(stderr(&output).contains("task 1: denied at gate result by policy:2"), "{}", stderr(&output));
}

#[test]
fn what_is_not_at_the_gate_passes_unchanged() {
    let input = concat!(
        "{\"type\":\"plan\" , \"v\":1,\"title\":\"P\"}\n",
        "{ \"type\":\"task\",\"id\":\"1\",\"n\":0.10,\"e\":1E400 }\n",
        "{\"type\":\"task\",\"id\":\"2\",\"result\":{\"status\":\"held\"},\"verdict\":{\"status\":\"pass\"},\"digest\":\"d\"}\n",
        "{\"type\":\"task\",\"id\":\"3\",\"verdict\":{\"status\":\"fail\"},\"batch\":{\"attempts_left\":2},\"digest\":\"d\"}\n",
        "{\"type\":\"task\",\"id\":\"4\",\"checked\":true,\"verdict\":{\"status\":\"pass\"},\"digest\":\"d\"}\n",
        "{\"type\":\"weather\",\"x\":[1,  2]}\n",
    );
    let output = quiet(&[], input);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), input);
    let nothing = quiet(&[], "");
    assert_eq!((code(&nothing), nothing.stdout.len()), (0, 0));
}

#[test]
fn a_decision_for_this_work_is_not_asked_for_again() {
    let decided = |id: &str, status: &str, digest: &str| {
        let decision = json!({"gate": "result", "status": status, "by": "person:a", "at": "2026-01-01T00:00:00Z", "task_digest": digest});
        with(judged(id, "pass"), json!({"decisions": [decision]}))
    };
    let approved = stream(&[decided("1", "approved", "digest-1")]);
    let output = quiet(&[], &approved);
    assert_eq!((code(&output), String::from_utf8(output.stdout).unwrap()), (0, approved));
    assert_eq!(code(&quiet(&[], &stream(&[decided("1", "denied", "digest-1")]))), 20);
    // The plan has been edited since.
    let edited = quiet(&[], &stream(&[decided("1", "approved", "old")]));
    assert_eq!((code(&edited), status(&lines(&edited.stdout)[0])), (20, "pending"));
    // What is pending stays so, once.
    let pending = stream(&[decided("1", "pending", "digest-1")]);
    let output = quiet(&[], &pending);
    assert_eq!((code(&output), String::from_utf8(output.stdout).unwrap()), (20, pending));
}

#[test]
fn a_fallback_needs_a_rule_that_names_gate_and_backend() {
    let folder = tempfile::tempdir().unwrap();
    let input = stream(&[failed("1", "implement")]);
    for unspecific in [
        "[[rule]]\ndecision = \"approved\"\n",
        "[[rule]]\ngate = \"fallback\"\ndecision = \"approved\"\n",
        "[[rule]]\nbackend = \"claude\"\ndecision = \"approved\"\n",
        "[[rule]]\ngate = \"fallback\"\nbackend = \"codex\"\ndecision = \"approved\"\n",
    ] {
        let policy = file(folder.path(), "p.toml", unspecific);
        let output = quiet(&["--gate", "fallback", "--policy", &policy], &input);
        assert_eq!((code(&output), status(&lines(&output.stdout)[0])), (20, "pending"), "{unspecific}");
    }
    let policy = file(
        folder.path(),
        "p.toml",
        "[[rule]]\ngate = \"fallback\"\nbackend = \"claude\"\nwhen = \"rate_limited\"\ndecision = \"approved\"\n",
    );
    let output = quiet(&["--gate", "fallback", "--policy", &policy], &input);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let out = lines(&output.stdout);
    let decision = newest(&out[0]);
    assert_eq!((decision["gate"].as_str(), decision["by"].as_str()), (Some("fallback"), Some("policy:1")));
    assert_eq!((decision["backend"].as_str(), decision["model"].as_str()), (Some("claude"), Some("claude-sonnet-4-6")));
    let output = quiet(&["--gate", "fallback", "--policy", &policy, "--model", "other"], &input);
    assert_eq!(newest(&lines(&output.stdout)[0])["model"], "other");
}

#[test]
fn failing_open_approves_the_fallback_that_the_routing_policy_names() {
    let open = |work_type: &str, args: &[&str]| {
        let args = [&["--no-terminal", "--gate", "fallback"], args].concat();
        let output = run(approve(&args).env("CODEX_FAIL_CLOSED", "0"), &stream(&[failed("1", work_type)]));
        let task = lines(&output.stdout).remove(0);
        (code(&output), status(&task).to_owned(), newest(&task)["by"].as_str().unwrap().to_owned())
    };
    let yes = || (0, "approved".to_owned(), "policy:fallback".to_owned());
    assert_eq!(open("implement", &[]), yes());
    assert_eq!(open("orchestrate", &[]).0, 20, "the built-in policy names no fallback for this work");
    assert_eq!(open("implement", &["--backend", "elsewhere"]).0, 20);
    let folder = tempfile::tempdir().unwrap();
    let denies = file(folder.path(), "no.toml", "[[rule]]\ngate = \"fallback\"\ndecision = \"denied\"\n");
    assert_eq!(open("implement", &["--policy", &denies]).1, "denied");
    let allows = file(
        folder.path(),
        "yes.toml",
        "[[rule]]\ngate = \"fallback\"\nbackend = \"claude\"\ndecision = \"approved\"\n",
    );
    assert_eq!(open("implement", &["--policy", &allows]), yes());
}

#[test]
fn work_for_a_person_is_not_done_because_a_rule_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let input = stream(&[with(task("1"), json!({"backend": "manual"}))]);
    let all = file(folder.path(), "all.toml", "[[rule]]\ndecision = \"approved\"\n");
    assert_eq!(code(&quiet(&["--policy", &all], &input)), 20);
    let named = file(folder.path(), "named.toml", "[[rule]]\nbackend = \"manual\"\ndecision = \"approved\"\n");
    assert_eq!(code(&quiet(&["--policy", &named], &input)), 0);
}

#[test]
fn a_bad_policy_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "p.toml", "[[rule]]\ndecision = \"approved\"\ngates = \"plan\"\n");
    let output = quiet(&["--policy", &policy], "");
    assert_eq!(code(&output), 2);
    let err = stderr(&output);
    assert!(err.contains("p.toml:3:1: unknown field `gates`, expected one of `name`, `gate`"), "{err}");
    assert_eq!(code(&quiet(&["--policy", "/nonexistent/p.toml"], "")), 2);
    assert_eq!(code(&quiet(&["--gate", "end"], "")), 2);
    assert_eq!(code(&quiet(&["--wait"], "")), 2);
}

#[test]
fn bad_input_stops_it_after_what_came_before() {
    for (bad, reason) in [
        ("{\"type\":\"task\",\"id\":\"2\",\"verdict\":{\"status\":\"pass\"}}", "missing field `digest`"),
        ("{\"type\":\"task\",\"id\":\"2\",\"verdict\":{\"status\":\"great\"}}", "verdict.status: unknown variant"),
        ("{\"type\":\"task\",\"id\":\"1\"}", "before"),
        ("{\"type\":\"task\",\"id\":", "not JSON"),
        ("7", "not a JSON object"),
    ] {
        let input = format!("{}\n\n{bad}\n{}", judged("1", "pass"), stream(&[task("9")]));
        let output = quiet(&[], &input);
        let err = stderr(&output);
        assert_eq!(code(&output), 65, "{bad}: {err}");
        assert!(err.contains("approve: stdin:3: ") && err.contains(reason), "{bad}: {err}");
        let ids: Vec<_> = lines(&output.stdout).iter().map(|task| task["id"].to_string()).collect();
        assert_eq!(ids, ["\"1\""], "{bad}");
    }
}

#[test]
fn a_task_of_five_megabytes_passes() {
    let body = "x".repeat(5 << 20);
    let input = stream(&[with(judged("1", "pass"), json!({"body": body})), with(task("2"), json!({"body": body}))]);
    let output = quiet(&[], &input);
    let out = lines(&output.stdout);
    assert_eq!(code(&output), 20);
    assert!(out.len() == 2 && out.iter().all(|task| task["body"] == body.as_str()));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly_even_while_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let mut child = approve(&["--no-terminal", "--wait", "--run", run.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(stream(&[judged("1", "pass")]).as_bytes()).unwrap();
    let err = Growing::fed_by(child.stderr.take().unwrap());
    err.wait_for("waiting at gate result", 1);
    drop(child.stdout.take());
    let ended = eventually("its end", || child.try_wait().unwrap());
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(13), "{ended}: {}", err.text());
    assert_eq!(err.text().lines().count(), 1, "{}", err.text());
}

#[test]
fn what_nobody_has_done_is_told_at_the_end() {
    let held = json!({"result": {"status": "held", "backend": "codex", "held_by": "1"}});
    let input = [
        with(task("1"), json!({"route": {"backend": "claude"}})),
        with(task("2"), held),
        with(task("3"), json!({"checked": true})),
    ];
    let output = quiet(&[], &stream(&input));
    assert_eq!(code(&output), 0, "nothing of it is at the gate");
    let told = "approve: task 1: for claude, and nobody has done it yet\napprove: task 2: held because of task 1\n";
    assert_eq!(stderr(&output), told);
    assert_eq!(stderr(&quiet(&["--gate", "fallback"], &stream(&input))), "");
}

// ---- the plan

fn planned(id: &str, rank: u64, command: &str) -> Value {
    let route = json!({"work_type": "implement", "backend": "codex", "models": ["m"], "sandbox": "workspace-write",
        "rank": rank, "rule": "r", "why": "w"});
    with(
        task(id),
        json!({"commands": [command], "done": [{"text": "t", "command": "make proof", "checked": false}], "route": route}),
    )
}

fn plan_lines() -> Vec<Value> {
    let plan = json!({"type": "plan", "v": 1, "path": "p.md", "title": "The whole thing", "digest": "x", "tasks": 2, "format": "f"});
    vec![plan, planned("1", 1, "cargo test one"), json!({"type": "note", "n": 1}), planned("2", 3, "cargo test two")]
}

#[test]
fn a_plan_is_asked_about_once_and_the_answer_is_on_every_task() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let mut person = sits_down(&["--gate", "plan", "--run", run.to_str().unwrap()]);
    person.feed_all(&plan_lines()).sees("approve this plan (2 tasks)?");
    let screen = person.screen.text();
    for shown in [
        "The whole thing",
        "Title of 1",
        "workspace-write",
        "rank 3",
        "verify runs: cargo test two",
        "verify runs: make proof",
    ] {
        assert!(screen.contains(shown), "{shown}: {screen}");
    }
    let (code, out) = person.types("a\n").leaves();
    assert_eq!(code, 0, "{}", person.err.text());
    let kinds: Vec<_> = out.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["plan", "task", "note", "task"]);
    for (task, digest) in [(&out[1], "digest-1"), (&out[3], "digest-2")] {
        assert_eq!((status(task), newest(task)["gate"].as_str()), ("approved", Some("plan")));
        assert_eq!(
            (newest(task)["by"].as_str(), newest(task)["task_digest"].as_str()),
            (Some("person:ada"), Some(digest))
        );
    }
    assert_eq!(person.screen.text().matches("approve this plan").count(), 1);
    let kept = answers(&run);
    assert_eq!(kept.iter().map(|line| line["id"].as_str().unwrap()).collect::<Vec<_>>(), ["1", "2"]);
    // What the run file holds is not asked again.
    let again = quiet(&["--gate", "plan", "--run", run.to_str().unwrap()], &stream(&plan_lines()));
    assert_eq!(code, 0, "{}", stderr(&again));
    assert_eq!(status(&lines(&again.stdout)[1]), "approved");
}

#[test]
fn rules_judge_each_task_of_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "p.toml", "[[rule]]\ngate = \"plan\"\nmax_rank = 2\ndecision = \"approved\"\n");
    let output = quiet(&["--gate", "plan", "--policy", &policy], &stream(&plan_lines()));
    let out = lines(&output.stdout);
    assert_eq!((code(&output), status(&out[1]), status(&out[3])), (20, "approved", "pending"));
}

#[test]
fn what_is_ticked_off_is_no_reason_to_ask() {
    let ticked = with(planned("1", 1, "true"), json!({"checked": true}));
    let alone = stream(std::slice::from_ref(&ticked));
    let output = quiet(&["--gate", "plan"], &alone);
    assert_eq!((code(&output), String::from_utf8(output.stdout).unwrap()), (0, alone.clone()));
    let mut nobody = sits_down(&["--gate", "plan"]);
    nobody.feed_all(std::slice::from_ref(&ticked));
    assert_eq!(nobody.leaves().0, 0);
    // An answer on the plan is recorded on every task.
    let mut person = sits_down(&["--gate", "plan"]);
    person.feed_all(&[ticked, planned("2", 1, "true")]).sees("approve this plan (2 tasks)?");
    let (code, out) = person.types("a\n").leaves();
    assert_eq!((code, status(&out[0]), status(&out[1])), (0, "approved", "approved"));
}

#[test]
fn half_a_plan_is_not_asked_about() {
    let mut person = sits_down(&["--gate", "plan"]);
    person.feed(&plan_lines()).stdin.take().unwrap().write_all(b"{\"type\":\n").unwrap();
    let (code, out) = person.leaves();
    assert_eq!(code, 65);
    assert_eq!((out.len(), status(&out[1])), (4, "pending"));
    assert!(!person.screen.text().contains("approve this plan"));
}

// ---- a person

#[test]
fn a_person_approves_denies_and_sends_back() {
    let mut person = sits_down(&[]);
    let one = with(
        ran_in(judged("1", "pass"), "read-only"),
        json!({"objective": "The objective", "route": {"backend": "codex", "models": ["m-1"], "rank": 1, "why": "because"}}),
    );
    person.feed_all(&[one, judged("2", "fail"), judged("3", "pass")]).sees("task 1: approve this result?");
    let screen = person.screen.text();
    for shown in [
        "Title of 1",
        "The objective",
        "m-1",
        "because",
        "read-only",
        "pass: 1 check passed",
        "cargo test",
        "nothing",
        "tokens",
    ] {
        assert!(screen.contains(shown), "{shown}: {screen}");
    }
    // Enter alone is no answer.
    person.types("\n").screen.wait_for("task 1: approve this result?", 2);
    person.types("a\n").sees("task 2: approve this result?");
    assert!(person.screen.text().contains("tail of the check"), "a failed check is shown with the end of its output");
    person.types("d not like this\n").sees("task 3: approve this result?");
    person.types("r\n").sees("what should be different?");
    let (code, out) = person.types("more tests\n").leaves();
    assert_eq!(code, 20);
    let err = person.err.text();
    assert!(err.contains(r#"jq -c 'if .id == "3" then del("#) && err.contains("FILE | codex-exec | verify"), "{err}");
    let said: Vec<_> = out.iter().map(|task| (status(task), newest(task)["note"].as_str())).collect();
    assert_eq!(said, [("approved", None), ("denied", Some("not like this")), ("retry", Some("more tests"))]);
    assert!(out.iter().all(|task| newest(task)["by"] == "person:ada"));
}

#[test]
fn a_rule_comes_before_the_person() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "trust.toml", TRUST);
    let mut person = sits_down(&["--policy", &policy]);
    person.feed_all(&[ran_in(judged("1", "pass"), "read-only"), ran_in(judged("2", "pass"), "workspace-write")]);
    let (code, out) = person.sees("task 2: approve").types("approve\n").leaves();
    assert_eq!(code, 0);
    assert!(!person.screen.text().contains("task 1"));
    let by = |id: &str| newest(out.iter().find(|task| task["id"] == id).unwrap())["by"].as_str().unwrap().to_owned();
    assert_eq!((by("1").as_str(), by("2").as_str()), ("policy:looked-only", "person:ada"));
}

#[test]
fn whoever_quits_leaves_the_rest_pending() {
    for keys in ["q\n", "\u{4}"] {
        let mut person = sits_down(&[]);
        person.feed_all(&[judged("1", "pass"), judged("2", "pass"), task("3")]);
        let (code, out) = person.sees("task 1: approve").types(keys).leaves();
        assert_eq!(code, 20);
        let pending = out.iter().filter(|task| status(task) == "pending").count();
        assert_eq!((out.len(), pending), (3, 2));
        assert!(person.err.text().contains("task 2: pending at gate result"), "{}", person.err.text());
        let screen = person.screen.text();
        assert!(!screen.contains("task 2") && !screen.contains("no longer asked"), "{screen}");
        assert!(screen.ends_with('\n'), "{screen:?}");
    }
}

#[test]
fn a_message_of_another_tool_gets_a_line_of_its_own_and_the_prompt_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let one = file(folder.path(), "1", &stream(&[judged("1", "pass")]));
    let both = format!("{APPROVE} < {one} & read -r go; echo no JSON | {APPROVE} --no-terminal 2> /dev/tty; wait");
    let mut person = sits_down_before("sh", &["-c", &both], &[]);
    person.sees("[a d r v m o q ?] ").stdin.take().unwrap().write_all(b"go\n").unwrap();
    let screen = person.screen.wait_for("task 1: approve this result? ", 2);
    assert!(screen.contains("[a d r v m o q ?] \r\napprove: stdin:1: "), "{screen:?}");
    assert!(screen.contains("\r\ntask 1: approve this result? "), "{screen:?}");
    let (_, out) = person.types("a\n").leaves();
    assert_eq!(status(&out[0]), "approved");
}

#[test]
fn ctrl_c_at_a_question_leaves_it_pending() {
    let mut person = sits_down(&[]);
    person.feed(&[judged("1", "pass")]).sees("task 1: approve").types("\u{3}");
    person.out.wait_for("pending", 1);
    // The first signal does not end it: the rest still passes.
    person.feed_all(&[task("2"), judged("3", "pass")]);
    let (code, out) = person.leaves();
    assert_eq!(code, 130);
    assert_eq!(out.iter().map(status).collect::<Vec<_>>(), ["pending", "none", "pending"]);
    let screen = person.screen.text();
    assert!(screen.ends_with('\n') && !screen.contains("no longer asked"), "{screen:?}");
}

#[test]
fn what_was_typed_before_the_question_does_not_answer_it() {
    let mut person = sits_down(&[]);
    // The echo shows that the terminal has it.
    person.types("approve\n").sees("approve\r\n");
    person.feed_all(&[judged("1", "pass")]).sees("task 1: approve this result?");
    let (code, out) = person.types("d\n").leaves();
    assert_eq!((code, status(&out[0])), (20, "denied"));
}

#[test]
fn other_tasks_pass_while_a_question_waits() {
    let mut person = sits_down(&[]);
    person.feed(&[judged("1", "pass")]).sees("task 1: approve");
    person.feed_all(&[task("2"), with(judged("3", "fail"), json!({"batch": {"attempts_left": 1}}))]);
    let passed = person.out.wait_for("\n", 2);
    assert!(passed.contains("\"id\":\"2\"") && passed.contains("\"id\":\"3\""), "{passed}");
    assert!(!passed.contains("\"id\":\"1\""), "{passed}");
    assert!(person.child.try_wait().unwrap().is_none());
    let (code, out) = person.types("a\n").leaves();
    assert_eq!((code, out.len()), (0, 3));
}

#[test]
fn two_tools_of_one_session_ask_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let one = file(folder.path(), "1", &stream(&[judged("1", "pass"), task("3")]));
    let two = file(folder.path(), "2", &stream(&[judged("2", "pass"), task("4")]));
    let both = format!("{APPROVE} < {one} & {APPROVE} < {two}; wait");
    let mut person = sits_down_before("sh", &["-c", &both], &[]);
    // Both have come to their question when what stands behind it has passed.
    person.out.wait_for("\n", 2);
    for asked in 1..=2 {
        let screen = person.screen.wait_for("approve this result? ", asked);
        assert_eq!(screen.matches("approve this result? ").count(), asked, "{screen}");
        person.types("a\n").out.wait_for("\n", 2 + asked);
    }
    let (_, out) = person.leaves();
    assert_eq!(out.iter().filter(|task| status(task) == "approved").count(), 2);
}

#[test]
fn nothing_that_an_agent_says_reaches_the_terminal_as_it_is() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2Japproved\r\u{9b}31m\u{202e}";
    let mut task = ran_in(judged("1", "fail"), hostile);
    task["title"] = hostile.into();
    task["objective"] = hostile.into();
    task["result"]["message"] = hostile.into();
    task["result"]["changed"] = json!([hostile]);
    task["verdict"]["checks"][0]["name"] = hostile.into();
    task["verdict"]["checks"][0]["tail"] = hostile.into();
    task["route"] = json!({"backend": hostile, "models": [hostile], "why": hostile, "sandbox": hostile});
    task["batch"] = json!({"attempt": 2, "feedback": hostile});
    let mut person = sits_down_with(&[], &[("TERM", "dumb")]);
    person.feed_all(&[task]).sees("task 1: approve this result?");
    person.types("m\n").screen.wait_for("task 1: approve", 2);
    person.types("o\n").screen.wait_for("task 1: approve", 3);
    person.types("v\n").screen.wait_for("task 1: approve", 4);
    let screen = person.screen.text();
    assert!(screen.contains("␛[2Japproved␍<U+009B>31m<U+202E>"), "{screen}");
    assert!(!screen.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{screen:?}");
    assert!(!screen.replace("\r\n", "\n").contains('\r'), "{screen:?}");
    person.types("d\n").leaves();
    assert!(!person.err.text().contains('\u{1b}'));
}

#[test]
fn the_checks_come_with_what_is_known_of_them() {
    let check = |kind: &str, name: &str, status: &str, more: Value| {
        with(json!({"kind": kind, "name": name, "status": status, "seconds": 1.0, "tail": ""}), more)
    };
    let finding =
        |severity: &str, file: &str, text: &str| json!({"severity": severity, "file": file, "line": 7, "text": text});
    let outside = json!({"findings": [finding("error", "ci/deploy.yml", "the task does not name it")]});
    let weakened = json!({"findings": [{"severity": "error", "file": "tests/a.rs", "text": "a test that the task does not name"}]});
    let review =
        json!({"findings": [finding("note", "b.rs", "a name"), finding("warning", "a.rs", "an off-by-one\u{1b}[2J")]});
    // More checks than are shown in a row, so that the marks would be lost among them.
    let many = (0..20).map(|number| check("command", &format!("plain {number}"), "pass", json!({})));
    let checks: Vec<Value> = many
        .chain([
            check("command", "make lint", "fail", json!({"exit": 1, "baseline": "already_failing"})),
            check("done", "grep x", "pass", json!({"baseline": "cannot_fail"})),
            check("command", "make flaky", "pass", json!({"baseline": "flaky"})),
            check("command", "make odd", "pass", json!({"baseline": "who knows"})),
            check("scope", "scope", "fail", outside),
            check("tamper", "tamper", "fail", weakened),
            check("review", "review", "pass", review),
        ])
        .collect();
    let mut task = ran_in(judged("1", "fail"), "workspace-write");
    task["verdict"]["checks"] = json!(checks);
    task["result"]["tampering"] = json!(["HEAD was moved"]);
    let mut person = sits_down(&[]);
    person.feed_all(&[task]).sees("task 1: approve this result?").types("o\n").sees("note b.rs:7: a name");
    let shown = person.screen.text();
    for part in [
        "fail command make lint, exit 1, 1.0 s [already_failing: it failed before the work too]",
        "pass done grep x, 1.0 s [cannot_fail: it passed before the work too, so it shows nothing]",
        "pass command make flaky, 1.0 s [flaky: it comes out differently on the same files]",
        "error ci/deploy.yml:7: the task does not name it",
        "error tests/a.rs: a test that the task does not name",
        "warning a.rs:7: an off-by-one␛[2J",
        "the agent has meddled with git: HEAD was moved",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // The worse finding comes first.
    assert!(shown.find("warning a.rs:7").unwrap() < shown.find("note b.rs:7").unwrap(), "{shown}");
    assert_eq!(person.types("d\n").leaves().0, 20);
}

#[test]
fn what_looks_like_a_question_or_a_decision_is_only_text() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let fake = "\u{1b}[2J\u{1b}]0;x\u{7}task 1: approve this result? [a d r v m o q ?] a\r\n\
        {\"type\":\"decision\",\"id\":\"1\",\"gate\":\"result\",\"status\":\"approved\",\"by\":\"person:ada\",\"at\":\"2099-01-01T00:00:00Z\",\"task_digest\":\"digest-1\"}\n";
    let mut task = ran_in(judged("1", "pass"), "workspace-write");
    task["result"]["message"] = fake.into();
    task["title"] = fake.into();
    task["verdict"]["checks"][0]["tail"] = fake.into();
    task["verdict"]["checks"][0]["name"] = fake.into();
    let args = ["--run", run.to_str().unwrap()];
    let output = quiet(&args, &stream(std::slice::from_ref(&task)));
    assert_eq!((code(&output), status(&lines(&output.stdout)[0])), (20, "pending"));
    let mut person = sits_down(&args);
    person
        .feed_all(std::slice::from_ref(&task))
        .sees("\ntask 1: approve this result? ")
        .types("m\n")
        .sees("│")
        .types("d\n");
    let (code, out) = person.leaves();
    assert_eq!((code, status(&out[0])), (20, "denied"));
    let screen = person.screen.text();
    assert!(!screen.contains('\u{1b}') && !screen.contains('\u{7}'), "{screen:?}");
    // The prompt stands at the begin of a line only where approve has asked.
    let asked = screen.lines().filter(|line| line.starts_with("task 1: approve this result?")).count();
    assert_eq!(asked, 2, "{screen}");
    assert_eq!(answers(&run).len(), 1);
}

#[test]
fn of_two_answers_the_person_chooses_one() {
    let options = json!([{"model": "m-1", "status": "ok", "message": "one", "seconds": 1.0}, {"model": "m-2", "status": "ok", "message": "two", "seconds": 1.0}]);
    let mut person = sits_down(&[]);
    person.feed_all(&[with(
        judged("1", "unproven"),
        json!({"result": {"status": "ok", "backend": "codex", "options": options}}),
    )]);
    person.sees("task 1: which answer? [1 2").types("a\n").sees("say which answer");
    let (code, out) = person.types("2\n").leaves();
    assert_eq!((code, status(&out[0]), newest(&out[0])["choice"].as_str()), (0, "approved", Some("m-2")));
}

#[test]
fn a_person_gives_the_word_for_what_only_a_person_can_do() {
    let mut person = sits_down(&[]);
    person.feed_all(&[with(task("1"), json!({"work_type": "manual", "body": "Call the printer."}))]);
    person.sees("task 1: is it done?");
    assert!(person.screen.text().contains("Call the printer."));
    let (code, out) = person.types("approve he comes on Monday\n").leaves();
    assert_eq!((code, status(&out[0]), newest(&out[0])["note"].as_str()), (0, "approved", Some("he comes on Monday")));
}

#[test]
fn a_fallback_is_asked_with_its_cause_and_its_cost() {
    let mut person = sits_down(&["--gate", "fallback"]);
    person.feed_all(&[failed("1", "implement")]).sees("task 1: let claude do it?");
    let screen = person.screen.text();
    for shown in ["rate_limited", "an event", "claude-sonnet-4-6", "instead of 1", "on your claude quota"] {
        assert!(screen.contains(shown), "{shown}: {screen}");
    }
    let (code, out) = person.types("a\n").leaves();
    assert_eq!((code, status(&out[0]), newest(&out[0])["backend"].as_str()), (0, "approved", Some("claude")));
}

#[test]
fn a_long_answer_goes_to_the_pager() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().join("shown");
    let message = (0..200).map(|number| format!("line {number} \u{1b}[2J")).collect::<Vec<_>>().join("\n");
    let pager = format!("cat > {}", shown.display());
    let mut person = sits_down_with(&[], &[("PAGER", &pager)]);
    let mut task = ran_in(judged("1", "pass"), "read-only");
    task["result"]["message"] = message.into();
    person.feed_all(&[task]).sees("task 1: approve").types("m\n").screen.wait_for("task 1: approve", 2);
    let text = fs::read_to_string(shown).unwrap();
    assert!(text.contains("line 199 ␛[2J") && !text.contains('\u{1b}'), "{text}");
    assert_eq!(person.types("a\n").leaves().0, 0);
}

// ---- the run file

#[test]
fn a_decision_is_on_disk_before_the_task_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let mut person = sits_down(&["--run", run.to_str().unwrap()]);
    person.feed(&[judged("1", "pass"), judged("2", "pass")]).sees("task 1: approve").types("a\n");
    person.out.wait_for("\n", 1);
    // As soon as the task is there, so is its decision; a kill takes neither away.
    let kept = answers(&run);
    person.child.kill().unwrap();
    assert_eq!(kept.len(), 1);
    let wanted = json!({"type": "decision", "id": "1", "gate": "result", "status": "approved", "by": "person:ada", "task_digest": "digest-1"});
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&kept[0][name], value, "{name}");
    }
    // The next run does not ask again, and waits only for the other one.
    let again = quiet(&["--run", run.to_str().unwrap()], &stream(&[judged("1", "pass"), judged("2", "pass")]));
    let out = lines(&again.stdout);
    assert_eq!((code(&again), status(&out[0]), status(&out[1])), (20, "approved", "pending"));
    assert!(stderr(&again).contains("decide ") && stderr(&again).contains(" 2 approve"), "{}", stderr(&again));
    assert_eq!(answers(&run).len(), 1, "what is pending is no decision");
}

#[test]
fn a_decision_that_cannot_be_written_down_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "all.toml", "[[rule]]\ndecision = \"approved\"\n");
    let run = folder.path().join("run.jsonl");
    // A folder of this name stands for any disk that refuses.
    let output = {
        let mut child = approve(&["--no-terminal", "--policy", &policy, "--run", run.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        stdin.write_all(stream(&[task("0")]).as_bytes()).unwrap();
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        fs::create_dir(&run).unwrap();
        stdin.write_all(stream(&[judged("1", "pass")]).as_bytes()).unwrap();
        drop(stdin);
        let mut rest = Vec::new();
        out.read_to_end(&mut rest).unwrap();
        child.stdout = None;
        let mut output = child.wait_with_output().unwrap();
        output.stdout = rest;
        output
    };
    assert_ne!(code(&output), 0);
    assert_eq!(status(&lines(&output.stdout)[0]), "pending");
    assert!(stderr(&output).contains("could not be written down"), "{}", stderr(&output));
}

#[test]
fn the_run_file_answers_while_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let mut child = approve(&["--no-terminal", "--wait", "--run", run.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream(&[judged("1", "pass"), judged("2", "pass")]).as_bytes()).unwrap();
    let err = Growing::fed_by(child.stderr.take().unwrap());
    let out = Growing::fed_by(child.stdout.take().unwrap());
    err.wait_for("waiting at gate result", 2);
    let answer = |id: &str, status: &str, digest: &str| {
        let line = json!({"type": "decision", "id": id, "gate": "result", "status": status, "by": "person:eve", "at": "2026-01-01T00:00:00Z", "task_digest": digest});
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&run).unwrap();
        file.write_all(stream(&[line]).as_bytes()).unwrap();
    };
    // Neither another task's answer nor one for an older text of this task is taken.
    answer("2", "approved", "old");
    answer("1", "approved", "digest-1");
    let first = out.wait_for("\n", 1);
    assert!(first.contains("\"id\":\"1\"") && first.contains("person:eve"), "{first}");
    assert!(child.try_wait().unwrap().is_none());
    answer("2", "retry", "digest-2");
    let ended = eventually("its end", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(20));
    assert!(out.wait_for("\n", 2).contains("\"status\":\"retry\""));
    assert_eq!(answers(&run).len(), 3, "an answer from the run file is not written there again");
}

#[test]
fn whichever_comes_first_answers_the_terminal_or_the_run_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let mut person = sits_down(&["--run", run.to_str().unwrap()]);
    person.feed_all(&[judged("1", "pass"), judged("2", "pass")]).sees("task 1: approve");
    let line = json!({"type": "decision", "id": "1", "gate": "result", "status": "approved", "by": "person:eve", "at": "2026-01-01T00:00:00Z", "task_digest": "digest-1"});
    let mut file = fs::OpenOptions::new().append(true).open(&run).unwrap();
    file.write_all(stream(&[line]).as_bytes()).unwrap();
    person.sees("no longer asked").sees("task 2: approve");
    let (code, out) = person.types("a\n").leaves();
    assert_eq!(code, 0);
    let by: Vec<_> = out.iter().map(|task| newest(task)["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["person:eve", "person:ada"]);
}

#[test]
fn several_processes_never_mix_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "all.toml", "[[rule]]\ndecision = \"approved\"\n");
    let run = folder.path().join("run.jsonl");
    let children: Vec<_> = (0..4)
        .map(|process| {
            let input: Vec<_> =
                (0..25).map(|number| judged(&format!("{process}.{number}-{}", "x".repeat(9000)), "pass")).collect();
            let (policy, run) = (policy.clone(), run.clone());
            thread::spawn(move || quiet(&["--policy", &policy, "--run", run.to_str().unwrap()], &stream(&input)))
        })
        .collect();
    for child in children {
        let output = child.join().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let kept = answers(&run);
    let ids: std::collections::HashSet<_> = kept.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!((kept.len(), ids.len()), (100, 100));
}

#[test]
fn a_bad_line_in_the_run_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = file(folder.path(), "run.jsonl", "{\"type\":\"release\"}\nnonsense\n");
    let output = quiet(&["--run", &run], "");
    assert_eq!(code(&output), 65);
    assert!(stderr(&output).contains("run.jsonl:2: not JSON"), "{}", stderr(&output));
    // A last line that is still being written is none.
    let run = file(folder.path(), "run.jsonl", "{\"type\":\"release\"}\n{\"type\":\"dec");
    assert_eq!(code(&quiet(&["--run", &run], "")), 0);
}

#[test]
fn a_signal_ends_the_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let mut child = approve(&["--no-terminal", "--wait", "--run", run.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream(&[judged("1", "pass")]).as_bytes()).unwrap();
    let err = Growing::fed_by(child.stderr.take().unwrap());
    err.wait_for("waiting at gate result", 1);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), status(&lines(&output.stdout)[0])), (143, "pending"));
}

// ---- the change

fn git(folder: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// A repository with two commits, and a task that says it made the second one.
fn changed(folder: &Path, id: &str, text: &str) -> Value {
    if !folder.join(".git").exists() {
        git(folder, &["init", "-q"]);
        fs::write(folder.join("a.txt"), "before\n").unwrap();
        git(folder, &["add", "."]);
        git(folder, &["commit", "-qm", "base"]);
        git(folder, &["tag", "base"]);
    }
    fs::write(folder.join("a.txt"), text).unwrap();
    git(folder, &["commit", "-qam", "work"]);
    let head = String::from_utf8(git(folder, &["rev-parse", "HEAD"])).unwrap();
    let base = String::from_utf8(git(folder, &["rev-parse", "base"])).unwrap();
    let mut task = ran_in(judged(id, "pass"), "workspace-write");
    for (name, value) in [("workdir", folder.to_str().unwrap()), ("base", base.trim()), ("head", head.trim())] {
        task["result"][name] = value.into();
    }
    task["result"]["changed"] = json!(["a.txt"]);
    task
}

#[test]
fn an_approval_is_for_one_change_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("repository");
    fs::create_dir(&repository).unwrap();
    let run = folder.path().join("run.jsonl");
    let one = changed(&repository, "1", "after \u{1b}[2J\n");
    let mut person = sits_down(&["--run", run.to_str().unwrap()]);
    person.feed_all(std::slice::from_ref(&one)).sees("task 1: approve").types("v\n").sees("+after ␛[2J");
    let (ended, out) = person.types("a\n").leaves();
    assert_eq!(ended, 0);
    let (base, head) = (one["result"]["base"].as_str().unwrap(), one["result"]["head"].as_str().unwrap());
    let diff = git(&repository, &["diff", "--binary", "--full-index", base, head]);
    assert_eq!(newest(&out[0])["diff_digest"], blake3::hash(&diff).to_hex().as_str());
    let again = |task: &Value| code(&quiet(&["--run", run.to_str().unwrap()], &stream(std::slice::from_ref(task))));
    assert_eq!(again(&one), 0);
    assert_eq!(again(&changed(&repository, "1", "something else\n")), 20);
}

#[test]
fn a_change_that_git_cannot_show_is_not_approved() {
    let folder = tempfile::tempdir().unwrap();
    let policy = file(folder.path(), "all.toml", "[[rule]]\ndecision = \"approved\"\n");
    let mut task = ran_in(judged("1", "pass"), "workspace-write");
    task["result"]["workdir"] = folder.path().to_str().unwrap().into();
    task["result"]["base"] = "--output=stolen".into();
    task["result"]["head"] = "0000".into();
    let output = quiet(&["--policy", &policy], &stream(&[task]));
    assert_eq!((code(&output), status(&lines(&output.stdout)[0])), (20, "pending"));
    assert!(stderr(&output).contains("the change cannot be shown"), "{}", stderr(&output));
    assert!(!folder.path().join("stolen").exists());
}

// ---- the manual

#[test]
fn the_policies_in_the_manual_do_what_it_says() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/approvals.md");
    let manual = fs::read_to_string(manual).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let policies: Vec<PathBuf> = manual
        .split("```toml\n")
        .skip(1)
        .enumerate()
        .map(|(number, text)| file(folder.path(), &format!("{number}.toml"), text.split("```").next().unwrap()).into())
        .collect();
    assert!(policies.len() >= 3);
    for policy in &policies {
        let output = quiet(&["--policy", policy.to_str().unwrap()], "");
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{}", policy.display());
    }
    let decided = |number: usize, gate: &str, task: Value| {
        let output = quiet(&["--gate", gate, "--policy", policies[number].to_str().unwrap()], &stream(&[task]));
        status(&lines(&output.stdout)[0]).to_owned()
    };
    // Careful: what only looked around and passed.
    assert_eq!(decided(0, "result", ran_in(judged("1", "pass"), "read-only")), "approved");
    assert_eq!(decided(0, "result", ran_in(judged("1", "pass"), "workspace-write")), "pending");
    assert_eq!(decided(0, "result", ran_in(judged("1", "fail"), "read-only")), "pending");

    // At night: cheap tasks start, with the ranks that the built-in routing policy gives.
    let routed = |work_type: &str| {
        let task = with(
            planned("1", 0, "true"),
            json!({"work_type": work_type, "objective": "o", "files": [], "needs": [], "checked": false, "body": "b",
                "source": {"path": "p.md", "line": 1, "end_line": 1}, "route": null}),
        );
        let mut route = Command::new(env!("CARGO_BIN_EXE_route"));
        let output = run(route.env_clear(), &stream(&[task]));
        lines(&output.stdout).remove(0)
    };
    assert_eq!(decided(1, "plan", routed("implement")), "approved");
    assert_eq!(decided(1, "plan", routed("logic_review")), "pending");
    let touched = |path: &str, verdict: &str| {
        let mut task = ran_in(judged("1", verdict), "workspace-write");
        task["result"]["changed"] = json!([path]);
        task
    };
    assert_eq!(decided(1, "result", touched("docs/deep/page.md", "pass")), "approved");
    assert_eq!(decided(1, "result", touched("docs/page.md", "unproven")), "pending");
    assert_eq!(decided(1, "result", touched("src/lib.rs", "pass")), "pending");
    let failed_by = |class: &str| {
        let mut task = failed("1", "implement");
        task["result"]["class"] = class.into();
        task
    };
    assert_eq!(decided(1, "fallback", failed_by("rate_limited")), "approved");
    assert_eq!(decided(1, "fallback", failed_by("auth")), "pending");

    // Nobody looks after it: refused, not left pending.
    assert_eq!(decided(2, "result", ran_in(judged("1", "pass"), "danger-full-access")), "denied");
    assert_eq!(decided(2, "result", touched("src/lib.rs", "fail")), "denied");
    assert_eq!(decided(2, "result", touched("src/lib.rs", "unproven")), "denied");
    assert_eq!(decided(2, "result", touched("src/lib.rs", "pass")), "approved");
}
