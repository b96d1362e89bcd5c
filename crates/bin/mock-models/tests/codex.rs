//! The real codex against scripted servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::time::Duration;

use common::{BOTH, Desk, LONG, SPRING, TODAY};
use mock_models::{Conversation, Place, Script, Server, Step, Usage, agents, responses};

/// Every way in which these releases offer tools: with a patch tool, with a shell only, and from
/// inside a program.
const DIALECTS: [(&str, &str); 5] = [
    (TODAY, "gpt-5.5"),
    (TODAY, "gpt-5.4"),
    (TODAY, "gpt-6.1-sol"),
    (SPRING, "gpt-5.5"),
    (SPRING, "a-model-nobody-knows"),
];

#[test]
fn text() {
    for version in BOTH {
        let usage = Usage { input_tokens: 1200, cached: 1000, output: 30, reasoning: 5 };
        let server = Server::start(Script::steps([Step::text("All done.").usage(usage)])).unwrap();
        let finished = Desk::new(version).run(&server, "Say that you are done.");
        finished.assert_success("All done.");
        let counted = &finished.last("turn.completed")["usage"];
        assert_eq!(counted["input_tokens"], 1200);
        assert_eq!(counted["cached_input_tokens"], 1000);
        assert_eq!(counted["output_tokens"], 30);

        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/responses"));
        assert_eq!(requests[0].model.as_deref(), Some("gpt-5.5"));
        assert_eq!(requests[0].run.as_deref(), finished.events[0]["thread_id"].as_str());
        assert_eq!(requests[0].headers["authorization"], "(redacted)");
        assert_eq!(server.in_flight(), 0);
    }
}

#[test]
fn shell() {
    for (version, model) in DIALECTS {
        let script = Script::steps([
            Step::reasoning("**Looking**").and_shell("echo out; echo hello > made.txt"),
            Step::shell("exit 3").and_shell("cat made.txt"),
            Step::text("ran"),
        ]);
        let server = Server::start(script).unwrap();
        let desk = Desk::new(version).model(model);
        let finished = desk.run(&server, "Run something.");
        finished.assert_success("ran");
        // What the model is told. (Busy, 0.128 drops the output or the end of a command from its
        // events now and then, but not from its requests.)
        let requests = server.requests();
        let body = &requests.last().unwrap().body;
        let outputs: Vec<_> = body["input"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| item["type"].as_str().is_some_and(|kind| kind.ends_with("_call_output")))
            .map(|item| item["output"].to_string())
            .collect();
        assert_eq!(outputs.len(), 3, "{version} {model}: {outputs:#?}");
        assert!(outputs[0].contains("out"), "{version} {model}: {outputs:#?}");
        assert!(outputs[2].contains("hello"), "{version} {model}: {outputs:#?}");
        if version == TODAY {
            let codes = finished.items("command_execution").iter().map(|item| item["exit_code"].as_i64()).sum();
            assert_eq!((finished.items("command_execution").len(), codes), (3, Some(3)));
        }
        assert_eq!(fs::read_to_string(desk.workspace().join("made.txt")).unwrap(), "hello\n");
        assert!(requests.iter().all(|request| request.problem.is_none()));
    }
}

#[test]
fn patch() {
    for (version, model) in DIALECTS {
        let script = Script::steps([
            Step::apply_patch("*** Begin Patch\n*** Add File: hello.txt\n+it's \"here\" $HOME\n*** End Patch"),
            Step::text("patched"),
        ]);
        let server = Server::start(script).unwrap();
        let desk = Desk::new(version).model(model);
        let finished = desk.run(&server, "Patch something.");
        finished.assert_success("patched");
        let changes = finished.items("file_change");
        assert_eq!(changes.len(), 1, "{version} {model}: {:#?}", finished.events);
        assert_eq!(changes[0]["changes"][0]["kind"], "add");
        let written = fs::read_to_string(desk.workspace().join("hello.txt")).unwrap();
        assert_eq!(written, "it's \"here\" $HOME\n");
    }
}

#[test]
fn the_oldest_ones_can_be_scripted_too() {
    for version in [agents::CODEX_WINTER, agents::CODEX_OLD] {
        let script = Script::steps([
            Step::shell("echo hello > made.txt"),
            Step::apply_patch("*** Begin Patch\n*** Add File: new.txt\n+new\n*** End Patch"),
            Step::text("done"),
        ]);
        let server = Server::start(script).unwrap();
        let desk = Desk::new(version);
        let finished = desk.run(&server, "x");
        assert!(finished.status.success(), "{version}: {}", finished.stderr);
        assert_eq!(server.requests().len(), 3);
        for (file, content) in [("made.txt", "hello\n"), ("new.txt", "new\n")] {
            assert_eq!(fs::read_to_string(desk.workspace().join(file)).unwrap(), content, "{version}");
        }
    }
}

#[test]
fn web_search() {
    let server = Server::start(Script::steps([Step::web_search("codex").and_text("found")])).unwrap();
    let finished = Desk::new(TODAY).run(&server, "Search.");
    finished.assert_success("found");
    assert_eq!(finished.items("web_search")[0]["query"], "codex");
}

#[test]
fn unauthorized() {
    for version in BOTH {
        let server = Server::start(Script::steps([Step::http(401).repeated()])).unwrap();
        let finished = Desk::new(version).run(&server, "x");
        assert!(finished.failure().starts_with("unexpected status 401 Unauthorized"));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn rate_limit_that_passes() {
    let limited = || Step::http(429).header("Retry-After", "1");
    let script = Script::steps([limited(), limited(), Step::text("ok")]);
    let server = Server::start(script.clone()).unwrap();
    Desk::new(TODAY).with_retries().run(&server, "x").assert_success("ok");
    let requests = server.requests();
    assert_eq!(requests.iter().map(|request| request.step).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    // It waited as told.
    assert!(requests[2].unix_ms >= requests[0].unix_ms + 1900);

    // The older one never tries again.
    let server = Server::start(script).unwrap();
    Desk::new(SPRING).with_retries().run(&server, "x").failure();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn rate_limit_that_stays() {
    for version in BOTH {
        let server = Server::start(Script::steps([Step::http(429).repeated()])).unwrap();
        let finished = Desk::new(version).run(&server, "x");
        assert_eq!(finished.failure(), "exceeded retry limit, last status: 429 Too Many Requests");
    }
}

#[test]
fn usage_limit() {
    for version in BOTH {
        let mut step = responses::usage_limit_reached(1_795_400_000).repeated();
        step.headers.extend(responses::rate_limit_headers(100.0, 1_795_400_000, 13.0, 1_795_900_000));
        let server = Server::start(Script::steps([step])).unwrap();
        let finished = Desk::new(version).with_retries().run(&server, "x");
        assert!(finished.failure().contains("hit your usage limit"), "{}", finished.failure());
        assert_eq!(server.requests().len(), 1);
        let primary = rate_limits(&finished.rollout);
        assert_eq!(primary["used_percent"], 100.0);
        assert_eq!(primary["resets_at"], 1_795_400_000);
    }
}

#[test]
fn server_error() {
    for version in BOTH {
        let server = Server::start(Script::steps([Step::http(500).repeated()])).unwrap();
        let finished = Desk::new(version).run(&server, "x");
        assert!(!finished.failure().is_empty());
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn failure_in_the_stream() {
    for version in BOTH {
        let step = Step::failed("context_length_exceeded", "too long").repeated();
        let server = Server::start(Script::steps([step])).unwrap();
        let finished = Desk::new(version).run(&server, "x");
        assert!(finished.failure().contains("context window"), "{}", finished.failure());
    }
}

#[test]
fn broken_streams_are_retried() {
    let broken = [
        Step::cut(Place::BeforeHeaders),
        Step::cut(Place::AfterHeaders),
        Step::cut(Place::AfterEvents(3)),
        Step::text("partial").no_completed(),
        Step::malformed(),
    ];
    for version in BOTH {
        for step in &broken {
            let server = Server::start(Script::steps([step.clone(), Step::text("recovered")])).unwrap();
            let mut desk = Desk::new(version);
            desk.options.request_max_retries = Some(1);
            desk.options.stream_max_retries = Some(1);
            let finished = desk.run(&server, "x");
            finished.assert_success("recovered");
            assert_eq!(server.requests().len(), 2, "{version} {step:?}");
        }
    }
}

#[test]
fn a_cut_stream_still_says_what_came_before_the_cut() {
    for version in BOTH {
        let step = Step { cut: Some(Place::AfterEvents(4)), ..Step::text("half an answer") };
        let server = Server::start(Script::steps([step.repeated()])).unwrap();
        let finished = Desk::new(version).run(&server, "x");
        assert!(finished.failure().starts_with("stream disconnected before completion"));
        assert_eq!(finished.items("agent_message")[0]["text"], "half an answer");
    }
}

#[test]
fn a_hanging_server_notices_that_the_agent_left() {
    for version in BOTH {
        for place in [Place::BeforeHeaders, Place::AfterHeaders, Place::AfterEvents(2)] {
            let server = Server::start(Script::steps([Step::hang(place)])).unwrap();
            let desk = Desk::new(version);
            let mut running = desk.start(&server, "x");
            server.wait_for_requests(1, LONG).unwrap();
            assert_eq!(server.in_flight(), 1, "{version} {place:?}");
            running.kill();
            server.wait_for_idle(LONG).unwrap();
        }
    }
}

#[test]
fn a_silent_stream_times_out() {
    let server = Server::start(Script::steps([Step::hang(Place::AfterEvents(1)), Step::text("ok")])).unwrap();
    let mut desk = Desk::new(TODAY);
    desk.options.stream_max_retries = Some(1);
    desk.options.stream_idle_timeout_ms = Some(300);
    desk.run(&server, "x").assert_success("ok");
}

#[test]
fn rate_limits_reach_the_rollout() {
    for version in BOTH {
        let mut step = Step::text("hi");
        step.headers.extend(responses::rate_limit_headers(42.5, 1_795_400_000, 13.0, 1_795_900_000));
        let server = Server::start(Script::steps([step])).unwrap();
        let finished = Desk::new(version).run(&server, "x");
        finished.assert_success("hi");
        let primary = rate_limits(&finished.rollout);
        assert_eq!(primary["used_percent"], 42.5);
        assert_eq!(primary["window_minutes"], 300);
        assert_eq!(primary["resets_at"], 1_795_400_000);
    }
}

/// The last rate limits that a rollout mentions.
fn rate_limits(rollout: &[serde_json::Value]) -> &serde_json::Value {
    let primary = rollout.iter().rev().filter_map(|line| line.pointer("/payload/rate_limits/primary"));
    primary.clone().find(|primary| primary.is_object()).unwrap_or_else(|| panic!("none in {rollout:#?}"))
}

#[test]
fn conversations_at_once() {
    let conversation = |number: usize| {
        Conversation::new([
            Step::shell(format!("echo {number} > task-{number}.txt")).delay(Duration::from_millis(50)),
            Step::text(format!("task {number} done")),
        ])
        .matching(format!("Task {number}:"))
    };
    let server = Server::start(Script::new((1..=4).map(conversation))).unwrap();
    let desks: Vec<_> = [TODAY, SPRING, TODAY, SPRING].map(Desk::new).into();
    let running: Vec<_> = desks
        .iter()
        .enumerate()
        .map(|(index, desk)| desk.start(&server, &format!("Task {}: write a file", index + 1)))
        .collect();
    for (index, run) in running.into_iter().enumerate() {
        run.finish().assert_success(&format!("task {} done", index + 1));
        assert!(desks[index].workspace().join(format!("task-{}.txt", index + 1)).exists());
    }
    let requests = server.requests();
    for number in 1..=4 {
        let label = format!("Task {number}:");
        let mine = requests.iter().filter(|request| request.conversation.as_ref() == Some(&label));
        assert_eq!(mine.map(|request| request.step).collect::<Vec<_>>(), [Some(1), Some(2)]);
    }
}

#[test]
fn every_run_starts_at_the_first_step_unless_told_otherwise() {
    let steps = || [Step::text("first"), Step::text("second")];
    let run_twice = |conversation: Conversation| {
        let server = Server::start(Script::new([conversation])).unwrap();
        [(); 2].map(|()| {
            let finished = Desk::new(TODAY).run(&server, "x");
            finished.items("agent_message")[0]["text"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(run_twice(Conversation::new(steps())), ["first", "first"]);
    assert_eq!(run_twice(Conversation::new(steps()).across_runs()), ["first", "second"]);
}

#[test]
fn a_resumed_thread_goes_on_with_its_steps() {
    for version in BOTH {
        let script =
            Script::steps([Step::shell("true"), Step::text("first"), Step::shell("true"), Step::text("second")]);
        let server = Server::start(script).unwrap();
        let desk = Desk::new(version);
        let finished = desk.run(&server, "begin");
        finished.assert_success("first");
        let thread = finished.events[0]["thread_id"].as_str().unwrap();
        let desk = desk.argument("resume").argument(thread);
        let resumed = desk.run(&server, "go on");
        resumed.assert_success("second");
        assert_eq!(resumed.events[0]["thread_id"], thread);
    }
}

#[test]
fn requests_that_fit_nothing_are_answered_and_recorded() {
    let script = Script::new([Conversation::new([Step::text("for another model")]).model("other")]);
    let server = Server::start(script.clone()).unwrap();
    Desk::new(TODAY).run(&server, "x").assert_success("mock-models: no conversation of the script fits this request");
    assert_eq!(server.requests()[0].conversation, None);

    let server = Server::start(script.otherwise(Step::http(400).repeated())).unwrap();
    assert!(!Desk::new(TODAY).run(&server, "x").failure().is_empty());
}
