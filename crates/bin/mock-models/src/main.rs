//! The binary: a scripted model API from the command line.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mock_models::{CodexHome, Options, Script, Server, claude_home, codex_home};
use rustix::process::{Pid, Signal};
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLES: &str = r#"Scripts are JSON: a list of steps, or {"conversations": [{"match", "model", "steps",
"across_runs", "name"}], "unmatched": STEP}. Steps are the answers to the 1st, 2nd, ... request
of a run; keys of a step:

  says      text, shell, apply_patch, reasoning, web_search, call, output
  with      usage {input_tokens, cached, output, reasoning}, headers, delay_ms, event_delay_ms
  fails     http {status, headers, body}, failed {code, message}, incomplete, no_completed,
            malformed, cut and hang ("before_headers", "after_headers", {"after_events": N})
  repeat    true on the last step: answers every later request too

Examples:

  An agent that writes a file and says so:
    [{"shell": "echo hello > greeting.txt"}, {"text": "Wrote greeting.txt."}]

  Two tasks at once; the second meets a rate limit that lets the third request through:
    {"conversations": [
      {"match": "Task 1:", "steps": [{"apply_patch": "*** Begin Patch\n*** Add File: a\n+a\n*** End Patch"},
                                     {"text": "done"}]},
      {"match": "Task 2:", "steps": [{"http": {"status": 429, "headers": {"Retry-After": "1"}}},
                                     {"http": {"status": 429, "headers": {"Retry-After": "1"}}},
                                     {"text": "done"}]}]}

  A server that breaks off every answer after three events:
    [{"text": "never heard", "cut": {"after_events": 3}, "repeat": true}]

  Run codex against it, with a configuration of its own:
    mock-models --script script.json --codex-home /path/home -- codex exec --json - < prompt

  The same for claude:
    mock-models --script script.json --claude-home /path/home -- claude -p < prompt

Exit codes: the command's own (128 + signal if one ended it); without a command 0 on SIGINT or
SIGTERM. 1: cannot start or write; 2: wrong usage or a script that is not valid."#;

/// A scripted stand-in for a model API on 127.0.0.1, so that real agents run without a model.
///
/// With a COMMAND it serves while the command runs, with MOCK_MODELS_URL set for it. Without one
/// it prints the base URL as the first line and serves until SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(version, after_long_help = EXAMPLES, after_help = "See --help for the script format.")]
struct Arguments {
    /// What to answer (JSON).
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// The port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Write the port to this file once the server listens.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Write every request to this file, one JSON line each.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Write a codex configuration for this server there, and set CODEX_HOME and a dead proxy
    /// for COMMAND.
    #[arg(long, value_name = "DIR")]
    codex_home: Option<PathBuf>,
    /// In that configuration: the default model.
    #[arg(long, requires = "codex_home")]
    model: Option<String>,
    /// In that configuration: how often codex repeats a failed request or a broken stream.
    #[arg(long, value_name = "N", requires = "codex_home")]
    retries: Option<u32>,
    /// Make this folder the home of a claude for this server, and set CLAUDE_CONFIG_DIR, the server's
    /// address, a key and a dead proxy for COMMAND.
    #[arg(long, value_name = "DIR")]
    claude_home: Option<PathBuf>,
    /// A command to run against the server.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let script = match Script::from_file(&arguments.script) {
        Ok(script) => script,
        Err(error) => {
            let path = arguments.script.display();
            return complain(2, &format!("{path}: {error}"));
        }
    };
    match run(&arguments, script) {
        Ok(code) => code,
        Err(error) => complain(1, &error.to_string()),
    }
}

fn complain(code: u8, message: &str) -> ExitCode {
    // Nobody is left to be told if stderr is gone.
    let _ = writeln!(io::stderr(), "mock-models: {message}");
    ExitCode::from(code)
}

fn run(arguments: &Arguments, script: Script) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    // Before anything can be waited for: from here on a signal is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;

    let options = Options { port: arguments.port, log: arguments.log.clone() };
    let server = Server::start_with(script, &options)?;
    let mut variables = vec![("MOCK_MODELS_URL".to_owned(), server.base_url())];
    if let Some(dir) = &arguments.codex_home {
        let home = CodexHome {
            model: arguments.model.clone(),
            request_max_retries: arguments.retries,
            stream_max_retries: arguments.retries,
            stream_idle_timeout_ms: None,
        };
        variables.extend(codex_home::write(dir, &server.base_url(), &home)?);
    }
    if let Some(dir) = &arguments.claude_home {
        variables.extend(claude_home::write(dir, &server.base_url())?);
    }
    if let Some(file) = &arguments.port_file {
        // Renamed into place, so that whoever waits for the file never reads half a number.
        let unfinished = file.with_extension("unfinished");
        std::fs::write(&unfinished, format!("{}\n", server.port()))?;
        std::fs::rename(&unfinished, file)?;
    }

    let Some((program, rest)) = arguments.command.split_first() else {
        writeln!(io::stdout(), "{}", server.base_url())?;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        return Ok(ExitCode::SUCCESS);
    };

    let mut child = tokio::process::Command::new(program)
        .args(rest)
        .envs(variables)
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let forward = |signal| {
        if let Some(pid) = pid {
            // It may have ended by itself in the meantime.
            let _ = rustix::process::kill_process(pid, signal);
        }
    };
    let status = runtime.block_on(async {
        loop {
            tokio::select! {
                status = child.wait() => break status,
                // A terminal sends it to the command as well; once is enough.
                _ = interrupt.recv() => {
                    if !rustix::termios::isatty(io::stdin()) {
                        forward(Signal::INT);
                    }
                }
                _ = terminate.recv() => forward(Signal::TERM),
            }
        }
    })?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
