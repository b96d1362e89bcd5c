//! claude-exec with the real Claude Code and a scripted model: what each outcome is called, and what it leaves behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::{Desk, Done, Tool, finished, is_running, signal, until};
use mock_models::{Call, Conversation, Place, Script, Step, Usage, messages};
use rustix::process::Signal;
use serde_json::{Value, json};

const MODEL: &str = "claude-sonnet-4-6";

/// A task for claude: `more` are further fields, each with a comma before it.
fn task(id: &str, work_type: &str, sandbox: &str, more: &str) -> String {
    format!(
        "{{\"type\":\"task\",\"id\":\"{id}\",\"title\":\"Title {id}\",\"digest\":\"d{id}\",\"route\":{{\"work_type\":\"{work_type}\",\
         \"backend\":\"claude\",\"models\":[\"{MODEL}\"],\"sandbox\":\"{sandbox}\"}}{more}}}\n"
    )
}

fn reads(id: &str) -> String {
    task(id, "analysis", "read-only", "")
}

fn reviews(id: &str) -> String {
    task(id, "code_review", "read-only", "")
}

fn writes(id: &str, more: &str) -> String {
    task(id, "implement", "workspace-write", more)
}

fn desk(steps: impl IntoIterator<Item = Step>) -> Desk {
    Desk::new(Script::steps(steps))
}

fn exec(desk: &Desk, lines: &str) -> Done {
    desk.tool("claude-exec").input(lines).run()
}

fn result(done: &Done, id: &str) -> Value {
    done.task(id)["result"].clone()
}

/// The outcome of one task, fail-closed and not: its class, its code, and the two exit codes.
#[track_caller]
fn assert_failure(desk: &Desk, class: &str, code: u8, evidence: &str) -> Value {
    let closed = exec(desk, &reads("1")).ended(20);
    let found = result(&closed, "1");
    assert_eq!((found["class"].as_str(), &found["code"]), (Some(class), &json!(code)), "{found:#}");
    assert_eq!((&found["status"], &found["backend"]), (&json!("failed"), &json!("claude")));
    assert!(found["evidence"].as_str().unwrap().contains(evidence), "{found:#}");
    assert!(closed.err.contains(&format!("claude-exec: task 1: {class}: ")), "{}", closed.err);

    let open = desk.tool("claude-exec").env("CODEX_FAIL_CLOSED", "0").input(reads("1")).run();
    assert_eq!(result(&open.ended(code.into()), "1")["class"], class);
    found
}

#[test]
fn work_is_done_with_the_tools_for_files_and_the_commands_of_the_task() {
    let patch =
        "*** Begin Patch\n*** Add File: made.txt\n+made\n*** Update File: a.txt\n@@\n-one\n+one!\n*** End Patch";
    let usage = Usage { input_tokens: 1200, cached: 1000, output: 30, reasoning: 0 };
    let steps = [
        Step::apply_patch(patch),
        Step::shell("python3 -c \"print(6*7)\" > n.txt"),
        Step::text("All done.").usage(usage),
    ];
    let desk = desk(steps);
    let command = r#","commands":["python3 -c \"print(67)\""],"n":0.10"#.replace("67", "6*7");
    // What an asterisk stands for cannot be said in a rule, so this command is left to `verify`.
    let refused = result(&exec(&desk, &writes("1", &command)).ended(20), "1");
    assert!(refused["evidence"].as_str().unwrap().starts_with("permission_denials: Bash \"python3"), "{refused:#}");

    let steps = [
        Step::apply_patch(patch),
        Step::shell("sh -c 'echo ran >> ran.txt' && cat ran.txt"),
        Step::text("All done.").usage(usage),
    ];
    let desk = self::desk(steps);
    let line = writes("1", r#","commands":["sh -c 'echo ran >> ran.txt'"],"n":0.10"#);
    let done = exec(&desk, &line).ended(0);
    let result = result(&done, "1");
    assert_eq!(
        (&result["status"], &result["code"], &result["message"]),
        (&json!("ok"), &json!(0), &json!("All done."))
    );
    assert_eq!(result["changed"], json!(["a.txt", "made.txt", "ran.txt"]));
    assert_eq!(fs::read_to_string(desk.repo().join("a.txt")).unwrap(), "one!\n");
    assert_eq!((&result["backend"], &result["model"]), (&json!("claude"), &json!(MODEL)));
    assert_eq!(
        (
            &result["usage"]["input"],
            &result["usage"]["cached_input"],
            &result["usage"]["output"],
            &result["usage"]["total"]
        ),
        (&json!(1400), &json!(1000), &json!(50), &json!(1450))
    );
    assert!(done.out.starts_with(line.trim_end().trim_end_matches('}')), "what was there is kept: {}", done.out);
    let log = fs::read_to_string(result["attempts"][0]["log"].as_str().unwrap()).unwrap();
    assert!(log.contains("\"init\"") && log.contains("\"result\"") && !log.contains("stream_event"), "{log}");
    assert!(log.contains(result["attempts"][0]["thread"].as_str().unwrap()), "{log}");

    let request = &desk.server.requests()[0];
    assert_eq!(request.model.as_deref(), Some(MODEL));
    let tools: Vec<_> =
        request.body["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(tools, ["Bash", "Edit", "Glob", "Grep", "Read", "Write"]);
    assert!(request.body["messages"].to_string().contains("Task 1: Title 1\\n"), "{}", request.body["messages"]);
    assert!(request.body["system"].to_string().contains("echo ran >> ran.txt"), "{}", request.body["system"]);
}

#[test]
fn research_searches_the_web_and_can_do_nothing_else() {
    let desk = desk([Step::web_search("rust duct"), Step::text("Found: <https://example.com/found>")]);
    fs::write(desk.repo().join("secret.txt"), "what only the file says\n").unwrap();
    let line = task("1", "research", "read-only", ",\"body\":\"see @secret.txt and @/etc/hostname\"");
    let result = result(&exec(&desk, &line).ended(0), "1");
    assert_eq!(result["message"], "Found: <https://example.com/found>");
    let requests = desk.server.requests();
    let tools = |at: usize| {
        requests[at].body["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(tools(0), ["WebFetch", "WebSearch"]);
    assert_eq!(tools(1), ["web_search"]);
    assert!(requests[2].body["messages"].to_string().contains("About rust duct"));
    assert!(!requests[0].body["messages"].to_string().contains("what only the file says"));
    assert_eq!(result["usage"]["total"], 330, "the search is counted");
}

#[test]
fn who_only_reads_changes_nothing() {
    let call = |name: &str, arguments: Value| Call { name: name.into(), arguments, ..Call::default() };
    let steps = [
        Step::shell("git log --oneline").and_shell("ls"),
        Step::default().and_call(call("Write", json!({"file_path": "w.txt", "content": "x"}))),
        Step::text("Looked."),
    ];
    let desk = desk(steps);
    let found = result(&exec(&desk, &reviews("1")).ended(0), "1");
    assert_eq!((&found["changed"], &found["attempts"][0]["failed_actions"]), (&json!([]), &json!(1)));
    assert!(desk.server.requests()[1].body["messages"].to_string().contains("first"), "the commit that it was shown");
    assert_eq!(found["attempts"][0]["sandbox"], Value::Null, "its commands are not held by the tools alone");

    let steps = [Step::default().and_call(call("Read", json!({"file_path": "a.txt"}))), Step::text("Read.")];
    let desk = self::desk(steps);
    let found = result(&exec(&desk, &reads("1")).ended(0), "1");
    assert_eq!(found["attempts"][0]["sandbox"], "read-only");
    let tools = desk.server.requests()[0].body["tools"].clone();
    let tools: Vec<_> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(tools, ["Glob", "Grep", "Read"]);
    assert!(desk.server.requests()[1].body["messages"].to_string().contains("one"));
}

#[test]
fn a_refused_tool_is_a_failure_unless_it_is_only_counted() {
    let desk = desk([Step::shell("touch made.txt").and_shell("cat /etc/hostname"), Step::text("Done.")]);
    let refused = exec(&desk, &reviews("1")).ended(20);
    let found = result(&refused, "1");
    assert_eq!((&found["class"], &found["code"]), (&json!("other"), &json!(1)));
    assert_eq!(found["evidence"], "permission_denials: Bash \"touch made.txt\" and 1 more");
    assert_eq!((&found["message"], &found["attempts"][0]["failed_actions"]), (&json!("Done."), &json!(2)));
    assert!(!desk.repo().join("made.txt").exists());
    let counted = desk.tool("claude-exec").args(&["--refused", "count"]).input(reviews("1")).run().ended(0);
    assert_eq!(result(&counted, "1")["attempts"][0]["failed_actions"], 2);
}

#[test]
fn refused_credentials() {
    assert_failure(&desk([Step::http(401).repeated()]), "auth", 11, "401");
    assert_failure(&desk([Step::http(403).repeated()]), "auth", 11, "403");
    let desk = desk([Step::text("never asked")]);
    let done = desk.tool("claude-exec").env("ANTHROPIC_API_KEY", "").input(reads("1")).run().ended(20);
    assert_eq!(result(&done, "1")["class"], "auth");
    assert!(done.err.contains("claude auth login"), "{}", done.err);
    assert_eq!(desk.server.requests().len(), 0);
}

#[test]
fn a_limit_of_the_rate() {
    let found = assert_failure(&desk([Step::http(429).repeated()]), "rate_limited", 10, "429");
    assert_eq!(found["rate_limit"], Value::Null);
}

#[test]
fn a_limit_that_the_cli_would_sleep_out() {
    let desk = desk([Step::http(429).header("Retry-After", "50").repeated()]);
    let tool = desk.tool("claude-exec").args(&["--max-wait", "1"]);
    let before = Instant::now();
    let found = result(&tool.input(reads("1")).run().ended(20), "1");
    assert_eq!((&found["class"], &found["code"]), (&json!("rate_limited"), &json!(10)));
    assert_eq!(found["evidence"], "api_retry: 429, the next try after 50 s");
    assert!(found["rate_limit"]["resets_at"].is_string(), "{found:#}");
    assert!(before.elapsed() < Duration::from_secs(40), "{:?}", before.elapsed());
}

#[test]
fn a_limit_that_resets_soon_is_waited_for() {
    let limited = Step::http(429).header("Retry-After", "6");
    let desk = Desk::new(Script::new([Conversation::new([limited, Step::text("at last")]).across_runs()]));
    let done = exec(&desk, &reads("1")).ended(0);
    let result = result(&done, "1");
    assert_eq!((&result["message"], &result["attempts"][0]["class"]), (&json!("at last"), &json!("rate_limited")));
    assert!(done.err.contains("task 1: rate_limited; trying again in"), "{}", done.err);
}

#[test]
fn the_limit_of_a_subscription() {
    let resets_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 7200;
    let desk = desk([messages::subscription_limit_reached(resets_at).repeated()]);
    let tool =
        desk.tool("claude-exec").env("ANTHROPIC_API_KEY", "").env("CLAUDE_CODE_OAUTH_TOKEN", "mock-token-of-a-login");
    let done = tool.input(reads("1")).run().ended(20);
    let found = result(&done, "1");
    assert_eq!((&found["class"], &found["code"]), (&json!("rate_limited"), &json!(10)));
    assert_eq!(found["rate_limit"]["remaining_percent"], 0.0);
    assert!(found["rate_limit"]["resets_at"].is_string());

    let warned = messages::rate_limit_headers("allowed_warning", 0.83, resets_at);
    let step = warned.into_iter().fold(Step::text("ok"), |step, (name, value)| step.header(name, value));
    let desk = self::desk([step]);
    let tool =
        desk.tool("claude-exec").env("ANTHROPIC_API_KEY", "").env("CLAUDE_CODE_OAUTH_TOKEN", "mock-token-of-a-login");
    let found = result(&tool.input(reads("1")).run().ended(0), "1");
    assert_eq!(found["rate_limit"]["remaining_percent"], 17.0);
}

#[test]
fn a_broken_service() {
    assert_failure(&desk([Step::http(529).repeated()]), "overloaded", 1, "529");
    assert_failure(&desk([Step::http(500).repeated()]), "overloaded", 1, "500");
    assert_failure(&desk([Step::http(404).repeated()]), "model_unavailable", 1, "404");
    let too_long = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}});
    assert_failure(&desk([Step::http_body(400, too_long).repeated()]), "context_window", 1, "prompt_too_long");
}

#[test]
fn nobody_there() {
    let desk = desk([Step::text("x")]);
    let tool = desk.tool("claude-exec").env("ANTHROPIC_BASE_URL", "http://127.0.0.1:9").args(&["--retries", "0"]);
    let found = result(&tool.input(reads("1")).run().ended(20), "1");
    assert_eq!((&found["class"], &found["code"]), (&json!("network"), &json!(1)), "{found:#}");
}

#[test]
fn a_cut_stream_is_asked_for_again_by_the_cli() {
    let desk = desk([Step::cut(Place::AfterEvents(3)), Step::text("whole")]);
    assert_eq!(result(&exec(&desk, &reads("1")).ended(0), "1")["message"], "whole");
}

#[test]
fn a_refusal_and_no_answer_at_all() {
    let refusal = Step { incomplete: Some("refusal".into()), repeat: true, ..Step::text("") };
    assert_failure(&desk([refusal]), "other", 1, "stop_reason: refusal");
    assert_failure(&desk([Step::text("").repeated()]), "other", 1, "result: empty");
    let cut_off = Step { incomplete: Some("max_tokens".into()), repeat: true, ..Step::text("half") };
    assert_failure(&desk([cut_off]), "other", 1, "max_output_tokens");
}

#[test]
fn silence_is_a_stall_or_a_timeout() {
    for place in [Place::BeforeHeaders, Place::AfterEvents(2)] {
        let desk = desk([Step::hang(place).repeated()]);
        let run = |limits: &[&str], closed: &str| {
            let tool = desk.tool("claude-exec").args(limits).args(&["--grace", "1"]).env("CODEX_FAIL_CLOSED", closed);
            tool.input(reads("1")).run()
        };
        assert_eq!(result(&run(&["--stall", "4"], "1").ended(20), "1")["class"], "stalled");
        let timeout = result(&run(&["--timeout", "4"], "0").ended(12), "1");
        assert_eq!((&timeout["class"], &timeout["code"]), (&json!("timeout"), &json!(12)));
        assert!(desk.server.wait_for_idle(harness::PATIENCE).is_ok(), "the agent still talks to the model");
    }
}

#[test]
fn a_hang_is_ended_with_all_that_it_started() {
    let command = "setsid -f sh -c 'echo $$ > pid; trap \"\" TERM; while :; do sleep 1; done'; while ! [ -s pid ]; do sleep 0.1; done";
    let desk = desk([Step::shell(command), Step::hang(Place::BeforeHeaders).repeated()]);
    let tool = desk.tool("claude-exec").args(&["--timeout", "8", "--grace", "1", "--sandbox", "danger-full-access"]);
    let done = tool.input(reads("1") + &task("2", "analysis", "read-only", ",\"needs\":[\"1\"]")).run().ended(20);
    assert_eq!(result(&done, "1")["class"], "timeout");
    assert_eq!(result(&done, "2"), json!({"status": "held", "backend": "claude", "held_by": "1"}));
    let pid: u32 = fs::read_to_string(desk.repo().join("pid")).unwrap().trim().parse().unwrap();
    assert!(!is_running(pid));
    assert!(desk.server.wait_for_idle(harness::PATIENCE).is_ok(), "the agent still talks to the model");
}

#[test]
fn a_signal_ends_the_agent_and_emits_what_is_known() {
    let desk = desk([Step::shell("echo $$ > pid; while :; do sleep 1; done")]);
    let tool = desk.tool("claude-exec").args(&["--sandbox", "danger-full-access", "--grace", "1"]);
    let mut child = tool.start();
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all((reads("1") + &task("2", "analysis", "read-only", ",\"needs\":[\"1\"]")).as_bytes())
        .unwrap();
    let pid = desk.repo().join("pid");
    until("the agent to be at work", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    signal(&child, Signal::TERM);
    let done = finished(child).ended(143);
    let found = result(&done, "1");
    assert_eq!((&found["class"], &found["code"]), (&json!("cancelled"), &json!(1)));
    assert_eq!(found["usage"]["total"], 110, "what it had used until then: {found:#}");
    assert_eq!(result(&done, "2"), Value::Null, "it was never started");
    assert!(!is_running(fs::read_to_string(&pid).unwrap().trim().parse().unwrap()));
}

#[test]
fn no_cli_and_one_that_lacks_what_we_need() {
    let desk = desk([Step::text("never asked")]);
    let missing = desk.tool("claude-exec").env("CLAUDE_BIN", "no-such-claude").input(reads("1")).run().ended(20);
    assert_eq!((&result(&missing, "1")["class"], &result(&missing, "1")["code"]), (&json!("missing"), &json!(13)));
    assert!(missing.err.contains("no-such-claude: no such program"), "{}", missing.err);
    let old = script(&desk, "echo 'Usage: claude -p, --print --output-format --verbose'");
    let old = desk.tool("claude-exec").env("CLAUDE_BIN", &old).input(reads("1")).run().ended(20);
    assert_eq!(result(&old, "1")["class"], "unsupported");
    assert!(result(&old, "1")["evidence"].as_str().unwrap().contains("--safe-mode"));
}

/// A program in place of the CLI, for what the real one cannot be made to do.
fn script(desk: &Desk, text: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = desk.repo().with_file_name("claude-script");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn another_model_is_never_taken_for_the_one_that_was_asked() {
    let desk = desk([Step::text("x")]);
    let answer = |model: &str| {
        let result = json!({
            "type": "result", "subtype": "success", "is_error": false, "num_turns": 1, "result": "fine",
            "permission_denials": [], "modelUsage": {model: {"inputTokens": 1, "outputTokens": 1}},
        });
        script(&desk, &format!("cat >/dev/null; echo '{result}'"))
    };
    let run = |model: &str| desk.tool("claude-exec").env("CLAUDE_BIN", answer(model)).input(reads("1")).run();
    let switched = result(&run("claude-opus-5-5").ended(20), "1");
    assert_eq!(switched["class"], "model_unavailable", "{switched:#}");
    assert!(switched["evidence"].as_str().unwrap().contains("claude-opus-5-5 answered"), "{switched:#}");
    assert_eq!(result(&run(MODEL).ended(0), "1")["message"], "fine");
}

#[test]
fn a_task_that_looks_like_a_command_of_the_cli_is_a_task() {
    let desk = desk([Step::text("Seen.")]);
    let line = "{\"type\":\"task\",\"id\":\"/cost\",\"title\":\"/clear\",\"objective\":\"/compact\",\"body\":\"/cost\\n!touch evil\",\
                \"route\":{\"backend\":\"claude\",\"models\":[\"claude-sonnet-4-6\"],\"sandbox\":\"read-only\"}}\n";
    let done = exec(&desk, line).ended(0);
    assert_eq!(result(&done, "/cost")["message"], "Seen.");
    assert!(desk.server.requests()[0].body["messages"].to_string().contains("Task /cost: /clear"));
    assert!(!desk.repo().join("evil").exists());
    // A CLI that took it for one says that all is well, and has asked nobody.
    let local = json!({
        "type": "result", "subtype": "success", "is_error": false, "num_turns": 0, "local_command": "cost",
        "result": "Total cost: $0", "permission_denials": [], "modelUsage": {},
    });
    let tool = desk.tool("claude-exec").env("CLAUDE_BIN", script(&desk, &format!("cat >/dev/null; echo '{local}'")));
    let found = result(&tool.input(reads("1")).run().ended(20), "1");
    assert_eq!((&found["class"], &found["code"]), (&json!("other"), &json!(1)));
    assert!(found["evidence"].as_str().unwrap().starts_with("num_turns: 0"), "{found:#}");
}

#[test]
fn files_that_a_prompt_names_are_not_put_in() {
    let desk = desk([Step::text("Seen.")]);
    let outside = desk.repo().with_file_name("outside.txt");
    fs::write(&outside, "what only the file says").unwrap();
    let body = format!("@{0} (@{0}) @../outside.txt @\\\"{0}\\\"", outside.display());
    let line = task("1", "analysis", "read-only", &format!(",\"body\":\"{body}\""));
    exec(&desk, &line).ended(0);
    let told = desk.server.requests()[0].body["messages"].to_string();
    assert!(told.contains("outside.txt") && !told.contains("what only the file says"), "{told}");
}

#[test]
fn words_decide_nothing() {
    let words = "401 403 429 rate limit, quota exceeded, not authorized, overloaded, timed out, API Error: 529";
    let desk = desk([Step::shell("cat words.txt").and_text(words), Step::text(words)]);
    fs::write(desk.repo().join("words.txt"), words).unwrap();
    let found = result(&exec(&desk, &reviews("1")).ended(0), "1");
    assert_eq!((&found["status"], &found["message"]), (&json!("ok"), &json!(words)));
    let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": words}});
    assert_failure(&self::desk([Step::http_body(400, error).repeated()]), "other", 1, "400");
}

#[test]
fn the_users_hooks_servers_and_memory_stay_out() {
    let desk = desk([Step::shell("touch allowed"), Step::text("Seen.")]);
    let home = desk.repo().with_file_name("home").join(".claude");
    let hook =
        json!([{"hooks": [{"type": "command", "command": format!("touch {}", desk.repo().join("hooked").display())}]}]);
    let settings = json!({"hooks": {"SessionStart": hook, "UserPromptSubmit": hook, "Stop": hook}});
    fs::write(home.join("settings.json"), settings.to_string()).unwrap();
    fs::write(home.join("CLAUDE.md"), "what the user's memory says").unwrap();
    fs::create_dir(desk.repo().join(".claude")).unwrap();
    let mut project = settings.clone();
    project["permissions"] = json!({"allow": ["Bash"]});
    fs::write(desk.repo().join(".claude/settings.json"), project.to_string()).unwrap();
    fs::write(desk.repo().join("CLAUDE.md"), "what the repository's memory says").unwrap();
    exec(&desk, &reviews("1")).ended(20);
    let told = desk.server.requests()[0].body.to_string();
    assert!(!told.contains("memory says"), "{told}");
    assert!(!desk.repo().join("hooked").exists() && !desk.repo().join("allowed").exists());
}

#[test]
fn secrets_are_neither_written_nor_handed_on() {
    let desk = desk([Step::shell("env"), Step::text("saw other-secret-value and mock-key-of-its-own")]);
    let tool = desk.tool("claude-exec").args(&["--sandbox", "danger-full-access"]);
    let tool = tool.env("MY_SECRET_TOKEN", "other-secret-value").env("ANTHROPIC_API_KEY", "mock-key-of-its-own");
    let done = tool.input(reads("1")).run().ended(0);
    let found = result(&done, "1");
    let log = fs::read_to_string(found["attempts"][0]["log"].as_str().unwrap()).unwrap();
    for text in [&log, &done.out, &done.err] {
        assert!(!text.contains("other-secret-value") && !text.contains("mock-key-of-its-own"), "{text}");
    }
    assert!(done.out.contains("saw [MY_SECRET_TOKEN removed]"), "{}", done.out);
    let told = desk.server.requests().pop().unwrap().body.to_string();
    assert!(!told.contains("other-secret-value\\n"), "the environment of commands: {told}");
}

#[test]
fn a_retry_goes_on_in_the_same_conversation_from_any_folder() {
    let script = Script::steps([Step::text("first"), Step::text("second"), Step::text("third")]);
    let desk = Desk::new(script);
    let first = result(&exec(&desk, &reads("1")).ended(0), "1");
    let thread = first["attempts"][0]["thread"].as_str().unwrap();
    let again = |thread: &str| {
        let batch = format!(
            ",\"batch\":{{\"number\":1,\"attempt\":2,\"feedback\":\"cargo test failed\",\"thread\":\"{thread}\"}}"
        );
        task("1", "analysis", "read-only", &batch)
    };
    let second = result(&exec(&desk, &again(thread)).ended(0), "1");
    assert_eq!((&second["message"], &second["attempts"][0]["thread"]), (&json!("second"), &json!(thread)));
    assert_eq!(second["usage"]["total"], 110, "only what this call has used");
    let told = desk.server.requests()[1].body["messages"].clone();
    assert!(
        told[0].to_string().contains("## Goal")
            && told.as_array().unwrap().last().unwrap().to_string().contains("cargo test failed"),
        "{told:#}"
    );

    // The tree of a later attempt is another one.
    let elsewhere = desk.repo().with_file_name("elsewhere");
    harness::repository(&elsewhere, &[]);
    let third = desk.tool("claude-exec").args(&["-C", elsewhere.to_str().unwrap()]).input(again(thread)).run().ended(0);
    assert_eq!(
        (&result(&third, "1")["message"], &result(&third, "1")["attempts"][0]["thread"]),
        (&json!("third"), &json!(thread))
    );

    // One that is gone is told everything anew.
    let gone = result(&exec(&desk, &again("01a20338-e27f-42b3-a132-6e420b9ac8c3")).ended(0), "1");
    assert_eq!(gone["message"], "first");
    assert!(gone["attempts"][0]["afresh"].is_string(), "{gone:#}");
}

#[test]
fn the_variables_of_the_other_cli_are_not_ours() {
    let desk = desk([Step::text("x").repeated()]);
    let variables =
        |tool: Tool| tool.env("CODEX_MODEL", "gpt-5.5").env("CODEX_EFFORT", "ultra").env("CODEX_MODEL_CODE", "gpt-5.5");
    let asked = |tool: Tool, line: &str| {
        tool.input(line).run().ended(0);
        desk.server.requests().pop().unwrap()
    };
    let request = asked(variables(desk.tool("claude-exec")), &reads("1"));
    assert_eq!((request.model.as_deref(), &request.body["output_config"]["effort"]), (Some(MODEL), &json!("high")));
    let unnamed = "{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"route\":{\"backend\":\"claude\"}}\n";
    assert_eq!(asked(variables(desk.tool("claude-exec")), unnamed).model.as_deref(), Some(MODEL));
    let flags = ["--model", "claude-opus-5-5", "--effort", "low"];
    let request = asked(desk.tool("claude-exec").args(&flags), &reads("1"));
    assert_eq!(
        (request.model.as_deref(), &request.body["output_config"]["effort"]),
        (Some("claude-opus-5-5"), &json!("low"))
    );
}

#[test]
fn only_tasks_for_claude() {
    let desk = desk([Step::text("done").repeated()]);
    let decided = |backend: &str, status: &str, digest: &str| {
        format!(
            "{{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"digest\":\"d\",\"route\":{{\"backend\":\"codex\",\"models\":[\"gpt-5.3-codex\"],\"effort\":\"xhigh\",\"sandbox\":\"read-only\"}},\
             \"result\":{{\"status\":\"failed\",\"code\":10,\"class\":\"rate_limited\",\"backend\":\"codex\",\"attempts\":[{{\"backend\":\"codex\",\"seconds\":3.10}}]}},\
             \"decisions\":[{{\"gate\":\"fallback\",\"status\":\"{status}\",\"by\":\"person:x\",\"at\":\"2026-01-01T00:00:00Z\",\"task_digest\":\"{digest}\",\"backend\":\"{backend}\",\"model\":\"{MODEL}\"}}]}}\n"
        )
    };
    let codex = "{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"route\":{\"backend\":\"codex\"}}\n".to_owned();
    let manual = codex.replace("codex", "manual");
    for line in [
        codex,
        manual,
        decided("claude", "denied", "d"),
        decided("claude", "pending", "d"),
        decided("claude", "approved", "other"),
        decided("codex", "approved", "d"),
    ] {
        assert_eq!(exec(&desk, &line).ended(0).out, line);
    }
    assert_eq!(desk.server.requests().len(), 0);
    let done = exec(&desk, &decided("claude", "approved", "d")).ended(0);
    let found = result(&done, "1");
    assert_eq!((&found["backend"], &found["model"], &found["status"]), (&json!("claude"), &json!(MODEL), &json!("ok")));
    assert!(
        done.out.contains("\"attempts\":[{\"backend\":\"codex\",\"seconds\":3.10},{\"backend\":\"claude\""),
        "{}",
        done.out
    );
    // The effort of the route was meant for the models of the route; a flag cannot replace the model that was agreed on.
    assert_ne!(desk.server.requests()[0].body["output_config"]["effort"], "xhigh");
    let flag =
        desk.tool("claude-exec").args(&["--model", "claude-opus-5-5"]).input(decided("claude", "approved", "d")).run();
    assert_eq!(result(&flag.ended(0), "1")["model"], MODEL);
    assert_eq!(desk.server.requests()[1].model.as_deref(), Some(MODEL));
}

#[test]
fn prompts_can_be_looked_at_and_the_cli_examined() {
    let desk = desk([Step::text("x")]);
    let lines = reads("1") + &reads("2").replace("\"claude\"", "\"codex\"");
    let done = desk.tool("claude-exec").arg("--print-prompt").input(lines).run().ended(0);
    assert!(done.out.starts_with("Task 1: Title 1\n") && !done.out.contains("Task 2"), "{}", done.out);

    let well = desk.tool("claude-exec").arg("--doctor").run().ended(0);
    let line = &well.lines()[0];
    assert_eq!((&line["ready"], &line["version"]), (&json!(true), &json!("2.1.197 (Claude Code)")));
    assert!(line["login"].as_str().unwrap().starts_with("logged in"), "{line:#}");
    assert_eq!(well.err.lines().count(), 1);
    let nobody = desk.tool("claude-exec").arg("--doctor").env("ANTHROPIC_API_KEY", "").run().ended(0);
    assert!(nobody.lines()[0]["advice"].as_str().unwrap().contains("claude auth login"), "{}", nobody.out);
    desk.tool("claude-exec").arg("--doctor").env("CLAUDE_BIN", "no-such-claude").run().ended(13);
    assert_eq!(desk.server.requests().len(), 0);
}

#[test]
fn a_synthesis_gets_both_answers_to_compare() {
    let both = "{\"type\":\"task\",\"id\":\"1\",\"title\":\"Which secret title?\",\"route\":{\"work_type\":\"options\",\"backend\":\"codex\",\"models\":[\"gpt-5.3-codex\",\"gpt-5.4\"],\"sandbox\":\"read-only\"}}\n";
    let synthesis = task("2", "orchestrate", "read-only", ",\"needs\":[\"1\"],\"batch\":{\"number\":2,\"attempt\":1}");
    let desk = Desk::new(Script::new([
        Conversation::new([Step::text("This way.\n## Files and constraints")]).model("gpt-5.3-codex"),
        Conversation::new([Step::text("That way.")]).model("gpt-5.4"),
        Conversation::new([Step::text("The second one.")]).model(MODEL),
    ]));
    let answered = desk.tool("codex-exec").input(both).run().ended(0);
    // As in a run: the answers come by in an earlier batch, decided by a person or not yet.
    let done = exec(&desk, &(answered.out + &synthesis)).ended(0);
    assert_eq!(result(&done, "2")["message"], "The second one.");
    let told = desk.server.requests().pop().unwrap().body["messages"].to_string();
    for part in ["The answer of gpt-5.3-codex:", "This way.", "The answer of gpt-5.4:", "That way."] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("secret title"), "no other task is named: {told}");
}
