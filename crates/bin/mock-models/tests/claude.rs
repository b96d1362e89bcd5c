//! The real claude against scripted servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mock_models::{Conversation, Place, Script, Server, Step, Usage, agents, claude_home, messages};
use serde_json::{Value, json};
use tempfile::TempDir;

const MODEL: &str = "claude-sonnet-4-6";

/// A home, a workspace, and a way to talk to a server.
struct Desk {
    folder: TempDir,
    server: Server,
    arguments: Vec<&'static str>,
    /// With the token of a subscription in place of an API key.
    subscription: bool,
}

struct Finished {
    code: Option<i32>,
    events: Vec<Value>,
}

impl Desk {
    fn new(script: Script) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(folder.path().join("workspace")).unwrap();
        Self { folder, server: Server::start(script).unwrap(), arguments: Vec::new(), subscription: false }
    }

    fn run(&self, prompt: &str) -> Finished {
        let home = self.folder.path().join("home");
        let mut command = Command::new(agents::claude(agents::CLAUDE_TODAY).unwrap());
        command
            .args(["-p", "--output-format", "stream-json", "--verbose", "--safe-mode", "--model", MODEL])
            .args(["--permission-mode", "acceptEdits"])
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .envs(claude_home::write(&home, &self.server.base_url()).unwrap())
            .env("CLAUDE_CODE_MAX_RETRIES", "0")
            .env("API_TIMEOUT_MS", "2000");
        if self.subscription {
            command.env_remove("ANTHROPIC_API_KEY").env("CLAUDE_CODE_OAUTH_TOKEN", "mock-token");
        }
        command.current_dir(self.folder.path().join("workspace"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(prompt.as_bytes()).unwrap();
        let Output { status, stdout, .. } = child.wait_with_output().unwrap();
        let events = stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let events = events.map(|line| serde_json::from_slice(line).unwrap()).collect();
        Finished { code: status.code(), events }
    }
}

impl Finished {
    fn last(&self, kind: &str) -> &Value {
        let found = self.events.iter().rev().find(|event| event["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {:#?}", self.events))
    }

    fn assert_success(&self, message: &str) {
        let result = self.last("result");
        assert_eq!((&result["is_error"], &result["result"]), (&json!(false), &json!(message)), "{:#?}", self.events);
        assert_eq!(self.code, Some(0));
    }

    /// The status and the text that the turn failed with.
    fn failure(&self) -> (&Value, &str) {
        let result = self.last("result");
        assert_eq!(result["is_error"], true, "{:#?}", self.events);
        assert_eq!(self.code, Some(1));
        (&result["api_error_status"], result["result"].as_str().unwrap())
    }
}

#[test]
fn text() {
    let usage = Usage { input_tokens: 1200, cached: 1000, output: 30, reasoning: 0 };
    let desk = Desk::new(Script::steps([Step::reasoning("Hm.").and_text("All done.").usage(usage)]));
    let finished = desk.run("Say that you are done.");
    finished.assert_success("All done.");
    let counted = &finished.last("result")["modelUsage"][MODEL];
    let counts = ["inputTokens", "cacheReadInputTokens", "outputTokens"].map(|name| counted[name].as_u64().unwrap());
    assert_eq!(counts, [200, 1000, 30]);

    let requests = desk.server.requests();
    assert_eq!(requests.len(), 1, "{requests:#?}");
    assert_eq!((requests[0].path.as_str(), requests[0].model.as_deref()), ("/v1/messages", Some(MODEL)));
    assert_eq!(requests[0].run.as_deref(), finished.last("result")["session_id"].as_str());
    assert_eq!(requests[0].headers["x-api-key"], "(redacted)");
}

#[test]
fn commands_and_patches() {
    let patch = "*** Begin Patch\n*** Add File: new.txt\n+it's \"here\" $HOME\n*** Update File: old.txt\n@@\n kept\n-old\n+new\n*** End Patch";
    let steps = [
        Step::text("Looking").and_shell("ls"),
        Step::apply_patch(patch),
        Step::apply_patch("*** Begin Patch\n*** Delete File: gone.txt\n*** End Patch"),
        Step::text("patched"),
    ];
    let desk = Desk::new(Script::steps(steps));
    let workspace = desk.folder.path().join("workspace");
    fs::write(workspace.join("old.txt"), "kept\nold\n").unwrap();
    fs::write(workspace.join("gone.txt"), "x").unwrap();
    desk.run("Patch something.").assert_success("patched");
    assert_eq!(fs::read_to_string(workspace.join("new.txt")).unwrap(), "it's \"here\" $HOME\n");
    assert_eq!(fs::read_to_string(workspace.join("old.txt")).unwrap(), "kept\nnew\n");
    assert!(!workspace.join("gone.txt").exists());
    let requests = desk.server.requests();
    assert_eq!(requests.iter().map(|request| request.step).collect::<Vec<_>>(), [1, 2, 3, 4].map(Some));
    assert!(requests[1].body["messages"].to_string().contains("old.txt"), "what ls printed");
}

#[test]
fn a_search_goes_through_the_agents_own_request() {
    let mut desk = Desk::new(Script::steps([Step::web_search("rust duct"), Step::text("Found.")]));
    desk.arguments = vec!["--tools", "WebSearch", "--allowedTools", "WebSearch"];
    let finished = desk.run("Search.");
    finished.assert_success("Found.");
    assert_eq!(finished.last("result")["modelUsage"][MODEL]["webSearchRequests"], 1);
    let requests = desk.server.requests();
    assert_eq!(requests.iter().map(|request| request.step).collect::<Vec<_>>(), [Some(1), None, Some(2)]);
    assert!(requests[2].body["messages"].to_string().contains("About rust duct"));
}

#[test]
fn errors_of_the_service() {
    for (status, kind) in [(401, "Invalid API key"), (429, "Rate"), (500, "500"), (529, "529"), (404, MODEL)] {
        let desk = Desk::new(Script::steps([Step::http(status).repeated()]));
        let finished = desk.run("x");
        let (told, text) = finished.failure();
        assert_eq!(told, status, "{text}");
        assert!(text.to_lowercase().contains(&kind.to_lowercase()), "{status}: {text}");
    }
}

#[test]
fn the_limit_of_a_subscription() {
    let resets_at = 1_900_000_000;
    let mut desk = Desk::new(Script::steps([messages::subscription_limit_reached(resets_at).repeated()]));
    desk.subscription = true;
    let finished = desk.run("x");
    assert_eq!(finished.failure().0, 429);
    let limit = &finished.last("rate_limit_event")["rate_limit_info"];
    assert_eq!((&limit["status"], &limit["resetsAt"]), (&json!("rejected"), &json!(resets_at)));
}

#[test]
fn a_refusal_and_an_answer_that_is_cut_off() {
    let refusal = Step { incomplete: Some("refusal".into()), repeat: true, ..Step::text("") };
    let finished = Desk::new(Script::steps([refusal])).run("x");
    assert_eq!(finished.failure().0, &Value::Null);
    assert_eq!(finished.last("result")["stop_reason"], "refusal");
}

#[test]
fn a_broken_stream_is_asked_for_again_in_one_piece() {
    let desk = Desk::new(Script::steps([Step::cut(Place::AfterEvents(3)), Step::text("whole")]));
    desk.run("x").assert_success("whole");
    assert_ne!(desk.server.requests()[1].body["stream"], true);
    let desk = Desk::new(Script::steps([Step::failed("overloaded_error", "Overloaded").repeated()]));
    desk.run("x").failure();
}

#[test]
fn silence() {
    let desk = Desk::new(Script::steps([Step::hang(Place::BeforeHeaders).repeated()]));
    let finished = desk.run("x");
    assert_eq!(finished.failure().0, &Value::Null);
    desk.server.wait_for_idle(Duration::from_secs(60)).unwrap();
}

#[test]
fn a_resumed_session_goes_on_with_its_steps() {
    let script = Script::new([Conversation::new([Step::text("first"), Step::text("second")]).matching("begin")]);
    let mut desk = Desk::new(script);
    let finished = desk.run("begin");
    finished.assert_success("first");
    let session = finished.last("result")["session_id"].as_str().unwrap().to_owned();
    desk.arguments = vec!["--resume", session.leak()];
    desk.run("go on").assert_success("second");
}
