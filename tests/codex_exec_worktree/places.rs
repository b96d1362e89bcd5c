//! Where trees can be had, and where not.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Tool, git};
use crate::{Ground, content, result, write};

#[test]
fn what_cannot_be_is_told_before_anything_starts() {
    let ground = Ground::new();
    let told = |tool: Tool| tool.run().ended(2).err;
    for (path, why) in [
        ("../x", "inside it"),
        ("/etc/passwd", "inside it"),
        ("missing", "No such file"),
        (".git/config", "keep for themselves"),
    ] {
        let err = told(ground.tool().args(&["--include", path]));
        assert!(err.contains(&format!("--include {path}: ")) && err.contains(why), "{err}");
    }
    std::os::unix::fs::symlink("/etc", ground.repo().join("out")).unwrap();
    assert!(told(ground.tool().args(&["--include", "out/passwd"])).contains("a link leads out"), "");
    let in_place = Tool::ours("codex-exec").folder(&ground.repo());
    assert!(told(in_place.args(&["--setup", "true"])).contains("add --isolate worktree"));
    let nowhere = tempfile::tempdir().unwrap();
    assert!(told(ground.tool().folder(nowhere.path())).contains("--isolate worktree: "));
}

#[test]
fn a_repository_without_a_commit_and_one_in_the_middle_of_a_merge() {
    let ground = Ground::new();
    let empty = ground.path("empty");
    fs::create_dir(&empty).unwrap();
    git(&empty, &["init", "-q"]);
    let done = ground.tool().folder(&empty).input(write("1", "")).run().ended(20);
    assert_eq!(result(&done, "1")["class"], "other");
    assert!(done.err.contains("has no commit yet"), "{}", done.err);

    ground.git(&["commit", "-qam", "mine"]);
    ground.git(&["branch", "side", "HEAD~1"]);
    ground.git(&["worktree", "add", "-q", "../side", "side"]);
    fs::write(ground.path("side").join("a.txt"), "theirs\n").unwrap();
    git(&ground.path("side"), &["commit", "-qam", "theirs"]);
    let merge =
        Tool::new("git").args(&["-c", "user.name=t", "-c", "user.email=t@t", "merge", "side"]).folder(&ground.repo());
    merge.run().ended(1);
    let one = result(&ground.exec(&write("1", "")).ended(20), "1");
    assert!(one["evidence"].as_str().unwrap().contains("unresolved conflicts in a.txt"), "{one:#}");
    assert_eq!(one["attempts"], Value::Null, "nobody was called");
}

#[test]
fn the_paths_of_a_plan_begin_at_the_root_and_the_folder_can_be_another() {
    let ground = Ground::new();
    ground.script("1", "pwd > where.txt");
    let at = |tool: Tool| {
        let one = result(&tool.input(write("1", "")).run().ended(0), "1");
        let path = one["changed"][0].as_str().unwrap().to_owned();
        (path.clone(), content(&ground.repo(), &one["head"], &path))
    };
    let tree = ground.repo().join(".plan/worktrees/codex-1");
    let shown = |path: std::path::PathBuf| format!("{}\n", path.display());
    assert_eq!(at(ground.tool()), ("where.txt".into(), shown(tree.clone())));
    assert_eq!(at(ground.tool().folder(&ground.repo().join("deep"))), ("where.txt".into(), shown(tree.clone())));
    assert_eq!(at(ground.tool().args(&["-C", "deep"])), ("deep/where.txt".into(), shown(tree.join("deep"))));
}

/// A tree of the user's own beside the first is as good.
#[test]
fn a_linked_tree_of_the_user_is_a_repository_too() {
    let ground = Ground::new();
    ground.git(&["worktree", "add", "-q", "-b", "side", "../side"]);
    fs::write(ground.path("side").join("here.txt"), "here\n").unwrap();
    ground.script("1", "cat here.txt > seen.txt");
    let done = ground.tool().folder(&ground.path("side")).input(write("1", "")).run().ended(0);
    let one = result(&done, "1");
    assert_eq!(one["changed"], json!(["seen.txt"]));
    assert_eq!(one["tampering"], Value::Null);
}

#[test]
fn two_runs_in_one_repository_do_not_meet() {
    let ground = Ground::new();
    let gate = ground.path("gate");
    ground.script(
        "1",
        &format!("pwd > where.txt; touch '{0}.here'; until [ -e '{0}' ]; do sleep 0.05; done", gate.display()),
    );
    ground.script("2", "pwd > where.txt");
    let mut first = ground.tool().start();
    std::io::Write::write_all(&mut first.stdin.take().unwrap(), write("1", "").as_bytes()).unwrap();
    crate::harness::until("the first agent to be at work", || gate.with_extension("here").exists());
    let two = result(&ground.exec(&write("2", "")).ended(0), "2");
    fs::write(&gate, "").unwrap();
    let one = result(&crate::harness::finished(first).ended(0), "1");
    let place = |result: &Value| content(&ground.repo(), &result["head"], "where.txt");
    assert_ne!(place(&one), place(&two));
}
