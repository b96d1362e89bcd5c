//! Work that is a commit.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::tree::{Tree, finish, task_with, until};

fn worktrees(tree: &Tree) -> Vec<String> {
    let entries = fs::read_dir(tree.root.join(".plan/worktrees")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.rsplit_once('.').is_none_or(|(_, end)| end != "lock"));
    names
}

/// A repository whose second commit is not in any branch, and whose tree shows something else.
fn with_commit() -> (Tree, String) {
    let tree = Tree::repository();
    tree.write("file", "second\n");
    tree.write("sub/here", "");
    let head = tree.commit();
    tree.git(&["reset", "-q", "--hard", "HEAD~1"]);
    tree.write("file", "dirty\n");
    (tree, head)
}

#[test]
fn is_checked_in_a_tree_of_its_own() {
    let (tree, head) = with_commit();
    let result = json!({"status":"ok","workdir":tree.root,"head":head});
    let commands = ["cat file; git rev-parse HEAD", "echo mess > file; touch new; test -e sub/here"];
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &commands, &result));
    assert_eq!(ran.verdict()["status"], "pass", "{}\n{}", ran.out, ran.err);
    assert_eq!(ran.check(0)["tail"], format!("second\n{head}\n"));
    assert_eq!(tree.read("file"), "dirty\n");
    assert!(!tree.root.join("new").exists());
    assert!(worktrees(&tree).is_empty(), "{:?}", worktrees(&tree));
    assert_eq!(tree.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(tree.git(&["status", "--porcelain"]), "M file");
}

#[test]
fn is_checked_though_the_agents_tree_is_gone_and_another_writes_in_place() {
    let (tree, head) = with_commit();
    fs::create_dir_all(tree.root.join(".plan")).unwrap();
    let agent = fs::File::create(tree.root.join(".plan/tree.lock")).unwrap();
    agent.lock().unwrap();
    let result = json!({"status":"ok","workdir":"/gone/long/ago","head":head});
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["cat file"], &result));
    assert_eq!(ran.check(0)["tail"], "second\n", "{}", ran.err);
}

#[test]
fn is_checked_in_the_same_folder_below_the_top() {
    let (tree, head) = with_commit();
    fs::create_dir(tree.root.join("sub")).unwrap();
    let result = json!({"status":"ok","workdir":tree.root.join("sub"),"head":head});
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["ls"], &result));
    assert_eq!(ran.check(0)["tail"], "here\n", "{}", ran.err);
}

#[test]
fn runs_no_hooks() {
    let (tree, head) = with_commit();
    let hook =
        tree.write(".git/hooks/post-checkout", "#!/bin/sh\ntouch \"$(git rev-parse --git-common-dir)/hooked\"\n");
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["true"], &json!({"status":"ok","head":head})));
    assert_eq!(ran.code, Some(0));
    assert!(!Path::new(&tree.root).join(".git/hooked").exists());
}

#[test]
fn a_tree_left_by_a_killed_process_is_used_again_and_one_in_use_is_not() {
    let (tree, head) = with_commit();
    let result = json!({"status":"ok","head":head});
    let start = |name: &str| {
        let (begun, go) = (tree.beside(&format!("{name}-begun")), tree.beside(&format!("{name}-go")));
        let wait = format!(
            "echo {name} > file; touch {}; while [ ! -e {} ]; do sleep 0.01; done",
            begun.display(),
            go.display()
        );
        let mut child = tree.start(&["--sandbox", "none"]);
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, task_with("1", &[&wait, "cat file"], &result).as_bytes()).unwrap();
        until("the check has begun", || begun.exists());
        child
    };
    let folders = || {
        let mut names = worktrees(&tree);
        names.retain(|name| !name.contains('.'));
        names.sort();
        names
    };
    let mut killed = start("killed");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(folders(), ["verify-1"]);
    let living = start("living");
    assert_eq!(folders(), ["verify-1"]);
    let ran = tree.run(&["--sandbox", "none"], &task_with("2", &["cat file; ls"], &result));
    assert_eq!(ran.check(0)["tail"], "second\nfile\nsub\n");
    // What nobody uses goes when its last user ends.
    assert_eq!(folders(), ["verify-1"]);
    fs::write(tree.beside("living-go"), "").unwrap();
    let ran = finish(living);
    assert_eq!(ran.check(1)["tail"], "living\n", "{}", ran.err);
    assert!(folders().is_empty(), "{:?}", folders());
    assert_eq!(tree.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn the_next_task_finds_a_clean_tree_though_it_is_the_same_one() {
    let (tree, head) = with_commit();
    tree.write(".gitignore", "ignored\n");
    let result = json!({"status":"ok","head":head});
    let mess = "pwd; echo mess > file; mkdir -p deep/er; touch ignored deep/er/new; rm -r sub";
    let input = task_with("1", &[mess], &result) + &task_with("2", &["pwd; cat file; ls -A"], &result);
    let ran = tree.run(&["--sandbox", "none"], &input);
    let tail = |at: usize| ran.lines()[at]["verdict"]["checks"][0]["tail"].as_str().unwrap().to_owned();
    assert_eq!(tail(1), format!("{}second\n.git\nfile\nsub\n", tail(0)), "{}", ran.err);
}

#[test]
fn pipes_and_links_among_the_locks_mislead_nobody() {
    let (tree, head) = with_commit();
    let worktrees = tree.root.join(".plan/worktrees");
    fs::create_dir_all(&worktrees).unwrap();
    let victim = tree.beside("victim");
    std::os::unix::fs::symlink(&victim, worktrees.join("verify-1.lock")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(worktrees.join("verify-2.lock")).status().unwrap().success());
    // A left tree that is a link to one in use.
    let used = tree.beside("used");
    tree.git(&["worktree", "add", "-q", "--detach", used.to_str().unwrap()]);
    fs::write(used.join("draft"), "").unwrap();
    std::os::unix::fs::symlink(&used, worktrees.join("verify-1")).unwrap();
    let result = json!({"status":"ok","head":head});
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["cat file"], &result));
    assert_eq!(ran.check(0)["tail"], "second\n", "{}", ran.err);
    assert!(!victim.exists() && used.join("draft").exists());
    assert!(worktrees.join("verify-1.lock").symlink_metadata().unwrap().is_file());
    assert!(self::worktrees(&tree).is_empty(), "{:?}", self::worktrees(&tree));
}

#[test]
fn a_link_in_the_place_of_the_folder_below_the_top_leads_nowhere() {
    let (tree, _) = with_commit();
    let elsewhere = tree.beside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(tree.root.join("work")).unwrap();
    let result = |head: &str| json!({"status":"ok","workdir":tree.root.join("work"),"head":head});
    let (kept, link) = (tree.beside("kept"), tree.root.join("work"));
    fs::rename(&link, &kept).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let head = tree.commit();
    fs::remove_file(&link).unwrap();
    fs::rename(&kept, &link).unwrap();
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["pwd; ls"], &result(&head)));
    assert_eq!(ran.check(0)["status"], "pass", "{}", ran.err);
    assert!(ran.check(0)["tail"].as_str().unwrap().ends_with("/verify-1\nfile\nwork\n"), "{}", ran.out);
}

#[test]
fn a_tree_is_made_ready_with_what_its_commit_does_not_hold() {
    let tree = Tree::repository();
    tree.write(".gitignore", ".env*\npackages/\n");
    let base = tree.commit();
    tree.write("file", "second\n");
    let head = tree.commit();
    tree.write(".env.test", "KEY=1\n");
    tree.write(".env.other", "KEY=2\n");
    let line = json!({"type":"task","id":"1","commands":["cat .env.test packages/one; ls -A"],
        "files":[{"path":"file","action":"modify"}],"result":{"status":"ok","base":base,"head":head}});
    let args = ["--sandbox", "none", "--setup", "mkdir packages; cat file > packages/one", "--include", ".env.test"];
    let ran = tree.run(&args, &format!("{line}\n"));
    assert_eq!(ran.check(0)["tail"], "KEY=1\nsecond\n.env.test\n.git\n.gitignore\nfile\npackages\n", "{}", ran.err);
    assert_eq!(ran.verdict()["status"], "pass", "{}", ran.out);
    for (args, says) in [
        (["--setup", "echo no network; exit 3"], "--setup did not succeed: exit code 3: no network"),
        (["--include", "missing"], "--include missing: "),
        (["--include", "/etc/passwd"], "--include /etc/passwd: "),
    ] {
        let ran = tree.run(&[&["--sandbox", "none"][..], &args].concat(), &format!("{line}\n"));
        assert_eq!((ran.verdict()["status"].as_str(), ran.code), (Some("unproven"), Some(1)), "{}", ran.out);
        assert!(ran.check(0)["tail"].as_str().unwrap().contains(says), "{}", ran.out);
    }
}
