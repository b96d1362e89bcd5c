//! Changes that land one upon the other, and their checks.

use std::fs;

use serde_json::json;

use crate::ground::{Ground, lines};
use crate::harness::Tool;

/// Two tasks from the same commit: alone each of them is right, together they are not.
fn rivals() -> (Ground, serde_json::Value, serde_json::Value) {
    let ground = Ground::new(&[("a", "1\n"), ("b", "1\n"), ("sum.sh", "test $(( $(cat a) + $(cat b) )) -le 3\n")]);
    let base = ground.head();
    let one = ground.work("1", &base, &[("a", Some("2\n"))]);
    let two = ground.work("2", &base, &[("b", Some("2\n"))]);
    let mut second = ground.approved("2", &base, &two);
    second["commands"] = json!(["sh sum.sh"]);
    let first = ground.approved("1", &base, &one);
    (ground, first, second)
}

#[test]
fn checks_run_again_when_something_else_has_landed_since() {
    let (ground, first, second) = rivals();
    let done = ground.landed(&[], &[first, second]).ended(20);
    assert_eq!(done.task("1")["landed"]["status"], "merged");
    let landed = &done.task("2")["landed"];
    assert_eq!(landed["status"], "conflict");
    assert_eq!((&landed["checks"][0]["name"], &landed["checks"][0]["status"]), (&json!("sh sum.sh"), &json!("fail")));
    assert!(landed.get("conflicts").is_none() && landed["checks"].as_array().unwrap().len() == 1);
    assert!(
        done.err.contains("task 2: does not land: on the merged result these checks fail: sh sum.sh"),
        "{}",
        done.err
    );
    assert_eq!(
        done.task("2")["verdict"],
        json!({"status": "pass", "checks": []}),
        "the verdict on the work alone stays"
    );
    assert_eq!(ground.git(&["rev-list", "--count", "HEAD"]).trim(), "2");
    assert_eq!((ground.read("a"), ground.read("b")), ("2\n".into(), "1\n".into()));
    assert_eq!(ground.git(&["status", "--porcelain"]), "");
}

#[test]
fn checks_that_pass_together_or_failed_before_stop_nobody() {
    let (ground, first, mut second) = rivals();
    second["commands"] = json!(["test -e a", "sh sum.sh"]);
    // A person has approved it although this one failed.
    second["verdict"] = json!({"status": "fail", "checks": [{"kind": "command", "name": "sh sum.sh", "status": "fail", "seconds": 1, "tail": ""}]});
    let done = ground.landed(&[], &[first, second]).ended(0);
    assert_eq!(done.task("2")["landed"]["status"], "merged");
    assert_eq!((ground.read("a"), ground.read("b")), ("2\n".into(), "2\n".into()));
    assert_eq!(ground.git(&["log", "--format=%s"]), "Title 2\nTitle 1\nfirst\n");
}

#[test]
fn what_checks_sees_the_merged_commit() {
    let (ground, first, second) = rivals();
    let verify =
        "tee ../checked | jq -c 'if .type == \"task\" then .verdict = {status: \"pass\", checks: []} else . end'";
    let plan = json!({"type": "plan", "path": "p.md"});
    ground.landed(&["--verify", verify], &[plan.clone(), first, second]).ended(0);
    let checked = fs::read_to_string(ground.top().join("checked")).unwrap();
    let seen: Vec<serde_json::Value> = checked.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen[0], plan);
    assert_eq!(seen[1]["result"]["head"], json!(ground.head()));
    assert_eq!(seen[1]["result"]["base"], json!(ground.git(&["rev-parse", "HEAD^"]).trim()));
    assert!(seen[1].get("verdict").is_none() && seen.len() == 2, "{seen:?}");
}

#[test]
fn nothing_lands_when_nobody_can_check_it() {
    let (ground, first, second) = rivals();
    for (verify, why) in
        [("false", "Exited(1)"), ("echo not ours >&2; cat", "not ours"), ("kill -9 $$", "Signalled(9)")]
    {
        let tasks = [first.clone(), second.clone()];
        let done = ground.landed(&["--verify", verify], &tasks).ended(1);
        assert!(done.err.contains("task 2: does not land: could not be checked again after the merge"), "{}", done.err);
        assert!(done.err.contains(why), "{}", done.err);
        assert_eq!(done.task("2"), second);
        assert_eq!(ground.git(&["log", "--format=%s"]), "Title 1\nfirst\n");
    }
}

#[test]
fn what_began_with_uncommitted_changes_is_checked_with_them() {
    let ground = Ground::new(&[("a", "1\n"), ("b", "1\n")]);
    ground.write("need", "of the work, and not committed\n");
    let tree = ground.top().join("aside");
    ground.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap()]);
    fs::write(tree.join("need"), "of the work, and not committed\n").unwrap();
    let base = ground.commit_tree(&tree, &ground.head(), "aside");
    let one = ground.work("1", &base, &[("a", Some("2\n"))]);
    let two = ground.work("2", &base, &[("b", Some("2\n"))]);
    let mut second = ground.approved("2", &base, &two);
    second["commands"] = json!(["test -e need", "grep 2 a", "grep 2 b"]);
    ground.landed(&[], &[ground.approved("1", &base, &one), second]).ended(0);
    assert_eq!(ground.git(&["show", "--name-only", "--format=", "HEAD"]), "b\n");
    assert_eq!(ground.git(&["status", "--porcelain"]), "?? need\n");
}

#[test]
fn a_commit_of_the_user_in_between_is_kept() {
    let ground = Ground::new(&[("a", "1\n"), ("b", "1\n")]);
    let base = ground.head();
    let one = ground.work("1", &base, &[("a", Some("2\n"))]);
    // Somebody moves the branch when we are about to: another process, through nobody's index.
    let real = std::process::Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout;
    let real = String::from_utf8(real).unwrap().trim().to_owned();
    let bin = ground.top().join("bin");
    fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *update-ref*refs/heads/main*)\n\
         if mkdir {top}/once 2>/dev/null; then (unset GIT_INDEX_FILE\n\
         blob=$(echo 2 | {real} hash-object -w --stdin)\n\
         tree=$({real} ls-tree HEAD | sed \"/\\tb$/s/[0-9a-f]\\{{40\\}}/$blob/\" | {real} mktree)\n\
         commit=$(echo meanwhile | {real} -c user.name=o -c user.email=o@o commit-tree $tree -p HEAD)\n\
         {real} update-ref refs/heads/main $commit); fi;; esac\nexec {real} \"$@\"\n",
        top = ground.top().display()
    );
    fs::write(bin.join("git"), script).unwrap();
    fs::set_permissions(bin.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let verify = "jq -c '.verdict = {status: \"pass\", checks: []}'";
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let task = ground.approved("1", &base, &one);
    let done = Tool::ours("land")
        .args(&["--verify", verify])
        .env("PATH", path)
        .folder(&ground.repo())
        .input(lines(&[task]))
        .run()
        .ended(0);
    assert!(ground.top().join("once").exists());
    assert_eq!(ground.git(&["log", "--format=%s"]), "Title 1\nmeanwhile\nfirst\n", "{}", done.err);
    assert_eq!((ground.git(&["show", "HEAD:a"]), ground.git(&["show", "HEAD:b"])), ("2\n".into(), "2\n".into()));
    assert_eq!(ground.read("a"), "2\n");
    ground.assert_tidy();
}
