//! The command line.

use std::path::PathBuf;

use clap::Parser;
use record::Gate;

/// Ask a person, or a policy in a person's name, before work goes on.
#[derive(Debug, Parser)]
#[command(name = "approve", version, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where the question is asked.
    ///
    /// plan: before anything runs, one question for the whole plan, after the end of input.
    ///
    /// fallback: before a failed task goes to another backend.
    ///
    /// result: before a result counts.
    #[arg(long, value_name = "GATE", default_value = "result", value_parser = gate)]
    pub gate: Gate,

    /// Rules that answer before a person is asked (TOML).
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// The run file: its decisions are used, and each new one is on disk before its task is passed on.
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,

    /// Wait until somebody writes the missing decisions into RUN.
    #[arg(long, requires = "run")]
    pub wait: bool,

    /// Do not ask on the terminal even where there is one.
    #[arg(long)]
    pub no_terminal: bool,

    /// The routing policy whose `[fallback]` says who takes over at gate `fallback` [default: the built-in one].
    #[arg(long, value_name = "FILE")]
    pub routing: Option<PathBuf>,

    /// Who takes over at gate `fallback` [default: the routing policy's, else claude].
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub backend: Option<String>,

    /// With which model [default: the routing policy's, else claude-sonnet-4-6].
    #[arg(long, value_name = "MODEL", value_parser = word)]
    pub model: Option<String>,
}

fn gate(name: &str) -> Result<Gate, String> {
    [Gate::Plan, Gate::Fallback, Gate::Result]
        .into_iter()
        .find(|gate| gate.name() == name)
        .ok_or_else(|| "expected plan, fallback or result".into())
}

fn word(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("must not be empty".into()) } else { Ok(text.into()) }
}

const AFTER_HELP: &str = "\
Tasks come in on stdin and go out on stdout; the questions are asked on the terminal (/dev/tty). Tasks that are not \
at the gate pass at once and unchanged. Without a terminal, what no rule and no decision in RUN answers is passed on \
as pending, and the exit code is 20.

Fields of a task that are needed at the gate: id, digest. Shown when they are there: title, objective, files, \
commands, done, needs, body, route, batch, result, verdict. Added: decisions.

A policy file; the first rule that matches decides, and no match approves nothing:
  [[rule]]
  gate = \"result\"
  when = \"pass\"
  sandbox = \"read-only\"
  decision = \"approved\"

With CODEX_FAIL_CLOSED=0 a fallback is approved without a question where the routing policy names one for the kind \
of work, unless a rule denies it.

Examples:
  plan-parse PLAN.md | route | codex-exec | verify | approve
  plan-parse PLAN.md | route | approve --gate plan --run RUN
  approve --policy trust.toml < verified.jsonl
  approve --run RUN --wait < held.jsonl    decisions come from elsewhere

Exit codes: 0 everything at the gate was approved; 20 something was denied, sent back or is pending; 2 usage or a \
bad policy; 65 bad input; 130, 143 stopped by a signal (what was not answered is pending).
";
