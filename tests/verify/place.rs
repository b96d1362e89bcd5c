//! Where checks run, and with what around them.

use std::fs::File;

use serde_json::json;

use crate::tree::{Tree, finish, task, task_with, until};

#[test]
fn in_the_folder_of_the_work_or_the_present_one() {
    let tree = Tree::new();
    let other = tree.root.join("other");
    std::fs::create_dir(&other).unwrap();
    let ran = tree.commands(&[], &["pwd"]);
    assert_eq!(ran.check(0)["tail"], format!("{}\n", tree.root.display()));
    let result = json!({"status":"ok","workdir":other});
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["pwd"], &result));
    assert_eq!(ran.check(0)["tail"], format!("{}\n", other.display()));
}

#[test]
fn not_in_a_folder_that_holds_more_than_work() {
    let mut tree = Tree::repository();
    let home = tree.beside("home");
    std::fs::create_dir_all(&home).unwrap();
    tree.env("HOME", home.to_str().unwrap());
    std::os::unix::fs::symlink("/etc", tree.root.join("link")).unwrap();
    let head = tree.git(&["rev-parse", "HEAD"]);
    for folder in ["/", "..", "link", "/usr/bin", home.to_str().unwrap()] {
        for result in [json!({"status":"ok","workdir":folder}), json!({"status":"ok","workdir":folder,"head":head})] {
            let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["touch ran"], &result));
            assert_eq!((ran.verdict()["status"].as_str(), ran.code), (Some("fail"), Some(1)), "{folder}: {}", ran.err);
            let tail = ran.check(0)["tail"].as_str().unwrap().to_owned();
            assert!(tail.contains("result.workdir") && tail.contains("nothing is run there"), "{tail}");
        }
        assert!(!tree.root.join(folder).join("ran").exists() && !tree.root.join(folder).join(".plan").exists());
    }
    assert_eq!(tree.run(&["--workdir", "/gone/long/ago"], "").code, Some(2));
}

#[test]
fn in_a_folder_of_the_executors_choice() {
    let tree = Tree::repository();
    let other = tree.beside("other");
    std::fs::create_dir(&other).unwrap();
    let result = json!({"status":"ok","workdir":other});
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["pwd"], &result));
    assert_eq!(ran.check(0)["tail"], format!("{}\n", other.display()), "{}", ran.err);
}

#[test]
fn in_a_worktree_of_the_same_repository() {
    let tree = Tree::repository();
    let other = tree.beside("other");
    tree.git(&["worktree", "add", "-q", "--detach", other.to_str().unwrap()]);
    let result = json!({"status":"ok","workdir":other});
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["pwd"], &result));
    assert_eq!(ran.check(0)["tail"], format!("{}\n", other.display()), "{}", ran.err);
}

#[test]
fn waits_for_the_agent_that_writes_there() {
    let tree = Tree::new();
    std::fs::create_dir(tree.root.join(".plan")).unwrap();
    let agent = File::create(tree.root.join(".plan/tree.lock")).unwrap();
    agent.lock().unwrap();
    let mut child = tree.start(&["--sandbox", "none"]);
    let err = child.stderr.take().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, task("1", &["touch ran"]).as_bytes()).unwrap();
    drop(stdin);
    let mut told = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(err), &mut told).unwrap();
    assert!(told.contains("an agent is at work there") && told.contains("which is normal"), "{told}");
    assert!(!tree.root.join("ran").exists());
    drop(agent);
    assert_eq!(finish(child).code, Some(0));
    assert!(tree.root.join("ran").exists());
}

#[test]
fn holds_off_agents_but_not_other_checks() {
    let tree = Tree::new();
    let mut child = tree.start(&["--sandbox", "none"]);
    let mut stdin = child.stdin.take().unwrap();
    let wait = "touch begun; while [ ! -e go ]; do sleep 0.01; done";
    std::io::Write::write_all(&mut stdin, task("1", &[wait]).as_bytes()).unwrap();
    until("the check has begun", || tree.root.join("begun").exists());
    let lock = File::open(tree.root.join(".plan/tree.lock")).unwrap();
    assert!(lock.try_lock().is_err());
    assert!(tree.commands(&[], &["true"]).code == Some(0));
    tree.write("go", "");
    // The input has not ended, but nothing is checked any more.
    until("the lock is free", || lock.try_lock().is_ok());
    lock.unlock().unwrap();
    drop(stdin);
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn secrets_do_not_reach_checks() {
    let mut tree = Tree::new();
    for name in ["CODEX_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GITHUB_TOKEN", "KEPT_TOKEN"] {
        tree.env(name, "hush");
    }
    tree.env("HARMLESS", "yes");
    let ran = tree.commands(&["--keep-env", "KEPT_TOKEN"], &["env | grep -e hush -e HARMLESS | sort; echo $CI $TERM"]);
    assert_eq!(ran.check(0)["tail"], "HARMLESS=yes\nKEPT_TOKEN=hush\ntrue dumb\n");
}

#[test]
fn bash_where_there_is_one_else_sh() {
    let mut tree = Tree::new();
    let ran = tree.commands(&[], &["set -o pipefail; [[ $0 == bash ]]"]);
    assert_eq!(ran.verdict()["status"], "pass", "{}", ran.out);
    let bin = tree.beside("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.join("sh")).unwrap();
    tree.path(&bin);
    assert_eq!(tree.commands(&[], &["echo $0"]).check(0)["tail"], "sh\n");
    assert_eq!(tree.commands(&["--shell", "/bin/bash"], &["echo $0"]).check(0)["tail"], "/bin/bash\n");
}

#[test]
fn without_room_for_logs_it_goes_on() {
    let tree = Tree::new();
    tree.write(".plan", "a file in the way");
    let ran = tree.commands(&[], &["echo x"]);
    assert_eq!(ran.verdict()["status"], "pass");
    assert!(ran.check(0).get("log").is_none());
    assert!(ran.err.contains("no logs are kept") && ran.err.contains("without a lock"), "{}", ran.err);
}
