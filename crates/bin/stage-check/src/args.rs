//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Tries any command against docs/contract.md and says what it breaks.
///
/// The command is run many times on made-up plans, each time for one rule. Nothing in them is work: tasks are ticked
/// off, done, addressed to a backend called "stage-check", or not addressed at all, and CODEX_BIN and CLAUDE_BIN name
/// nothing that exists.
#[derive(Debug, Parser)]
#[command(name = "stage-check", version, about, after_help = EXAMPLES)]
pub struct Args {
    /// The stage and its arguments; a single argument with spaces is run by `sh -c`
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true, required_unless_present = "list")]
    pub command: Vec<OsString>,
    /// Try this rule only (may be given more than once)
    #[arg(long, value_name = "RULE")]
    pub only: Vec<String>,
    /// List the rules and end
    #[arg(long)]
    pub list: bool,
    /// What the contract tolerates in scripts (respelled numbers, no watch for a closed stdout, ...) counts as broken
    #[arg(long)]
    pub strict: bool,
    /// A section that the stage may set; once given, any other new one is a fault (may be given more than once)
    #[arg(long, value_name = "SECTION")]
    pub adds: Vec<String>,
    /// The stage runs agents: the first signal ends it, instead of the end of input
    #[arg(long)]
    pub executor: bool,
    /// Lines that give the stage work to do, tried as they are and with fields unknown to it
    #[arg(long, value_name = "FILE")]
    pub sample: Option<PathBuf>,
    /// An exit code that means "went well" here, instead of 0 (may be given more than once)
    #[arg(long = "exit", value_name = "CODE")]
    pub exits: Vec<u8>,
    /// Seed of the random plans
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How long a run may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub timeout: f64,
    /// How long "at once" may take: a flushed line, an end after the reader has gone
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    pub patience: f64,
    /// Rules tried at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: u8,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object per rule, and one at the end.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  stage-check ./my-route.py
  stage-check --strict --adds route -- route
  stage-check 'jq -c --unbuffered .'
  stage-check --only flush --only numbers -- ./my-stage --its-flag

Exit codes: 0 every rule holds, 1 something is broken, 2 wrong usage.";

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("seconds, more than 0 and at most 86400".into()),
    }
}
