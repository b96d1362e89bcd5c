//! What an agent does to git itself.

use serde_json::{Value, json};

use crate::{Ground, content, result, write};

const AS: &str = "-c user.name=a -c user.email=a@a";

/// One line for what was done, and work that is a single commit on its base all the same.
#[track_caller]
fn assert_told(script: &str, wanted: &str) {
    let ground = Ground::new();
    ground.script("1", &format!("set -e; echo work > work.txt; {}", script.replace("GIT", &format!("git {AS}"))));
    let done = ground.exec(&write("1", "")).ended(0);
    let one = result(&done, "1");
    let told: Vec<&str> = one["tampering"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(told.iter().any(|line| line.contains(wanted)), "{wanted} in {one:#}");
    assert!(done.err.contains("beside its work the agent "), "{}", done.err);
    assert_eq!(content(&ground.repo(), &one["head"], "work.txt"), "work\n");
    let parents = ground.git(&["rev-parse", &format!("{}^@", one["head"].as_str().unwrap())]);
    assert_eq!(parents, one["base"].as_str().unwrap());
}

#[test]
fn commits_branches_and_tags() {
    assert_told("GIT add -A; GIT commit -qm own; GIT commit -qm more --allow-empty", "made 2 commits of its own");
    assert_told("GIT reset -q --hard HEAD~1; echo work > work.txt", "moved HEAD to where the history is another one");
    assert_told("GIT checkout -q -b mine", "checked out the branch mine");
    assert_told("GIT checkout -q -b mine", "made the branch mine");
    assert_told("GIT tag v1", "made the tag v1");
    assert_told("GIT update-ref refs/heads/main HEAD~1 || GIT branch -f other; GIT branch x", "made the branch x");
    assert_told("GIT update-ref refs/heads/main $(GIT commit-tree -m x HEAD^{tree})", "moved the branch main");
    assert_told("GIT stash -q -u; echo work > work.txt", "made refs/stash");
}

#[test]
fn what_steers_git() {
    assert_told("GIT config core.hooksPath /tmp", "changed what steers git: config");
    assert_told("echo 'touch /tmp/x' > $(GIT rev-parse --git-common-dir)/hooks/post-commit", "hooks/post-commit");
    assert_told("echo '*.rs' >> $(GIT rev-parse --git-common-dir)/info/exclude", "info/exclude");
    assert_told("echo '* -diff' > $(GIT rev-parse --git-common-dir)/info/attributes", "info/attributes");
    assert_told(
        "GIT config extensions.worktreeConfig true; GIT config --worktree x.y z",
        "gave the tree settings of its own",
    );
    assert_told("rm .git; GIT init -q", "replaced the .git of its tree");
    assert_told(
        "cp -r $(GIT rev-parse --git-dir) /tmp/$$; echo gitdir: /tmp/$$ > .git; rm -r /tmp/$$",
        "replaced the .git",
    );
    assert_told("GIT init -q inner; touch inner/x", "made a repository in inner");
}

/// What git was told not to look at is work all the same.
#[test]
fn marks_in_the_index_and_things_half_done() {
    assert_told("GIT update-index --assume-unchanged a.txt", "marked files as assume-unchanged: a.txt");
    assert_told(
        "GIT update-index --skip-worktree a.txt deep/c.txt",
        "marked files as skip-worktree: a.txt, deep/c.txt",
    );
    assert_told(
        "GIT checkout -q -b side; echo s > a.txt; GIT commit -qam s; GIT checkout -q -b other HEAD~1; echo o > a.txt; \
         GIT commit -qam o; GIT merge side || true; echo work > work.txt",
        "left a merge unfinished",
    );
    let ground = Ground::new();
    ground.script("1", "git update-index --assume-unchanged a.txt; echo hidden > a.txt");
    let one = result(&ground.exec(&write("1", "")).ended(0), "1");
    assert_eq!(one["changed"], json!(["a.txt"]));
}

/// Landing goes on while agents work, the user commits and fetches, and other tasks end.
#[test]
fn what_others_do_meanwhile_is_not_the_agents_doing() {
    let ground = Ground::new();
    let repo = ground.repo().display().to_string();
    let at_home = format!("cd '{repo}'; unset GIT_DIR; ");
    let land =
        "git -c user.name=a -c user.email=a@a commit -q --allow-empty -m 'T' -m 'Plan: p.md\nTask: 1\nTask-Digest: d'";
    let commit = "git -c user.name=a -c user.email=a@a commit -q --allow-empty -m own";
    for others in [
        land.to_owned(),
        // Without an entry in the log of the user's HEAD.
        "git update-ref refs/heads/main $(printf 'T\n\nPlan: p.md\nTask: 1\n' | git -c user.name=a -c user.email=a@a commit-tree -p HEAD HEAD^{tree})".to_owned(),
        commit.to_owned(),
        "git update-ref refs/remotes/origin/main HEAD".to_owned(),
        "git update-ref refs/heads/plan-and-execute/p/7/1 HEAD".to_owned(),
        "git worktree add -q --detach ../verify; echo x > own.txt; git add own.txt".to_owned(),
    ] {
        ground.script("1", &format!("set -e; ({at_home}{others})"));
        let one = result(&ground.exec(&write("1", "")).ended(0), "1");
        assert_eq!(one["tampering"], Value::Null, "{others}");
    }
    // What is rewritten is told, whoever did it.
    ground.script(
        "1",
        &format!(
            "set -e; ({at_home} git -c user.name=a -c user.email=a@a commit -q --amend --allow-empty -m rewritten)"
        ),
    );
    let one = result(&ground.exec(&write("1", "")).ended(0), "1");
    assert_eq!(one["tampering"], json!(["moved the branch main"]));
}
