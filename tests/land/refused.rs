//! What does not land, and that nothing has happened then.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::ground::{Ground, lines};
use crate::harness::{Done, Tool};

/// The task passes as it came, the exit code asks for a person, and nothing of the user's has changed.
#[track_caller]
fn refused(ground: &Ground, task: &Value, why: &str) -> Done {
    let before = ground.state();
    let branches = ground.git(&["for-each-ref"]);
    let done = ground.landed(&[], std::slice::from_ref(task)).ended(20);
    assert!(done.err.contains(why), "{why}: {}", done.err);
    assert_eq!(done.err.lines().count(), 1, "{}", done.err);
    assert_eq!(done.lines(), std::slice::from_ref(task));
    assert_eq!(ground.state(), before, "{why}");
    assert_eq!(ground.git(&["for-each-ref"]), branches);
    ground.assert_tidy();
    done
}

#[test]
fn nothing_that_was_not_approved() {
    let ground = Ground::new(&[("a", "one\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    let other = ground.work("2", &base, &[("a", Some("three\n"))]);
    let task = ground.approved("1", &base, &head);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut task = task.clone();
        change(&mut task);
        task
    };
    refused(&ground, &with(&|task| task["decisions"] = json!([])), "nobody has approved its result");
    refused(&ground, &with(&|task| task["decisions"][0]["status"] = json!("pending")), "waits to be approved");
    refused(&ground, &with(&|task| task["decisions"][0]["task_digest"] = json!("x")), "an earlier text of the task");
    refused(&ground, &with(&|task| task["decisions"][0]["gate"] = json!("plan")), "nobody has approved its result");
    // What was approved is another change: by its digest, and because the head was swapped.
    refused(
        &ground,
        &with(&|task| task["decisions"][0]["diff_digest"] = json!("0".repeat(64))),
        "is another change than this one",
    );
    refused(&ground, &with(&|task| task["result"]["head"] = json!(other)), "is another change than this one");
    refused(&ground, &with(&|task| task["result"]["head"] = json!("0".repeat(40))), "its change cannot be read");
    // A person has said no, or has sent it back: that is nothing new.
    for status in ["denied", "retry"] {
        let task = with(&|task| task["decisions"][0]["status"] = json!(status));
        let done = ground.landed(&[], std::slice::from_ref(&task)).ended(0);
        assert_eq!((done.lines(), done.err.as_str()), (vec![task], ""));
    }
    assert_eq!(ground.head(), base);
    // A decision that names no change counts for the task.
    let unbound = with(&|task| {
        task["decisions"][0].as_object_mut().unwrap().remove("diff_digest");
    });
    ground.landed(&[], &[unbound]).ended(0);
    assert_eq!(ground.read("a"), "two\n");
}

#[test]
fn nothing_that_would_touch_what_the_user_has_not_committed() {
    let files = &[("a", "one\n"), ("d/b", "one\n"), (".gitignore", "*.log\nbuild/\n")];
    let ground = |change: &dyn Fn(&Ground)| {
        let ground = Ground::new(files);
        let base = ground.head();
        let changes = [
            ("a", Some("two\n")),
            ("new", Some("x\n")),
            ("x.log", Some("x\n")),
            ("deep/er/file", Some("x\n")),
            ("build", Some("x\n")),
        ];
        let head = ground.work("1", &base, &changes);
        let task = ground.approved("1", &base, &head);
        change(&ground);
        (ground, task)
    };
    type Change<'a> = &'a dyn Fn(&Ground);
    let cases: [(&str, Change); 11] = [
        ("not committed: a;", &|ground| ground.write("a", "mine\n")),
        ("not committed: a;", &|ground| {
            ground.write("a", "mine\n");
            ground.git(&["add", "a"]);
        }),
        ("not committed: a;", &|ground| {
            // Staged, and then taken back in the file only.
            ground.write("a", "mine\n");
            ground.git(&["add", "a"]);
            ground.write("a", "one\n");
        }),
        ("not committed: a;", &|ground| fs::remove_file(ground.repo().join("a")).unwrap()),
        ("not committed: a;", &|ground| drop(ground.git(&["rm", "-q", "--cached", "a"]))),
        ("not committed: new;", &|ground| ground.write("new", "mine\n")),
        ("not committed: new/inside;", &|ground| ground.write("new/inside", "mine\n")),
        ("not committed: x.log;", &|ground| ground.write("x.log", "mine and ignored\n")),
        ("not committed: build/out;", &|ground| ground.write("build/out", "mine and ignored\n")),
        ("not committed: deep;", &|ground| ground.write("deep", "a file where a folder is to be\n")),
        ("not committed: deep/er;", &|ground| {
            fs::create_dir(ground.repo().join("deep")).unwrap();
            symlink("/tmp", ground.repo().join("deep/er")).unwrap();
        }),
    ];
    for (why, change) in cases {
        let (ground, task) = ground(change);
        refused(&ground, &task, why);
    }
    let (ground, task) = ground(&|ground| {
        ground.write("a", "mine\n");
        ground.write("new", "mine\n");
    });
    refused(&ground, &task, "not committed: a, new;");
    // The way out that is told works.
    ground.git(&["stash", "-u"]);
    ground.landed(&[], &[task]).ended(0);
}

#[test]
fn files_that_only_look_changed_are_in_nobodys_way() {
    let ground = Ground::new(&[("a", "one\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    fs::write(ground.repo().join("a"), "one\n").unwrap();
    let file = fs::File::options().append(true).open(ground.repo().join("a")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    ground.landed(&[], &[ground.approved("1", &base, &head)]).ended(0);
    assert_eq!(ground.read("a"), "two\n");
}

#[test]
fn a_file_that_the_user_hides_from_git_is_not_overwritten() {
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        let ground = Ground::new(&[("a", "one\n")]);
        let base = ground.head();
        let head = ground.work("1", &base, &[("a", Some("two\n"))]);
        ground.git(&["update-index", flag, "a"]);
        ground.write("a", "my own\n");
        refused(&ground, &ground.approved("1", &base, &head), "a");
        assert_eq!(ground.read("a"), "my own\n");
    }
}

#[test]
fn nothing_where_a_branch_cannot_be_moved() {
    let new = || {
        let ground = Ground::new(&[("a", "one\n")]);
        let base = ground.head();
        let head = ground.work("1", &base, &[("a", Some("two\n"))]);
        let task = ground.approved("1", &base, &head);
        (ground, task)
    };
    let (ground, task) = new();
    ground.git(&["checkout", "-q", "--detach"]);
    refused(&ground, &task, "you are on no branch (HEAD is detached): git switch BRANCH");

    let (ground, task) = new();
    ground.git(&["checkout", "-q", "-b", "other"]);
    ground.write("a", "three\n");
    ground.git(&["commit", "-qam", "three"]);
    ground.git(&["checkout", "-q", "main"]);
    ground.git(&["merge", "-q", "--no-commit", "--no-ff", "other"]);
    refused(&ground, &task, "a merge is in progress: finish it, or git merge --abort");

    let (ground, task) = new();
    ground.git(&["symbolic-ref", "HEAD", "refs/heads/unborn"]);
    let done = ground.landed(&[], &[task]).ended(20);
    assert!(done.err.contains("has no commit yet"), "{}", done.err);

    let (ground, task) = new();
    let elsewhere = ground.land().folder(&ground.top()).input(lines(std::slice::from_ref(&task))).run().ended(20);
    assert!(elsewhere.err.contains("not in a git repository"), "{}", elsewhere.err);
    assert_eq!(elsewhere.lines(), [task]);
}

#[test]
fn nothing_while_another_git_holds_the_index() {
    let ground = Ground::new(&[("a", "one\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    let task = ground.approved("1", &base, &head);
    let lock = ground.repo().join(".git/index.lock");
    fs::write(&lock, "").unwrap();
    let done = ground.landed(&[], std::slice::from_ref(&task)).ended(20);
    assert!(done.err.contains("index.lock: another git is at work in the repository, or was killed"), "{}", done.err);
    assert_eq!((done.lines(), ground.head()), (vec![task.clone()], base));
    assert!(lock.exists(), "it is not ours");
    fs::remove_file(lock).unwrap();
    ground.landed(&[], &[task]).ended(0);
}

#[test]
fn nothing_in_the_name_of_nobody() {
    let ground = Ground::new(&[("a", "one\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    ground.git(&["config", "--unset", "user.name"]);
    ground.git(&["config", "--unset", "user.email"]);
    ground.git(&["config", "user.useConfigOnly", "true"]);
    refused(&ground, &ground.approved("1", &base, &head), "git does not know who you are: git config user.name");
    let named = Tool::ours("land")
        .folder(&ground.repo())
        .env("GIT_AUTHOR_NAME", "E")
        .env("GIT_AUTHOR_EMAIL", "e@x")
        .env("GIT_COMMITTER_NAME", "E")
        .env("GIT_COMMITTER_EMAIL", "e@x")
        .input(lines(&[ground.approved("1", &base, &head)]));
    named.run().ended(0);
    assert_eq!(ground.git(&["log", "-1", "--format=%an"]), "E\n");
}

#[test]
fn a_conflict_is_named_and_leaves_nothing_but_the_branch() {
    let ground = Ground::new(&[("a b", "one\n"), ("c", "one\n"), ("other", "x\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a b", Some("theirs\n")), ("c", None), ("new", Some("x\n"))]);
    ground.write("a b", "ours\n");
    ground.write("c", "changed, not removed\n");
    ground.git(&["commit", "-qam", "meanwhile"]);
    ground.write("other", "not committed\n");
    let before = ground.state();
    let after_it = ground.work("2", &base, &[("new2", Some("x\n"))]);
    let mut second = ground.approved("2", &base, &after_it);
    second["needs"] = json!(["1"]);
    let done =
        ground.landed(&["--run", "../run.jsonl"], &[ground.approved("1", &base, &head), second.clone()]).ended(20);
    assert_eq!(done.task("1")["landed"], json!({"status": "conflict", "conflicts": ["a b", "c"]}));
    assert!(
        done.err.contains("task 1: does not land: conflicts with what has landed since it began: a b, c"),
        "{}",
        done.err
    );
    assert!(done.err.contains("the work is in plan-and-execute/p/1/1"), "{}", done.err);
    assert!(done.err.contains("task 2: does not land: it needs task 1, which has not landed"), "{}", done.err);
    assert_eq!(done.task("2"), second);
    assert_eq!(ground.state(), before);
    assert_eq!(ground.git(&["rev-parse", "plan-and-execute/p/1/1"]).trim(), head);
    let run = fs::read_to_string(ground.top().join("run.jsonl")).unwrap();
    assert!(
        run.starts_with("{\"type\":\"landed\",\"id\":\"1\",\"status\":\"conflict\",\"conflicts\":[\"a b\",\"c\"],"),
        "{run}"
    );
    ground.assert_tidy();
}

#[test]
fn a_file_in_the_making_is_no_conflict() {
    // The work began with what the user had not committed, and changed it.
    let ground = Ground::new(&[("a", "one\n")]);
    ground.write("a", "one\nmine\n");
    let tree = ground.top().join("aside");
    ground.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap()]);
    fs::write(tree.join("a"), "one\nmine\n").unwrap();
    let base = ground.commit_tree(&tree, &ground.head(), "aside");
    let head = ground.work("1", &base, &[("a", Some("one\nmine\ntheirs\n"))]);
    let task = ground.approved("1", &base, &head);
    let before = ground.state();
    let done = ground.landed(&[], std::slice::from_ref(&task)).ended(20);
    assert!(done.err.contains("would touch what you have not committed: a;"), "{}", done.err);
    assert_eq!((done.lines(), ground.state()), (vec![task.clone()], before));
    ground.git(&["commit", "-qam", "mine"]);
    ground.landed(&[], &[task]).ended(0);
    assert_eq!(ground.read("a"), "one\nmine\ntheirs\n");
}
