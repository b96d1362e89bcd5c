//! The same checks on the commit from before the work.

use std::fs;

use serde_json::{Value, json};

use crate::tree::{Ran, Tree};

/// A repository whose work is `now` in place of `before`.
fn work() -> (Tree, String, String) {
    let tree = Tree::repository();
    tree.write("state", "before\n");
    let base = tree.commit();
    tree.write("state", "now\n");
    let head = tree.commit();
    (tree, base, head)
}

fn line(commands: &[&str], done: &Value, base: &str, head: &str) -> String {
    let line = json!({
        "type": "task", "id": "1", "title": "T", "commands": commands, "done": done,
        "files": [{"path": "state", "action": "modify"}],
        "result": {"status": "ok", "base": base, "head": head},
    });
    format!("{line}\n")
}

fn run(tree: &Tree, args: &[&str], line: &str) -> Ran {
    tree.run(&[&["--sandbox", "none"], args].concat(), line)
}

/// A command that notes that it was run, outside of any tree.
fn counted(tree: &Tree, command: &str) -> String {
    format!("echo x >> {}; {command}", tree.beside("runs").display())
}

fn runs(tree: &Tree) -> usize {
    fs::read_to_string(tree.beside("runs")).unwrap_or_default().lines().count()
}

#[test]
fn what_failed_before_is_told_apart_and_fails_all_the_same() {
    let (tree, base, head) = work();
    let ran = run(
        &tree,
        &[],
        &line(&["grep -q other state", "grep -q before state", "grep -q now state"], &json!([]), &base, &head),
    );
    let marks: Vec<_> = (0..3).map(|at| (ran.check(at)["status"].clone(), ran.check(at)["baseline"].clone())).collect();
    assert_eq!(
        marks,
        [
            (json!("fail"), json!("already_failing")),
            // It was broken by the work.
            (json!("fail"), Value::Null),
            (json!("pass"), Value::Null),
        ],
        "{}",
        ran.out
    );
    assert_eq!((ran.verdict()["status"].as_str(), ran.code), (Some("fail"), Some(1)));
    assert!(
        ran.check(0)["tail"].as_str().unwrap().contains("[verify: already failing: it failed before the work too]")
    );
    assert!(ran.check(1)["tail"].as_str().unwrap().contains("[verify: it passed before the work]"));
    assert!(ran.err.contains("check 1 of 3: already failing"), "{}", ran.err);
}

#[test]
fn a_criterion_that_held_before_any_work_cannot_fail() {
    let (tree, base, head) = work();
    let done = json!([
        {"text": "state", "command": "test -e state", "checked": false},
        {"text": "now", "command": "grep -q now state", "checked": false},
        {"text": "ticked", "command": "test -s state", "checked": true},
    ]);
    let ran = run(&tree, &[], &line(&["true"], &done, &base, &head));
    let marks: Vec<_> = (0..4).map(|at| ran.check(at)["baseline"].clone()).collect();
    assert_eq!(marks, [Value::Null, json!("cannot_fail"), Value::Null, Value::Null], "{}", ran.out);
    assert_eq!(ran.verdict()["status"], "pass");
    assert!(ran.err.contains("cannot fail: it passed before the work too"), "{}", ran.err);
}

#[test]
fn what_comes_out_differently_on_the_same_files_is_flaky_and_no_pass() {
    let (tree, base, head) = work();
    let flag = tree.beside("flag");
    let flaky = format!("if [ -e {0} ]; then exit 0; else touch {0}; exit 7; fi", flag.display());
    let ran = run(&tree, &[], &line(&[&flaky], &json!([]), &base, &head));
    assert_eq!((&ran.check(0)["baseline"], &ran.check(0)["exit"]), (&json!("flaky"), &json!(7)), "{}", ran.out);
    assert_eq!((ran.verdict()["status"].as_str(), ran.code), (Some("fail"), Some(1)));
    // With nothing changed, base and work are the same files.
    fs::remove_file(&flag).unwrap();
    let flaky = format!("if [ -e {0} ]; then exit 7; else touch {0}; fi", flag.display());
    let ran = run(&tree, &[], &line(&[&flaky], &json!([]), &base, &base));
    assert_eq!(ran.check(0)["baseline"], "flaky", "{}", ran.out);
}

#[test]
fn a_base_is_asked_once_for_each_command() {
    let (tree, base, head) = work();
    let command = counted(&tree, "true");
    let line = line(&[&command], &json!([]), &base, &head);
    run(&tree, &[], &line);
    assert_eq!(runs(&tree), 2);
    run(&tree, &[], &line);
    assert_eq!(runs(&tree), 3);
    // Another way to run it is another question; a note that is cut off is none.
    run(&tree, &["--timeout", "99"], &line);
    assert_eq!(runs(&tree), 5);
    for entry in fs::read_dir(tree.root.join(".plan/baseline")).unwrap() {
        fs::write(entry.unwrap().path(), "{\"passed\":tr").unwrap();
    }
    run(&tree, &[], &line);
    assert_eq!(runs(&tree), 7);
    assert_eq!(tree.git(&["status", "--porcelain"]), "");
}

#[test]
fn many_at_once_agree() {
    let (tree, base, head) = work();
    let line = line(&["grep -q other state", "test -e state"], &json!([]), &base, &head);
    let outs: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| run(&tree, &[], &line))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for ran in outs {
        assert_eq!(ran.check(0)["baseline"], "already_failing", "{}\n{}", ran.out, ran.err);
        assert_eq!(ran.check(1)["status"], "pass", "{}\n{}", ran.out, ran.err);
    }
    let left = fs::read_dir(tree.root.join(".plan/baseline")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name.len() == 64));
}

#[test]
fn it_can_be_left_out_and_is_where_there_is_no_base() {
    let (tree, base, head) = work();
    let command = counted(&tree, "false");
    let ran = run(&tree, &["--no-baseline"], &line(&[&command], &json!([]), &base, &head));
    assert_eq!((runs(&tree), ran.check(0).get("baseline")), (1, None), "{}", ran.out);
    let in_place = json!({"type":"task","id":"1","commands":[command],"result":{"status":"ok","base":base}});
    let ran = run(&tree, &[], &format!("{in_place}\n"));
    assert_eq!((runs(&tree), ran.check(0).get("baseline")), (2, None), "{}", ran.out);
    assert!(!tree.root.join(".plan/baseline").exists());
}

#[test]
fn what_took_all_its_time_is_not_run_a_second_time_on_the_work() {
    let (tree, base, head) = work();
    let command = counted(&tree, "exec sleep 600");
    let ran = run(&tree, &["--timeout", "0.3", "--grace", "0.1"], &line(&[&command], &json!([]), &base, &head));
    assert_eq!(ran.check(0)["baseline"], "already_failing", "{}", ran.out);
    assert_eq!(runs(&tree), 2);
}

#[test]
fn in_a_sandbox_too() {
    let (tree, base, head) = work();
    let ran =
        tree.run(&[], &line(&["grep -q now state && echo mess > new", "test ! -e new"], &json!([]), &base, &head));
    assert_eq!(ran.check(0)["status"], "pass", "{}\n{}", ran.out, ran.err);
    // The second check sees what the first one left on the work, and on the base there was nothing of it.
    assert_eq!((&ran.check(1)["status"], ran.check(1).get("baseline")), (&json!("fail"), None), "{}", ran.out);
}
