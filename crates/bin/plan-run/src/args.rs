//! The command line.

use std::path::PathBuf;

use clap::{ArgMatches, Command, FromArgMatches, Parser};

use crate::stages::STAGES;

/// Do a whole plan: start and watch the pipe of all stages, and go on where it stopped.
///
/// Starts plan-parse, route, approve, plan-batch, the executors, verify, approve, land and journal as one pipe, and copies the
/// lines between them, so that it knows in which stage each task is. Stopped by whatever, the same command goes on.
#[derive(Debug, Parser)]
#[command(name = "plan-run", version, after_help = AFTER, max_term_width = 120)]
pub struct Args {
    /// The plan's file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,

    /// The run file [default: .plan/NAME/run.jsonl at the root of the repository, NAME as the plan's file]
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,

    /// `scratch`: begin a new run file, and keep the old one under a name with the present date
    #[arg(long, value_name = "WHERE", value_parser = ["scratch"])]
    pub from: Option<String>,

    /// Print the pipe as a command for a shell, and run nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,

    /// What is handed to the stages.
    #[command(flatten)]
    pub options: Options,

    /// Commands in the place of stages.
    #[command(flatten)]
    pub swaps: Swaps,
}

/// What is handed to the stages.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The routing policy (TOML), see `route --policy`
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// Rules that answer at all gates before a person is asked (TOML), see `approve --policy`
    #[arg(long, value_name = "FILE")]
    pub approve_policy: Option<PathBuf>,

    /// How many tasks are out at a time [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub size: Option<u16>,

    /// Release each task as soon as what it waits for is finished
    #[arg(long)]
    pub rolling: bool,

    /// How often a task is tried whose result is not proven [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub attempts: Option<u16>,

    /// The most agents at once, of each executor [default: 3, or --size]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// The most an agent may take for a task, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<String>,

    /// The most an agent may take without getting on, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub stall: Option<String>,

    /// Where agents work: each task in a git worktree of its own, or all of them in the tree as it is [default: worktree
    /// in a git repository]
    #[arg(long, value_name = "HOW", value_parser = ["worktree", "none"])]
    pub isolate: Option<String>,

    /// Run in each new worktree before an agent starts in it, such as "npm ci"
    #[arg(long, value_name = "CMD")]
    pub setup: Option<String>,

    /// A file or folder that git ignores and that worktrees get a copy of (may be given several times)
    #[arg(long, value_name = "PATH")]
    pub include: Vec<PathBuf>,

    /// Have a model read each task and its change, too, see `verify --review`
    #[arg(long)]
    pub review: bool,

    /// Bring approved changes into the files only, without a commit, see `land --apply`
    #[arg(long)]
    pub apply: bool,

    /// Wait for a rate limit to reset, at most so long: 90, 15m, 2h [default: stop, so that a person decides]
    #[arg(long, value_name = "MAX")]
    pub wait_for_reset: Option<String>,

    /// The most tokens for the whole plan; then nothing more is begun
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<u64>,

    /// The most calls of agents for the whole plan; then nothing more is begun
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<u64>,

    /// The most tokens for one task
    #[arg(long, value_name = "N")]
    pub max_task_tokens: Option<u64>,

    /// The most calls of agents for one task
    #[arg(long, value_name = "N")]
    pub max_task_attempts: Option<u64>,

    /// After how long without news to say so [default: 900]
    #[arg(long, value_name = "SECONDS")]
    pub quiet: Option<u64>,
}

/// Commands in the place of stages, and between them.
#[derive(Debug, Default)]
pub struct Swaps {
    /// Name of a stage and its command.
    pub instead: Vec<(String, String)>,
    /// Name of a stage and a command behind it, in the order given.
    pub after: Vec<(String, String)>,
}

impl clap::Args for Swaps {
    fn augment_args(command: Command) -> Command {
        let heading = "Commands in the place of stages (for sh -c, with the tools' folder first in PATH)";
        let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
        let after = clap::Arg::new("stage")
            .long("stage")
            .value_name("AFTER=CMD")
            .action(clap::ArgAction::Append)
            .value_parser(|text: &str| after(text))
            .help(format!("Put a command behind a stage; AFTER is one of {}", names.join(", ")))
            .help_heading(heading);
        STAGES
            .iter()
            .fold(command, |command, stage| {
                let arg = clap::Arg::new(stage.name).long(stage.name).value_name("CMD").value_parser(not_empty);
                command.arg(arg.help(format!("Instead of {}", stage.name)).help_heading(heading))
            })
            .arg(after)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Swaps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let instead = STAGES.iter().filter_map(|stage| {
            let command = matches.get_one::<String>(stage.name)?;
            Some((stage.name.to_owned(), command.clone()))
        });
        let after = matches.get_many::<(String, String)>("stage").unwrap_or_default().cloned();
        Ok(Self { instead: instead.collect(), after: after.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("a command is needed (cat passes everything on)".into()) } else { Ok(text.into()) }
}

fn after(text: &str) -> Result<(String, String), String> {
    let (name, command) = text.split_once('=').ok_or("AFTER=CMD is needed, such as verify='./notify.sh'")?;
    if !STAGES.iter().any(|stage| stage.name == name) {
        let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
        return Err(format!("there is no stage \"{name}\"; the stages are {}", names.join(", ")));
    }
    Ok((name.into(), not_empty(command)?))
}

const AFTER: &str = "\
The first Ctrl-C stops: nothing new starts, running agents are ended, and what is known is in the run file. A second one \
ends it at once.

Exit codes: 0 every task is finished; 1 some task is not, or a stage died; 2 usage; 10, 11, 12, 13 the first cause of a \
failure, only with CODEX_FAIL_CLOSED=0; 20 something waits for a person; 65 a bad plan or line; 130, 143 stopped by a \
signal.

Examples:
  plan-run docs/plans/2026-01-15-slugs.md
  plan-run --approve-policy trust.toml --rolling PLAN.md
  plan-run --verify 'make -s check-lines' --stage verify='./notify.py' PLAN.md
  plan-run --dry-run PLAN.md
  plan-run --from scratch PLAN.md";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        let args = ["plan-run", "p.md", "--verify", "a b", "--stage", "verify=c=d", "--stage", "route=x"];
        let args = Args::try_parse_from(args).unwrap();
        assert_eq!(args.swaps.instead, [("verify".to_owned(), "a b".to_owned())]);
        assert_eq!(args.swaps.after, [("verify".into(), "c=d".into()), ("route".into(), "x".into())]);
        for bad in ["--stage=x=y", "--stage=verify", "--verify=", "--from=yesterday", "--size=0"] {
            assert!(Args::try_parse_from(["plan-run", "p.md", bad]).is_err(), "{bad}");
        }
    }
}
