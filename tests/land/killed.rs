//! Killed at every moment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::ground::{Ground, lines};
use crate::harness::{Done, Tool};

/// A `git` that kills `land` when it is called for the Nth time: before it does anything, in the middle (its own work
/// and `land` together, where it writes files), or after it.
fn deadly(ground: &Ground, how: &str) -> String {
    let real = std::process::Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout;
    let real = String::from_utf8(real).unwrap().trim().to_owned();
    let bin = ground.top().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let count = ground.top().join("count");
    fs::write(&count, "").unwrap();
    let script = format!(
        "#!/bin/sh\necho >> {count}\n\
         if [ \"$(wc -l < {count})\" -eq \"$DEADLY\" ]; then\n\
         if [ {how} = before ]; then kill -9 $PPID; exit 9; fi\n\
         {real} \"$@\"; code=$?; kill -9 $PPID; exit $code\nfi\nexec {real} \"$@\"\n",
        count = count.display()
    );
    fs::write(bin.join("git"), script).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

fn run(ground: &Ground, args: &[&str], path: &str, at: u32, task: &Value) -> Done {
    fs::write(ground.top().join("count"), "").unwrap();
    let land = Tool::ours("land").args(args).env("PATH", path).env("DEADLY", at.to_string());
    land.folder(&ground.repo()).input(lines(std::slice::from_ref(task))).run()
}

/// A repository in which the change has to be merged, with things of the user's all around.
fn ground() -> (Ground, Value) {
    let ground = Ground::new(&[
        ("a", "1\n"),
        ("b", "1\n"),
        ("gone", "x\n"),
        ("d/e/f", "x\n"),
        ("mine", "1\n"),
        ("staged", "1\n"),
    ]);
    let base = ground.head();
    let changes = [("a", Some("2\n")), ("new/deep", Some("x\n")), ("gone", None), ("d/e/f", None)];
    let head = ground.work("1", &base, &changes);
    ground.write("b", "2\n");
    ground.git(&["commit", "-qam", "meanwhile"]);
    ground.write("mine", "2\n");
    ground.write("staged", "2\n");
    ground.git(&["add", "staged"]);
    ground.write("untracked", "mine\n");
    let task = ground.approved("1", &base, &head);
    (ground, task)
}

const VERIFY: [&str; 2] = ["--verify", "jq -c '.verdict = {status: \"pass\", checks: []}'"];

#[track_caller]
fn assert_landed(ground: &Ground, what: &str) {
    assert_eq!(ground.git(&["log", "--format=%s"]), "Title 1\nmeanwhile\nfirst\n", "{what}");
    assert_eq!(ground.git(&["status", "--porcelain"]), " M mine\nM  staged\n?? untracked\n", "{what}");
    assert_eq!(
        (ground.read("a"), ground.read("b"), ground.read("new/deep")),
        ("2\n".into(), "2\n".into(), "x\n".into()),
        "{what}"
    );
    assert!(!ground.repo().join("d").exists(), "{what}");
    assert_eq!(
        (ground.read("mine"), ground.read("staged"), ground.read("untracked")),
        ("2\n".into(), "2\n".into(), "mine\n".into()),
        "{what}"
    );
    assert!(
        !ground.repo().join(".plan/landing.json").exists() && !ground.repo().join(".git/index.lock").exists(),
        "{what}"
    );
}

#[test]
fn before_and_after_every_call_of_git() {
    for how in ["before", "after"] {
        let (template, task) = ground();
        let mut at = 0;
        loop {
            at += 1;
            let ground = template.copy();
            let path = deadly(&ground, how);
            let killed = run(&ground, &VERIFY, &path, at, &task);
            if killed.code == 0 {
                assert!(at > 10, "git was called {at} times only");
                break;
            }
            assert_eq!(killed.code, 137, "{how} {at}: {killed:?}");
            let what = format!("{how} call {at}");
            let again = run(&ground, &VERIFY, &path, 0, &task);
            assert_eq!(again.code, 0, "{what}: {again:?}");
            assert_eq!(again.task("1")["landed"]["commit"], ground.head(), "{what}");
            assert_landed(&ground, &what);
        }
    }
}

#[test]
fn before_and_after_every_call_of_git_when_only_files_change() {
    let args = [&["--apply"][..], &VERIFY].concat();
    for how in ["before", "after"] {
        let (template, task) = ground();
        let mut at = 0;
        loop {
            at += 1;
            let ground = template.copy();
            let path = deadly(&ground, how);
            let killed = run(&ground, &args, &path, at, &task);
            if killed.code == 0 {
                break;
            }
            assert_eq!(killed.code, 137, "{how} {at}: {killed:?}");
            let what = format!("{how} call {at}");
            let again = run(&ground, &args, &path, 0, &task);
            assert_eq!(again.code, 0, "{what}: {again:?}");
            assert_eq!(ground.git(&["log", "--format=%s"]), "meanwhile\nfirst\n", "{what}");
            let status = " M a\n D d/e/f\n D gone\n M mine\nM  staged\n?? new/\n?? untracked\n";
            assert_eq!(ground.git(&["status", "--porcelain"]), status, "{what}");
            assert_eq!((ground.read("a"), ground.read("new/deep")), ("2\n".into(), "x\n".into()), "{what}");
        }
    }
}

/// As `git read-tree` leaves it when it is killed itself: some files are new, one is half written, one is missing.
fn half(ground: &Ground) {
    ground.write("a", "");
    ground.write("new/deep", "x\n");
    fs::remove_file(ground.repo().join("gone")).unwrap();
}

fn intent(ground: &Ground, old: &str, new: &str) {
    let plan = ground.repo().join(".plan");
    fs::create_dir_all(&plan).unwrap();
    let text = format!("{{\"old\":\"{old}\",\"new\":\"{new}\",\"branch\":\"refs/heads/main\"}}");
    fs::write(plan.join("landing.json"), text).unwrap();
    fs::write(ground.repo().join(".git/index.lock"), "plan-and-execute land\n").unwrap();
}

/// A commit like the one that `land` makes.
fn would_be(ground: &Ground, task: &Value) -> String {
    let other = ground.top().join("other");
    ground.git(&["worktree", "add", "-q", "-b", "other", other.to_str().unwrap()]);
    Tool::ours("land").args(&VERIFY).folder(&other).input(lines(std::slice::from_ref(task))).run().ended(0);
    ground.git(&["rev-parse", "other"]).trim().to_owned()
}

#[test]
fn in_the_middle_of_writing_files() {
    for has_moved in [false, true] {
        let (ground, task) = ground();
        let (old, new) = (ground.head(), would_be(&ground, &task));
        intent(&ground, &old, &new);
        half(&ground);
        if has_moved {
            ground.git(&["update-ref", "refs/heads/main", &new]);
        }
        let again = ground.landed(&VERIFY, &[task]).ended(0);
        let how = if has_moved { "it is completed now" } else { "it is undone now" };
        assert!(again.err.contains(&format!("an earlier land was cut off in the middle: {how}")), "{}", again.err);
        assert_landed(&ground, how);
    }
}

#[test]
fn what_the_user_did_since_is_kept() {
    let (ground, task) = ground();
    let (old, new) = (ground.head(), would_be(&ground, &task));
    intent(&ground, &old, &new);
    half(&ground);
    ground.write("a", "the user was quick\n");
    let done = ground.landed(&VERIFY, std::slice::from_ref(&task)).ended(20);
    assert!(done.err.contains("left as they are, because somebody has changed them since: a"), "{}", done.err);
    assert!(done.err.contains("would touch what you have not committed: a;"), "{}", done.err);
    assert_eq!((ground.read("a"), ground.read("gone")), ("the user was quick\n".into(), "x\n".into()));
    assert_eq!(ground.git(&["status", "--porcelain"]), " M a\n M mine\nM  staged\n?? untracked\n");

    // On another branch nothing is brought back: only the user knows.
    intent(&ground, &old, &new);
    let lock = ground.repo().join(".git/index.lock");
    fs::remove_file(&lock).unwrap();
    ground.git(&["switch", "-q", "-c", "elsewhere"]);
    fs::write(lock, "plan-and-execute land\n").unwrap();
    let done = ground.landed(&VERIFY, &[task]).ended(20);
    assert!(done.err.contains("the branch has gone elsewhere since"), "{}", done.err);
    assert!(!Path::new(&ground.repo().join(".git/index.lock")).exists());
}

#[test]
fn at_any_moment_with_all_that_it_started() {
    use rustix::process::{Pid, Signal, kill_process_group};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    // Not only at calls of git: the moments are spread over the time that the whole thing takes.
    let (template, task) = ground();
    for moment in 0..20_u64 {
        let ground = template.copy();
        let mut land = Command::new(crate::harness::bin("land"));
        land.args(VERIFY).current_dir(ground.repo()).env("GIT_CONFIG_GLOBAL", "/dev/null").process_group(0);
        let mut child = land.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines(std::slice::from_ref(&task)).as_bytes())
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment * 6));
        let _ = kill_process_group(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL);
        child.wait().unwrap();
        let what = format!("after {} ms", moment * 6);
        let again = ground.landed(&VERIFY, std::slice::from_ref(&task));
        assert_eq!(again.code, 0, "{what}: {again:?}");
        assert_landed(&ground, &what);
    }
}
