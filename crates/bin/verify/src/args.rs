//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use stage::Error;

use crate::sandbox::Permits;

/// Prove finished tasks: run their commands and done criteria
///
/// Reads tasks from stdin, one JSON object per line. For every task with a result that is `ok` and without a verdict it
/// runs the task's commands, and the done criteria that are commands, and writes the task with a `verdict`:
/// `pass` when something was run and all of it exited with 0, `fail` when something did not, `unproven` when there was
/// nothing to run. A task also fails when it has changed something else than the files that it declares (`scope`), or
/// what the work is proven by (`tamper`). Everything else passes unchanged.
///
/// A plan is not trusted: each command is told on stderr before it is run, and runs in a sandbox where one works.
#[derive(Clone, Debug, Parser)]
#[command(name = "verify", version, after_help = AFTER, max_term_width = 120)]
pub struct Args {
    /// How long each check may take before it and all it started are ended
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub timeout: Duration,

    /// How long a check may take to end by itself once it was asked to
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub grace: Duration,

    /// What keeps checks away from the rest of the machine
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    pub sandbox: Choice,

    /// The folder to be at home in: for tasks that name none, and to judge those that do [default: the present folder]
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,

    /// A folder outside the tree that checks may write to (may be given several times)
    #[arg(long, value_name = "DIR")]
    pub allow_write: Vec<PathBuf>,

    /// Let checks use the network
    #[arg(long)]
    pub allow_network: bool,

    /// A variable that checks may see though its name looks like a secret (may be given several times)
    #[arg(long, value_name = "NAME")]
    pub keep_env: Vec<String>,

    /// The shell that runs the commands [default: bash, or sh where there is none]
    #[arg(long, value_name = "PROGRAM")]
    pub shell: Option<PathBuf>,

    /// A command that makes a tree ready before its checks run, such as 'npm ci' (for commits; in the same sandbox)
    #[arg(long, value_name = "CMD")]
    pub setup: Option<String>,

    /// An ignored file or folder of the repository that checks of commits need, such as .env.test (several times)
    #[arg(long, value_name = "PATH")]
    pub include: Vec<PathBuf>,

    /// Do not run the checks of a commit on its base too, to tell what failed before and what cannot fail
    #[arg(long)]
    pub no_baseline: bool,

    /// A list of protected paths to use instead of the usual one (see --print-protected)
    #[arg(long, value_name = "FILE")]
    pub protected: Option<PathBuf>,

    /// Protect these paths too: a task that changes one without naming it fails `tamper` (may be given several times)
    #[arg(long, value_name = "GLOB")]
    pub protect: Vec<String>,

    /// Do not protect these paths (may be given several times)
    #[arg(long, value_name = "GLOB")]
    pub no_protect: Vec<String>,

    /// Print the usual list of protected paths, to be changed and named with --protected, and end
    #[arg(long)]
    pub print_protected: bool,

    /// A second opinion
    #[command(flatten)]
    pub review: ReviewArgs,

    /// Tell what would be run, where and in which sandbox; run nothing and pass all lines unchanged
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// What a review is made with.
#[derive(Clone, Debug, clap::Args)]
pub struct ReviewArgs {
    /// Have a model read task and change too; it can spoil a verdict, and never makes one pass
    #[arg(long)]
    pub review: bool,

    /// The model that reviews [default: CODEX_MODEL_CODE, else gpt-5.3-codex]
    #[arg(long, value_name = "NAME")]
    pub review_model: Option<String>,

    /// The model for code, for the review where --review-model names none
    #[arg(long, env = "CODEX_MODEL_CODE", value_name = "NAME", hide = true)]
    pub model_code: Option<String>,

    /// How hard it thinks: none minimal low medium high xhigh max ultra [default: xhigh]
    #[arg(long, env = "CODEX_EFFORT", value_name = "EFFORT", value_parser = effort, hide_env_values = true)]
    pub review_effort: Option<String>,

    /// How long it may take
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub review_timeout: Duration,

    /// The Codex CLI, a name on PATH or a path
    #[arg(long, env = "CODEX_BIN", value_name = "PROGRAM", default_value = "codex", hide_env_values = true)]
    pub codex: std::ffi::OsString,
}

/// The sandboxes by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Choice {
    /// The first of these that works here
    Auto,
    /// Bubblewrap: nothing but the tree can be written, no network, own processes, private /tmp
    Bwrap,
    /// Landlock, by the Linux kernel alone: nothing but the tree can be written, no TCP connections
    Landlock,
    /// No sandbox: checks may do all that you may do
    None,
}

impl Args {
    /// The folder that is worked in where a task names none.
    pub fn ground(&self) -> Result<PathBuf, Error> {
        let Some(folder) = &self.workdir else {
            return std::env::current_dir().map_err(|error| Error::system("the present folder", error));
        };
        let wrong = |why: String| Error::Usage(format!("--workdir {}: {why}", folder.display()));
        match folder.canonicalize() {
            Ok(found) if found.is_dir() => Ok(found),
            Ok(_) => Err(wrong("is no folder".into())),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// What the sandbox lets through.
    pub fn permits(&self) -> Result<Permits, Error> {
        let mut write = Vec::new();
        for folder in &self.allow_write {
            let found = folder
                .canonicalize()
                .map_err(|error| Error::Usage(format!("--allow-write {}: {error}", folder.display())))?;
            write.push(found);
        }
        Ok(Permits { write, network: self.allow_network })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        // Longer than anybody waits, short enough for every clock.
        Ok(seconds) if seconds > 0.0 => Ok(Duration::from_secs_f64(seconds.min(1e9))),
        _ => Err("a number of seconds above 0 is needed, such as 600 or 0.5".into()),
    }
}

/// An empty variable counts as none.
fn effort(text: &str) -> Result<String, String> {
    if text.is_empty() || agent::Effort::named(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(format!("one of {} is needed", agent::Effort::NAMES.join(", ")))
}

const AFTER: &str = "\
Fields of a task that are read:
  id               needed
  result.status    needed where there is a result; only \"ok\" is checked
  result.head      the commit to check, in a tree of its own; else in place
  result.base      the commit it started from, to see what was changed
  result.changed   what was changed, where there are no such commits
  result.tampering what the executor saw the agent do to git itself
  files[].path, files[].action
                   what the task may change
  source.path      the plan, which no task changes
  route.sandbox, result.attempts[].sandbox
                   whether it may change anything
  result.workdir   the folder to run in; else the present folder
  commands         shell commands, one each
  done[].text, done[].command
  verdict          a task that has one is left alone
  batch.attempt    names the log
  title, objective, done, constraints, body
                   with --review: what the reviewer is told
The plan line's path names the folder for logs: .plan/NAME/logs/.

Exit codes: 0 every verdict is pass, 1 some verdict is not, 2 wrong usage, \
65 a bad line, 130 and 143 stopped.

Examples:
  plan-parse PLAN.md | route | codex-exec | verify | approve
  verify --dry-run < results.jsonl > /dev/null      what would be run?
  verify --timeout 60 --allow-network < results.jsonl
  verify --review < results.jsonl
  jq -c 'del(.verdict)' run.jsonl | verify          check old results again
";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        assert!(AFTER.lines().all(|line| !line.starts_with(' ') || line.len() <= 76), "rewrapped raggedly");
        for bad in ["0", "-1", "x", "NaN", "", "inf x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("inf"), Ok(Duration::from_secs(1_000_000_000)));
    }
}
