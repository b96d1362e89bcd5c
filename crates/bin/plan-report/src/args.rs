//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Show what happened in a run, what it cost, and what waits: as a page, a table, or figures.
///
/// Reads the run file and the logs beside it, also while the run goes on, and shows what can be read: a cut-off last
/// line, lines of others and odd fields stop nothing. The page is one file that fetches nothing; texts of agents,
/// commands and plans are shown as text, whatever they hold.
///
/// Needs of a line: type, and of a task, a release or a decision its id. Looks at: every section of the contract.
#[derive(Debug, Parser)]
#[command(name = "plan-report", version, after_help = AFTER)]
pub struct Args {
    /// The run file; with --diff, two of them
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// The plan, to show the tasks too that have not been begun, and which ones were edited since; with --diff, the
    /// second run file
    #[arg(value_name = "PLAN|RUN2")]
    pub plan: Option<PathBuf>,

    /// What to make of it [default: html; with --diff, text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// Where to: a file, or - for stdout [default: for html, RUN with the ending .html; else stdout]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write the file again whenever the run goes on, until its pipe ends; a page loads itself anew
    #[arg(long, conflicts_with_all = ["diff", "lines"])]
    pub follow: bool,

    /// Compare two runs of one plan: states, verdicts, tokens, time
    #[arg(long, requires = "plan", conflicts_with = "lines")]
    pub diff: bool,

    /// Write the plan line and the last line of each task, for another try at what comes after the work: no agent is called
    #[arg(long, conflicts_with_all = ["format", "output", "plan"])]
    pub lines: bool,

    /// With --lines: leave out what this stage and those behind it have added [default: verify]
    #[arg(long, value_enum, value_name = "STAGE", requires = "lines")]
    pub before: Option<Stage>,

    /// So wide is the text [default: the terminal's width, else COLUMNS, else 100]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    pub width: Option<u16>,
}

/// What a report is made as.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// One page that fetches nothing
    Html,
    /// Markdown for the description of a pull request
    Md,
    /// For a terminal
    Text,
    /// Figures for programs
    Json,
}

/// A stage that an old run is sent through again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Stage {
    /// Nothing is kept but what the plan says
    Route,
    /// The route is kept
    CodexExec,
    /// The work is kept, and the decisions that let it be done
    Verify,
    /// The verdict is kept too
    Approve,
    /// The decisions are kept too
    Land,
}

const AFTER: &str = "\
Without --format the page is written beside RUN, and its path to stdout.

Exit codes: 0 written; 1 RUN cannot be read or FILE not written; 2 usage; 65 PLAN is no plan; 130, 143 stopped by a \
signal.

Examples:
  plan-report .plan/2026-01-15-slugs/run.jsonl docs/plans/2026-01-15-slugs.md
  plan-report .plan/2026-01-15-slugs/run.jsonl --follow
  plan-report .plan/2026-01-15-slugs/run.jsonl --format text
  plan-report .plan/2026-01-15-slugs/run.jsonl --format md | gh pr create --title Slugs --body-file -
  plan-report .plan/2026-01-15-slugs/run.jsonl --format json | jq .tokens.total
  plan-report --diff old/run.jsonl .plan/2026-01-15-slugs/run.jsonl
  plan-report --lines .plan/2026-01-15-slugs/run.jsonl | verify --timeout 60 > again.jsonl
  plan-report --lines --before route .plan/2026-01-15-slugs/run.jsonl | route --policy cheaper.toml --table";
