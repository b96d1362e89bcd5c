//! Lines that come while a check runs, that are bad, that are many.

use std::io::{BufRead, BufReader, Write};

use crate::tree::{Tree, finish, task, until};

#[test]
fn others_pass_while_a_check_runs() {
    let tree = Tree::new();
    let mut child = tree.start(&["--sandbox", "none"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdin.write_all(task("1", &["while [ ! -e go ]; do sleep 0.01; done"]).as_bytes()).unwrap();
    let mut line = String::new();
    for number in 0..100 {
        let foreign = format!("{{\"type\":\"x\",\"n\":{number}}}\n");
        stdin.write_all(foreign.as_bytes()).unwrap();
        line.clear();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, foreign);
    }
    tree.write("go", "");
    line.clear();
    // Written before the input has ended.
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("\"verdict\":{\"status\":\"pass\""), "{line}");
    drop(stdin);
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn a_bad_line_stops_it_after_what_is_in_flight() {
    let tree = Tree::new();
    let mut child = tree.start(&["--sandbox", "none"]);
    let mut stdin = child.stdin.take().unwrap();
    let check = "touch begun; while [ ! -e go ]; do sleep 0.01; done";
    stdin.write_all(task("1", &[check]).as_bytes()).unwrap();
    until("the check has begun", || tree.root.join("begun").exists());
    stdin.write_all(task("2", &["touch second"]).as_bytes()).unwrap();
    stdin.write_all(b"{\"type\":\"task\"}\n").unwrap();
    drop(stdin);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // No new work is begun, but what came before the bad line is not lost.
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, task("2", &["touch second"]));
    tree.write("go", "");
    line.clear();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("\"id\":\"1\"") && line.contains("\"status\":\"pass\""), "{line}");
    let ran = finish(child);
    assert_eq!(ran.code, Some(65));
    assert!(ran.err.lines().any(|line| line.starts_with("verify: stdin:3: missing field `id`")), "{}", ran.err);
    assert!(!tree.root.join("second").exists());
}

#[test]
fn bad_lines_are_named() {
    for (line, reason) in [
        ("[]", "not a JSON object"),
        ("{\"type\":\"task\",\"id\":\"9\",\"result\":{}}", "result: missing field `status`"),
        (
            "{\"type\":\"task\",\"id\":\"9\",\"result\":{\"status\":\"ok\"},\"commands\":\"x\"}",
            "commands: invalid type",
        ),
        ("{\"type\":\"task\",\"id\":\"9\",\"result\":{\"status\":\"ok\"},\"done\":[7]}", "done[0]: invalid type"),
        ("{\"type\":\"task\",\"id\":\"1\"}", "there was a line for this id before"),
        ("{\"type\":\"task\",\"id\":", "not JSON"),
    ] {
        let ran = Tree::new().run(&["--sandbox", "none"], &format!("{}{line}\n", task("1", &["true"])));
        assert_eq!(ran.code, Some(65), "{line}");
        let told = ran.err.lines().last().unwrap();
        assert!(told.starts_with("verify: stdin:2: ") && told.contains(reason), "{told}");
        assert_eq!(ran.verdict()["status"], "pass");
    }
}

#[test]
fn empty_input_is_fine() {
    let ran = Tree::new().run(&[], "");
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("", "", Some(0)));
}

#[test]
fn a_huge_task_and_many_commands() {
    let tree = Tree::new();
    let body = "x".repeat(5 << 20);
    let commands: Vec<String> = (0..300).map(|number| format!("echo {number}")).collect();
    let line = serde_json::json!({"type":"task","id":"1","body":body,"commands":commands,"result":{"status":"ok"}});
    let ran = tree.run(&["--sandbox", "none"], &format!("{line}\n"));
    let verdict = ran.verdict();
    assert_eq!(verdict["status"], "pass");
    assert_eq!(verdict["checks"].as_array().unwrap().len(), 300);
    assert_eq!(verdict["checks"][299]["tail"], "299\n");
    assert!(ran.out.starts_with("{\"body\":\"xxx"));
}
