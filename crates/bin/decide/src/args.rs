//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use record::{DecisionStatus, Gate};

/// Answer a pending question from another terminal, a script or an assistant.
///
/// Writes one decision into the run file, on disk when decide ends; `approve --run RUN --wait` takes it from there, and
/// so do the next `approve --run RUN` and `plan-batch --run RUN`. The decision names the digests of the task and of its
/// change: it counts for exactly what was asked about. Without ID, or with --list, the open questions are listed.
///
/// Needs of the newest line of a task in RUN: id, digest. Looks at: title, route, work_type, result, decisions.
#[derive(Debug, Parser)]
#[command(name = "decide", version, after_help = AFTER)]
pub struct Args {
    /// The run file
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// The task
    #[arg(value_name = "ID", requires = "answer")]
    pub id: Option<String>,

    /// What is decided
    #[arg(value_name = "ANSWER")]
    pub answer: Option<Answer>,

    /// List what is pending: id, gate and title, with tabs between them
    #[arg(long, conflicts_with = "id")]
    pub list: bool,

    /// Which question, where the task has several [default: the one that is pending]
    #[arg(long, value_name = "GATE", value_parser = gate)]
    pub gate: Option<Gate>,

    /// Why; with retry, what the agent is told
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Which of several answers is taken, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub choice: Option<u16>,

    /// Who takes over at gate fallback [default: the routing policy's, else claude]
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub backend: Option<String>,

    /// With which model [default: the routing policy's, else claude-sonnet-4-6]
    #[arg(long, value_name = "MODEL", value_parser = word)]
    pub model: Option<String>,

    /// The routing policy whose [fallback] says who takes over [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    pub routing: Option<PathBuf>,

    /// Who decides [default: person:USER]
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub by: Option<String>,
}

/// What is decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Answer {
    /// Yes; also where the answer was no.
    Approve,
    /// No.
    Deny,
    /// Try again; also for a task that was tried and about which nothing is asked any more.
    Retry,
}

impl Answer {
    /// As it stands on the line.
    pub fn status(self) -> DecisionStatus {
        match self {
            Self::Approve => DecisionStatus::Approved,
            Self::Deny => DecisionStatus::Denied,
            Self::Retry => DecisionStatus::Retry,
        }
    }
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

const AFTER: &str = "\
Exit codes: 0 the decision is on disk (or the list is written); 1 RUN cannot be read or written; 2 usage, an unknown \
task, or nothing is pending; 65 a bad line in RUN.

Examples:
  decide .plan/2026-01-15-slugs/run.jsonl
  decide .plan/2026-01-15-slugs/run.jsonl 2 approve
  decide .plan/2026-01-15-slugs/run.jsonl 3 retry --note 'keep the public interface'
  decide .plan/2026-01-15-slugs/run.jsonl 4 approve --gate fallback --backend claude --model claude-sonnet-4-6
  decide .plan/2026-01-15-slugs/run.jsonl | cut -f 1 | xargs -I ID decide .plan/2026-01-15-slugs/run.jsonl ID approve";
