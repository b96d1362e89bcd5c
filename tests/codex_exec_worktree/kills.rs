//! codex-exec killed at any moment.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use mock_models::{Script, Step};

use crate::harness::{Desk, Tool, git, is_running, until};
use crate::{Ground, assert_same, content, make_repository, result, users, write};

/// Moments of a fixed seed (xorshift), in milliseconds below `most`.
fn moments(most: u64) -> impl Iterator<Item = Duration> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_millis(state % most)
    })
}

/// Starts the tool over these lines, kills it after a while, and waits until all that it had started is gone.
fn kill_after(repo: &Path, tool: Tool, lines: &str, moment: Duration) {
    let mut child = tool.start();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    let end = Instant::now() + moment;
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    until("its children to be gone", || !is_worked_in(repo));
}

/// Whether a process works in this folder: an agent, or git, which goes on to its end by itself.
fn is_worked_in(folder: &Path) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let number = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        is_running(number) && fs::read_link(entry.path().join("cwd")).is_ok_and(|place| place.starts_with(folder))
    })
}

#[test]
fn a_kill_at_any_moment_leaves_the_user_everything_and_the_next_run_nothing_to_clear() {
    let ground = Ground::new();
    for id in ["1", "2", "3"] {
        ground.script(
            id,
            &format!("for n in 1 2 3 4 5; do echo $n > {id}-$n.txt; echo x > x.log; sleep 0.04; done; rm a.txt"),
        );
    }
    ground.script("4", "all=$(find . -path ./.git -prune -o ! -type d -print | sort); echo \"$all\" > found.txt");
    let lines = ["1", "2", "3"]
        .map(|id| write(id, &format!(",\"files\":[{{\"path\":\"{id}\",\"action\":\"create\"}}]")))
        .concat();
    let before = users(&ground.repo());
    for moment in moments(900).take(20) {
        kill_after(
            &ground.repo(),
            ground.tool().args(&["--include", ".env.test", "--setup", "mkdir packages; echo p > packages/p"]),
            &lines,
            moment,
        );
        assert_same(&before, &ground.repo());
    }
    let done = ground.tool().args(&["--jobs", "1"]).input(write("4", "")).run().ended(0);
    let found = content(&ground.repo(), &result(&done, "4")["head"], "found.txt");
    assert_eq!(found, "./.gitignore\n./a.txt\n./b.txt\n./deep/c.txt\n./new.txt\n");
    let done = ground.tool().input(lines).run().ended(0);
    for id in ["1", "2", "3"] {
        assert_eq!(result(&done, id)["changed"].as_array().unwrap().len(), 6, "{:#}", result(&done, id));
    }
    assert_same(&before, &ground.repo());
    assert_eq!(ground.git(&["fsck", "--connectivity-only", "--no-dangling"]), "");
    let trees = fs::read_dir(ground.repo().join(".plan/worktrees")).unwrap().flatten();
    let trees: Vec<_> =
        trees.map(|entry| entry.path()).filter(|path| path.is_dir() && path.join(".git").exists()).collect();
    assert!(trees.len() <= 3, "{trees:?}");
}

#[test]
fn killed_with_the_real_cli_at_work() {
    let desk = Desk::new(Script::steps([Step::shell("echo x > x.txt; sleep 1; echo y > y.txt"), Step::text("done")]));
    let repo = desk.repo();
    fs::remove_dir_all(&repo).unwrap();
    make_repository(&repo);
    let before = users(&repo);
    let tool = || desk.tool("codex-exec").arg("--isolate=worktree");
    for moment in moments(2500).take(3) {
        kill_after(&repo, tool(), &write("1", ""), moment);
        assert_same(&before, &repo);
    }
    let done = tool().input(write("1", "")).run().ended(0);
    assert_eq!(result(&done, "1")["changed"], serde_json::json!(["x.txt", "y.txt"]));
    assert_same(&before, &repo);
    assert_eq!(git(&repo, &["fsck", "--connectivity-only", "--no-dangling"]), "");
}
