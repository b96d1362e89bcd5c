//! plan-draft with both real CLIs and a scripted model.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use harness::{Desk, Done, Tool, bin, finished, is_running, signal, until};
use mock_models::{Conversation, Script, Step};
use rustix::process::Signal;
use serde_json::Value;

const GOAL: &str = "Say hello in a file";
const SONNET: &str = "claude-sonnet-4-6";

const PLAN: &str = "# Hello

**Goal:** A file says hello.

## Routing summary

| Task | Work type | Backend |
|------|-----------|---------|
| 1    | implement | codex   |

### Task 1: Write the file

**Objective:** `hello.txt` says hello.
**Files:**
- Create: `hello.txt`

**Commands:**
- `grep -q hello hello.txt`

**Work type:** implement
**Backend:** codex
**Depends on:** none
**Estimate:** 2 min

**Done when:**
- [ ] `grep -q hello hello.txt` exits 0

**Output:** patch
";

fn looked() -> Conversation {
    Conversation::new([Step::shell("ls"), Step::text("a.txt and b.txt are all there is.")]).matching("Task explore: ")
}

fn writing(answers: &[&str]) -> Conversation {
    Conversation::new(answers.iter().map(|answer| Step::text(*answer))).matching("Task draft: ").across_runs()
}

fn desk(answers: &[&str]) -> Desk {
    Desk::new(Script::new([looked(), writing(answers)]))
}

fn draft(desk: &Desk, args: &[&str]) -> Done {
    desk.tool("plan-draft").args(args).run()
}

fn plans(desk: &Desk) -> Vec<PathBuf> {
    let folder = desk.repo().join("docs/plans");
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The requests of those who write, one after the other.
fn writers(desk: &Desk) -> Vec<Value> {
    let requests = desk.server.requests().into_iter();
    requests
        .filter(|request| request.conversation.as_deref() == Some("Task draft: "))
        .map(|request| request.body)
        .collect()
}

#[test]
fn a_plan_is_saved_when_it_has_no_defect_any_more() {
    let bad = PLAN.replace("**Estimate:** 2 min\n", "");
    let desk = desk(&[&format!("Here it is:\n\n````markdown\n{bad}````\n"), &format!("{PLAN}\u{1b}[2J")]);
    let done = draft(&desk, &[GOAL]).ended(0);
    let [plan] = &plans(&desk)[..] else { panic!("{done:?}") };
    let name = plan.file_name().unwrap().to_str().unwrap();
    assert!(name.ends_with("-say-hello-in-a-file.md") && name.starts_with("20") && name.len() == 33, "{name}");
    let text = fs::read_to_string(plan).unwrap();
    assert_eq!((text.as_str(), done.out.as_str()), (format!("{PLAN}[2J\n").as_str(), text.as_str()));
    Tool::ours("plan-parse").args(&["--check", "--strict"]).arg(plan).run().ended(0);
    assert!(
        done.err.contains("attempt 1 of 3: 1 defects") && done.err.contains("plan-run docs/plans/"),
        "{}",
        done.err
    );
    assert_eq!(harness::git(&desk.repo(), &["status", "--porcelain"]), "?? docs/\n", "nothing else has changed");

    // Codex looked around first, Claude wrote, in one conversation that was told what was wrong.
    let requests = desk.server.requests();
    assert!(requests[0].path.ends_with("/responses") && requests.last().unwrap().model.as_deref() == Some(SONNET));
    let writers = writers(&desk);
    assert_eq!(writers.len(), 2);
    assert!(writers[0]["messages"].to_string().contains("a.txt and b.txt are all there is."));
    let told = writers[1]["messages"].as_array().unwrap().last().unwrap().to_string();
    assert!(told.contains("task 1 has no estimate") && !told.contains("## Goal"), "{told}");

    // The second time, the name is taken, and that is said before anybody is asked.
    let asked = desk.server.requests().len();
    let again = draft(&desk, &[GOAL]).ended(2);
    assert!(again.err.contains("is there already"), "{}", again.err);
    assert_eq!((desk.server.requests().len(), fs::read_to_string(plan).unwrap()), (asked, text));
}

#[test]
fn a_drafted_plan_runs_to_its_end() {
    let patch = "*** Begin Patch\n*** Add File: hello.txt\n+hello\n*** End Patch";
    let done = Conversation::new([Step::apply_patch(patch), Step::text("Written.")]).matching("Task 1: Write the file");
    let desk = Desk::new(Script::new([done, looked(), writing(&[PLAN])]));
    draft(&desk, &[GOAL]).ended(0);
    harness::git(&desk.repo(), &["add", "-A"]);
    harness::git(&desk.repo(), &["commit", "-q", "-m", "plan"]);
    let trust = desk.repo().with_file_name("trust.toml");
    fs::write(&trust, "[[rule]]\ngate = [\"plan\", \"result\"]\ndecision = \"approved\"\n").unwrap();
    let run = desk.tool("plan-run").arg("--approve-policy").arg(&trust).arg(&plans(&desk)[0]);
    let run = run.env("GIT_AUTHOR_NAME", "Test").env("GIT_AUTHOR_EMAIL", "test@localhost");
    run.env("GIT_COMMITTER_NAME", "Test").env("GIT_COMMITTER_EMAIL", "test@localhost").run().ended(0);
    assert_eq!(fs::read_to_string(desk.repo().join("hello.txt")).unwrap(), "hello\n");
}

#[test]
fn codex_can_write_it_too() {
    let desk = desk(&[PLAN]);
    draft(&desk, &["--backend", "codex", "--name", "Greeting!", GOAL]).ended(0);
    assert!(plans(&desk)[0].to_str().unwrap().ends_with("-greeting.md"));
    assert!(desk.server.requests().iter().all(|request| request.path.ends_with("/responses")));
}

#[test]
fn a_plan_that_stays_bad_is_not_saved_and_not_lost() {
    let bad = PLAN.replace("**Backend:** codex\n", "");
    let desk = desk(&[&bad, &bad, &bad]);
    let done = draft(&desk, &["--attempts", "2", GOAL]).ended(65);
    assert_eq!((writers(&desk).len(), plans(&desk).len()), (2, 0));
    assert_eq!(done.out, bad);
    assert!(done.err.contains("task 1 has no backend") && done.err.contains("--attempts"), "{}", done.err);
}

#[test]
fn without_a_look_around_there_is_no_plan() {
    let limited = Conversation::new([Step::http(429).repeated()]).matching("Task explore: ");
    let desk = Desk::new(Script::new([limited, writing(&[PLAN])]));
    let done = draft(&desk, &[GOAL]).ended(20);
    assert!(
        done.err.contains("codex-exec: task explore: rate_limited") && done.err.contains("nobody has looked around"),
        "{}",
        done.err
    );
    assert_eq!((writers(&desk).len(), plans(&desk).len()), (0, 0));
    let open = desk.tool("plan-draft").arg(GOAL).env("CODEX_FAIL_CLOSED", "0").run();
    assert_eq!((open.ended(10).out, writers(&desk).len()), (String::new(), 0));

    let unwritten = Conversation::new([Step::http(401).repeated()]).matching("Task draft: ");
    let desk = Desk::new(Script::new([looked(), unwritten]));
    let done = draft(&desk, &[GOAL]).ended(20);
    assert!(done.err.contains("claude-exec: task draft: auth") && plans(&desk).is_empty(), "{}", done.err);
}

#[test]
fn a_template_is_a_plan_without_defects() {
    let desk = desk(&[]);
    let done = draft(&desk, &["--template", "Say", "hello"]).ended(0);
    let plan = &plans(&desk)[0];
    assert!(plan.to_str().unwrap().ends_with("-say-hello.md") && done.out.starts_with("# Say hello\n"), "{done:?}");
    Tool::ours("plan-parse").args(&["--check", "--strict"]).arg(plan).run().ended(0);
    draft(&desk, &["--template", "Say", "hello"]).ended(2);
    draft(&desk, &["--template"]).ended(0);
    draft(&desk, &[]).ended(2);
    draft(&desk, &[" "]).ended(2);
    assert_eq!(desk.server.requests().len(), 0);
}

#[test]
fn the_pipes_that_are_printed_do_the_same() {
    let desk = desk(&[PLAN]);
    let printed = draft(&desk, &["--print-pipe", "Say 'hello' in a file"]).ended(0).out;
    assert_eq!((desk.server.requests().len(), plans(&desk).len()), (0, 0));
    let path = format!("{}:{}", bin("route").parent().unwrap().display(), std::env::var("PATH").unwrap());
    desk.prepare(Tool::new("sh")).env("PATH", path).args(&["-e", "-c", &printed]).run().ended(0);
    assert_eq!(fs::read_to_string(&plans(&desk)[0]).unwrap().trim_end(), PLAN.trim_end());
    assert!(writers(&desk)[0]["messages"].to_string().contains("a.txt and b.txt are all there is."));
}

#[test]
fn a_signal_ends_it_with_all_that_it_started() {
    // Who looks around cannot write anything, so somebody else has to say that it is at work.
    let desk = desk(&[]);
    let (codex, pid) = (desk.repo().with_file_name("codex-script"), desk.repo().join("pid"));
    let text =
        format!("#!/bin/sh\ncase \"$1 $2\" in 'exec --json') echo $$ > {}; exec sleep 1000;; esac\n", pid.display());
    fs::write(&codex, text).unwrap();
    fs::set_permissions(&codex, fs::Permissions::from_mode(0o755)).unwrap();
    let child = desk.tool("plan-draft").env("CODEX_BIN", &codex).arg(GOAL).start();
    until("the agent to be at work", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    signal(&child, Signal::INT);
    finished(child).ended(130);
    assert!(!is_running(fs::read_to_string(&pid).unwrap().trim().parse().unwrap()));
    assert_eq!(plans(&desk).len(), 0);
}
