//! codex-exec with the real Codex CLI: tasks that are tried again in the conversation of the last attempt, what may be
//! spent, and limits that are waited out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::{Desk, Done, finished, signal, task, until};
use mock_models::codex_home::CodexHome;
use mock_models::{Conversation, Script, Step, agents, responses};
use rustix::process::Signal;
use serde_json::{Value, json};

const VERSIONS: [&str; 3] = [agents::CODEX_TODAY, agents::CODEX_SPRING, agents::CODEX_WINTER];

fn on(version: &str, script: Script) -> Desk {
    Desk::with(version, script, &CodexHome::without_retries())
}

/// The task of that id as plan-batch sends it again.
fn again(id: &str, sandbox: &str, thread: &str) -> String {
    let feedback = "cargo test failed with exit code 101:\\nthe number is \\\"wrong\\\"";
    let batch = format!(
        ",\"body\":\"The whole story.\",\"batch\":{{\"number\":2,\"attempt\":2,\"feedback\":\"{feedback}\",\"thread\":\"{thread}\"}}"
    );
    task(id, sandbox, &batch)
}

/// What the user has said in a request, all messages together.
fn said(desk: &Desk) -> String {
    let body = desk.server.requests().pop().unwrap().body;
    let messages = body["input"].as_array().unwrap().iter().filter(|item| item["role"] == "user");
    let texts = messages.flat_map(|message| message["content"].as_array().unwrap().clone());
    texts.map(|part| part["text"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>().join("\n----\n")
}

fn result(done: &Done, id: &str) -> Value {
    done.task(id)["result"].clone()
}

const RETRY: &str = "Task 1: Title 1\n\nYour work on this task was looked at and is not accepted yet. This was found:\n\n\
                     cargo test failed with exit code 101:\nthe number is \"wrong\"\n";

#[test]
fn the_same_conversation_goes_on_with_the_feedback_alone() {
    for version in VERSIONS {
        let tokens = |input, output| json!({"input_tokens": input, "output": output});
        let step =
            |step: Step, input, output| Step { usage: serde_json::from_value(tokens(input, output)).unwrap(), ..step };
        let script = Script::steps([
            step(Step::shell("echo 1 > number.txt"), 1000, 10),
            step(Step::text("first"), 2000, 20),
            step(Step::shell("echo 2 > number.txt; echo x > ../outside.txt"), 300, 3),
            step(Step::text("second"), 400, 4),
        ]);
        let desk = on(version, script);
        let first = result(&desk.exec(&task("1", "workspace-write", ",\"body\":\"The whole story.\"")).ended(0), "1");
        assert_eq!(first["usage"]["total"], 3030, "{version}");
        let thread = first["attempts"][0]["thread"].as_str().unwrap();

        let second = result(&desk.exec(&again("1", "workspace-write", thread)).ended(0), "1");
        let attempt = &second["attempts"][0];
        assert_eq!((&second["message"], attempt["thread"].as_str()), (&json!("second"), Some(thread)), "{version}");
        assert_eq!(second["attempts"].as_array().unwrap().len(), 1, "{version}: {second:#}");
        assert_eq!(attempt["afresh"], Value::Null);
        assert_eq!(second["usage"]["total"], 707, "only what this attempt has used, {version}");
        // Without being told anew, the CLI would have gone on in a read-only sandbox.
        assert_eq!(attempt["sandbox"], "workspace-write", "{version}");
        assert_eq!(fs::read_to_string(desk.repo().join("number.txt")).unwrap(), "2\n", "{version}");
        let said = said(&desk);
        let (before, now) = said.rsplit_once("\n----\n").unwrap();
        assert_eq!(now, RETRY, "{version}");
        assert!(before.contains("The whole story."), "{version}: {before}");

        // A read-only task stays read-only in a conversation that could write.
        let done = desk.exec(&again("1", "read-only", thread)).ended(0);
        assert_eq!(result(&done, "1")["attempts"][0]["sandbox"], "read-only", "{version}");
    }
}

#[test]
fn a_conversation_that_is_not_here_is_begun_anew_with_all_that_is_known() {
    let unknown = "019a0000-0000-7000-8000-000000000000";
    for version in VERSIONS {
        let desk = on(version, Script::steps([Step::text("done").repeated()]));
        for thread in [unknown, "--last", "8000-000000000000", ""] {
            let done = desk.exec(&again("1", "read-only", thread)).ended(0);
            let result = result(&done, "1");
            let attempts = result["attempts"].as_array().unwrap();
            assert_eq!(attempts.len(), 1, "{version} {thread}: {result:#}");
            assert!(attempts[0]["afresh"].as_str().unwrap().contains(thread), "{result:#}");
            assert_ne!(attempts[0]["thread"], thread);
            assert!(done.err.contains("it is told everything anew"), "{}", done.err);
            let said = said(&desk);
            for text in ["The whole story.", "## Why this is tried again", "the number is \"wrong\""] {
                assert!(said.contains(text), "{version}: {text} in {said}");
            }
        }
    }
}

/// The log of the conversation is there when we look and of no use to the CLI when it does.
#[test]
fn a_conversation_that_the_cli_cannot_open_costs_one_call_and_no_work() {
    let thread = "019a0000-0000-7000-8000-000000000000";
    // An empty log it refuses; one that leads nowhere it does not find, and up to 0.116 begins a new conversation instead.
    for (version, is_link) in VERSIONS.into_iter().flat_map(|version| [(version, false), (version, true)]) {
        let desk = on(version, Script::steps([Step::text("done").repeated()]));
        let day = desk.repo().with_file_name("home/.codex/sessions/2026/11/22");
        fs::create_dir_all(&day).unwrap();
        let log = day.join(format!("rollout-2026-11-22T12-00-00-{thread}.jsonl"));
        if is_link {
            std::os::unix::fs::symlink("/nowhere", log).unwrap();
        } else {
            fs::write(log, "").unwrap();
        }
        let done = desk.exec(&again("1", "workspace-write", thread)).ended(0);
        let result = result(&done, "1");
        let attempts = result["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 2, "{version}: {result:#}");
        assert_eq!((&attempts[0]["class"], &attempts[1]["class"]), (&json!("other"), &Value::Null), "{version}");
        assert!(attempts[1]["afresh"].as_str().unwrap().contains(thread), "{result:#}");
        assert!(said(&desk).contains("The whole story."), "{version}");
    }
}

#[test]
fn feedback_without_a_conversation_reaches_the_agent_too() {
    let desk = on(agents::CODEX_TODAY, Script::steps([Step::text("done").repeated()]));
    let batch = ",\"batch\":{\"number\":2,\"attempt\":2,\"feedback\":\"use less memory\",\"thread\":null}";
    desk.exec(&task("1", "read-only", batch)).ended(0);
    assert!(said(&desk).ends_with("\n\nuse less memory\n"), "{}", said(&desk));
    let line = again("1", "read-only", "nobody");
    let printed = desk.tool("codex-exec").arg("--print-prompt").input(line.clone()).run().ended(0).out;
    assert!(printed.starts_with("Task 1: ") && printed.trim_end().ends_with("the number is \"wrong\""), "{printed}");
    // Two models cannot both go on from one conversation.
    let two = line.replace("[\"gpt-5.3-codex\"]", "[\"gpt-5.3-codex\",\"gpt-5.4\"]");
    let done = desk.exec(&two).ended(0);
    assert_eq!(result(&done, "1")["attempts"][1]["afresh"], Value::Null);
    assert!(said(&desk).contains("The whole story."));
}

#[test]
fn a_run_that_has_spent_its_tokens_starts_nothing_more() {
    let lines = task("1", "read-only", "") + &task("2", "read-only", "") + &task("3", "read-only", "");
    let usage =
        Step { usage: serde_json::from_value(json!({"input_tokens": 90, "output": 10})).unwrap(), ..Step::text("x") };
    for closed in ["1", "0"] {
        let desk = on(agents::CODEX_TODAY, Script::steps([usage.clone().repeated()]));
        let tool = || desk.tool("codex-exec").args(&["--jobs", "1"]).env("CODEX_FAIL_CLOSED", closed);
        let done = tool().args(&["--max-tokens", "100"]).input(lines.clone()).run().ended(20);
        assert_eq!(result(&done, "1")["status"], "ok");
        for id in ["2", "3"] {
            let result = result(&done, id);
            assert_eq!(
                (&result["status"], &result["code"], &result["class"], &result["attempts"]),
                (&json!("failed"), &json!(1), &json!("budget"), &Value::Null),
                "{result:#}"
            );
            let told = format!("codex-exec: task {id}: budget: --max-tokens 100: 100 are used; raise that limit");
            assert!(done.err.contains(&told), "{}", done.err);
        }
        assert_eq!(desk.server.requests().len(), 1);
        tool().args(&["--max-tokens", "301"]).input(lines.clone()).run().ended(0);
    }
}

#[test]
fn calls_of_agents_are_counted_for_a_run_and_for_a_task() {
    let desk = on(agents::CODEX_TODAY, Script::steps([Step::text("x").repeated()]));
    let attempts = ",\"result\":{\"status\":\"failed\",\"code\":1,\"backend\":\"claude\",\"attempts\":[{\"backend\":\"claude\",\"usage\":{\"total\":500}},{\"backend\":\"claude\"}]}";
    let lines = task("1", "read-only", attempts) + &task("2", "read-only", "");
    let run = |args: &[&str]| {
        let before = desk.server.requests().len();
        let tool = desk.tool("codex-exec").args(&["--jobs", "1"]).args(args).env("CODEX_FAIL_CLOSED", "0");
        let done = tool.input(lines.clone()).run();
        let classes = ["1", "2"].map(|id| result(&done, id)["class"].as_str().unwrap_or("-").to_owned());
        (done.code, classes.join(" "), desk.server.requests().len() - before)
    };
    let of = |code, classes: &str, calls| (code, classes.to_owned(), calls);
    assert_eq!(run(&["--max-attempts", "1"]), of(20, "- budget", 1));
    assert_eq!(run(&["--max-attempts", "2"]), of(0, "- -", 2));
    assert_eq!(run(&["--max-task-attempts", "2"]), of(20, "budget -", 1));
    assert_eq!(run(&["--max-task-attempts", "3"]), of(0, "- -", 2));
    assert_eq!(run(&["--max-task-tokens", "500"]), of(20, "budget -", 1));
    assert_eq!(run(&["--max-task-tokens", "501"]), of(0, "- -", 2));
    desk.tool("codex-exec").args(&["--max-tokens", "0"]).run().ended(2);

    // Fail-closed, a task that is refused on its own account holds up the others as any other failure does.
    let done = desk.tool("codex-exec").args(&["--jobs", "1", "--max-task-attempts", "2"]).input(lines.clone()).run();
    assert_eq!(result(&done.ended(20), "2")["held_by"], "1");
}

/// A retry is a call like any other.
#[test]
fn what_may_not_be_spent_is_not_spent_on_retries() {
    let cut = Step::cut(mock_models::Place::AfterEvents(2)).and_text("half").repeated();
    let desk = on(agents::CODEX_TODAY, Script::steps([cut]));
    let tool = || desk.tool("codex-exec").args(&["--retries", "3"]).input(task("1", "read-only", ""));
    for (flag, calls) in [("--max-attempts", 1), ("--max-task-attempts", 2)] {
        let done = tool().args(&[flag, &calls.to_string()]).run().ended(20);
        let result = result(&done, "1");
        assert_eq!(result["class"], "network");
        assert_eq!(result["attempts"].as_array().unwrap().len(), calls, "{result:#}");
    }
}

fn in_seconds(seconds: u64) -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + seconds
}

/// As the service says that a limit is used up: in the body, and in the headers that tell the state of both limits.
fn limited_until(resets_at: u64) -> Step {
    let headers = responses::rate_limit_headers(100.0, resets_at, 30.0, resets_at + 86_400);
    headers.into_iter().fold(responses::usage_limit_reached(resets_at), |step, (name, value)| step.header(name, value))
}

/// The task that is limited first has done something already, and goes on; nothing else starts meanwhile.
#[test]
fn a_limit_is_waited_out_when_the_user_says_so() {
    let resets_at = in_seconds(8);
    let work = [
        Step::shell("echo one >> work.txt"),
        limited_until(resets_at),
        Step::shell("echo two >> work.txt"),
        Step::text("done"),
    ];
    let script = Script::new([
        Conversation::new(work).matching("Task 1: "),
        Conversation::new([Step::text("later")]).matching("Task 2: "),
    ]);
    let desk = Desk::new(script);
    let lines = task("1", "workspace-write", "") + &task("2", "read-only", "");
    let tool = desk.tool("codex-exec").args(&["--jobs", "1", "--timeout", "60", "--wait-for-reset", "1m"]);
    let done = tool.input(lines).run().ended(0);
    let result = result(&done, "1");
    assert_eq!(fs::read_to_string(desk.repo().join("work.txt")).unwrap(), "one\ntwo\n", "{result:#}");
    let attempts = result["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["class"]), (2, &json!("rate_limited")));
    assert_eq!(attempts[0]["thread"], attempts[1]["thread"]);
    assert!(done.err.contains("task 1: rate_limited: nothing is started until 20"), "{}", done.err);
    assert!(in_seconds(0) >= resets_at);
}

#[test]
fn nothing_is_started_while_a_limit_is_waited_out_and_a_signal_is_heard_at_once() {
    let resets_at = in_seconds(300);
    let script = Script::new([
        Conversation::new([limited_until(resets_at)]).matching("Task 1: "),
        Conversation::new([Step::text("later").repeated()]),
    ]);
    let desk = Desk::new(script);
    let tool = desk.tool("codex-exec").args(&["--timeout", "60", "--wait-for-reset", "10m"]);
    let mut child = tool.start();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(task("1", "read-only", "").as_bytes()).unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut told = Vec::new();
    until("the pause to be told", || {
        let mut piece = [0; 4096];
        let count = std::io::Read::read(&mut stderr, &mut piece).unwrap();
        told.extend_from_slice(&piece[..count]);
        String::from_utf8_lossy(&told).contains("nothing is started until")
    });
    let held = ",\"needs\":[\"8\"]";
    let unfinished = "{\"type\":\"task\",\"id\":\"8\",\"title\":\"t\",\"route\":{\"backend\":\"other\"}}\n";
    let more = task("2", "read-only", "") + unfinished + &task("3", "read-only", held) + "{\"type\":\"note\"}\n";
    stdin.write_all(more.as_bytes()).unwrap();
    // Whatever takes no agent passes by all the same.
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("\"note\"") || !seen.contains("\"held\"") {
        assert_ne!(std::io::BufRead::read_line(&mut out, &mut seen).unwrap(), 0, "{seen}");
    }
    assert_eq!(desk.server.requests().len(), 1);
    let begun = Instant::now();
    signal(&child, Signal::TERM);
    std::io::Read::read_to_string(&mut out, &mut seen).unwrap();
    assert_eq!(finished(child).code, 143);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(seen.contains("\"class\":\"cancelled\""), "{seen}");
    assert!(seen.contains(&task("2", "read-only", "")), "it was not even begun: {seen}");
    assert_eq!(desk.server.requests().len(), 1);
}

#[test]
fn a_reset_that_is_too_far_away_is_not_waited_for() {
    let desk = Desk::new(Script::steps([limited_until(in_seconds(7200)).repeated()]));
    for most in ["600", "1h 30m"] {
        let tool = desk.tool("codex-exec").args(&["--wait-for-reset", most]);
        let done = tool.input(task("1", "read-only", "")).run().ended(20);
        assert_eq!(result(&done, "1")["class"], "rate_limited");
    }
    desk.tool("codex-exec").args(&["--wait-for-reset", "soon"]).run().ended(2);
}
