//! Checks that hang, leave things behind, or are stopped.

use std::io::{BufRead, BufReader, Write};

use rustix::process::{Pid, Signal, kill_process};

use crate::tree::{Tree, finish, runs, task, until};

const FOREVER: &str = "(sleep 1000 & echo $! > pid.tmp; mv pid.tmp pid; wait)";

#[test]
fn at_the_limit_the_whole_group_is_ended() {
    let tree = Tree::new();
    let ran = tree.commands(&["--timeout", "1.5"], &[&format!("echo begun; {FOREVER}")]);
    let check = ran.check(0);
    assert_eq!((check["status"].as_str(), ran.code), (Some("fail"), Some(1)));
    assert!(check.get("exit").is_none());
    let tail = check["tail"].as_str().unwrap();
    assert!(tail.starts_with("begun\n") && tail.contains("timed out after 1.5 s"), "{tail}");
    assert!(check["seconds"].as_f64().unwrap() >= 1.5);
    assert!(!runs(&tree.root.join("pid")));
}

#[test]
fn one_that_does_not_want_to_end_is_killed() {
    let tree = Tree::new();
    let ran = tree.commands(&["--timeout", "0.5", "--grace", "0.3"], &["trap '' TERM; while :; do sleep 0.01; done"]);
    assert!(ran.check(0)["tail"].as_str().unwrap().contains("timed out"), "{}", ran.out);
}

#[test]
fn endless_output_ends_at_the_limit() {
    let tree = Tree::new();
    let ran = tree.commands(&["--timeout", "1"], &["yes"]);
    let check = ran.check(0);
    assert!(check["tail"].as_str().unwrap().contains("timed out"), "{}", ran.out);
    assert!(std::fs::metadata(check["log"].as_str().unwrap()).unwrap().len() < 17 << 20);
}

#[test]
fn what_is_left_behind_is_ended_and_mentioned() {
    let tree = Tree::new();
    let ran = tree.commands(&[], &["setsid sh -c 'echo $$ > pid; exec sleep 1000' & while [ ! -s pid ]; do :; done"]);
    let check = ran.check(0);
    assert_eq!(check["status"], "pass");
    assert!(check["tail"].as_str().unwrap().contains("left 1 process(es) behind"), "{}", ran.out);
    assert!(!runs(&tree.root.join("pid")));
}

#[test]
fn a_signal_is_told_apart_from_an_exit_code() {
    let ran = Tree::new().commands(&[], &["kill -9 $$"]);
    assert!(ran.check(0).get("exit").is_none());
    assert!(ran.check(0)["tail"].as_str().unwrap().contains("signal 9"), "{}", ran.out);
}

#[test]
fn stdin_is_empty() {
    let ran = Tree::new().commands(&["--timeout", "20"], &["cat; read x || echo none"]);
    assert_eq!(ran.check(0)["tail"], "none\n");
}

#[test]
fn the_first_signal_lets_it_finish() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let tree = Tree::new();
        let mut child = tree.start(&["--sandbox", "none"]);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(task("1", &["touch begun; while [ ! -e go ]; do sleep 0.01; done"]).as_bytes()).unwrap();
        until("the check has begun", || tree.root.join("begun").exists());
        kill_process(Pid::from_child(&child), signal).unwrap();
        stdin.write_all(task("2", &["true"]).as_bytes()).unwrap();
        drop(stdin);
        tree.write("go", "");
        let ran = finish(child);
        assert_eq!(ran.code, Some(code), "{}", ran.err);
        assert!(ran.lines().iter().all(|line| line["verdict"]["status"] == "pass"), "{}", ran.out);
        assert_eq!(ran.lines().len(), 2);
    }
}

#[test]
fn a_second_signal_ends_it_and_all_below() {
    let tree = Tree::new();
    let mut child = tree.start(&["--sandbox", "none"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(task("1", &[FOREVER]).as_bytes()).unwrap();
    until("the check has begun", || tree.root.join("pid").exists());
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    // Two signals of one kind may be taken for one as long as nobody has looked.
    until("it ends", || {
        let _ = kill_process(pid, Signal::INT);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(finish(child).code, Some(130));
    until("the check is gone", || !runs(&tree.root.join("pid")));
}

#[test]
fn when_the_reader_goes_the_check_goes_too() {
    let tree = Tree::new();
    let mut child = tree.start(&["--sandbox", "none"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let foreign = "{\"type\":\"x\"}\n";
    stdin.write_all(format!("{foreign}{}", task("1", &[FOREVER])).as_bytes()).unwrap();
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    assert_eq!(first, foreign);
    until("the check has begun", || tree.root.join("pid").exists());
    drop(stdout);
    until("it ends", || child.try_wait().unwrap().is_some());
    let ran = finish(child);
    assert_eq!(ran.code, None, "ended by SIGPIPE");
    assert!(ran.err.lines().all(|line| line.contains("task 1: check") || line.contains("sandbox")), "{}", ran.err);
    assert!(!runs(&tree.root.join("pid")));
    drop(stdin);
}

#[test]
fn ctrl_c_at_the_wrong_moment_is_no_failure_of_git() {
    // As a terminal does it, the signal goes to the whole group of verify, git included.
    let tree = Tree::repository();
    let head = tree.git(&["rev-parse", "HEAD"]);
    let bin = tree.beside("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = std::env::var("PATH").unwrap();
    let slow = format!(
        "#!/bin/sh\ncase \"$*\" in *'worktree add'*) touch {0}/begun; while [ ! -e {0}/go ]; do sleep 0.01; done;; esac\n\
         PATH='{path}' exec git \"$@\"\n",
        tree.root.display()
    );
    std::fs::write(bin.join("git"), slow).unwrap();
    std::fs::set_permissions(bin.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut slow = tree;
    slow.path(format!("{}:{path}", bin.display()));
    let mut child = slow.start_in_group(&["--sandbox", "none"]);
    let mut stdin = child.stdin.take().unwrap();
    let result = serde_json::json!({"status":"ok","head":head});
    stdin.write_all(crate::tree::task_with("1", &["true"], &result).as_bytes()).unwrap();
    until("git has begun", || slow.root.join("begun").exists());
    rustix::process::kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    drop(stdin);
    slow.write("go", "");
    let ran = finish(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert_eq!(ran.verdict()["status"], "pass", "{}\n{}", ran.out, ran.err);
}

#[test]
fn private_folders_do_not_stay() {
    let mut tree = Tree::new();
    let tmp = tree.beside("tmp");
    std::fs::create_dir(&tmp).unwrap();
    tree.env("TMPDIR", tmp.to_str().unwrap());
    let count = || std::fs::read_dir(&tmp).unwrap().count();
    let begin = || {
        let _ = std::fs::remove_file(tree.root.join("pid"));
        let mut child = tree.start(&["--sandbox", "none"]);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(task("1", &[FOREVER]).as_bytes()).unwrap();
        until("the check has begun", || tree.root.join("pid").exists());
        (child, stdin)
    };
    let (mut child, stdin) = begin();
    assert_eq!(count(), 1);
    let pid = Pid::from_child(&child);
    until("it ends", || {
        let _ = kill_process(pid, Signal::INT);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(count(), 0);
    drop(stdin);
    // Nobody can do anything at once about KILL; the next one does.
    let (mut killed, stdin) = begin();
    killed.kill().unwrap();
    killed.wait().unwrap();
    drop(stdin);
    assert_eq!(count(), 1);
    assert_eq!(tree.commands(&[], &["true"]).code, Some(0));
    assert_eq!(count(), 0);
}
