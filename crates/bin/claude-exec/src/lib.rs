//! claude-exec: does the tasks that are for claude, with Claude Code.

mod doctor;

use std::ffi::OsString;
use std::process::ExitCode;

use agent::claude::Claude;
use clap::builder::Resettable;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, ValueEnum};
use executor::Options;

/// The model where neither `route` nor a decision names one: by its full name, since an alias moves on.
const MODEL: &str = "claude-sonnet-4-6";

/// Does the tasks that are for claude, with Claude Code.
///
/// Reads task lines, calls the CLI for those that `route` or an approved fallback addresses to claude, and adds
/// `result`. Everything else passes through unchanged. Fields read: id, title, needs, files, route, and what the
/// prompt is made of (objective, done, constraints, commands, output, body); also batch, result, decisions, digest.
#[derive(Parser)]
#[command(name = "claude-exec", version, after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    options: Options,

    /// Tell whether the CLI is there and can be used: one JSON line, and one for people
    #[arg(long)]
    doctor: bool,

    /// What it means that the agent was refused a tool: the attempt fails, or it is only counted
    #[arg(long, value_name = "fail|count", default_value = "fail")]
    refused: Refused,

    /// Claude Code, a name on PATH or a path
    #[arg(long, env = "CLAUDE_BIN", value_name = "PROGRAM", default_value = "claude", hide_env_values = true)]
    claude: OsString,
}

/// What a refused tool means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Refused {
    Fail,
    Count,
}

const AFTER: &str = "\
The tools that an agent gets: WebSearch and WebFetch for research; reading, and
commands that only read, for other tasks that are read-only; for tasks that
write also Edit, Write and the commands of the task itself.

Examples:
  plan-parse plan.md | route | claude-exec | verify | approve
  plan-parse plan.md | route | codex-exec | approve --gate fallback | claude-exec
  plan-parse plan.md | route | claude-exec --print-prompt
  claude-exec --doctor

Exit codes:
  0   all went well
  20  a task failed and nothing more was started (CODEX_FAIL_CLOSED=1), or a
      limit of --max-... is reached
  10  rate limited, 11 not authenticated, 12 timed out, 13 CLI missing or
      unusable, 1 anything else: the first cause (CODEX_FAIL_CLOSED=0)
  2   usage
  65  a bad input line
  130, 143  stopped by SIGINT, SIGTERM";

/// The command line: that of every executor, without what is about the models of the Codex CLI.
pub fn command() -> Command {
    Args::command()
        .mut_arg("model", |arg| arg.env(Resettable::Reset))
        .mut_arg("effort", |arg| {
            arg.env(Resettable::Reset).help(
                "How hard the model thinks: low medium high xhigh max [default: what route says, else what is usual with it]",
            )
        })
        .mut_args(|arg| match arg.get_id().as_str() {
            "model_code" | "model_logic" => arg.env(Resettable::Reset).default_value(MODEL).hide(true),
            _ => arg,
        })
}

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    let args = parsed(&command().get_matches());
    stage::main("claude-exec", || {
        // An empty variable counts as none.
        let program = if args.claude.is_empty() { "claude".into() } else { args.claude };
        if args.doctor {
            return doctor::run(&program);
        }
        let claude = Claude::new(&program).refusals_count(args.refused == Refused::Fail);
        if args.options.print_prompt {
            return executor::print_prompts(&claude, &args.options);
        }
        executor::run("claude-exec", claude, args.options)
    })
}

fn parsed(matches: &ArgMatches) -> Args {
    Args::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
}
