//! What was begun in place and never came out is asked about, by approve before the plan and by plan-batch behind it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::path::Path;

use harness::person::Person;
use harness::{Done, Tool, bin, git, repository};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A repository in which a plan was worked on.
struct Scene(TempDir);

fn task(id: &str, sandbox: &str) -> Value {
    json!({"type": "task", "id": id, "title": format!("Title {id}"), "digest": format!("d{id}"),
           "files": [{"path": format!("{id}.txt"), "action": "modify"}],
           "route": {"work_type": "implement", "backend": "codex", "models": ["m"], "sandbox": sandbox, "rank": 1, "rule": "r", "why": "w"}})
}

fn stream(tasks: &[Value]) -> String {
    let plan = json!({"type": "plan", "v": 1, "path": "p.md", "title": "p", "digest": "p", "tasks": tasks.len(), "format": "x"});
    std::iter::once(&plan).chain(tasks).map(|line| line.to_string() + "\n").collect()
}

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        repository(
            scene.path(),
            &[("1.txt", "one\n"), ("other.txt", "other\n"), (".gitignore", "run.jsonl*\n*.toml\n")],
        );
        scene
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn tool(&self, name: &str, args: &[&str]) -> Tool {
        Tool::ours(name).args(args).folder(self.path())
    }

    fn run_lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path().join("run.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// approve at the plan without a terminal.
    fn approve(&self, more: &[&str], tasks: &[Value]) -> Done {
        let args = ["--gate", "plan", "--run", "run.jsonl", "--no-terminal"];
        self.tool("approve", &[&args, more].concat()).input(stream(tasks)).run()
    }

    /// plan-batch behind it: the ids of what goes out.
    fn batch(&self, more: &[&str], approved: &Done, code: i32) -> Vec<Value> {
        let args = ["--run", "run.jsonl"];
        let done = self.tool("plan-batch", &[&args, more].concat()).input(approved.out.clone()).run().ended(code);
        done.lines().into_iter().filter(|line| line["type"] == "task").collect()
    }

    /// A yes to the plan, and a first attempt that never came out.
    fn begun(tasks: &[Value], batch: &[&str]) -> Self {
        let scene = Self::new();
        let policy = scene.policy("[[rule]]\ngate = \"plan\"\ndecision = \"approved\"\n");
        let approved = scene.approve(&["--policy", &policy], tasks).ended(0);
        assert!(!scene.batch(batch, &approved, 0).is_empty());
        scene
    }

    fn policy(&self, text: &str) -> String {
        let path = self.path().join("policy.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn sits_down(&self) -> Person {
        let args = ["--gate", "plan", "--run", "run.jsonl"];
        Person::sits_down(&bin("approve"), &args, &[], Some(self.path()))
    }
}

fn newest(done: &Done, id: &str) -> Value {
    done.task(id)["decisions"].as_array().unwrap().last().unwrap().clone()
}

const ANY: &str = "[[rule]]\ndecision = \"approved\"\n";
const MEANT: &str = "[[rule]]\nname = \"half\"\nwhen = \"interrupted\"\ndecision = \"approved\"\n";

#[test]
fn only_a_rule_that_says_so_lets_interrupted_work_begin_again() {
    let tasks = [task("1", "workspace-write")];
    let scene = Scene::begun(&tasks, &[]);
    // The yes to the plan is older than what happened since, and no other rule speaks of it.
    let asked = scene.approve(&["--policy", &scene.policy(ANY)], &tasks).ended(20);
    assert_eq!(newest(&asked, "1")["status"], "pending");
    assert!(asked.err.contains("task 1: pending at gate plan: it was begun at 20"), "{}", asked.err);
    assert!(scene.batch(&[], &asked, 20).is_empty());
    let agreed = scene.approve(&["--policy", &scene.policy(MEANT)], &tasks).ended(0);
    assert_eq!(newest(&agreed, "1")["by"], "policy:half");
    let out = scene.batch(&[], &agreed, 0);
    assert_eq!((&out[0]["batch"]["attempt"], &out[0]["batch"]["attempts_left"]), (&json!(2), &json!(1)));
    // Interrupted once more, it is asked about once more.
    scene.approve(&["--policy", &scene.policy(ANY)], &tasks).ended(20);
}

#[test]
fn a_rule_about_interrupted_work_matches_nothing_else() {
    let scene = Scene::new();
    let done = scene.approve(&["--policy", &scene.policy(MEANT)], &[task("1", "workspace-write")]).ended(20);
    assert_eq!(newest(&done, "1")["status"], "pending");
}

#[test]
fn what_could_not_write_here_is_begun_again_unasked() {
    for (sandbox, batch) in [("read-only", &[][..]), ("workspace-write", &["--isolate", "worktree"])] {
        let tasks = [task("1", sandbox)];
        let scene = Scene::begun(&tasks, batch);
        let again = scene.approve(&[], &tasks).ended(0);
        assert_eq!(scene.batch(batch, &again, 0)[0]["batch"]["attempt"], 2, "{sandbox}");
    }
    // What came out, whatever its result, was not interrupted.
    let tasks = [task("1", "workspace-write")];
    let scene = Scene::begun(&tasks, &[]);
    let mut out = tasks[0].clone();
    out["batch"] = json!({"number": 1, "attempt": 1});
    scene.tool("journal", &["run.jsonl"]).input(out.to_string() + "\n").run().ended(0);
    scene.approve(&[], &tasks).ended(0);
}

#[test]
fn a_person_sees_what_is_known_and_a_no_holds_the_task() {
    let tasks = [task("1", "workspace-write"), task("2", "workspace-write"), task("3", "workspace-write")];
    let scene = Scene::begun(&tasks[..2], &[]);
    fs::write(scene.path().join("1.txt"), "half\n").unwrap();
    fs::write(scene.path().join("new\u{1b}.txt"), "stray\n").unwrap();
    let mut person = scene.sits_down();
    person.feed_all(&tasks).sees("task 1: begin it again?");
    let shown = person.screen.text();
    for part in [
        "task 1 was interrupted",
        "attempt 1, and it never came out",
        "s ago)",
        "workspace-write",
        "2 files differ",
        ".M 1.txt (named by the task)",
        "?? new␛.txt",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    person.types("v\n").sees("+half").types("r\n").sees("to have it begun again on what it has left: a");
    // Task by task, since each has left something else behind; then the rest of the plan.
    person.types("deny not like this\n").sees("task 2: begin it again?").types("a\n");
    person.sees("approve this plan (1 task)?").types("a\n");
    let (code, out) = person.leaves();
    assert_eq!(code, 20);
    let statuses: Vec<_> = out.iter().map(|task| task["decisions"][0]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["denied", "approved", "approved"]);
    let said: Vec<_> = scene.run_lines().into_iter().filter(|line| line["status"] == "denied").collect();
    assert_eq!((said.len(), &said[0]["note"]), (1, &json!("not like this")));
    // Fail-closed: the no stops the next batch; without that it holds this task only.
    let out = stream(&out);
    let batch = || scene.tool("plan-batch", &["--run", "run.jsonl"]).input(out.clone());
    let held = batch().run().ended(20);
    assert!(
        held.err.contains("task 1: denied at gate plan: change the plan, or: decide run.jsonl 1 approve --gate plan")
    );
    let done = batch().env("CODEX_FAIL_CLOSED", "0").run().ended(0);
    let ids: Vec<_> =
        done.lines().into_iter().filter(|line| line["batch"].is_object()).map(|line| line["id"].clone()).collect();
    assert_eq!(ids, ["2", "3"]);
    // The told command takes the no back, and then it is begun again.
    scene.tool("decide", &["run.jsonl", "1", "approve", "--gate", "plan"]).run().ended(0);
    let again = scene.approve(&[], &tasks[..1]).ended(0);
    assert_eq!(scene.batch(&[], &again, 0)[0]["batch"]["attempt"], 2);
}

#[test]
fn it_is_answered_from_elsewhere() {
    let tasks = [task("1", "workspace-write")];
    // Without a terminal the question stands in the run file; and whoever has looked may also say retry, unasked.
    for answer in [&["approve"][..], &["approve", "--gate", "plan"], &["retry"]] {
        let scene = Scene::begun(&tasks, &[]);
        if answer[0] == "approve" {
            let asked = scene.approve(&[], &tasks).ended(20);
            assert!(asked.err.contains("to go on: decide run.jsonl 1 approve;"), "{}", asked.err);
            scene.approve(&[], &tasks).ended(20);
            let questions = scene.run_lines().into_iter().filter(|line| line["status"] == "pending").count();
            assert_eq!(questions, 1, "the same question is written down once");
        }
        scene.tool("decide", &[&["run.jsonl", "1"], answer].concat()).run().ended(0);
        let again = scene.approve(&[], &tasks).ended(0);
        assert_eq!(scene.batch(&[], &again, 0)[0]["batch"]["attempt"], 2, "{answer:?}");
    }
    for (answer, code) in [("approve", 0), ("deny", 20), ("retry", 0)] {
        let scene = Scene::begun(&tasks, &[]);
        let mut person = scene.sits_down();
        person.feed_all(&tasks).sees("task 1: begin it again?");
        scene
            .tool("decide", &["run.jsonl", "1", answer, "--gate", if answer == "retry" { "result" } else { "plan" }])
            .run()
            .ended(0);
        assert_eq!(person.leaves().0, code, "{answer}: {}", person.err.text());
    }
}

#[test]
fn outside_a_repository_it_is_asked_all_the_same() {
    let tasks = [task("1", "workspace-write")];
    let scene = Scene::begun(&tasks, &[]);
    fs::remove_dir_all(scene.path().join(".git")).unwrap();
    let mut person = scene.sits_down();
    person.feed_all(&tasks).sees("git cannot tell what has changed").sees("task 1: begin it again?").types("q\n");
    let (code, out) = person.leaves();
    assert_eq!((code, &out[0]["decisions"][0]["status"]), (20, &json!("pending")));
}

#[test]
fn git_of_the_repository_runs_no_program_to_show_it() {
    let tasks = [task("1", "workspace-write")];
    let scene = Scene::begun(&tasks, &[]);
    git(scene.path(), &["config", "core.fsmonitor", "touch trap"]);
    git(scene.path(), &["config", "diff.external", "touch trap"]);
    fs::write(scene.path().join("1.txt"), "half\n").unwrap();
    let mut person = scene.sits_down();
    person.feed_all(&tasks).sees("1 file differs").types("v\n").sees("+half").types("d\n");
    person.leaves();
    assert!(!scene.path().join("trap").exists());
}
