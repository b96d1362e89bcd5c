//! What trees are given beside their commit.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Done, Tool, task};
use crate::{Ground, assert_same, content, files, result, users, write};

/// A command that counts its runs, and makes something that git ignores.
const SETUP: &str = "echo ran >> $SCRIPTS/runs; mkdir packages; echo fresh > packages/p; ln -s p packages/link";

fn runs(ground: &Ground) -> usize {
    fs::read_to_string(ground.path("scripts/runs")).unwrap_or_default().lines().count()
}

fn with(ground: &Ground, setup: &str) -> Tool {
    ground.tool().args(&["--jobs", "1", "--setup", setup])
}

#[test]
fn setup_runs_once_for_a_tree_and_what_it_made_is_there_for_each_task() {
    let ground = Ground::new();
    ground.script(
        "1",
        "cat packages/link > seen.txt; echo spoilt > packages/p; echo more > packages/more; echo x > x.log",
    );
    ground.script("2", "ls -A packages > seen.txt; cat packages/p >> seen.txt; ls *.log >> seen.txt; true");
    let before = users(&ground.repo());
    let done = with(&ground, SETUP).input(write("1", "") + &write("2", "")).run().ended(0);
    assert_eq!(runs(&ground), 1);
    let seen = |done: &Done, id: &str| content(&ground.repo(), &result(done, id)["head"], "seen.txt");
    assert_eq!(seen(&done, "1"), "fresh\n");
    assert_eq!(seen(&done, "2"), "link\np\nfresh\n");
    assert_eq!(result(&done, "1")["changed"], json!(["seen.txt"]));
    assert_same(&before, &ground.repo());

    // In the next process too, with other work in the tree; not with another command.
    fs::write(ground.repo().join("more.txt"), "more\n").unwrap();
    let done = with(&ground, SETUP).input(write("2", "")).run().ended(0);
    assert_eq!((seen(&done, "2").as_str(), runs(&ground)), ("link\np\nfresh\n", 1));
    with(&ground, &format!("{SETUP}; true")).input(write("2", "")).run().ended(0);
    assert_eq!(runs(&ground), 2);
    // When a list of packages is another one, or what the command names.
    let setup = format!("{SETUP}; true");
    for (name, times) in [("deep/package.json", 3), ("other.json", 3)] {
        fs::write(ground.repo().join(name), "{}\n").unwrap();
        with(&ground, &setup).input(write("2", "")).run().ended(0);
        assert_eq!(runs(&ground), times, "{name}");
    }
    // And for each tree: two at once need two.
    let meet = ground.path("meet").display().to_string();
    fs::create_dir(&meet).unwrap();
    for id in ["1", "2"] {
        ground
            .script(id, &format!("touch '{meet}/{id}'; until [ -e '{meet}/1' -a -e '{meet}/2' ]; do sleep 0.05; done"));
    }
    let both =
        ["1", "2"].map(|id| write(id, &format!(",\"files\":[{{\"path\":\"{id}\",\"action\":\"create\"}}]"))).concat();
    ground.tool().args(&["--setup", &setup]).input(both).run().ended(0);
    assert_eq!(runs(&ground), 4);
}

#[test]
fn those_who_read_one_tree_wait_for_one_setup() {
    let ground = Ground::new();
    for id in ["1", "2", "3"] {
        ground.script(id, "grep -q fresh packages/p");
    }
    let lines = ["1", "2", "3"].map(|id| task(id, "read-only", "")).concat();
    ground.tool().args(&["--setup", &format!("sleep 0.3; {SETUP}")]).input(lines).run().ended(0);
    assert_eq!(runs(&ground), 1);
}

#[test]
fn a_setup_that_fails_or_leaves_what_git_sees_is_a_failure_with_its_words() {
    let ground = Ground::new();
    ground.script("1", "cat a.txt > seen.txt");
    let failed = |setup: &str| {
        let done = with(&ground, setup).input(write("1", "")).run().ended(20);
        let one = result(&done, "1");
        assert_eq!(
            (&one["class"], &one["attempts"], &one["head"]),
            (&json!("other"), &Value::Null, &Value::Null),
            "{one:#}"
        );
        one["evidence"].as_str().unwrap().to_owned()
    };
    let why = failed("echo all is lost; exit 7");
    assert!(why.starts_with("--setup 'echo all is lost; exit 7' ended with 7: all is lost ("), "{why}");
    let log = why.rsplit_once('(').unwrap().1.trim_end_matches(')');
    assert_eq!(fs::read_to_string(log).unwrap(), "all is lost\n");
    assert!(failed("echo x > visible.txt").contains("visible.txt: add it to .gitignore"));

    let done = with(&ground, "echo changed > a.txt").input(write("1", "")).run().ended(0);
    assert!(done.err.contains("has changed files of the commit, which is taken back: a.txt"), "{}", done.err);
    assert_eq!(result(&done, "1")["changed"], json!(["seen.txt"]));
    assert_eq!(content(&ground.repo(), &result(&done, "1")["head"], "seen.txt"), "one, not staged\n");

    let slow =
        with(&ground, "sleep 100").args(&["--timeout", "1", "--grace", "1"]).input(write("1", "")).run().ended(20);
    assert_eq!(result(&slow, "1")["class"], "timeout");
}

#[test]
fn only_included_files_come_along_and_they_never_become_work() {
    let ground = Ground::new();
    fs::create_dir_all(ground.repo().join("packages/conf")).unwrap();
    fs::write(ground.repo().join("packages/conf/x"), "x\n").unwrap();
    // Told not to ignore them any more, git would take them for the agent's work.
    ground.script(
        "1",
        "ls -A > seen.txt; cat .env.test packages/conf/x >> seen.txt; : > .gitignore; echo y >> .env.test",
    );
    let include = ["--include", ".env.test", "--include", "./packages/conf"];
    let tool = || ground.tool().args(&["--jobs", "1"]).args(&include);
    let before = users(&ground.repo());
    let one = result(&tool().input(write("1", "")).run().ended(0), "1");
    let seen = content(&ground.repo(), &one["head"], "seen.txt");
    assert!(seen.contains(".env.test\n") && seen.ends_with("KEY=1\nx\n") && !seen.contains("old.log"), "{seen}");
    assert_eq!(one["changed"], json!([".gitignore", "seen.txt"]));
    assert!(!files(&ground.repo(), &one["head"]).iter().any(|name| name.contains("env")));
    assert_same(&before, &ground.repo());

    // Without being asked for they are not there.
    ground.script("1", "ls -A > seen.txt");
    let one = result(&ground.exec(&write("1", "")).ended(0), "1");
    assert!(!content(&ground.repo(), &one["head"], "seen.txt").contains(".env.test"));

    // A folder that the agent has swapped for a link: nothing is removed where that leads.
    let victim = ground.path("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("x"), "kept\n").unwrap();
    ground.script("1", &format!("rm -r packages/conf; ln -s '{}' packages/conf", victim.display()));
    tool().input(write("1", "")).run().ended(0);
    assert_eq!(fs::read_to_string(victim.join("x")).unwrap(), "kept\n");
}
