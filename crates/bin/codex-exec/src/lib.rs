//! codex-exec: does the tasks that are routed to codex, with the Codex CLI.

mod doctor;

use std::ffi::OsString;
use std::process::ExitCode;

use agent::codex::Codex;
use clap::Parser;
use executor::Options;

/// Does the tasks that are routed to codex, with the Codex CLI.
///
/// Reads task lines, calls the CLI for those that `route` (or an approved fallback) addresses to codex, and adds
/// `result`. Everything else passes through unchanged. Fields read: id, title, needs, files, route, and what the
/// prompt is made of (objective, done, constraints, commands, output, body); also batch, result, landed, decisions,
/// digest.
#[derive(Parser)]
#[command(name = "codex-exec", version, after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    options: Options,

    /// Tell whether the CLI is there and can be used: one JSON line, and one for people
    #[arg(long)]
    doctor: bool,

    /// The Codex CLI, a name on PATH or a path
    #[arg(long, env = "CODEX_BIN", value_name = "PROGRAM", default_value = "codex", hide_env_values = true)]
    codex: OsString,
}

const AFTER: &str = "\
Examples:
  plan-parse plan.md | route | codex-exec | verify | approve
  plan-parse plan.md | route | codex-exec --print-prompt
  CODEX_TIMEOUT=1800 codex-exec --jobs 1 < routed.jsonl
  codex-exec --isolate worktree --setup 'npm ci' --include .env.test < routed.jsonl
  codex-exec --max-tokens 2000000 --wait-for-reset 2h < routed.jsonl
  codex-exec --doctor

Exit codes:
  0   all went well
  20  a task failed and nothing more was started (CODEX_FAIL_CLOSED=1), or a
      limit of --max-... is reached
  10  rate limited, 11 not authenticated, 12 timed out, 13 CLI missing or
      unusable, 1 anything else: the first cause (CODEX_FAIL_CLOSED=0)
  2   usage
  65  a bad input line
  130, 143  stopped by SIGINT, SIGTERM";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    let args = Args::parse();
    stage::main("codex-exec", || {
        // An empty variable counts as none.
        let program = if args.codex.is_empty() { "codex".into() } else { args.codex };
        if args.doctor {
            return doctor::run(&program, &args.options);
        }
        let codex = Codex::new(&program);
        if args.options.print_prompt {
            return executor::print_prompts(&codex, &args.options);
        }
        executor::run("codex-exec", codex, args.options)
    })
}
