//! A stage among others.

use std::io::{BufRead, BufReader, Write};

use serde_json::json;

use crate::ground::{Ground, lines};
use crate::harness::{Tool, finished, is_running, until};

#[test]
fn what_waits_lands_in_the_order_of_batch_and_plan() {
    let ground = Ground::new(&[("a", "x\n")]);
    let mut base = ground.head();
    let mut tasks = Vec::new();
    // Each one goes on where the one before is, so any other order would conflict.
    for number in 1..=6_u64 {
        let id = format!("t{number}");
        let head = ground.work(&id, &base, &[("a", Some(&format!("{number}\n")))]);
        let mut task = ground.approved(&id, &base, &head);
        task["batch"] = json!({"number": number.div_ceil(3), "attempt": 1, "attempts_left": 1});
        task["source"]["line"] = json!(if number > 3 { number } else { number + 100 });
        tasks.push(task);
        base = head;
    }
    tasks.reverse();
    ground.landed(&["--verify", "jq -c '.verdict = {status: \"pass\", checks: []}'"], &tasks).ended(0);
    assert_eq!(
        ground.git(&["log", "--format=%s", "--reverse"]),
        "first\nTitle t1\nTitle t2\nTitle t3\nTitle t4\nTitle t5\nTitle t6\n"
    );
}

#[test]
fn everything_else_passes_byte_for_byte_also_while_checks_run() {
    let ground = Ground::new(&[("a", "1\n"), ("b", "1\n")]);
    let base = ground.head();
    let one = ground.work("1", &base, &[("a", Some("2\n"))]);
    ground.write("b", "2\n");
    ground.git(&["commit", "-qam", "meanwhile"]);
    let waits = "while [ ! -e ../go ]; do sleep 0.02; done; jq -c '.verdict = {status: \"pass\", checks: []}'";
    let mut child = ground.land().args(&["--verify", waits]).start();
    let mut stdin = child.stdin.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    stdin.write_all(lines(&[ground.approved("1", &base, &one)]).as_bytes()).unwrap();
    let other = "{ \"type\":\"task\",\"id\":\"2\",\"n\":1.50,\"n\":2E1 }\n{\"type\":\"note\",  \"x\":[ ]}\n";
    stdin.write_all(other.as_bytes()).unwrap();
    let mut seen = String::new();
    for _ in 0..2 {
        out.read_line(&mut seen).unwrap();
    }
    assert_eq!(seen, other);
    std::fs::write(ground.top().join("go"), "").unwrap();
    drop(stdin);
    let mut last = String::new();
    out.read_line(&mut last).unwrap();
    assert!(last.contains("\"landed\":{\"status\":\"merged\""), "{last}");
    finished(child).ended(0);
}

#[test]
fn a_bad_line_is_told_and_what_waits_passes_as_it_is() {
    let ground = Ground::new(&[("a", "1\n")]);
    let base = ground.head();
    let one = ground.work("1", &base, &[("a", Some("2\n"))]);
    let task = ground.approved("1", &base, &one);
    let done =
        ground.land().input(format!("{}{{\"type\":\"task\"}}\n", lines(std::slice::from_ref(&task)))).run().ended(65);
    assert!(done.err.starts_with("land: stdin:2: "), "{}", done.err);
    assert_eq!((done.lines(), ground.head()), (vec![task.clone()], base));
    let mut without_base = task;
    without_base["result"].as_object_mut().unwrap().remove("base");
    let done = ground.landed(&[], &[without_base]).ended(65);
    assert!(done.err.contains("stdin:1: result.base: missing"), "{}", done.err);
    ground.landed(&[], &[]).ended(0);
}

#[test]
fn when_the_reader_goes_the_checks_are_ended() {
    let ground = Ground::new(&[("a", "1\n"), ("b", "1\n")]);
    let base = ground.head();
    let one = ground.work("1", &base, &[("a", Some("2\n"))]);
    ground.write("b", "2\n");
    ground.git(&["commit", "-qam", "meanwhile"]);
    let mut child =
        ground.land().args(&["--verify", "echo $$ > ../pid.part; mv ../pid.part ../pid; sleep 1000"]).start();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines(&[ground.approved("1", &base, &one)]).as_bytes()).unwrap();
    let pid = ground.top().join("pid");
    until("the checks run", || pid.exists());
    let pid: u32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    drop(child.stdout.take());
    finished(child);
    until("the checks are ended", || !is_running(pid));
    assert_eq!(ground.git(&["log", "--format=%s"]), "meanwhile\nfirst\n");
}

#[test]
fn in_the_whole_pipe_with_decisions_by_a_policy() {
    let ground = Ground::new(&[("a", "1\n")]);
    ground.write("trust.toml", "[[rule]]\ngate = \"result\"\nwhen = \"pass\"\ndecision = \"approved\"\n");
    ground.git(&["add", "-A"]);
    ground.git(&["commit", "-qm", "policy"]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("2\n"))]);
    let task = json!({"type": "task", "id": "1", "title": "T", "digest": "d", "commands": ["grep 2 a"],
        "files": [{"path": "a", "action": "modify"}],
        "result": {"status": "ok", "code": 0, "backend": "codex", "base": base, "head": head, "changed": ["a"]}});
    let verified = Tool::ours("verify").folder(&ground.repo()).input(lines(&[task])).run().ended(0);
    let approved = Tool::ours("approve")
        .args(&["--policy", "trust.toml"])
        .folder(&ground.repo())
        .input(verified.out)
        .run()
        .ended(0);
    let done = Tool::ours("land").folder(&ground.repo()).input(approved.out).run().ended(0);
    assert_eq!(done.task("1")["landed"]["commit"], json!(ground.head()));
    assert_eq!(ground.read("a"), "2\n");
}
