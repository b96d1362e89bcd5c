//! The command line.

use clap::{Parser, ValueEnum};

/// Turns a plan into lines: one for the plan, one for each task.
#[derive(Debug, Parser)]
#[command(name = "plan-parse", version, about, long_about = LONG, after_long_help = EXAMPLES)]
pub struct Args {
    /// The plan's file; `-` or nothing reads stdin. `--check` takes several.
    #[arg(value_name = "PLAN")]
    pub plans: Vec<String>,

    /// Report every defect of the plan with its place and its remedy, and write no lines.
    #[arg(long)]
    pub check: bool,

    /// With `--check`: what is missing or unclear is an error, not a warning.
    #[arg(long, requires = "check")]
    pub strict: bool,

    /// With `--check`: for people on stderr, or as JSON lines on stdout.
    #[arg(long, value_enum, default_value_t, requires = "check")]
    pub format: Format,

    /// Read the plan as this dialect; `auto` takes the first that knows it.
    #[arg(long, visible_alias = "dialect", value_name = "DIALECT", default_value = AUTO, value_parser = dialects())]
    pub from: String,

    /// Write lines, or the plan in our own Markdown format.
    #[arg(long, value_enum, default_value_t, value_name = "FORM", conflicts_with = "check")]
    pub to: Form,

    /// Print the JSON Schema of a line or section, or all of them.
    #[arg(long, value_name = "NAME", num_args = 0..=1, conflicts_with_all = ["check"])]
    #[expect(clippy::option_option, reason = "clap's form of a flag with an optional value")]
    pub schema: Option<Option<String>>,
}

const AUTO: &str = "auto";

fn dialects() -> clap::builder::PossibleValuesParser {
    std::iter::once(AUTO).chain(plan::dialect::DIALECTS.iter().map(|dialect| dialect.name())).into()
}

impl Args {
    /// The dialect that the user named.
    pub fn dialect(&self) -> Option<&str> {
        (self.from != AUTO).then_some(self.from.as_str())
    }
}

/// What is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Form {
    /// JSON lines.
    #[default]
    Lines,
    /// A plan in our own format; reading it gives the same records.
    Md,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// Lines, excerpts and remedies, on stderr.
    #[default]
    Human,
    /// One object per defect: code, severity, message, path, line, column, `end_line`, `end_column`, remedy, task.
    Json,
}

// One line for each paragraph: clap breaks lines where the terminal ends, and keeps those that are here.
const LONG: &str = "\
Turns a plan into lines: one `plan` line, then one `task` line for each task, as JSON on stdout.

A plan is a Markdown file. Each task is a heading with a number, and labelled fields below it:

  ### Task 1: Read the configuration
  **Objective:** Load the settings once, at start.
  **Files:**
  - Create: `src/config.rs`
  **Commands:**
  - `cargo test config`
  **Backend:** codex
  **Depends on:** none
  **Estimate:** 4 min
  **Done when:**
  - [ ] `cargo test config` passes

Constraints and Output may follow. docs/plan-format.md describes all of it, with the list of defects.

Plans in other layouts are read too: superpowers, spec-kit, Kiro, OpenSpec, Task Master, Cursor, ralphex, numbered phases, lists of boxes. The first that fits is taken and told in `format`; --from names one. What such plans do not state is inferred where that is safe and named in the field `inferred`.

A plan without tasks, with a number used twice, or with a dependency that is unknown or goes in a circle writes no lines: the defects are told on stderr.";

const EXAMPLES: &str = "\
Examples:
  plan-parse docs/plans/feature.md
  plan-parse docs/plans/feature.md | route | codex-exec | verify | approve
  plan-parse --check --strict docs/plans/feature.md
  plan-parse --check --format json docs/plans/*.md | jq -r .message
  plan-parse --to md .kiro/specs/search/tasks.md > docs/plans/search.md
  plan-parse --schema task

Exit status: 0 read, or clean, or warnings only; 2 usage; 65 a plan that cannot be read or has defects.";
