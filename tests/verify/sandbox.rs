//! What keeps checks where they belong. Each sandbox is tried where it works; where it does not, the test says so.

use std::fs;
use std::net::TcpListener;

use serde_json::json;

use crate::tree::{Tree, task, task_with};

fn works(kind: &str) -> bool {
    let works = Tree::new().run(&["--sandbox", kind], "").code == Some(0);
    if !works {
        println!("--sandbox {kind} does not work here and is not tried");
    }
    works
}

fn kinds() -> impl Iterator<Item = &'static str> {
    ["bwrap", "landlock"].into_iter().filter(|kind| works(kind))
}

#[test]
fn only_the_tree_can_be_written() {
    for kind in kinds() {
        let tree = Tree::repository();
        let (outside, home) = (tree.beside("outside"), tree.beside("home"));
        fs::create_dir(&home).unwrap();
        let commands = [
            format!("echo x > {}", outside.display()),
            format!("echo x > {}/x", home.display()),
            "echo x > inside".to_owned(),
            "f=$(mktemp) && echo x > $f && cat $f".to_owned(),
            "echo x > /dev/null; echo y > /dev/stderr; echo z > /dev/stdout".to_owned(),
        ];
        let commands: Vec<_> = commands.iter().map(String::as_str).collect();
        let ran = tree.run(&["--sandbox", kind], &task("1", &commands));
        let verdict = ran.verdict();
        let checks: Vec<_> =
            verdict["checks"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
        // Bubblewrap's private /tmp takes what is written beside the tree; what counts is that nobody else sees it.
        assert_eq!(&checks[1..], ["fail", "pass", "pass", "pass"], "{kind}: {}", ran.out);
        assert!(!outside.exists() && !home.join("x").exists() && tree.root.join("inside").exists());
        assert!(ran.err.contains(&format!("verify: sandbox {kind}: ")), "{}", ran.err);
        // What is allowed by name can be written.
        let allow = ["--sandbox", kind, "--allow-write", home.to_str().unwrap()];
        let ran = tree.run(&allow, &task("1", &[commands[1]]));
        assert_eq!(ran.verdict()["status"], "pass", "{kind}: {}", ran.out);
        assert!(home.join("x").exists());
    }
}

#[test]
fn nobody_is_reached_over_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    for kind in kinds() {
        let tree = Tree::new();
        let ran = tree.run(&["--sandbox", kind], &task("1", &[&connect]));
        assert_eq!(ran.verdict()["status"], "fail", "{kind}: {}", ran.out);
        let ran = tree.run(&["--sandbox", kind, "--allow-network"], &task("1", &[&connect]));
        assert_eq!(ran.verdict()["status"], "pass", "{kind}: {}", ran.out);
    }
}

#[test]
fn nobody_outside_is_signalled() {
    for kind in kinds() {
        let mut sleeper = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let kill = format!("kill {}", sleeper.id());
        let ran = Tree::new().run(&["--sandbox", kind], &task("1", &[&kill]));
        assert_eq!(ran.verdict()["status"], "fail", "{kind}: {}", ran.out);
        assert!(sleeper.try_wait().unwrap().is_none(), "{kind}");
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
    }
}

#[test]
fn a_commit_is_checked_inside() {
    for kind in kinds() {
        let tree = Tree::repository();
        let head = tree.git(&["rev-parse", "HEAD"]);
        let hook = tree.root.join(".git/hooks/x");
        let commands = [
            "git status --short && git log -1 --format=%H && touch new".to_owned(),
            format!("mkdir -p {0}; echo x > {0}/x", hook.parent().unwrap().display()),
            format!("echo x > {}/file", tree.root.display()),
        ];
        let commands: Vec<_> = commands.iter().map(String::as_str).collect();
        let ran = tree.run(&["--sandbox", kind], &task_with("1", &commands, &json!({"status":"ok","head":head})));
        assert_eq!(ran.check(0)["tail"], format!("{head}\n"), "{kind}: {}", ran.err);
        assert_eq!(ran.check(1)["status"], "fail", "{kind}: {}", ran.out);
        assert_eq!(ran.check(2)["status"], "fail", "{kind}: {}", ran.out);
        assert!(!hook.exists());
        assert_eq!(tree.read("file"), "first\n");
    }
}

#[test]
fn in_place_bubblewrap_keeps_git_and_the_run_from_being_changed() {
    for kind in kinds().filter(|kind| *kind == "bwrap") {
        let tree = Tree::repository();
        let commands = ["echo x > .git/config", "echo x > .plan/plan/run.jsonl", "git log -1 --format=%H"];
        let ran = tree.run(&["--sandbox", kind], &task("1", &commands));
        let checks = ran.verdict()["checks"].clone();
        let found: Vec<_> = checks.as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
        assert_eq!(found, ["fail", "fail", "pass"], "{}", ran.out);
    }
}

#[test]
fn the_limit_holds_inside() {
    for kind in kinds() {
        let tree = Tree::new();
        let wait = "sleep 1000 & touch begun; wait";
        let ran = tree.run(&["--sandbox", kind, "--timeout", "1.5"], &task("1", &[wait]));
        assert!(ran.check(0)["tail"].as_str().unwrap().contains("timed out"), "{kind}: {}", ran.out);
        assert!(tree.root.join("begun").exists());
    }
}

#[test]
fn one_that_was_named_and_does_not_work_is_an_error_before_anything_runs() {
    let mut tree = Tree::new();
    let bin = tree.beside("bin");
    fs::create_dir(&bin).unwrap();
    for tool in ["sh", "touch"] {
        std::os::unix::fs::symlink(format!("/bin/{tool}"), bin.join(tool)).unwrap();
    }
    fs::write(bin.join("bwrap"), "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        .unwrap();
    fs::set_permissions(bin.join("bwrap"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    tree.path(&bin);
    let ran = tree.run(&["--sandbox", "bwrap"], &task("1", &["touch ran"]));
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("No permissions to create new namespace"), "{}", ran.err);
    assert!(!tree.root.join("ran").exists());
    // By itself verify takes another one, or says loudly that there is none.
    let ran = tree.run(&[], &task("1", &["touch ran"]));
    assert_eq!(ran.verdict()["status"], "pass", "{}", ran.err);
    let expected = if works("landlock") { "sandbox landlock" } else { "NO SANDBOX" };
    assert!(ran.err.contains(expected), "{}", ran.err);
}

#[test]
fn its_own_failure_is_not_the_tasks() {
    let mut tree = Tree::new();
    let bin = tree.beside("bin");
    fs::create_dir(&bin).unwrap();
    // Works until the first real check has been begun, then never again.
    let fake = format!(
        "#!/bin/sh\nfor last; do :; done\n[ -e {0} ] && {{ echo 'bwrap: broken' >&2; exit 1; }}\n\
         [ \"$last\" = : ] || {{ : > {0}; echo 'bwrap: broken' >&2; exit 1; }}\nexit 0\n",
        tree.beside("broken").display()
    );
    fs::write(bin.join("bwrap"), fake).unwrap();
    fs::set_permissions(bin.join("bwrap"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    tree.path(format!("{}:{path}", bin.display()));
    let ran = tree.run(&["--sandbox", "bwrap"], &task("1", &["true", "true "]));
    assert_eq!((ran.verdict()["status"].as_str(), ran.code), (Some("unproven"), Some(1)), "{}", ran.err);
    assert_eq!(ran.check(0)["status"], "skipped");
    assert!(ran.check(0)["tail"].as_str().unwrap().contains("the sandbox does not work"), "{}", ran.out);
}

#[test]
fn the_usual_builds_work_inside() {
    let has = |tool: &str| std::process::Command::new(tool).arg("--version").output().is_ok();
    for kind in kinds() {
        let mut tree = Tree::new();
        // A folder that cannot be written from inside is not used.
        let elsewhere = tree.beside("elsewhere");
        tree.env("CARGO_TARGET_DIR", elsewhere.to_str().unwrap());
        tree.write("Cargo.toml", "[package]\nname='tiny'\nversion='0.1.0'\nedition='2021'\n[workspace]\n");
        tree.write("src/lib.rs", "#[test]\nfn works() {}\n");
        tree.write("Makefile", "all:\n\techo made > made\n");
        tree.write(
            "test_it.py",
            "import unittest, tempfile\nclass T(unittest.TestCase):\n    def test_it(self): tempfile.TemporaryFile().close()\n",
        );
        let commands: Vec<_> = [("cargo", "cargo test"), ("make", "make"), ("python3", "python3 -m unittest -q")]
            .into_iter()
            .filter_map(|(tool, command)| has(tool).then_some(command))
            .collect();
        let ran = tree.run(&["--sandbox", kind], &task("1", &commands));
        assert_eq!(ran.verdict()["status"], "pass", "{kind}: {}", ran.out);
    }
}
