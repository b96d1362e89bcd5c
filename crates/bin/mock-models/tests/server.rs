//! The server and the binary without an agent: odd requests, signals, files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mock_models::{Options, Script, Server, StartError, Step};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(60);

/// Sends one request and reads until the server closes.
fn exchange(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn post(port: u16, body: &str) -> String {
    let length = body.len();
    exchange(
        port,
        &format!(
            "POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\nAuthorization: Bearer s3cret\r\n\
             content-length: {length}\r\n\r\n{body}"
        ),
    )
}

fn get(port: u16, path: &str) -> String {
    exchange(port, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
}

#[test]
fn odd_requests_get_an_answer() {
    let server = Server::start(Script::steps([Step::shell("ls").repeated()])).unwrap();
    let port = server.port();
    assert!(get(port, "/v1/responses").starts_with("HTTP/1.1 426 "));
    assert!(get(port, "/v1/models?x=1").contains(r#""data":[]"#));
    assert!(get(port, "/nowhere").starts_with("HTTP/1.1 404 "));
    assert!(post(port, "not JSON").starts_with("HTTP/1.1 400 "));
    for body in ["{}", "[]", "null", "3", r#"{"input":{"role":"user"},"tools":"x","model":7}"#] {
        let answer = post(port, body);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{body}: {answer}");
        assert!(answer.contains("event: response.completed"), "{body}: {answer}");
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 9);
    assert_eq!(requests[3].body, "not JSON");
    assert!(requests[4].problem.as_ref().unwrap().contains("no tool that runs"));
    assert!(requests.iter().all(|request| !format!("{request:?}").contains("s3cret")));
}

#[test]
fn garbage_does_not_stop_the_server() {
    let server = Server::start(Script::steps([Step::text("still here")])).unwrap();
    exchange(server.port(), "\x16\x03\x01 hello\r\n\r\n");
    drop(TcpStream::connect(("127.0.0.1", server.port())).unwrap());
    assert!(post(server.port(), "{}").contains("still here"));
}

#[test]
fn stopping_closes_what_hangs() {
    let server = Server::start(Script::from_json(r#"[{"hang": "before_headers"}]"#).unwrap()).unwrap();
    let port = server.port();
    let client = std::thread::spawn(move || post(port, "{}"));
    server.wait_for_requests(1, LONG).unwrap();
    drop(server);
    assert_eq!(client.join().unwrap(), "");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn waiting_in_vain_says_so() {
    let server = Server::start(Script::default()).unwrap();
    let error = server.wait_for_requests(1, Duration::from_millis(5)).unwrap_err();
    assert_eq!(error.to_string(), "waited 5ms in vain; 0 requests so far");
}

#[test]
fn a_taken_port_is_an_error() {
    let server = Server::start(Script::default()).unwrap();
    let options = Options { port: server.port(), log: None };
    let error = Server::start_with(Script::default(), &options).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mock-models"))
}

#[test]
fn serves_until_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let [script, port_file, log] = ["script.json", "port", "log.jsonl"].map(|name| folder.path().join(name));
    fs::write(&script, r#"[{"text": "hello"}]"#).unwrap();
    let mut child = binary()
        .args(["--script".as_ref(), script.as_os_str()])
        .args(["--port-file".as_ref(), port_file.as_os_str()])
        .args(["--log".as_ref(), log.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let port: u16 = fs::read_to_string(&port_file).unwrap().trim().parse().unwrap();
    assert_eq!(url, format!("http://127.0.0.1:{port}/v1\n"));
    assert!(post(port, r#"{"model":"m"}"#).contains("hello"));

    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let line: Value = serde_json::from_str(fs::read_to_string(&log).unwrap().trim_end()).unwrap();
    assert_eq!(line["model"], "m");
    assert_eq!(line["headers"]["authorization"], "(redacted)");
    assert_eq!(line["body"], json!({"model": "m"}));
}

#[test]
fn a_command_gets_the_url_and_a_home_and_gives_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.json");
    fs::write(&script, "[]").unwrap();
    let run = |command: &str| {
        let home = folder.path().join("home");
        binary()
            .args(["--script".as_ref(), script.as_os_str()])
            .args(["--codex-home".as_ref(), home.as_os_str()])
            .args(["--", "sh", "-c", command])
            .output()
            .unwrap()
    };
    let output = run(r#"grep -c "$MOCK_MODELS_URL" "$CODEX_HOME/config.toml"; exit 7"#);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1\n");
    assert_eq!(run("kill -TERM $$").status.code(), Some(128 + 15));
}

#[test]
fn a_signal_reaches_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let [script, ready] = ["script.json", "ready"].map(|name| folder.path().join(name));
    fs::write(&script, "[]").unwrap();
    let mut child = binary()
        .args(["--script".as_ref(), script.as_os_str()])
        .args(["--", "sh", "-c", "trap 'exit 5' TERM; : > \"$0\"; while :; do sleep 0.05; done"])
        .arg(&ready)
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !ready.exists() {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn a_bad_script_is_a_usage_error_that_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.json");
    fs::write(&script, r#"[{"text": "a"}, {"txet": "b"}]"#).unwrap();
    let output = binary().arg("--script").arg(&script).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("script.json: [1]") && stderr.contains("txet"), "{stderr}");
}
