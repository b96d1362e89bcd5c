//! Into the files only.

use serde_json::json;

use crate::ground::Ground;

#[test]
fn the_files_change_and_nothing_is_committed_or_staged() {
    let ground = Ground::new(&[("a", "one\n"), ("gone", "x\n"), ("mine", "1\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n")), ("new", Some("x\n")), ("gone", None)]);
    ground.write("mine", "2\n");
    ground.git(&["add", "mine"]);
    let index = std::fs::read(ground.repo().join(".git/index")).unwrap();
    let done = ground.landed(&["--apply", "--verify", "false"], &[ground.approved("1", &base, &head)]);
    // The user's change to another file is something else that is there, and the checks are run again.
    assert_eq!(done.code, 1, "{}", done.err);
    let verify = "jq -c '.verdict = {status: \"pass\", checks: []}'";
    let done = ground.landed(&["--apply", "--verify", verify], &[ground.approved("1", &base, &head)]).ended(0);
    assert_eq!(done.task("1")["landed"], json!({"status": "merged"}));
    assert_eq!(ground.head(), base);
    assert_eq!(std::fs::read(ground.repo().join(".git/index")).unwrap(), index);
    assert_eq!(ground.git(&["status", "--porcelain"]), " M a\n D gone\nM  mine\n?? new\n");
    assert_eq!(ground.read("a"), "two\n");
    assert_eq!(ground.git(&["branch", "--list", "plan-and-execute/*"]), "");
    ground.assert_tidy();
    let again = ground.landed(&["--apply"], &[ground.approved("1", &base, &head)]).ended(0);
    assert_eq!(again.task("1")["landed"], json!({"status": "nothing"}));
}

#[test]
fn one_change_goes_on_where_the_last_one_was_applied() {
    let ground = Ground::new(&[("a", "one\n\n\n\ntwo\n")]);
    let base = ground.head();
    let one = ground.work("1", &base, &[("a", Some("ONE\n\n\n\ntwo\n")), ("new", Some("1\n"))]);
    // The second begins with the first.
    let two = ground.work("2", &one, &[("a", Some("ONE\n\n\n\nTWO\n")), ("new", Some("2\n"))]);
    let tasks = [ground.approved("1", &base, &one), ground.approved("2", &one, &two)];
    ground.landed(&["--apply", "--verify", "false"], &tasks).ended(0);
    assert_eq!((ground.read("a"), ground.read("new")), ("ONE\n\n\n\nTWO\n".into(), "2\n".into()));
    // What the user does to it then is the user's own.
    let three = ground.work("3", &two, &[("a", Some("three\n"))]);
    ground.write("a", "ONE\n\n\n\nTWO\nmine\n");
    let done = ground.landed(&["--apply"], &[ground.approved("3", &two, &three)]);
    assert_eq!(done.code, 20, "{}", done.err);
    assert_eq!(ground.read("a"), "ONE\n\n\n\nTWO\nmine\n");
}

#[test]
fn what_the_user_has_not_committed_is_not_touched() {
    for (path, text) in [("a", "mine\n"), ("new", "mine\n"), ("x.log", "mine and ignored\n")] {
        let ground = Ground::new(&[("a", "one\n"), (".gitignore", "*.log\n")]);
        let base = ground.head();
        let head = ground.work("1", &base, &[("a", Some("one\ntwo\n")), ("new", Some("x\n")), ("x.log", Some("x\n"))]);
        ground.write(path, text);
        let before = ground.state();
        let task = ground.approved("1", &base, &head);
        let verify = "jq -c '.verdict = {status: \"pass\", checks: []}'";
        let done = ground.landed(&["--apply", "--verify", verify], &[task]).ended(20);
        assert!(done.err.contains(path), "{}", done.err);
        assert_eq!(ground.state(), before);
        ground.assert_tidy();
    }
}

#[test]
fn no_branch_is_needed() {
    let ground = Ground::new(&[("a", "one\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    ground.git(&["checkout", "-q", "--detach"]);
    ground.landed(&["--apply"], &[ground.approved("1", &base, &head)]).ended(0);
    assert_eq!(ground.read("a"), "two\n");
}
