//! An agent that needs no time: it answers on the command line of the Codex CLI without thinking.
//!
//! `make bench` has codex-exec run it, to see what codex-exec itself adds to a task.

use std::env;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// Names the flags that codex-exec looks for before it starts anything.
const HELP: &str = "\
Usage: instant-agent exec [OPTIONS] [PROMPT] [COMMAND]

Commands:
  resume  (not really)

Options:
      --json
      --skip-git-repo-check
      --sandbox <MODE>
      --cd <DIR>
      --model <NAME>
      --config <KEY=VALUE>
";

const EVENTS: &str = r#"{"type":"thread.started","thread_id":"00000000-0000-7000-8000-000000000000"}
{"type":"turn.started"}
{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"Done."}}
{"type":"turn.completed","usage":{"input_tokens":1000,"cached_input_tokens":600,"output_tokens":10}}
"#;

fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let mut out = io::stdout().lock();
    match args.first().map(String::as_str) {
        Some("exec") if args.iter().any(|arg| arg == "--help") => out.write_all(HELP.as_bytes()),
        Some("exec") => {
            io::stdin().read_to_end(&mut Vec::new())?;
            out.write_all(EVENTS.as_bytes())
        }
        Some("--version") => out.write_all(b"instant-agent 0.0.0\n"),
        // `sandbox ... -- true`: everything is allowed here, so it works.
        _ => Ok(()),
    }
}
