//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Release up to three independent open tasks of a plan at a time, and the next ones when those are decided.
///
/// Reads all lines of a plan and the run file, and writes the tasks that may be worked on now, each with `batch` and
/// with the decisions that RUN holds for it. A task is released when everything it needs is finished, and when no other
/// task of the batch writes a file that it names; a task that writes and names no file runs alone. Each release is a
/// line in RUN before the task goes out.
///
/// Needs: a plan line; of a task: id, digest. Looks at: needs, files, checked, backend, route, decisions. Adds: batch {number,
/// attempt, feedback, thread, head, attempts_left}, decisions.
#[derive(Debug, Parser)]
#[command(name = "plan-batch", version, after_help = AFTER)]
pub struct Args {
    /// The run file, which `journal RUN` at the end of the pipe writes
    #[arg(long, value_name = "RUN")]
    pub run: PathBuf,

    /// Watch RUN, and release the next batch when every task of the last one has come out of the pipe
    #[arg(long)]
    pub follow: bool,

    /// Release each task as soon as what it waits for is finished
    #[arg(long, requires = "follow")]
    pub rolling: bool,

    /// How many tasks are out at a time
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub size: u16,

    /// How often a task is tried whose result is not proven
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub attempts: u16,

    /// How the executors keep the work of tasks apart: what was interrupted in a worktree of its own is begun again
    /// unasked, and what may have been done in place is asked about. Say `worktree` only of executors that do so
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Isolate::None)]
    pub isolate: Isolate,

    /// How many tokens the tasks of RUN may cost together before no more of them are begun [default: no limit]
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<u64>,

    /// How many calls of agents the tasks of RUN may take together [default: no limit]
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<u64>,

    /// After how long without news from the pipe to say so
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub quiet: u64,

    /// Tell on stderr why each task is released
    #[arg(long)]
    pub explain: bool,
}

/// Where the work of a task is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Isolate {
    /// In a worktree of its own.
    Worktree,
    /// In the user's tree.
    None,
}

impl Isolate {
    /// As it stands in a release; where it is not sure, nothing does.
    pub(crate) fn on_release(self) -> Option<String> {
        (self == Self::Worktree).then(|| "worktree".into())
    }
}

const AFTER: &str = "\
With CODEX_FAIL_CLOSED=1 (the default) nothing more is released once a task has failed or was denied; with 0 only what \
needs that task waits.

Limits count what RUN knows: the calls in result.attempts of all its tasks, each once, and the tokens they tell.

Exit codes: 0 the batch is out; with --follow: every task is finished; 1 RUN cannot be used, journal ended before \
the work was done, or (CODEX_FAIL_CLOSED=0) tasks have failed and nobody has to be asked; 20 something waits for a person (told on stderr, with what would go on); 65 a bad plan or line.

Examples:
  plan-parse PLAN.md | route | plan-batch --run RUN --follow | codex-exec | verify | approve --run RUN | journal RUN
  plan-parse PLAN.md | route | plan-batch --run RUN --explain > next.jsonl
  plan-parse PLAN.md | route | plan-batch --run RUN --follow --rolling --size 5 | ./exec.py | journal RUN";
