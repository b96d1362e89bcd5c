//! What a task may change: scope and tamper, by commits that are made by hand.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::tree::{Ran, Tree};

/// A repository with a bit of everything; its base commit.
fn repository() -> (Tree, String) {
    let tree = Tree::repository();
    tree.write("src/a.rs", "pub fn a() {}\n");
    tree.write("src/b.rs", "pub fn b() {}\n");
    tree.write("run.sh", "echo\n");
    tree.write(
        "tests/a_test.rs",
        "#[test]\nfn a() {\n    assert_eq!(1, 1);\n}\n#[test]\nfn b() {\n    assert!(2 > 1);\n}\n",
    );
    tree.write(".github/workflows/ci.yml", "on: push\n");
    tree.write("Cargo.lock", "x\n");
    tree.write("docs/plans/p.md", "# Plan\n");
    let base = tree.commit();
    (tree, base)
}

/// A task that declares `files`, done between two commits.
fn line(files: &Value, base: &str, head: &str, more: &Value) -> String {
    let mut line = json!({
        "type": "task", "id": "1", "title": "T", "commands": ["true"], "done": [], "files": files,
        "source": {"path": "docs/plans/p.md", "line": 1, "end_line": 2},
        "result": {"status": "ok", "base": base, "head": head},
    });
    for (name, value) in more.as_object().unwrap() {
        if name == "result" {
            for (name, value) in value.as_object().unwrap() {
                line["result"][name] = value.clone();
            }
        } else {
            line[name] = value.clone();
        }
    }
    format!("{line}\n")
}

/// What verify says when `work` is done on the base.
fn judged(files: &Value, work: impl FnOnce(&Tree)) -> Judged {
    judged_with(files, &json!({}), &[], work)
}

fn judged_with(files: &Value, more: &Value, args: &[&str], work: impl FnOnce(&Tree)) -> Judged {
    let (tree, base) = repository();
    work(&tree);
    let head = tree.commit_of_all();
    let args = [&["--sandbox", "none"], args].concat();
    Judged { ran: tree.run(&args, &line(files, &base, &head, more)), _tree: tree }
}

struct Judged {
    ran: Ran,
    _tree: Tree,
}

impl Judged {
    fn check(&self, kind: &str) -> Value {
        let verdict = self.ran.verdict();
        let found = verdict["checks"].as_array().unwrap().iter().find(|check| check["kind"] == kind).cloned();
        found.unwrap_or_else(|| panic!("no {kind}: {}\n{}", self.ran.out, self.ran.err))
    }

    #[track_caller]
    fn passes(&self) -> &Self {
        assert_eq!(self.ran.verdict()["status"], "pass", "{}\n{}", self.ran.out, self.ran.err);
        assert_eq!(self.ran.code, Some(0));
        self
    }

    /// The check of this kind fails by its name, and says this.
    #[track_caller]
    fn fails(&self, kind: &str, says: &[&str]) -> &Self {
        let check = self.check(kind);
        let verdict = self.ran.verdict();
        assert_eq!((&verdict["status"], self.ran.code), (&json!("fail"), Some(1)), "{}", self.ran.out);
        assert_eq!((&check["name"], &check["status"]), (&json!(kind), &json!("fail")), "{check:#}");
        for says in says {
            assert!(check["tail"].as_str().unwrap().contains(says), "{says} is not in {check:#}");
        }
        assert!(self.ran.err.contains(&format!("{kind} failed")), "{}", self.ran.err);
        self
    }

    #[track_caller]
    fn stays_clean(&self, kind: &str) -> &Self {
        assert_eq!(self.check(kind)["status"], "pass", "{:#}", self.check(kind));
        self
    }
}

#[test]
fn what_was_declared_may_be_changed() {
    let files = json!([
        {"path": "src/a.rs", "action": "modify"}, {"path": "src/new/", "action": "create"},
        {"path": "gen/**/*.json", "action": "modify"}, {"path": "src/b.rs", "action": "delete"},
        {"path": "tests/new.rs", "action": "test"}, {"path": "run.sh", "action": "modify"},
        {"path": "Cargo.lock", "action": "modify"},
    ]);
    judged(&files, |tree| {
        tree.write("src/a.rs", "pub fn a() -> u8 { 1 }\n");
        tree.write("src/new/deep/c.rs", "\n");
        tree.write("gen/x/y.json", "{}\n");
        tree.write("tests/new.rs", "#[test]\nfn n() {}\n");
        tree.write("Cargo.lock", "y\n");
        fs::remove_file(tree.root.join("src/b.rs")).unwrap();
        fs::set_permissions(tree.root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("a.rs", tree.root.join("src/new/link")).unwrap();
    })
    .passes()
    .stays_clean("scope")
    .stays_clean("tamper");
    judged(&files, |_| {}).passes();
}

#[test]
fn anything_else_fails_the_scope_by_name() {
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    judged(&files, |tree| drop(tree.write("src/b.rs", "changed\n")))
        .fails("scope", &["src/b.rs: was changed, and the task does not declare it"])
        .stays_clean("tamper");
    judged(&files, |tree| drop(tree.write("src/new\n.rs", "new\n"))).fails("scope", &["src/new␊.rs: was made"]);
    judged(&files, |tree| fs::remove_file(tree.root.join("src/b.rs")).unwrap())
        .fails("scope", &["src/b.rs: was deleted"]);
    judged(&files, |tree| fs::remove_file(tree.root.join("src/a.rs")).unwrap())
        .fails("scope", &["src/a.rs: was deleted: the task does not say"]);
    // Both ends of a move count.
    judged(&files, |tree| fs::rename(tree.root.join("src/b.rs"), tree.root.join("src/c.rs")).unwrap())
        .fails("scope", &["src/b.rs: was deleted", "src/c.rs: was made (moved from src/b.rs)"]);
    judged(&files, |tree| {
        fs::set_permissions(tree.root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    })
    .fails("scope", &["run.sh: its mode was changed from 100644 to 100755"]);
    let read = json!([{"path": "src/a.rs", "action": "modify"}, {"path": "src/b.rs", "action": "read"}]);
    judged(&read, |tree| drop(tree.write("src/b.rs", "changed\n"))).fails("scope", &["declared to be read only"]);
}

#[test]
fn without_declared_files_nothing_may_be_changed() {
    for files in [json!([]), Value::Null] {
        judged(&files, |tree| drop(tree.write("src/b.rs", "changed\n")))
            .fails("scope", &["src/b.rs: was changed, though the task declares no files"]);
        judged(&files, |_| {}).passes();
    }
    judged(&json!([{"path": "src/b.rs", "action": "read"}]), |tree| drop(tree.write("src/b.rs", "changed\n")))
        .fails("scope", &["though the task declares no file to write"]);
    let any = json!([{"path": ".", "action": "modify"}]);
    judged_with(&any, &json!({"route": {"sandbox": "read-only"}}), &[], |tree| drop(tree.write("x", "x\n")))
        .fails("scope", &["x: was made, though the task was to read only"]);
}

#[test]
fn links_that_leave_the_repository_fail_the_scope_though_they_are_declared() {
    let files = json!([{"path": "out", "action": "create"}, {"path": "deep/", "action": "create"}]);
    for target in ["/etc/passwd", "../elsewhere", "sub/../../x", ".git/hooks"] {
        judged(&files, |tree| symlink(target, tree.root.join("out")).unwrap())
            .fails("scope", &["out: a symbolic link leads from here"]);
    }
    judged(&files, |tree| symlink("src/a.rs", tree.root.join("out")).unwrap()).passes();
    // One link is inside, and leads to one that is not.
    judged(&files, |tree| {
        fs::create_dir(tree.root.join("deep")).unwrap();
        symlink("deep/far", tree.root.join("out")).unwrap();
        symlink("../..", tree.root.join("deep/far")).unwrap();
    })
    .fails("scope", &["out: a symbolic link", "deep/far: a symbolic link"]);
    // A file that was declared lies behind a link that has been there before.
    let (tree, _) = repository();
    symlink("/tmp", tree.root.join("shared")).unwrap();
    let base = tree.commit();
    tree.write("src/a.rs", "changed\n");
    let head = tree.commit();
    let files = json!([{"path": "src/a.rs", "action": "modify"}, {"path": "shared/x/y.txt", "action": "create"}]);
    let ran = tree.run(&["--sandbox", "none"], &line(&files, &base, &head, &json!({})));
    let judged = Judged { ran, _tree: tree };
    judged.fails("scope", &["shared/x/y.txt: a symbolic link leads from here to /tmp"]);
}

#[test]
fn repositories_inside_the_repository_fail_the_scope() {
    let files = json!([{"path": "sub/", "action": "create"}]);
    let nested = |tree: &Tree| {
        fs::create_dir(tree.root.join("sub")).unwrap();
        tree.write("sub/x", "hidden\n");
        for args in
            [&["-C", "sub", "init", "-q"][..], &["-C", "sub", "add", "-A"], &["-C", "sub", "commit", "-qm", "x"]]
        {
            tree.git(args);
        }
    };
    judged(&files, nested).fails("scope", &["sub: is another repository inside this one"]);
    judged(&json!([{"path": "sub", "action": "create"}]), nested).fails("scope", &["another repository"]);
    // A submodule that was there may be moved on by a task that names it.
    let (tree, _) = repository();
    nested(&tree);
    let base = tree.commit();
    tree.write("sub/x", "more\n");
    tree.git(&["-C", "sub", "commit", "-qam", "y"]);
    let head = tree.commit();
    for (files, passes) in
        [(json!([{"path": "sub", "action": "modify"}]), true), (json!([{"path": "*", "action": "modify"}]), false)]
    {
        let ran = tree.run(&["--sandbox", "none"], &line(&files, &base, &head, &json!({})));
        assert_eq!(ran.verdict()["status"] == "pass", passes, "{files}: {}", ran.out);
    }
}

#[test]
fn protected_files_fail_as_tamper_by_name() {
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    for (path, says) in [
        (".github/workflows/ci.yml", "protected (CI)"),
        ("Cargo.lock", "protected (lockfile)"),
        ("web/package-lock.json", "protected (lockfile)"),
        (".gitattributes", "protected (git)"),
        (".gitmodules", "protected (git)"),
        (".husky/pre-commit", "protected (git)"),
        ("tests/a_test.rs", "protected (test)"),
        ("docs/plans/p.md", "it is the plan itself"),
    ] {
        judged(&files, |tree| drop(tree.write(path, "weaker\n"))).fails("tamper", &[path, says]);
    }
    judged(&files, |tree| fs::remove_file(tree.root.join(".github/workflows/ci.yml")).unwrap())
        .fails("tamper", &[".github/workflows/ci.yml: was deleted: protected (CI)"]);
    // git hides `.plan`, and an agent can put it into the commit all the same.
    judged(&json!([{"path": ".plan/x", "action": "create"}]), |tree| {
        tree.write(".plan/x", "forged\n");
        tree.git(&["add", "-f", ".plan/x"]);
    })
    .fails("tamper", &[".plan/x: was made: it belongs to the run itself"]);
}

#[test]
fn a_task_that_names_the_very_file_may_change_it() {
    for path in [".github/workflows/ci.yml", "Cargo.lock", "docs/plans/p.md", ".gitattributes"] {
        judged(&json!([{"path": path, "action": "modify"}]), |tree| drop(tree.write(path, "other\n"))).passes();
    }
    let folder = json!([{"path": ".github/", "action": "modify"}]);
    judged(&folder, |tree| drop(tree.write(".github/workflows/ci.yml", "other\n")))
        .stays_clean("scope")
        .fails("tamper", &["ci.yml"]);
    // A folder of tests is enough for a test.
    judged(&json!([{"path": "tests/", "action": "test"}]), |tree| drop(tree.write("tests/more.rs", "#[test]\n")))
        .passes();
}

#[test]
fn the_list_of_protected_paths_can_be_changed() {
    let files = json!([{"path": ".", "action": "modify"}]);
    let lock = |tree: &Tree| drop(tree.write("Cargo.lock", "other\n"));
    judged_with(&files, &json!({}), &["--no-protect", "*.lock"], lock).passes();
    judged_with(&files, &json!({}), &["--protect", "src/**"], |tree| drop(tree.write("src/a.rs", "other\n")))
        .fails("tamper", &["src/a.rs: was changed: protected (--protect)"]);
    let tree = Tree::new();
    let usual = tree.run(&["--print-protected"], "").out;
    assert!(usual.contains("\"Cargo.lock\""), "{usual}");
    let own = tree.write("own.toml", &usual.replace("\"Cargo.lock\", ", ""));
    judged_with(&files, &json!({}), &["--protected", own.to_str().unwrap()], lock).passes();
    judged(&files, lock).fails("tamper", &["Cargo.lock"]);
    let wrong = tree.write("wrong.toml", "[[group]]\nname = 1\n");
    for args in [["--protected", wrong.to_str().unwrap()], ["--protect", "a{"], ["--protected", "/no/such/file"]] {
        let ran = tree.run(&args, "");
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn a_history_that_was_rewritten_fails_as_tamper() {
    let (tree, base) = repository();
    tree.git(&["checkout", "-q", "--orphan", "other"]);
    tree.write("src/a.rs", "changed\n");
    let head = tree.commit();
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    let ran = tree.run(&["--sandbox", "none"], &line(&files, &base, &head, &json!({})));
    Judged { ran, _tree: tree }.fails("tamper", &["the history was rewritten"]);
    // A replaced object would make it look as if nothing had happened.
    let (tree, base) = repository();
    tree.write("src/b.rs", "changed\n");
    let head = tree.commit();
    tree.git(&["replace", &head, &base]);
    let ran = tree.run(&["--sandbox", "none"], &line(&files, &base, &head, &json!({})));
    Judged { ran, _tree: tree }.fails("scope", &["src/b.rs: was changed"]);
    let (tree, base) = repository();
    for text in ["one\n", "two\n"] {
        tree.write("src/a.rs", text);
        tree.commit();
    }
    let head = tree.git(&["rev-parse", "HEAD"]);
    let ran = tree.run(&["--sandbox", "none"], &line(&files, &base, &head, &json!({})));
    let judged = Judged { ran, _tree: tree };
    judged.passes();
    assert!(judged.check("tamper")["tail"].as_str().unwrap().contains("more than one commit"));
}

#[test]
fn what_the_executor_saw_fails_as_tamper() {
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    let more = json!({"result": {"tampering": ["the agent moved HEAD", "refs/heads/main was changed"]}});
    judged_with(&files, &more, &[], |_| {}).fails("tamper", &["the agent moved HEAD", "refs/heads/main"]);
    // In place too, where else nothing is said.
    let ran = Tree::new().run(
        &["--sandbox", "none"],
        "{\"type\":\"task\",\"id\":\"1\",\"commands\":[\"true\"],\"result\":{\"status\":\"ok\",\"tampering\":[\"hooks\"]}}\n",
    );
    assert_eq!(ran.verdict()["status"], "fail", "{}", ran.out);
}

#[test]
fn conflict_marks_fail_as_tamper() {
    let left = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n";
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    let work = |tree: &Tree| drop(tree.write("src/a.rs", left));
    let failed = judged(&files, work);
    failed.fails("tamper", &["src/a.rs:1: the marks of a merge conflict"]);
    assert_eq!(failed.check("tamper")["findings"][0]["line"], 1);
    judged_with(&files, &json!({}), &["--no-protect", "src/a.rs"], work).passes();
    // What was there before is not the task's.
    let (tree, _) = repository();
    tree.write("src/a.rs", left);
    let base = tree.commit();
    tree.write("src/a.rs", &format!("{left}more\n"));
    let head = tree.commit();
    assert_eq!(tree.run(&["--sandbox", "none"], &line(&files, &base, &head, &json!({}))).verdict()["status"], "pass");
}

#[test]
fn a_declared_test_that_gets_weaker_is_told() {
    let files = json!([{"path": "tests/a_test.rs", "action": "test"}, {"path": "src/a.rs", "action": "modify"}]);
    let weaker = judged(&files, |tree| {
        tree.write("tests/a_test.rs", "#[test]\n#[ignore]\nfn a() {\n    let _ = 1;\n}\n");
    });
    weaker.passes();
    let tamper = weaker.check("tamper");
    let tail = tamper["tail"].as_str().unwrap();
    for says in [
        "2 tests before, 1 now",
        "2 assertions before, 0 now",
        "tests/a_test.rs:2: keeps a test from running",
        "#[ignore]",
    ] {
        assert!(tail.contains(says), "{says} is not in {tail}");
    }
    assert!(
        tamper["findings"].as_array().unwrap().iter().all(|finding| finding["severity"] == "warning"),
        "{tamper:#}"
    );
    // A test that only moves is still there.
    let moved = json!([{"path": "tests/", "action": "modify"}]);
    let moved =
        judged(&moved, |tree| fs::rename(tree.root.join("tests/a_test.rs"), tree.root.join("tests/b.rs")).unwrap());
    moved.passes();
    let findings = moved.check("tamper")["findings"].clone();
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["severity"] == "note"), "{findings:#}");
    // One that gets stronger is nothing to speak of.
    let stronger = judged(&files, |tree| {
        let before = tree.read("tests/a_test.rs");
        tree.write("tests/a_test.rs", &format!("{before}#[test]\nfn c() {{\n    assert!(1 > 0);\n}}\n"));
    });
    assert!(stronger.check("tamper").get("findings").is_none(), "{:#}", stronger.check("tamper"));
}

#[test]
fn what_cannot_be_looked_at_never_passes() {
    let (tree, base) = repository();
    let head = tree.git(&["rev-parse", "HEAD"]);
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    for wrong in ["0".repeat(40), "HEAD".into(), "--output=stolen".into(), String::new()] {
        let ran = tree.run(&["--sandbox", "none"], &line(&files, &wrong, &head, &json!({})));
        assert_eq!(ran.verdict()["status"], "fail", "{wrong}: {}", ran.out);
        let verdict = ran.verdict();
        let scope = verdict["checks"].as_array().unwrap().iter().find(|check| check["kind"] == "scope").unwrap();
        assert!(scope["tail"].as_str().unwrap().contains("cannot be found out"), "{scope:#}");
    }
    assert!(!tree.root.join("stolen").exists());
    let ran = tree.run(&["--sandbox", "none"], &line(&files, &base, &"0".repeat(40), &json!({"commands": []})));
    assert_eq!(ran.verdict()["status"], "fail", "{}", ran.out);
}

#[test]
fn a_fence_alone_proves_nothing() {
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    let judged = judged_with(&files, &json!({"commands": []}), &[], |tree| drop(tree.write("src/a.rs", "changed\n")));
    assert_eq!(judged.ran.verdict()["status"], "unproven", "{}", judged.ran.out);
    judged.stays_clean("scope");
}

#[test]
fn paths_may_be_meant_from_the_folder_of_the_work() {
    let (tree, base) = repository();
    tree.write("src/a.rs", "changed\n");
    let head = tree.commit();
    let files = json!([{"path": "a.rs", "action": "modify"}]);
    let more = json!({"result": {"workdir": tree.root.join("src")}, "commands": ["test -e a.rs"]});
    let ran = tree.run(&["--sandbox", "none"], &line(&files, &base, &head, &more));
    assert_eq!(ran.verdict()["status"], "pass", "{}", ran.out);
}

#[test]
fn without_a_base_what_the_executor_saw_is_held_against_the_task() {
    let (tree, _) = repository();
    tree.write("src/a.rs", "changed\n");
    tree.write("src/b.rs", "<<<<<<< a\n=======\n>>>>>>> b\n");
    let head = tree.commit();
    let run = |files: &Value, changed: &[&str]| {
        let line = json!({"type": "task", "id": "1", "commands": ["true"], "files": files,
            "result": {"status": "ok", "head": head, "changed": changed}});
        tree.run(&["--sandbox", "none"], &format!("{line}\n"))
    };
    let files = json!([{"path": "src/a.rs", "action": "modify"}]);
    assert_eq!(run(&files, &["src/a.rs"]).verdict()["status"], "pass");
    assert_eq!(run(&json!([]), &["src/a.rs"]).verdict()["status"], "pass");
    let ran = run(&files, &["src/a.rs", "src/b.rs"]);
    assert_eq!(ran.verdict()["status"], "fail", "{}", ran.out);
    for says in
        ["src/b.rs: was written, and the task does not declare it", "the marks of a merge conflict", "no result.base"]
    {
        assert!(ran.out.contains(says), "{says} is not in {}", ran.out);
    }
}

/// A task done in place.
fn in_place(files: &Value, changed: &[&str], more: &Value) -> String {
    let mut line = json!({
        "type": "task", "id": "1", "title": "T", "commands": ["true"], "files": files,
        "result": {"status": "ok", "changed": changed},
    });
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    format!("{line}\n")
}

#[test]
fn in_place_what_the_executor_saw_is_held_against_the_task() {
    let (tree, _) = repository();
    tree.write("src/a.rs", "changed\n");
    tree.write("new.rs", "new\n");
    let files = json!([{"path": "src/a.rs", "action": "modify"}, {"path": "gone.rs", "action": "create"}]);
    let run = |line: &str| tree.run(&["--sandbox", "none"], line);
    let ran = run(&in_place(&files, &["src/a.rs", "gone.rs"], &json!({})));
    assert_eq!(ran.verdict()["status"], "pass", "{}", ran.out);
    for (changed, kind, says) in [
        (&["src/a.rs", "new.rs"][..], "scope", "new.rs: was written, and the task does not declare it"),
        (&["Cargo.lock"], "tamper", "protected (lockfile)"),
        (&["tests/a_test.rs"], "tamper", "protected (test)"),
    ] {
        let ran = run(&in_place(&files, changed, &json!({})));
        let verdict = ran.verdict();
        let check = verdict["checks"].as_array().unwrap().iter().find(|check| check["kind"] == kind).unwrap();
        assert_eq!((&verdict["status"], &check["status"]), (&json!("fail"), &json!("fail")), "{}", ran.out);
        assert!(check["tail"].as_str().unwrap().contains(says), "{check:#}");
    }
    tree.write("src/a.rs", "<<<<<<< a\n=======\n>>>>>>> b\n");
    let ran = run(&in_place(&files, &["src/a.rs"], &json!({})));
    assert!(ran.out.contains("the marks of a merge conflict"), "{}", ran.out);
    symlink("/etc", tree.root.join("etc")).unwrap();
    let ran = run(&in_place(&json!([{"path": "etc", "action": "create"}]), &["etc"], &json!({})));
    assert!(ran.out.contains("a symbolic link leads from here to /etc"), "{}", ran.out);
    assert_eq!(ran.verdict()["status"], "fail");
}

#[test]
fn in_place_nobody_is_blamed_for_what_may_be_anothers() {
    let (tree, _) = repository();
    tree.write("new.rs", "new\n");
    let reader = json!({
        "route": {"sandbox": "read-only"},
        "result": {"status": "ok", "changed": ["new.rs"], "attempts": [{"sandbox": "read-only"}]},
    });
    for line in [
        // Nobody knows what was changed.
        in_place(&json!([{"path": "src/a.rs", "action": "modify"}]), &[], &json!({})),
        // The task says nothing of files.
        in_place(&Value::Null, &["new.rs"], &json!({})),
        in_place(&json!([]), &["new.rs", "tests/a_test.rs"], &json!({})),
        // An agent that could not write has written nothing.
        in_place(&json!([{"path": "src/a.rs", "action": "read"}]), &["new.rs"], &reader),
    ] {
        let ran = tree.run(&["--sandbox", "none"], &line);
        assert_eq!(ran.verdict()["status"], "pass", "{}", ran.out);
    }
    // Without its word, a task that was to read only has to explain itself.
    let reader = json!({"route": {"sandbox": "read-only"}});
    let ran = tree.run(&["--sandbox", "none"], &in_place(&json!([]), &["new.rs"], &reader));
    assert_eq!(ran.verdict()["status"], "fail", "{}", ran.out);
}

#[test]
fn in_place_the_file_that_takes_our_output_is_not_the_agents() {
    let (tree, _) = repository();
    let line = in_place(&json!([{"path": "src/a.rs", "action": "modify"}]), &["src/a.rs", "out.jsonl"], &json!({}));
    tree.write("in.jsonl", &line);
    let done = std::process::Command::new("bash")
        .args(["-c", "\"$0\" --sandbox none <in.jsonl >out.jsonl", env!("CARGO_BIN_EXE_verify")])
        .current_dir(&tree.root)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(tree.read("out.jsonl").contains("\"status\":\"pass\""), "{}", tree.read("out.jsonl"));
}
