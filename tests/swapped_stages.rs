//! Any stage can be replaced by a script: whole pipes, in which one stage or all of them are examples in Python, jq
//! and bash, and the others are ours. No agent is needed: what does the work is a shell command.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// An agent for these plans: makes the two scripts, and answers with the first line of its prompt.
const AGENT: &str = r#"sh -c 'read -r first; echo "echo hello" >hello.sh; echo "echo bye" >bye.sh; echo "$first"'"#;

/// What came out of a pipe.
struct Outcome {
    lines: Vec<Value>,
    /// The exit code of each stage.
    codes: Vec<i32>,
    stderr: String,
}

impl Outcome {
    fn task(&self, id: &str) -> &Value {
        let found = self.lines.iter().find(|line| line["type"] == "task" && line["id"] == id);
        found.unwrap_or_else(|| panic!("no task {id}: {:?}\n{}", self.lines, self.stderr))
    }
}

/// Runs `plan-parse small.md | STAGES...` in a repository of its own.
fn pipe(stages: &[&str]) -> (TempDir, Outcome) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for program in ["python3", "jq", "bash", "git"] {
        let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
        assert!(found, "this test needs {program}: run `make setup`, or install it");
    }
    let plan = root.join("tests/fixtures/contract/small.md");
    std::fs::copy(plan, folder.path().join("small.md")).expect("the plan is copied");
    let line = format!(
        "git init -q . && plan-parse small.md | {} >out.jsonl\nprintf '%s\\n' \"${{PIPESTATUS[*]}}\" >codes",
        stages.join(" | ")
    );
    let binaries = Path::new(env!("CARGO_BIN_EXE_plan-parse")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-c", &line])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{}/scripts/examples:{path}", binaries.display(), root.display()))
        .env("CODEX_BIN", "/nonexistent/no-agent")
        .env("CLAUDE_BIN", "/nonexistent/no-agent")
        .env_remove("CODEX_FAIL_CLOSED")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("bash runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let lines = read("out.jsonl");
    let lines = lines.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let codes = read("codes").split_whitespace().map(|code| code.parse().expect("a code")).collect();
    (folder, Outcome { lines, codes, stderr })
}

/// The tasks that were sent to codex are done, proven and approved; the third one was sent elsewhere or done, too.
fn assert_done(outcome: &Outcome, ids: &[&str]) {
    assert_eq!(outcome.lines.len(), 4, "{}", outcome.stderr);
    assert_eq!(outcome.lines[0]["type"], "plan");
    for id in ids {
        let task = outcome.task(id);
        assert_eq!(task["result"]["status"], "ok", "{task}\n{}", outcome.stderr);
        let title = task["title"].as_str().expect("a title");
        let answer = task["result"]["message"].as_str().expect("an answer");
        assert_eq!(answer.trim_end(), format!("Task {id}: {title}"));
        assert_eq!(task["verdict"]["status"], "pass", "{task}\n{}", outcome.stderr);
        let decision = &task["decisions"][0];
        assert_eq!((&decision["gate"], &decision["status"]), (&"result".into(), &"approved".into()), "{task}");
        assert_eq!(decision["task_digest"], task["digest"]);
    }
}

#[test]
fn every_stage_may_be_a_script() {
    let exec = format!("echo-exec.py codex {AGENT}");
    let (_folder, outcome) = pipe(&["route-by-path.py", &exec, "verify-make.sh sh hello.sh", "approve-if-green.py"]);
    assert_eq!(outcome.codes, [0, 0, 0, 0, 0], "{}", outcome.stderr);
    assert_done(&outcome, &["1", "2"]);
    let notes = outcome.task("3");
    assert_eq!((&notes["route"]["backend"], &notes["result"]), (&"claude".into(), &Value::Null));
}

#[test]
fn bash_and_jq_do_as_well() {
    let exec = format!("local-exec.sh codex {AGENT}");
    let (_folder, outcome) = pipe(&["route.sh", &exec, "verify-make.sh sh hello.sh", "approve-all.jq"]);
    assert_eq!(outcome.codes, [0, 0, 0, 0, 0], "{}", outcome.stderr);
    assert_done(&outcome, &["1", "2", "3"]);
}

#[test]
fn our_stages_take_what_a_swapped_router_and_executor_write() {
    for router in ["route-all-codex.jq", "route-by-path.py", "route.sh"] {
        for exec in ["echo-exec.py", "local-exec.sh"] {
            let exec = format!("{exec} codex {AGENT}");
            let (_folder, outcome) = pipe(&[router, &exec, "verify --sandbox none", "approve"]);
            for id in ["1", "2"] {
                let task = outcome.task(id);
                assert_eq!(task["result"]["status"], "ok", "{router} {exec}: {task}\n{}", outcome.stderr);
                assert_eq!(task["verdict"]["status"], "pass", "{router} {exec}: {task}\n{}", outcome.stderr);
                // Nobody to ask, no terminal: not approved.
                assert_eq!(task["decisions"][0]["status"], "pending", "{router} {exec}: {task}");
            }
            assert_eq!(outcome.codes.last(), Some(&20), "{}", outcome.stderr);
        }
    }
}

#[test]
fn swapped_ends_take_what_our_stages_write() {
    let exec = format!("echo-exec.py codex {AGENT}");
    for approve in ["approve-all.jq", "approve-if-green.py"] {
        let (_folder, outcome) = pipe(&["route", &exec, "verify --sandbox none", approve]);
        for id in ["1", "2"] {
            let task = outcome.task(id);
            assert_eq!(task["decisions"][0]["status"], "approved", "{approve}: {task}\n{}", outcome.stderr);
        }
    }
}

#[test]
fn codex_exec_leaves_alone_what_a_swapped_router_sends_elsewhere() {
    let to_nobody = r#"jq -c --unbuffered 'if .type == "task" then .route = {work_type: "implement", backend: "nobody",
        models: [], rank: 0, rule: "x", why: "x"} else . end'"#;
    let exec = format!("echo-exec.py nobody {AGENT}");
    let (_folder, outcome) = pipe(&[to_nobody, "codex-exec", &exec, "verify-make.sh true", "approve-all.jq"]);
    assert_eq!(outcome.codes, [0; 6], "{}", outcome.stderr);
    assert_done(&outcome, &["1", "2", "3"]);
}

#[test]
fn a_failure_holds_the_rest_and_asks_for_a_person() {
    for exec in ["echo-exec.py codex false", "local-exec.sh codex false"] {
        let (_folder, outcome) = pipe(&["route-all-codex.jq", exec, "verify", "approve-if-green.py"]);
        assert_eq!(outcome.codes[2], 20, "{exec}: {}", outcome.stderr);
        let [first, second] = ["1", "2"].map(|id| outcome.task(id)["result"].clone());
        assert_eq!((&first["status"], &first["code"], &first["class"]), (&"failed".into(), &1.into(), &"other".into()));
        assert_eq!((&second["status"], &second["code"]), (&"held".into(), &Value::Null), "{exec}");
        assert!(outcome.lines.iter().all(|line| line["decisions"].is_null()), "{exec}");
    }
}

#[test]
fn a_red_check_is_not_approved() {
    let exec = format!("echo-exec.py codex {AGENT}");
    let stages = ["route-all-codex.jq", &exec, "verify-make.sh sh -c 'echo it is red; exit 3'", "approve-if-green.py"];
    let (_folder, outcome) = pipe(&stages);
    assert_eq!(outcome.codes, [0, 0, 0, 1, 20], "{}", outcome.stderr);
    let task = outcome.task("1");
    let check = &task["verdict"]["checks"][0];
    assert_eq!((&check["exit"], &check["tail"]), (&3.into(), &"it is red\n".into()), "{task}");
    assert_eq!((&task["verdict"]["status"], &task["decisions"][0]["status"]), (&"fail".into(), &"pending".into()));
}

#[test]
fn a_second_run_of_a_script_over_its_own_output_changes_nothing() {
    let exec = format!("echo-exec.py codex {AGENT}");
    let once = ["route-by-path.py", &exec, "verify-make.sh true", "approve-if-green.py", "tee once.jsonl"];
    let again = [&once[..], &once[..4]].concat();
    let (folder, outcome) = pipe(&again);
    let first = std::fs::read_to_string(folder.path().join("once.jsonl")).expect("the lines of the first run");
    let second = std::fs::read_to_string(folder.path().join("out.jsonl")).expect("the lines of the second run");
    assert_eq!(first, second, "{}", outcome.stderr);
}
