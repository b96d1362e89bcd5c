//! The command line and the variables behind it.

use std::path::PathBuf;

use clap::Parser;
use policy::routing::{EFFORTS, Overrides, is_effort};
use stage::Error;

/// Choose the cheapest capable backend, model and sandbox for each task, by a policy table.
///
/// Reads the lines of a plan on stdin and adds a `route` to every task that has none. What the plan says wins where
/// the policy allows it; otherwise the rules of the policy decide from title, objective, files and commands.
///
/// Needs of a task: id, title. Looks at: objective, files, commands, output, backend, work_type, route.
/// Adds: route {work_type, backend, models, effort, sandbox, rank, rule, why}.
#[derive(Debug, Parser)]
#[command(name = "route", version, after_help = AFTER)]
pub struct Args {
    /// A policy file (TOML), laid over the built-in table, or in its place when it says `extends = false`
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// Tell on stderr how each task was decided
    #[arg(long)]
    pub explain: bool,

    /// Write the routing summary of the plan as a Markdown table, and no lines
    #[arg(long)]
    pub table: bool,

    /// Print the built-in policy and end
    #[arg(long, conflicts_with_all = ["policy", "explain", "table", "doctor"])]
    pub print_policy: bool,

    /// Tell which models are in use and what is known against them, and end
    #[arg(long, conflicts_with_all = ["explain", "table"])]
    pub doctor: bool,

    /// Score the policy on labelled tasks, and end: one JSON object a line with title, label and, where there are, objective,
    /// files and alt, a second label that is as good
    #[arg(long, value_name = "FILE", conflicts_with_all = ["explain", "table", "doctor", "print_policy"])]
    pub eval: Option<PathBuf>,

    /// The model of every codex task with one model; a pair of options stays
    #[arg(long, value_name = "MODEL", env = "CODEX_MODEL", hide_env_values = true)]
    pub model: Option<String>,

    /// The policy's model `code`
    #[arg(long, value_name = "MODEL", env = "CODEX_MODEL_CODE", hide_env_values = true)]
    pub model_code: Option<String>,

    /// The policy's model `logic`
    #[arg(long, value_name = "MODEL", env = "CODEX_MODEL_LOGIC", hide_env_values = true)]
    pub model_logic: Option<String>,

    /// The effort of every codex task: none, minimal, low, medium, high, xhigh, max or ultra
    #[arg(long, value_name = "EFFORT", env = "CODEX_EFFORT", hide_env_values = true)]
    pub effort: Option<String>,
}

const AFTER: &str = "A flag beats a variable, a variable the policy file, the file the built-in policy. \
An empty variable counts as none.

Exit codes: 0 done; 2 usage or a policy that cannot be used; 65 a bad line.

Examples:
  plan-parse PLAN.md | route | codex-exec
  plan-parse PLAN.md | route --explain >/dev/null
  plan-parse PLAN.md | route --table
  route --print-policy > policy.toml
  route --policy policy.toml --eval labelled.jsonl";

impl Args {
    /// What the flags and variables say over the policy.
    pub fn overrides(&self) -> Result<Overrides, Error> {
        let said = |value: &Option<String>| {
            value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let effort = said(&self.effort);
        if let Some(effort) = effort.as_deref().filter(|effort| !is_effort(effort)) {
            return Err(Error::Usage(format!(
                "effort \"{effort}\" (--effort or CODEX_EFFORT): use one of {}",
                EFFORTS.join(", ")
            )));
        }
        Ok(Overrides { model: said(&self.model), code: said(&self.model_code), logic: said(&self.model_logic), effort })
    }
}
