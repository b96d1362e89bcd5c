//! codex-exec with the real Codex CLI and a scripted model: what each outcome is called, and what it leaves behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use harness::{Desk, Done, Tool, finished, is_running, signal, task, until};
use mock_models::codex_home::CodexHome;
use mock_models::{Conversation, Place, Script, Step, agents, responses};
use rustix::process::Signal;
use serde_json::{Value, json};

const VERSIONS: [&str; 3] = [agents::CODEX_TODAY, agents::CODEX_SPRING, agents::CODEX_WINTER];

fn on(version: &str, steps: impl IntoIterator<Item = Step>) -> Desk {
    Desk::with(version, Script::steps(steps), &CodexHome::without_retries())
}

/// One read-only task against this script.
fn one(desk: &Desk) -> Done {
    desk.exec(&task("1", "read-only", ""))
}

/// The outcome of one task, fail-closed and not: its class, its code, and the two exit codes.
#[track_caller]
fn assert_failure(desk: &Desk, class: &str, code: u8) -> Value {
    let closed = one(desk).ended(20);
    let line = closed.task("1");
    assert_eq!((line["result"]["class"].as_str(), &line["result"]["code"]), (Some(class), &json!(code)), "{closed:#?}");
    assert_eq!(line["result"]["status"], "failed");
    assert!(line["result"]["evidence"].is_string());
    assert!(closed.err.contains(&format!("codex-exec: task 1: {class}: ")), "{}", closed.err);

    let open = desk.tool("codex-exec").env("CODEX_FAIL_CLOSED", "0").input(task("1", "read-only", "")).run();
    assert_eq!(open.ended(code.into()).task("1")["result"]["class"], class);
    line
}

#[test]
fn success_on_every_release() {
    for version in VERSIONS {
        let desk = on(version, [Step::shell("echo made > made.txt; echo more >> a.txt"), Step::text("All done.")]);
        let line =
            task("1", "workspace-write", ",\"files\":[{\"path\":\"made.txt\",\"action\":\"create\"}],\"n\":0.10");
        let done = desk.exec(&line).ended(0);
        let result = &done.task("1")["result"];
        assert_eq!(
            (&result["status"], &result["code"], &result["message"]),
            (&json!("ok"), &json!(0), &json!("All done."))
        );
        assert_eq!(result["changed"], json!(["a.txt", "made.txt"]), "{version}");
        assert_eq!(result["usage"]["total"], 220, "{version}");
        assert_eq!(result["model"], "gpt-5.3-codex");
        assert_eq!(result["attempts"][0]["sandbox"], "workspace-write", "{version}: {result:#}");
        assert!(done.out.starts_with(line.trim_end().trim_end_matches('}')), "what was there is kept: {}", done.out);
        let log = fs::read_to_string(result["attempts"][0]["log"].as_str().unwrap()).unwrap();
        assert!(log.contains("\"thread.started\"") && log.contains("\"turn.completed\""), "{log}");
        assert!(log.contains(result["attempts"][0]["thread"].as_str().unwrap()), "{log}");
        let request = &desk.server.requests()[0];
        assert_eq!(request.model.as_deref(), Some("gpt-5.3-codex"));
        assert_eq!(request.body["reasoning"]["effort"], "high");
        assert!(request.body.to_string().contains("Task 1: Title 1\\n"), "{}", request.body);
    }
}

#[test]
fn read_only_writes_nothing_and_tells_so() {
    for version in [agents::CODEX_TODAY, agents::CODEX_SPRING] {
        let desk = on(version, [Step::shell("sleep 0.5; echo made > made.txt"), Step::text("I did it")]);
        let result = &one(&desk).ended(0).task("1")["result"];
        assert!(!desk.repo().join("made.txt").exists(), "{version}");
        assert_eq!(result["attempts"][0]["sandbox"], "read-only");
        assert_eq!(result["changed"], json!([]));
        if version == agents::CODEX_TODAY {
            // The spring's release drops the end of a command from its events now and then, and that of today does so
            // when the command ends at once.
            assert_eq!(result["attempts"][0]["failed_actions"], 1, "{result:#}");
        }
    }
}

#[test]
fn refused_credentials() {
    for version in VERSIONS {
        let error = json!({"error": {"message": "Incorrect API key provided."}});
        assert_failure(&on(version, [Step::http_body(401, error).repeated()]), "auth", 11);
    }
}

#[test]
fn a_missing_key() {
    let desk = on(agents::CODEX_TODAY, [Step::text("never asked")]);
    let done = desk.tool("codex-exec").env("MOCK_KEY", "").input(task("1", "read-only", "")).run().ended(20);
    assert_eq!(done.task("1")["result"]["class"], "auth");
    assert_eq!(desk.server.requests().len(), 0);
}

/// As the service says that a limit is used up: in the body, and in the headers that tell the state of both limits.
fn limited_until(resets_at: u64) -> Step {
    let headers = responses::rate_limit_headers(100.0, resets_at, 30.0, resets_at + 86_400);
    headers.into_iter().fold(responses::usage_limit_reached(resets_at), |step, (name, value)| step.header(name, value))
}

#[test]
fn a_limit_with_the_time_of_its_reset() {
    // Far in the future, so that it is neither waited for nor past.
    let resets_at = 4_000_000_000;
    for version in VERSIONS {
        let desk = on(version, [limited_until(resets_at).repeated()]);
        let line = assert_failure(&desk, "rate_limited", 10);
        let limit = &line["result"]["rate_limit"];
        assert_eq!(
            (&limit["remaining_percent"], &limit["resets_at"]),
            (&json!(0.0), &json!("2096-10-02T07:06:40Z")),
            "{version}"
        );
    }
}

#[test]
fn a_limit_that_resets_soon_is_waited_for() {
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 4;
    let script = Script::new([Conversation::new([limited_until(soon), Step::text("at last")]).across_runs()]);
    let desk = Desk::with(agents::CODEX_TODAY, script, &CodexHome::without_retries());
    let done = one(&desk).ended(0);
    let result = &done.task("1")["result"];
    assert_eq!((&result["message"], result["attempts"].as_array().unwrap().len()), (&json!("at last"), 2));
    assert_eq!(result["attempts"][0]["class"], "rate_limited");
    assert!(done.err.contains("task 1: rate_limited; trying again in"), "{}", done.err);
}

#[test]
fn a_limit_that_the_cli_would_sleep_out() {
    let home = CodexHome::default();
    let limited = Step::http(429).header("Retry-After", "3600").repeated();
    let desk = Desk::with(agents::CODEX_TODAY, Script::steps([limited]), &home);
    let before = Instant::now();
    let done =
        desk.tool("codex-exec").args(&["--stall", "3", "--timeout", "40"]).input(task("1", "read-only", "")).run();
    let line = done.ended(20).task("1");
    assert_eq!((&line["result"]["class"], &line["result"]["code"]), (&json!("rate_limited"), &json!(10)));
    assert!(before.elapsed() < Duration::from_secs(30), "{:?}", before.elapsed());
}

#[test]
fn a_broken_server() {
    for version in VERSIONS {
        assert_failure(&on(version, [Step::http(500).repeated()]), "overloaded", 1);
    }
}

#[test]
fn a_stream_that_is_cut() {
    let cut = || Step::cut(Place::AfterEvents(2)).and_text("half").repeated();
    for version in VERSIONS {
        let desk = on(version, [cut()]);
        let line = assert_failure(&desk, "network", 1);
        assert_eq!(line["result"]["attempts"].as_array().unwrap().len(), 2, "tried again once: {line:#}");
    }
}

#[test]
fn a_cut_stream_after_work_is_not_run_again() {
    let desk = on(
        agents::CODEX_TODAY,
        [Step::shell("echo x >> a.txt"), Step::cut(Place::AfterEvents(2)).and_text("half").repeated()],
    );
    let line = desk.exec(&task("1", "workspace-write", "")).ended(20).task("1");
    assert_eq!(line["result"]["class"], "network");
    assert_eq!(line["result"]["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(fs::read_to_string(desk.repo().join("a.txt")).unwrap(), "one\nx\n");
}

#[test]
fn a_retired_model() {
    let text = "The 'gpt-5.3-codex' model is not supported when using Codex with a ChatGPT account.";
    for body in [json!({"detail": text}), json!({"error": {"type": "invalid_request_error", "message": text}})] {
        for version in VERSIONS {
            let desk = on(version, [Step::http_body(400, body.clone()).repeated()]);
            assert_failure(&desk, "model_unavailable", 1);
            let told = one(&desk).err;
            assert!(told.contains("CODEX_MODEL_CODE") && told.contains("CODEX_MODEL_LOGIC"), "{told}");
        }
    }
}

#[test]
fn a_full_context_window() {
    let error =
        json!({"error": {"code": "context_length_exceeded", "message": "too long", "type": "invalid_request_error"}});
    assert_failure(&on(agents::CODEX_TODAY, [Step::http_body(400, error).repeated()]), "context_window", 1);
}

#[test]
fn nobody_there() {
    let desk = Desk::with(agents::CODEX_TODAY, Script::steps([Step::text("x")]), &CodexHome::without_retries());
    let config = desk.repo().parent().unwrap().join("home/.codex/config.toml");
    let text = fs::read_to_string(&config).unwrap().replace(&desk.server.port().to_string(), "1");
    fs::write(&config, text).unwrap();
    let line = assert_failure(&desk, "network", 1);
    assert!(line["result"]["evidence"].as_str().unwrap().contains("http_connection_failed"), "{line:#}");
}

/// What the agent and its commands say decides nothing, in success and in failure.
#[test]
fn words_decide_nothing() {
    let words = "The author is not authorized: 401, 403, 429 rate limit, quota exceeded, usage limit, timed out";
    for version in VERSIONS {
        let talk = || [Step::shell(format!("echo '{words}'; echo '{words}' >&2")).and_text(words), Step::text(words)];
        let done = one(&on(version, talk())).ended(0);
        assert_eq!(
            (&done.task("1")["result"]["status"], &done.task("1")["result"]["message"]),
            (&json!("ok"), &json!(words))
        );

        let [first, _] = talk();
        let error = json!({"error": {"message": format!("Bad request. {words}"), "type": "invalid_request_error"}});
        let desk = on(version, [first, Step::http_body(400, error).repeated()]);
        assert_failure(&desk, "other", 1);
    }
}

#[test]
fn a_hang_is_ended_with_all_that_it_started() {
    let command = "setsid -f sh -c 'echo $$ > pid; trap \"\" TERM; while :; do sleep 1; done'; while ! [ -s pid ]; do sleep 0.1; done";
    let desk = on(agents::CODEX_TODAY, [Step::shell(command), Step::hang(Place::BeforeHeaders).repeated()]);
    let before = Instant::now();
    let done = desk
        .tool("codex-exec")
        .args(&["--timeout", "6", "--grace", "1", "--sandbox", "danger-full-access"])
        .input(task("1", "read-only", "") + &task("2", "read-only", ",\"needs\":[\"1\"]"))
        .run()
        .ended(20);
    assert_eq!(
        (&done.task("1")["result"]["class"], &done.task("1")["result"]["code"]),
        (&json!("timeout"), &json!(12))
    );
    assert_eq!(done.task("2")["result"], json!({"status": "held", "backend": "codex", "held_by": "1"}));
    assert!(before.elapsed() < Duration::from_secs(30), "{:?}", before.elapsed());
    let pid: u32 = fs::read_to_string(desk.repo().join("pid")).unwrap().trim().parse().unwrap();
    assert!(!is_running(pid));
    assert!(desk.server.wait_for_idle(harness::PATIENCE).is_ok(), "the agent still talks to the model");
}

#[test]
fn no_progress_is_a_stall_and_not_a_timeout() {
    let desk = on(agents::CODEX_TODAY, [Step::hang(Place::AfterHeaders).repeated()]);
    let run = |closed: &str| {
        let tool = desk.tool("codex-exec").args(&["--stall", "3", "--grace", "1"]).env("CODEX_FAIL_CLOSED", closed);
        tool.input(task("1", "read-only", "")).run()
    };
    assert_eq!(run("1").ended(20).task("1")["result"]["class"], "stalled");
    assert_eq!(run("0").ended(12).task("1")["result"]["code"], 12);
}

#[test]
fn no_cli_and_one_too_old() {
    let desk = on(agents::CODEX_OLD, [Step::text("never asked").repeated()]);
    let line = assert_failure(&desk, "unsupported", 13);
    assert_eq!(line["result"]["attempts"], Value::Null, "no call was made: {line:#}");
    assert_eq!(desk.server.requests().len(), 0);

    let two = task("1", "read-only", "") + &task("2", "read-only", "");
    let missing = desk.tool("codex-exec").env("CODEX_BIN", "no-such-codex").input(two).run().ended(20);
    assert_eq!(
        (&missing.task("1")["result"]["class"], &missing.task("1")["result"]["code"]),
        (&json!("missing"), &json!(13))
    );
    assert_eq!(missing.task("2")["result"]["status"], "held");
    assert!(missing.err.contains("no-such-codex: no such program"), "{}", missing.err);
    let open = desk.tool("codex-exec").env("CODEX_BIN", "no-such-codex").env("CODEX_FAIL_CLOSED", "0");
    open.input(task("1", "read-only", "")).run().ended(13);
}

#[test]
fn after_a_failure_nothing_more_is_started_unless_asked_for() {
    let script = || {
        let bad = Conversation::new([Step::http(401).repeated()]).matching("Task 1: ");
        Script::new([bad]).otherwise(Step::text("fine").repeated())
    };
    let lines = task("1", "read-only", "")
        + &task("2", "read-only", ",\"needs\":[\"1\"]")
        + &task("3", "read-only", "")
        + "{\"type\":\"note\",\"n\":1.50}\n";
    let desk = Desk::new(script());
    let done = desk.tool("codex-exec").args(&["--jobs", "1"]).input(lines.clone()).run().ended(20);
    for id in ["2", "3"] {
        assert_eq!(done.task(id)["result"], json!({"status": "held", "backend": "codex", "held_by": "1"}), "{id}");
    }
    assert!(done.out.contains("{\"type\":\"note\",\"n\":1.50}\n"));

    let open =
        desk.tool("codex-exec").args(&["--jobs", "1"]).env("CODEX_FAIL_CLOSED", "0").input(lines).run().ended(11);
    assert_eq!(open.task("2")["result"]["held_by"], "1");
    assert_eq!(open.task("3")["result"]["status"], "ok");
}

#[test]
fn three_at_once_and_writers_of_one_file_after_each_other() {
    // Each looks for one that may be there beside it, as long as a command may take.
    let work = |(id, other): (&str, &str)| {
        let wait = format!("for n in $(seq 90); do grep -q 'start [{other}]' order.log && break; sleep 0.1; done");
        let shell = format!("echo start {id} >> order.log; {wait}; echo end {id} >> order.log");
        Conversation::new([Step::shell(shell), Step::text("done")]).matching(format!("Task {id}: "))
    };
    let desk = Desk::new(Script::new([("1", "3"), ("2", "3"), ("3", "12")].map(work)));
    let file = |path: &str| format!(",\"files\":[{{\"path\":\"{path}\",\"action\":\"modify\"}}]");
    let lines = task("1", "workspace-write", &file("a.txt"))
        + &task("2", "workspace-write", &file("./a.txt"))
        + &task("3", "workspace-write", &file("b.txt"));
    desk.exec(&lines).ended(0);
    let order = fs::read_to_string(desk.repo().join("order.log")).unwrap();
    let at = |line: &str| order.lines().position(|found| found == line).unwrap_or_else(|| panic!("{line} in {order}"));
    assert!(at("end 1") < at("start 2") || at("end 2") < at("start 1"), "1 and 2 share a file: {order}");
    let first_end = at("end 1").min(at("end 2"));
    assert!(at("start 3") < first_end, "3 does not wait: {order}");
}

#[test]
fn two_models_answer_and_one_failure_does_not_lose_the_other() {
    let both = "{\"type\":\"task\",\"id\":\"1\",\"title\":\"Which?\",\"route\":{\"work_type\":\"options\",\"backend\":\"codex\",\"models\":[\"gpt-5.3-codex\",\"gpt-5.4\"],\"sandbox\":\"read-only\"}}\n";
    let code = || Conversation::new([Step::text("This one").repeated()]).model("gpt-5.3-codex");
    let desk = Desk::new(Script::new([code(), Conversation::new([Step::text("That one")]).model("gpt-5.4")]));
    let done = desk.tool("codex-exec").env("CODEX_MODEL", "never").input(both).run().ended(0);
    let result = &done.task("1")["result"];
    assert_eq!(result["options"][0]["message"], "This one");
    assert_eq!(result["options"][1]["message"], "That one");
    assert_eq!((&result["usage"]["total"], &result["attempts"][1]["model"]), (&json!(220), &json!("gpt-5.4")));

    let desk = Desk::new(Script::new([code(), Conversation::new([Step::http(401).repeated()]).model("gpt-5.4")]));
    let result = &desk.exec(both).ended(0).task("1")["result"];
    assert_eq!((&result["status"], &result["options"][0]["message"]), (&json!("ok"), &json!("This one")));
    assert_eq!((&result["options"][1]["status"], &result["options"][1]["class"]), (&json!("failed"), &json!("auth")));
}

#[test]
fn flags_beat_variables_beat_the_route() {
    let desk = on(agents::CODEX_TODAY, [Step::text("x").repeated()]);
    let asked = |tool: Tool| {
        tool.input(task("1", "read-only", "")).run().ended(0);
        let request = desk.server.requests().pop().unwrap();
        format!("{} {}", request.model.unwrap(), request.body["reasoning"]["effort"].as_str().unwrap())
    };
    assert_eq!(asked(desk.tool("codex-exec")), "gpt-5.3-codex high");
    let variables = || desk.tool("codex-exec").env("CODEX_MODEL", "gpt-5.5").env("CODEX_EFFORT", "low");
    assert_eq!(asked(variables()), "gpt-5.5 low");
    assert_eq!(asked(variables().args(&["--model", "gpt-5.6", "--effort", "medium"])), "gpt-5.6 medium");
    // An empty variable counts as none.
    let names = ["CODEX_MODEL", "CODEX_EFFORT", "CODEX_TIMEOUT", "CODEX_FAIL_CLOSED", "CODEX_MODEL_CODE"];
    assert_eq!(
        asked(names.iter().fold(desk.tool("codex-exec"), |tool, name| tool.env(name, ""))),
        "gpt-5.3-codex high"
    );
    desk.tool("codex-exec").args(&["--effort", "bogus"]).run().ended(2);
    desk.tool("codex-exec").env("CODEX_TIMEOUT", "never").run().ended(2);
}

#[test]
fn an_approved_fallback_counts_and_nothing_else_does() {
    let desk = on(agents::CODEX_TODAY, [Step::text("done").repeated()]);
    let line = |status: &str, digest: &str| {
        format!(
            "{{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"digest\":\"d\",\"route\":{{\"backend\":\"claude\",\"models\":[\"m\"],\"sandbox\":\"read-only\"}},\
             \"result\":{{\"status\":\"failed\",\"code\":1,\"backend\":\"claude\",\"attempts\":[{{\"backend\":\"claude\",\"seconds\":3.10}}]}},\
             \"decisions\":[{{\"gate\":\"fallback\",\"status\":\"{status}\",\"by\":\"person:x\",\"at\":\"2026-01-01T00:00:00Z\",\"task_digest\":\"{digest}\",\"backend\":\"codex\",\"model\":\"gpt-5.5\"}}]}}\n"
        )
    };
    for (status, digest) in [("denied", "d"), ("pending", "d"), ("approved", "other")] {
        assert_eq!(desk.exec(&line(status, digest)).ended(0).out, line(status, digest));
    }
    let done = desk.exec(&line("approved", "d")).ended(0);
    let result = &done.task("1")["result"];
    assert_eq!(
        (&result["backend"], &result["model"], &result["status"]),
        (&json!("codex"), &json!("gpt-5.5"), &json!("ok"))
    );
    assert!(
        done.out.contains("\"attempts\":[{\"backend\":\"claude\",\"seconds\":3.10},{\"backend\":\"codex\""),
        "{}",
        done.out
    );
}

#[test]
fn a_prompt_that_the_cli_does_not_take_is_refused_before_it_costs_anything() {
    let desk = on(agents::CODEX_TODAY, [Step::text("done").repeated()]);
    let body = "x".repeat(5 << 20);
    let done = desk.exec(&task("1", "read-only", &format!(",\"body\":\"{body}\""))).ended(20);
    assert_eq!(done.task("1")["result"]["class"], "context_window");
    assert_eq!(done.task("1")["body"].as_str().unwrap().len(), 5 << 20);
    assert_eq!(desk.server.requests().len(), 0);
}

#[test]
fn keys_are_neither_logged_nor_given_to_commands() {
    let desk =
        on(agents::CODEX_TODAY, [Step::shell("env; echo $MY_SECRET_TOKEN"), Step::text("saw sk-very-secret-value")]);
    let tool =
        desk.tool("codex-exec").env("MY_SECRET_TOKEN", "sk-very-secret-value").env("MOCK_KEY", "mock-key-value-1");
    let done = tool.input(task("1", "workspace-write", "")).run().ended(0);
    let log = fs::read_to_string(done.task("1")["result"]["attempts"][0]["log"].as_str().unwrap()).unwrap();
    for text in [&log, &done.out, &done.err] {
        assert!(!text.contains("sk-very-secret-value") && !text.contains("mock-key-value-1"), "{text}");
    }
    assert!(done.out.contains("saw [MY_SECRET_TOKEN removed]"), "{}", done.out);
    let told = desk.server.requests().pop().unwrap().body.to_string();
    assert!(!told.contains("sk-very-secret-value"), "{told}");
}

/// A task whose agent is at work until it is ended, with the number of a process that it started.
fn at_work(desk: &Desk, more: &str) -> (std::process::Child, u32) {
    let tool = desk.tool("codex-exec").args(&["--sandbox", "danger-full-access", "--grace", "1"]);
    let mut child = tool.start();
    let lines = task("1", "read-only", "") + more;
    child.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    let pid = desk.repo().join("pid");
    until("the agent to be at work", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    (child, fs::read_to_string(&pid).unwrap().trim().parse().unwrap())
}

fn working() -> Desk {
    on(agents::CODEX_TODAY, [Step::shell("echo $$ > pid; while :; do sleep 1; done")])
}

#[test]
fn a_signal_ends_the_agent_and_emits_what_is_known() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let desk = working();
        let (child, pid) = at_work(&desk, &task("2", "read-only", ",\"needs\":[\"1\"]"));
        signal(&child, sent);
        let done = finished(child).ended(code);
        assert_eq!(
            (&done.task("1")["result"]["class"], &done.task("1")["result"]["code"]),
            (&json!("cancelled"), &json!(1))
        );
        assert_eq!(done.task("2")["result"], Value::Null, "it was never started");
        assert!(!is_running(pid));
    }
}

#[test]
fn a_reader_that_leaves_ends_the_agent_quietly() {
    let desk = working();
    let (mut child, pid) = at_work(&desk, "");
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.as_mut().unwrap().read_to_string(&mut told).unwrap();
    let done = finished(child);
    assert_eq!((done.code, told.as_str()), (128 + 13, ""));
    assert!(!is_running(pid));
}

#[test]
fn a_kill_leaves_no_agent_behind() {
    let desk = working();
    let (child, _) = at_work(&desk, "");
    signal(&child, Signal::KILL);
    finished(child).ended(137);
    assert!(desk.server.wait_for_idle(harness::PATIENCE).is_ok());
    let home = desk.repo().parent().unwrap().to_owned();
    until("the agent to end", || !anybody_knows(home.to_str().unwrap()));
}

/// Whether any process of a Codex CLI has this home in its environment.
fn anybody_knows(home: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let is_codex = String::from_utf8_lossy(&read("cmdline")).contains("codex");
        is_codex && String::from_utf8_lossy(&read("environ")).contains(home)
    })
}

#[test]
fn bad_input_stops_and_loses_nothing() {
    let desk = on(agents::CODEX_TODAY, [Step::text("done").repeated()]);
    let good = task("1", "read-only", "");
    for (bad, why) in [
        ("not json\n", "codex-exec: stdin:2: not JSON"),
        ("{\"type\":\"task\"}\n", "codex-exec: stdin:2: missing field `id`"),
        (good.as_str(), "codex-exec: stdin:2: task 1: there was a line for this id before"),
        ("{\"type\":\"task\",\"id\":\"2\",\"ti", "codex-exec: stdin:2: not JSON"),
        (
            "{\"type\":\"task\",\"id\":\"2\",\"route\":{\"backend\":\"codex\"}}\n",
            "codex-exec: stdin:2: missing field `title`",
        ),
    ] {
        let done = desk.exec(&(good.clone() + bad)).ended(65);
        assert_eq!(done.lines().len(), 1, "{done:?}");
        assert!(done.err.contains(why), "{why}: {}", done.err);
    }
    let unknown = desk.exec(&task("2", "read-only", ",\"needs\":[\"9\"]")).ended(65);
    assert!(unknown.err.contains("codex-exec: stdin:1: task 2 needs \"9\""), "{}", unknown.err);
    assert_eq!(unknown.out, task("2", "read-only", ",\"needs\":[\"9\"]"));
    let cycle = task("1", "read-only", ",\"needs\":[\"2\"]") + &task("2", "read-only", ",\"needs\":[\"1\"]");
    let done = desk.exec(&cycle).ended(65);
    assert!(done.err.contains("1 -> 2 -> 1"), "{}", done.err);
    assert_eq!(done.out, cycle);
    desk.exec("").ended(0);
}

#[test]
fn needs_that_are_met_elsewhere() {
    let desk = on(agents::CODEX_TODAY, [Step::text("done").repeated()]);
    let ticked = "{\"type\":\"task\",\"id\":\"0\",\"title\":\"T\",\"checked\":true}\n";
    let others = "{\"type\":\"task\",\"id\":\"8\",\"title\":\"T\",\"route\":{\"backend\":\"claude\"}}\n";
    let lines =
        task("1", "read-only", ",\"needs\":[\"0\"]") + ticked + others + &task("2", "read-only", ",\"needs\":[\"8\"]");
    let done = desk.exec(&lines).ended(20);
    assert_eq!(done.task("1")["result"]["status"], "ok");
    assert_eq!(done.task("2")["result"]["held_by"], "8");
    assert!(done.err.contains("task 2: held: it needs task 8, which is not finished"), "{}", done.err);
    assert!(done.out.contains(ticked) && done.out.contains(others));
    // plan-batch has released it, so its needs are finished, wherever they are.
    let released = task("3", "read-only", ",\"needs\":[\"7\"],\"batch\":{\"number\":4,\"attempt\":1}");
    assert_eq!(desk.exec(&released).ended(0).task("3")["result"]["status"], "ok");
}

#[test]
fn prompts_can_be_looked_at() {
    let desk = on(agents::CODEX_TODAY, [Step::text("x")]);
    let lines = task("1", "read-only", ",\"objective\":\"Find out\"")
        + "{\"type\":\"x\"}\n"
        + &task("2", "workspace-write", "");
    let done = desk.tool("codex-exec").arg("--print-prompt").input(lines).run().ended(0);
    assert!(done.out.starts_with("Task 1: Title 1\n"), "{}", done.out);
    assert!(done.out.contains("\nFind out\n") && done.out.contains("\nTask 2: Title 2\n"), "{}", done.out);
    assert!(!done.out.contains("\"type\""));
    assert_eq!(desk.server.requests().len(), 0);
}

#[test]
fn the_doctor() {
    let desk = on(agents::CODEX_TODAY, [Step::text("x")]);
    let well = desk.tool("codex-exec").arg("--doctor").run().ended(0);
    let line = &well.lines()[0];
    assert_eq!(
        (&line["ready"], &line["version"], &line["sandbox_works"]),
        (&json!(true), &json!("codex-cli 0.169.0"), &json!(true))
    );
    assert!(line["advice"].as_str().unwrap().contains("CODEX_MODEL_CODE"), "{line:#}");
    assert_eq!(well.err.lines().count(), 1);
    let old = on(agents::CODEX_OLD, [Step::text("x")]).tool("codex-exec").arg("--doctor").run().ended(13);
    assert_eq!((&old.lines()[0]["ready"], &old.lines()[0]["class"]), (&json!(false), &json!("unsupported")));
}

#[test]
fn a_signal_is_heard_while_a_limit_is_waited_for() {
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 50;
    let desk = on(agents::CODEX_TODAY, [limited_until(soon).repeated()]);
    let mut child = desk.tool("codex-exec").start();
    child.stdin.as_mut().unwrap().write_all(task("1", "read-only", "").as_bytes()).unwrap();
    let mut told = String::new();
    while !told.contains("trying again in") {
        let mut byte = [0];
        child.stderr.as_mut().unwrap().read_exact(&mut byte).unwrap();
        told.push(char::from(byte[0]));
    }
    let before = Instant::now();
    signal(&child, Signal::TERM);
    let done = finished(child).ended(143);
    assert_eq!(done.task("1")["result"]["class"], "cancelled");
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
}

#[test]
fn work_is_done_at_the_root_of_the_repository() {
    let desk = on(agents::CODEX_TODAY, [Step::shell("echo x > made.txt; sleep 0.3"), Step::text("done")]);
    let inside = desk.repo().join("deep/er");
    fs::create_dir_all(&inside).unwrap();
    let done = desk.tool("codex-exec").folder(&inside).input(task("1", "workspace-write", "")).run().ended(0);
    assert!(desk.repo().join("made.txt").exists());
    assert_eq!(done.task("1")["result"]["changed"], json!(["made.txt"]));
    let here = desk.tool("codex-exec").folder(&inside).args(&["-C", "."]).input(task("1", "workspace-write", "")).run();
    let real = inside.canonicalize().unwrap();
    assert_eq!(here.ended(0).task("1")["result"]["workdir"], real.to_str().unwrap());
    let wrong = desk.tool("codex-exec").args(&["-C", "nowhere"]).run().ended(2);
    assert!(wrong.err.contains("--workdir nowhere: no such folder"), "{}", wrong.err);
}

#[test]
fn a_place_that_cannot_be_used_fails_those_that_write_and_loses_nothing() {
    let desk = on(agents::CODEX_TODAY, [Step::text("done").repeated()]);
    let elsewhere = desk.repo().with_file_name("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, desk.repo().join(".plan")).unwrap();
    let lines = task("1", "workspace-write", "") + &task("2", "read-only", "") + "{\"type\":\"z\"}\n";
    let done = desk.tool("codex-exec").env("CODEX_FAIL_CLOSED", "0").input(lines).run().ended(13);
    assert_eq!(done.task("1")["result"]["class"], "unsupported");
    assert_eq!(done.task("2")["result"]["status"], "ok");
    assert!(done.out.contains("{\"type\":\"z\"}\n"));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "nothing is written through the link");
}

#[test]
fn signals_are_heard_though_nobody_reads_our_output() {
    let desk = working();
    let (mut child, pid) = at_work(&desk, "");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let line = format!("{{\"type\":\"x\",\"pad\":\"{}\"}}\n", "x".repeat(1 << 20));
        // More than the tool takes in while it cannot write; it ends before the last one.
        (0..40).take_while(|_| stdin.write_all(line.as_bytes()).is_ok()).count()
    });
    until("the tool to take in no more", || {
        let before = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let after = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap();
        let read = |text: &str| text.lines().next().unwrap().to_owned();
        read(&before) == read(&after)
    });
    signal(&child, Signal::TERM);
    until("the agent to end", || !is_running(pid));
    signal(&child, Signal::TERM);
    // Without anybody who reads, only its end is waited for.
    let end = child.wait().unwrap();
    assert_eq!(end.code(), Some(143));
    assert!(writer.join().unwrap() < 40);
}
