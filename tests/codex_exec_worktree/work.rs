//! What tasks find in their trees, and what becomes of what they leave.

use std::fs;

use mock_models::{Conversation, Script, Step};
use serde_json::{Value, json};

use crate::harness::{Desk, git, task};
use crate::{Ground, assert_same, content, files, make_repository, result, users, write};

/// With the real CLI: three write at once and none sees another; a fourth finds the work of two of them once it has landed.
#[test]
fn three_at_once_and_a_fourth_that_needs_two_of_them() {
    let at_once = "mkdir -p ../meet; touch ../meet/$ID; until [ -e ../meet/1 -a -e ../meet/2 -a -e ../meet/3 ]; do sleep 0.05; done";
    let work = |id: &str| {
        let shell = at_once.replace("$ID", id)
            + &format!("; cat a.txt b.txt new.txt > seen-{id}.txt; ls -A > names-{id}.txt; echo {id} >> deep/c.txt");
        Conversation::new([Step::shell(shell), Step::text("done")]).matching(format!("Task {id}: "))
    };
    let fourth = Conversation::new([Step::shell("cat one.txt two.txt > four.txt"), Step::text("done")]);
    let first = |id: &str, name: &str| {
        let shell = at_once.replace("$ID", id)
            + &format!(
                "; cat a.txt b.txt new.txt > {name}.txt; ls -A > /dev/null; ls -A | tr '\\n' ' ' > names-{id}.txt"
            );
        Conversation::new([Step::shell(shell), Step::text("done")]).matching(format!("Task {id}: "))
    };
    let script = Script::new([first("1", "one"), first("2", "two"), work("3"), fourth.matching("Task 4: ")]);
    let desk = Desk::new(script);
    let repo = desk.repo();
    fs::remove_dir_all(&repo).unwrap();
    make_repository(&repo);
    let before = users(&repo);
    let head = git(&repo, &["rev-parse", "HEAD"]);

    let lines = ["1", "2", "3"]
        .map(|id| write(id, &format!(",\"files\":[{{\"path\":\"{id}.txt\",\"action\":\"create\"}}]")))
        .concat();
    let plan = "{\"type\":\"plan\",\"path\":\"docs/plans/p.md\"}\n".to_owned();
    let done = desk.tool("codex-exec").arg("--isolate=worktree").input(plan + &lines).run().ended(0);
    assert_same(&before, &repo);
    let results = ["1", "2", "3"].map(|id| result(&done, id));
    for (result, id) in results.iter().zip(["1", "2", "3"]) {
        assert_eq!(result["status"], "ok", "{result:#}");
        let head = result["head"].as_str().unwrap();
        let of = |args: &[&str]| git(&repo, args).trim().to_owned();
        assert_eq!(
            of(&["log", "-1", "--format=%P %s", head]),
            format!("{} Title {id}", result["base"].as_str().unwrap())
        );
        assert_eq!(of(&["rev-parse", &format!("plan-and-execute/p/{id}/1")]), head);
        assert_eq!((&result["workdir"], &result["tampering"]), (&Value::Null, &Value::Null), "{result:#}");
        assert_eq!(result["base"], results[0]["base"], "they began together");
        let names = content(&repo, &result["head"], &format!("names-{id}.txt"));
        let names: Vec<&str> = names.split_whitespace().collect();
        let mine = [[".git", ".gitignore", "a.txt", "b.txt", "deep"].as_slice(), &["new.txt"]].concat();
        assert!(mine.iter().all(|name| names.contains(name)), "{names:?}");
        assert!(!names.contains(&"old.log") && !names.contains(&".env.test"), "{names:?}");
    }
    let seen = "one, not staged\ntwo, staged and changed again\nnew\n";
    assert_eq!(content(&repo, &results[0]["head"], "one.txt"), seen);
    assert_eq!(results[0]["changed"], json!(["names-1.txt", "one.txt"]));
    assert_eq!(results[2]["changed"], json!(["deep/c.txt", "names-3.txt", "seen-3.txt"]));
    assert_eq!(content(&repo, &results[2]["base"], "deep/c.txt"), "three\n");
    let parent = git(&repo, &["rev-parse", &format!("{}^", results[0]["base"].as_str().unwrap())]);
    assert_eq!(parent, head, "the base is the user's work on top of the user's commit");

    // Landing, by hand.
    for (result, name) in [(&results[0], "one.txt"), (&results[1], "two.txt")] {
        git(&repo, &["checkout", result["head"].as_str().unwrap(), "--", name]);
        git(&repo, &["commit", "-q", "-m", name, "--", name]);
    }
    let before = users(&repo);
    let line = write("4", ",\"needs\":[\"1\",\"2\"],\"batch\":{\"number\":2,\"attempt\":1}");
    let done = desk.tool("codex-exec").arg("--isolate=worktree").input(line).run().ended(0);
    let fourth = result(&done, "4");
    assert_eq!(fourth["changed"], json!(["four.txt"]), "{fourth:#}");
    assert_eq!(content(&repo, &fourth["head"], "four.txt"), [seen, seen].concat());
    assert_same(&before, &repo);
}

/// In one stream nothing lands, so who needs a commit on a branch would not find it.
#[test]
fn who_needs_work_that_has_not_landed_is_held() {
    let ground = Ground::new();
    ground.script("1", "echo x > x.txt");
    ground.script("2", "false");
    ground.script("3", "true");
    let done = ground.exec(&(write("1", "") + &write("2", ",\"needs\":[\"1\"]"))).ended(20);
    assert_eq!(result(&done, "2"), json!({"status": "held", "backend": "codex", "held_by": "1"}));
    assert!(done.err.contains("whose work is on a branch of its own"), "{}", done.err);
    // The same from a record of earlier; what has landed counts.
    let line = done.out.lines().next().unwrap();
    let again = format!("{line}\n{}", write("3", ",\"needs\":[\"1\"]"));
    assert_eq!(result(&ground.exec(&again).ended(20), "3")["status"], "held");
    let landed = line.trim_end_matches('}').to_owned() + "},\"landed\":{\"status\":\"merged\",\"commit\":\"x\"}}";
    let again = format!("{landed}\n{}", write("3", ",\"needs\":[\"1\"]"));
    assert_eq!(result(&ground.exec(&again).ended(0), "3")["status"], "ok");
}

/// The trees are used again, and each task finds nothing but its commit.
#[test]
fn nothing_of_one_task_reaches_the_next() {
    let ground = Ground::new();
    ground.script(
        "1",
        "echo x > left.txt; echo x > left.log; mkdir packages; echo x > packages/p; chmod 0 packages; git init -q inner; \
         ln -s /etc/passwd link; echo changed > a.txt; rm b.txt; mkfifo pipe; echo '*.txt' > deep/.gitignore",
    );
    ground.script(
        "2",
        "all=$(find . -path ./.git -prune -o ! -type d -print | sort; cat a.txt b.txt); echo \"$all\" > found.txt",
    );
    let before = users(&ground.repo());
    let done = ground.exec(&(write("1", "") + &write("2", ""))).ended(0);
    assert_same(&before, &ground.repo());
    let found = content(&ground.repo(), &result(&done, "2")["head"], "found.txt");
    let wanted =
        "./.gitignore\n./a.txt\n./b.txt\n./deep/c.txt\n./new.txt\none, not staged\ntwo, staged and changed again\n";
    assert_eq!(found, wanted);
    let trees = fs::read_dir(ground.repo().join(".plan/worktrees")).unwrap().flatten();
    assert_eq!(trees.filter(|entry| entry.path().is_dir()).count(), 1, "one tree for both");
    assert!(!files(&ground.repo(), &result(&done, "1")["head"]).contains(&"left.log".to_owned()));
}

#[test]
fn a_task_that_changes_nothing_has_an_empty_commit() {
    let ground = Ground::new();
    ground.script("1", "true");
    let one = result(&ground.exec(&write("1", "")).ended(0), "1");
    assert_eq!(one["changed"], json!([]));
    let (base, head) = (one["base"].as_str().unwrap(), one["head"].as_str().unwrap());
    assert_eq!(
        ground.git(&["rev-parse", &format!("{head}^"), &format!("{head}^{{tree}}")]),
        format!("{base}\n{}", ground.git(&["rev-parse", &format!("{base}^{{tree}}")]))
    );
}

#[test]
fn the_tree_of_a_failed_task_is_kept_when_there_is_something_to_see() {
    let ground = Ground::new();
    ground.script("1", "echo half > half.txt; exit 1");
    ground.script("2", "exit 1");
    ground.script("3", "ls > ls.txt");
    let tool = || ground.tool().args(&["--jobs", "1"]).env("CODEX_FAIL_CLOSED", "0");
    let before = users(&ground.repo());
    let done = tool().input(write("1", "") + &write("2", "") + &write("3", "")).run().ended(1);
    let one = result(&done, "1");
    assert_eq!((&one["status"], &one["changed"], &one["head"]), (&json!("failed"), &json!(["half.txt"]), &Value::Null));
    let kept = std::path::Path::new(one["workdir"].as_str().unwrap()).to_owned();
    assert_eq!(fs::read_to_string(kept.join("half.txt")).unwrap(), "half\n");
    assert!(git(&kept, &["show", "--stat"]).contains("half.txt"));
    assert_eq!(result(&done, "2")["workdir"], Value::Null);
    assert_eq!(content(&ground.repo(), &result(&done, "3")["head"], "ls.txt"), "a.txt\nb.txt\ndeep\nls.txt\nnew.txt\n");
    // The same task again: the one from before is replaced.
    let again = result(&tool().input(write("1", "")).run().ended(1), "1");
    assert_eq!(again["workdir"], one["workdir"]);
    assert_same(&before, &ground.repo());
}

#[test]
fn a_retry_goes_on_from_the_commit_of_the_last_attempt() {
    let ground = Ground::new();
    ground.script("1", "echo first > one.txt; echo first > both.txt");
    let one = result(&ground.exec(&write("1", "")).ended(0), "1");
    ground.script("1", "echo second >> both.txt; rm one.txt; echo second > two.txt");
    let batch =
        |head: &str| format!(",\"batch\":{{\"number\":2,\"attempt\":2,\"feedback\":\"no\",\"head\":\"{head}\"}}");
    let two = result(&ground.exec(&write("1", &batch(one["head"].as_str().unwrap()))).ended(0), "1");
    assert_eq!(two["base"], one["base"]);
    assert_eq!(
        ground.git(&["rev-parse", &format!("{}^@", two["head"].as_str().unwrap())]),
        one["base"].as_str().unwrap()
    );
    assert_eq!(content(&ground.repo(), &two["head"], "both.txt"), "first\nsecond\n");
    assert_eq!(two["changed"], json!(["both.txt", "two.txt"]));
    assert_eq!(ground.git(&["rev-parse", "plan-and-execute/plan/1/2"]), two["head"].as_str().unwrap());

    // One that is not here, one that is no commit of a task, and no id at all: it begins with the user's work.
    let first = ground.git(&["rev-parse", "HEAD"]);
    ground.script("1", "echo third >> both.txt");
    for head in ["0123456789012345678901234567890123456789", &first, "--all", "HEAD~1"] {
        let three = result(&ground.exec(&write("1", &batch(head))).ended(0), "1");
        assert_eq!(content(&ground.repo(), &three["head"], "both.txt"), "third\n", "{head}");
    }
}

#[test]
fn what_the_user_does_between_two_tasks_is_in_the_next_tree() {
    let ground = Ground::new();
    ground.script("1", &format!("echo later > '{}'", ground.repo().join("later.txt").display()));
    ground.script("2", "cat later.txt > seen.txt");
    let done = ground.exec(&(write("1", "") + &write("2", ""))).ended(0);
    assert_eq!(content(&ground.repo(), &result(&done, "2")["head"], "seen.txt"), "later\n");
    assert_ne!(result(&done, "1")["base"], result(&done, "2")["base"]);
}

#[test]
fn those_who_read_share_a_tree_and_leave_nothing() {
    let ground = Ground::new();
    let meet = ground.path("meet");
    fs::create_dir(&meet).unwrap();
    let (all, meet) = (["1", "2", "3"], meet.display().to_string());
    for id in all {
        let wait = format!("until [ -e '{meet}/1' -a -e '{meet}/2' -a -e '{meet}/3' ]; do sleep 0.05; done");
        ground.script(id, &format!("pwd > '{meet}/{id}.where'; touch '{meet}/{id}'; {wait}; cat new.txt"));
    }
    let before = users(&ground.repo());
    let done = ground.tool().input(all.map(|id| task(id, "read-only", "")).concat()).run().ended(0);
    let places: Vec<String> = all.iter().map(|id| fs::read_to_string(format!("{meet}/{id}.where")).unwrap()).collect();
    assert!(places[0].contains(".plan/worktrees/") && places.iter().all(|place| *place == places[0]), "{places:?}");
    for id in all {
        let result = result(&done, id);
        assert_eq!((&result["changed"], &result["head"], &result["base"]), (&json!([]), &Value::Null, &Value::Null));
    }
    // One that writes all the same is found out, and nobody reads there who comes after it.
    let go = ground.path("go").display().to_string();
    ground.script("1", "echo x > x.txt");
    ground.script("2", &format!("until [ -e '{go}' ]; do sleep 0.05; done"));
    ground.script("3", &format!("touch '{go}'; test ! -e x.txt"));
    let tool = ground.tool().args(&["--jobs", "2"]);
    let done = tool.input(all.map(|id| task(id, "read-only", "")).concat()).run().ended(0);
    assert_eq!(result(&done, "1")["changed"], json!(["x.txt"]));
    assert_same(&before, &ground.repo());
}
