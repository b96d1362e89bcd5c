//! plan-draft: has a plan written, checked before it is saved.

mod answer;
mod defects;
mod place;
mod request;
mod shown;
mod stages;
mod template;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use stage::{Error, Exit, Shown};

use crate::place::Place;
use crate::request::{Again, Backend, Request};
use crate::stages::{Outcome, Stages, Stopped};

const NAME: &str = "plan-draft";

/// Has a plan for GOAL written, and saves it as docs/plans/YYYY-MM-DD-FEATURE.md once it is without a defect.
///
/// Codex looks around first, read-only; Claude (or Codex) writes the plan; `plan-parse --check --strict` looks for
/// defects, which go back to whoever wrote it. Nothing is overwritten, and nothing else in the repository changes. The
/// plan is printed on stdout.
#[derive(Debug, Parser)]
#[command(name = "plan-draft", version, after_help = AFTER)]
pub struct Args {
    /// What is to be reached, in a sentence
    #[arg(value_name = "GOAL", required_unless_present = "template")]
    goal: Vec<String>,

    /// Who writes the plan
    #[arg(long, value_enum, default_value = "claude")]
    backend: Backend,

    /// How often the plan may be written before it is given up
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u64).range(1..=20))]
    attempts: u64,

    /// The feature in the file's name [default: the first words of GOAL]
    #[arg(long, value_name = "FEATURE")]
    name: Option<String>,

    /// The routing policy, as for `route`
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The most that each call of an agent may take, in seconds [default: that of codex-exec and claude-exec]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<String>,

    /// The repository [default: the one we are in]
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".")]
    workdir: PathBuf,

    /// Write a plan to fill in by hand, and ask nobody
    #[arg(long, conflicts_with = "print_pipe")]
    template: bool,

    /// Print the same work as commands for a shell, and do nothing
    #[arg(long)]
    print_pipe: bool,
}

const AFTER: &str = "\
Examples:
  plan-draft 'Show log levels in colour, on terminals only'
  plan-draft --backend codex --name colour 'Show log levels in colour'
  plan-draft --template 'Show log levels in colour'
  plan-draft --print-pipe 'Show log levels in colour' | less

Exit codes:
  0   the plan is saved
  2   usage, also when there is such a file already
  20, 10, 11, 12, 13, 1  an agent failed: as codex-exec and claude-exec
  65  the plan still has defects after the last attempt; it is printed
  130, 143  stopped by SIGINT, SIGTERM";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    let args = Args::parse();
    stage::main(NAME, || match run(&args) {
        Ok(exit) | Err(Stopped::Signal(exit)) => Ok(exit),
        Err(Stopped::Error(error)) => Err(error),
    })
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn run(args: &Args) -> Result<Exit, Stopped> {
    let goal = args.goal.join(" ");
    let goal = goal.split_whitespace().collect::<Vec<_>>().join(" ");
    if goal.is_empty() && !args.template {
        return Err(Error::Usage("GOAL is empty: say in a sentence what is to be reached".into()).into());
    }
    let place = Place::of(&args.workdir, &goal, args.name.as_deref())?;
    if args.print_pipe {
        print(&shown::pipes(&place, &goal, args.backend))?;
        return Ok(Exit::Ok);
    }
    place.is_free()?;
    if args.template {
        let title = if goal.is_empty() { "Title of the plan" } else { &goal };
        let text = template::filled(title, if goal.is_empty() { "One sentence." } else { &goal });
        return save(&place, &text, "fill it in");
    }
    draft(args, &place, &goal)
}

fn draft(args: &Args, place: &Place, goal: &str) -> Result<Exit, Stopped> {
    let mut stages = Stages::new(place.root().to_owned())?;
    progress("codex looks around");
    let explored = pipe(&mut stages, args, "codex-exec", Request::explore(goal).lines(place, goal, None))?;
    let found = match explored {
        Ok(outcome) => outcome.message.unwrap_or_default(),
        Err(exit) => return Ok(failed("nobody has looked around, so no plan is written", exit)),
    };
    let request = Request::write(goal, args.backend, &found);
    let mut again: Option<Again> = None;
    for attempt in 1..=args.attempts {
        progress(&format!("{} writes the plan ({attempt} of {})", request.backend, args.attempts));
        let outcome = match pipe(&mut stages, args, args.backend.stage(), request.lines(place, goal, again.as_ref()))? {
            Ok(outcome) => outcome,
            Err(exit) => return Ok(failed("the plan was not written", exit)),
        };
        let text = answer::plan(outcome.message.as_deref().unwrap_or_default());
        let defects = defects::of(&mut stages, &text)?;
        if defects.is_empty() {
            return save(place, &text, &format!("look at it, then: plan-run {}", place.relative()));
        }
        stage::tell(NAME, &format!("attempt {attempt} of {}: {} defects", args.attempts, defects.len()));
        if attempt == args.attempts {
            for defect in &defects {
                stage::tell(NAME, defect);
            }
            print(&text)?;
            let why = "the plan still has defects and is not saved; it is on stdout. Mend it by hand, or try again with more --attempts";
            return Err(Error::Document(why.into()).into());
        }
        let thread = outcome.thread();
        again = Some(Again {
            number: 1,
            attempt: attempt + 1,
            feedback: defects::feedback(&defects, &text, thread.is_some()),
            thread,
        });
    }
    Ok(Exit::Failed)
}

/// One task through `route` and the stage that does it; an inner error is the exit code of what went wrong.
fn pipe(stages: &mut Stages, args: &Args, executor: &str, lines: String) -> Result<Result<Outcome, Exit>, Stopped> {
    let mut flags: Vec<OsString> = Vec::new();
    if let Some(policy) = &args.policy {
        flags.extend(["--policy".into(), policy.clone().into_os_string()]);
    }
    let routed = stages.run("route", &flags, lines)?;
    if routed.code != 0 {
        return Ok(Err(Exit::Cause(routed.code)));
    }
    let timeout = args.timeout.iter().flat_map(|seconds| ["--timeout".into(), OsString::from(seconds)]);
    let done = stages.run(executor, &timeout.collect::<Vec<_>>(), routed.out)?;
    Ok(match Outcome::of(&done.out) {
        Some(outcome) if outcome.status == "ok" && done.code == 0 => Ok(outcome),
        None if done.code == 0 => {
            stage::tell(NAME, &format!("the routing policy gives this work to somebody else than {executor}"));
            Err(Exit::Failed)
        }
        _ => Err(if done.code == 0 { Exit::Failed } else { Exit::Cause(done.code) }),
    })
}

fn save(place: &Place, text: &str, next: &str) -> Result<Exit, Stopped> {
    let saved = place.save(text);
    // Whatever became of the file, nothing that was paid for is lost.
    print(text)?;
    saved?;
    stage::tell(NAME, &format!("{}: saved; {next}", place.relative()));
    Ok(Exit::Ok)
}

fn print(text: &str) -> Result<(), Stopped> {
    let mut out = std::io::stdout();
    let text = if out.is_terminal() { Shown(text).lines() } else { text.to_owned() };
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Stopped::Error(Error::ReaderGone))
}

fn failed(what: &str, exit: Exit) -> Exit {
    stage::tell(NAME, what);
    exit
}

/// For a person who waits.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        stage::tell(NAME, text);
    }
}
