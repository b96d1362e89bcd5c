//! What checks print, and what verify tells.

use std::fs;

use crate::tree::{Tree, task};

#[test]
fn the_log_holds_all_and_the_record_the_end() {
    let tree = Tree::new();
    let ran = tree.commands(&[], &["seq 20000; echo last >&2"]);
    let check = ran.check(0);
    let log = fs::read_to_string(check["log"].as_str().unwrap()).unwrap();
    assert!(log.starts_with("1\n2\n") && log.ends_with("20000\nlast\n") && log.lines().count() == 20001);
    let tail = check["tail"].as_str().unwrap();
    assert!(tail.ends_with("20000\nlast\n") && tail.len() <= 4096 && log.ends_with(tail), "{tail}");
}

#[test]
fn logs_are_in_the_plans_own_folder() {
    let tree = Tree::repository();
    let plan = "{\"type\":\"plan\",\"path\":\"docs/plans/my plan.md\"}\n";
    let ran = tree.run(&["--sandbox", "none"], &format!("{plan}{}", task("../../x", &["echo a", "echo b"])));
    let lines = ran.lines();
    let logs: Vec<_> =
        lines[1]["verdict"]["checks"].as_array().unwrap().iter().map(|it| it["log"].as_str().unwrap()).collect();
    for log in &logs {
        assert!(log.starts_with(tree.root.join(".plan/my_plan-").to_str().unwrap()), "{log}");
        assert!(!log.contains("/.."), "{log}");
    }
    assert_eq!(fs::read_to_string(logs[1]).unwrap(), "b\n");
    assert_eq!(tree.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_gigabyte_is_cut_and_read_to_its_end() {
    let tree = Tree::new();
    let ran = tree.commands(&["--timeout", "300"], &["head -c 1000000000 /dev/zero; echo; echo end"]);
    let check = ran.check(0);
    assert_eq!(check["status"], "pass");
    let size = fs::metadata(check["log"].as_str().unwrap()).unwrap().len();
    assert!((16 << 20..(16 << 20) + 500).contains(&size), "{size}");
    assert!(check["tail"].as_str().unwrap().ends_with("end\n"));
}

#[test]
fn bytes_that_are_no_text_become_text() {
    let ran = Tree::new().commands(&[], &[r"printf 'a\377b\033[31m\000\342\202\254'"]);
    assert_eq!(ran.check(0)["tail"], "a\u{fffd}b\u{1b}[31m\u{0}\u{20ac}");
}

#[test]
fn what_runs_is_told_first_and_cannot_move_the_terminal() {
    let ran = Tree::new().commands(&[], &["true \u{1b}[2J\nfalse"]);
    assert!(ran.err.contains("verify: task 1: check 1 of 1, in "), "{}", ran.err);
    assert!(ran.err.contains("true ␛[2J␊false"), "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}'));
    assert!(ran.err.lines().all(|line| line.starts_with("verify: ")), "{}", ran.err);
}

#[test]
fn a_dry_run_tells_all_and_runs_nothing() {
    let tree = Tree::repository();
    let head = tree.git(&["rev-parse", "HEAD"]);
    let long = format!("touch ran; true {}", "x".repeat(10_000));
    let input = format!(
        "{}{}{{\"type\":\"task\",\"id\":\"3\",\"result\":{{\"status\":\"ok\"}}}}\n",
        task("1", &["touch ran", &long]),
        crate::tree::task_with("2", &["make"], &serde_json::json!({"status":"ok","head":head})),
    );
    let ran = tree.run(&["--dry-run"], &input);
    assert_eq!((ran.out.as_str(), ran.code), (input.as_str(), Some(0)), "{}", ran.err);
    assert!(ran.err.contains("task 1: would run in ") && ran.err.contains(&long), "{}", ran.err);
    assert!(ran.err.contains(&format!("task 2: would run in a tree of {}", &head[..12])), "{}", ran.err);
    assert!(ran.err.contains("task 3: nothing to run"), "{}", ran.err);
    assert!(ran.err.contains("sandbox"), "{}", ran.err);
    assert!(!tree.root.join("ran").exists() && !tree.root.join(".plan").exists());
}

#[test]
fn help_names_the_fields_and_examples() {
    let ran = Tree::new().run(&["--help"], "");
    for word in ["result.status", "result.head", "done[].command", "--dry-run", "Examples:", "--sandbox", "--timeout"] {
        assert!(ran.out.contains(word), "{word}");
    }
    for bad in [&["--timeout", "0"][..], &["--timeout", "x"], &["--sandbox", "x"], &["--nonsense"]] {
        assert_eq!(Tree::new().run(bad, "").code, Some(2), "{bad:?}");
    }
}

#[test]
fn secrets_of_others_are_not_shown() {
    // A command is not given them, but without a sandbox it can look around; here it finds them in a file.
    let mut tree = Tree::new();
    let key = "sk-proj-0123456789abcdefghij";
    tree.env("OPENAI_API_KEY", key);
    tree.env("STORE", "redis://app:a-long-password@cache");
    tree.write("found", &format!("before {key} after\nredis://app:a-long-password@cache\n"));
    let slowly =
        "head -c 15 found; sleep 0.3; tail -c +16 found; tr '\\0' '\\n' </proc/$PPID/environ; [ -z \"$STORE\" ]";
    let ran = tree.run(&["--sandbox", "none"], &task("1", &[slowly, &format!("echo {key}x; false")]));
    let check = ran.check(0);
    assert_eq!(check["status"], "pass", "{}", ran.out);
    let tail = check["tail"].as_str().unwrap();
    let start = "before [OPENAI_API_KEY removed] after\nredis://app:[STORE removed]@cache\n";
    assert!(tail.contains(start) || tail.len() > 4000, "{tail}");
    let log = fs::read_to_string(check["log"].as_str().unwrap()).unwrap();
    assert!(log.starts_with(start), "{log}");
    for text in [&log, tail, &ran.err, ran.check(1)["tail"].as_str().unwrap()] {
        assert!(!text.contains(key) && !text.contains("a-long-password"), "{text}");
    }
}

#[test]
fn its_environment_cannot_be_read_by_others_of_the_same_user() {
    let tree = Tree::new();
    let mut child = tree.start(&["--sandbox", "none"]);
    let owner = || {
        let found = fs::metadata(format!("/proc/{}/environ", child.id()));
        found.map(|found| std::os::unix::fs::MetadataExt::uid(&found)).unwrap()
    };
    // The kernel gives such files to root. Root itself is not kept out.
    if cfg!(target_os = "linux") && !rustix::process::getuid().is_root() {
        crate::tree::until("it has hidden itself", || owner() == 0);
    }
    drop(child.stdin.take());
    assert_eq!(crate::tree::finish(child).code, Some(0));
}
