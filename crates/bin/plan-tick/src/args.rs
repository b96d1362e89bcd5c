//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Tick off in the plan's file what the run file says is finished.
///
/// Only marks of boxes change: everything else stays byte for byte what it was, line ends and a byte order mark too. A task that
/// is a box gets its own box ticked and those of its steps, any other task all boxes in it; optional steps, `- [ ]* 1.1`, stay.
/// The new text takes the place of the old one as a whole, with the same permissions.
///
/// A task is finished when its last line in RUN has an approved `result` decision for the task as it stands in the plan, and, if
/// the work is a commit of its own, when that has landed.
#[derive(Debug, Parser)]
#[command(name = "plan-tick", version, after_help = EXAMPLES)]
pub struct Args {
    /// The plan's file, in any layout that plan-parse reads
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,

    /// The run file
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Change nothing; print the numbers of the tasks that would be ticked off
    #[arg(long)]
    pub dry_run: bool,

    /// Read the plan as this layout; `auto` takes the first that knows it
    #[arg(long, value_name = "DIALECT", default_value = AUTO, value_parser = dialects())]
    pub from: String,
}

const AUTO: &str = "auto";

fn dialects() -> clap::builder::PossibleValuesParser {
    std::iter::once(AUTO).chain(plan::dialect::DIALECTS.iter().map(|dialect| dialect.name())).into()
}

impl Args {
    /// The layout that the user named.
    pub fn dialect(&self) -> Option<&str> {
        (self.from != AUTO).then_some(self.from.as_str())
    }
}

const EXAMPLES: &str = "\
Examples:
  plan-tick docs/plans/2026-01-15-slugs.md .plan/2026-01-15-slugs/run.jsonl
  plan-tick --dry-run .kiro/specs/search/tasks.md .plan/search/run.jsonl

Exit codes: 0 ticked, or nothing to tick; 2 wrong usage; 65 the plan or a line of RUN cannot be read";
