//! A plan from its first task to its last, and what is asked for on the way.

use std::fs;
use std::process::Command;

use crate::bench::{Bench, quick, said};
use crate::harness::{Tool, git};

fn three() -> Bench {
    Bench::new(&[quick("1", &["a.txt"], &[]), quick("2", &["b.txt"], &["1"]), quick("3", &[], &["1"])])
}

#[test]
fn a_plan_is_done_and_then_there_is_nothing_left_to_do() {
    let bench = three();
    let done = bench.trusting().arg("plan.md").run().ended(0);
    assert_eq!(done.out, "");
    for id in ["1", "2", "3"] {
        let task = bench.last(id);
        assert_eq!(task["decisions"].as_array().unwrap().last().unwrap()["status"], "approved");
        assert!(said(&done).iter().any(|line| line.starts_with(&format!("task {id}: done by codex"))), "{}", done.err);
    }
    assert!(done.err.contains("plan-run: 3 of 3 tasks finished, 3,030 tokens (codex); 0:"), "{}", done.err);
    assert_eq!(git(&bench.root(), &["status", "--porcelain", "--", ".plan"]), "", ".plan is hidden");

    let again = bench.trusting().arg("plan.md").run().ended(0);
    assert_eq!(said(&again).len(), 1, "{}", again.err);
    assert_eq!(bench.log().len(), 6, "nobody has worked again");
}

#[test]
fn without_a_person_it_waits_and_tells_how_to_go_on() {
    let bench = three();
    let rule = "[[rule]]\ngate = \"plan\"\ndecision = \"approved\"\n";
    bench.file("start.toml", rule);
    let run = || bench.tool("plan-run").args(&["--approve-policy", "../start.toml", "plan.md"]).run();
    let done = run().ended(20);
    let way = "decide .plan/plan/run.jsonl 1 approve";
    assert!(said(&done).contains(&format!("task 1: waits at gate result: {way}").as_str()), "{}", done.err);
    assert!(
        done.err.ends_with("plan-run: to go on: plan-run --approve-policy ../start.toml plan.md\n"),
        "{}",
        done.err
    );
    // Word for word, as a person would.
    let path = format!("{}:{}", bin_folder(), std::env::var("PATH").unwrap());
    let said = Command::new("sh").args(["-c", way]).env("PATH", path).current_dir(bench.root()).status().unwrap();
    assert!(said.success());
    let done = run().ended(20);
    assert!(done.err.contains("task 2: waits at gate result"), "{}", done.err);
    assert_eq!(bench.begun("1"), 1);
}

#[test]
fn a_refused_task_tells_how_to_have_it_done_again() {
    let bench = three();
    let rules =
        "[[rule]]\ngate = \"plan\"\ndecision = \"approved\"\n[[rule]]\ngate = \"result\"\ndecision = \"denied\"\n";
    bench.file("strict.toml", rules);
    let done = bench.tool("plan-run").args(&["--approve-policy", "../strict.toml", "plan.md"]).run().ended(20);
    let way = "task 1: denied: to have it done again: decide .plan/plan/run.jsonl 1 retry";
    assert!(done.err.contains(&format!("plan-run: {way}\n")), "{}", done.err);
}

#[test]
fn a_bad_plan_is_no_run() {
    let bench = three();
    fs::write(bench.root().join("bad.md"), "# A plan\n\n### Task 1: a\n\n### Task 1: b\n").unwrap();
    let done = bench.trusting().arg("bad.md").run().ended(65);
    assert!(done.err.contains("plan-parse: "), "{}", done.err);
    fs::write(
        bench.root().join("round.md"),
        "# A plan\n\n### Task 1: a\n\n**Depends on:** Task 2\n\n### Task 2: b\n\n**Depends on:** Task 1\n",
    )
    .unwrap();
    bench.trusting().arg("round.md").run().ended(65);
    assert_eq!(bench.log().len(), 0);
    assert!(bench.trusting().arg("missing.md").run().ended(2).err.contains("missing.md: no such file"));
    assert!(!bench.root().join(".plan/missing").exists());
}

#[test]
fn from_scratch_keeps_the_old_run_file() {
    let bench = three();
    bench.trusting().arg("plan.md").run().ended(0);
    let old = fs::read(bench.run_file()).unwrap();
    let done = bench.trusting().args(&["--from", "scratch", "plan.md"]).run().ended(0);
    assert_eq!(bench.begun("1"), 2);
    let kept: Vec<_> = fs::read_dir(bench.run_file().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl") && *path != bench.run_file())
        .collect();
    assert_eq!(kept.len(), 1, "{}", done.err);
    assert_eq!(fs::read(&kept[0]).unwrap(), old);
    assert!(kept[0].to_str().unwrap().contains("/run.20"), "{kept:?}");
}

#[test]
fn the_printed_pipe_works_when_it_is_pasted() {
    let bench = three();
    fs::copy(bench.root().join("plan.md"), bench.root().join("it's a plan.md")).unwrap();
    let args = ["--verify", "verify --timeout 60 | cat # it's \"mine\"", "--dry-run", "it's a plan.md"];
    let printed = bench.trusting().args(&args).run().ended(0).out;
    assert!(!bench.root().join(".plan").exists(), "nothing was run, and nothing written");
    for shell in ["bash", "sh"] {
        let _ = fs::remove_dir_all(bench.root().join(".plan"));
        let _ = fs::remove_file(bench.path("agent.log"));
        bench.prepare(Tool::new(shell)).args(&["-c", &printed]).run().ended(0);
        assert_eq!(bench.log().len(), 6, "{printed}");
        let run = bench.root().join(".plan").read_dir().unwrap().map(|entry| entry.unwrap().path());
        let run = run.filter(|path| path.is_dir()).map(|folder| folder.join("run.jsonl")).find(|run| run.exists());
        assert!(fs::read_to_string(run.unwrap()).unwrap().contains("\"gate\":\"result\",\"status\":\"approved\""));
    }
}

#[test]
fn in_a_folder_below_the_root_it_is_the_same_run() {
    let bench = three();
    fs::create_dir(bench.root().join("deep")).unwrap();
    let below = |tool: Tool| tool.folder(&bench.root().join("deep"));
    below(bench.tool("plan-run")).args(&["--approve-policy", "../../trust.toml", "../plan.md"]).run().ended(0);
    assert!(bench.run_file().exists() && bench.root().join("a.txt").exists());
    assert!(!bench.root().join("deep/.plan").exists());
}

fn bin_folder() -> String {
    crate::harness::bin("decide").parent().unwrap().display().to_string()
}
