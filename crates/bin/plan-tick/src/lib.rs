//! plan-tick: ticks off in the plan's file what is finished.

mod args;
mod finished;
mod replace;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use plan::tick::{self, Ticked};
use plan::{Input, Parsed, check};
use run::Follower;
use stage::{Error, Exit, Shown};

pub use args::Args;
use finished::Finished;

const NAME: &str = "plan-tick";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    stage::main(NAME, || run(&Args::parse()))
}

fn run(args: &Args) -> Result<Exit, Error> {
    let shown = args.plan.display().to_string();
    if !args.run.is_file() {
        return Err(Error::Usage(format!("{}: no such run file", args.run.display())));
    }
    if !args.plan.is_file() {
        return Err(Error::Usage(format!("{shown}: no such file; name the plan, not stdin or a folder")));
    }
    // Behind a link stands the file that is changed, not the link.
    let file = args.plan.canonicalize().map_err(|error| Error::system(shown.clone(), error))?;
    let bytes = std::fs::read(&file).map_err(|error| Error::system(shown.clone(), error))?;
    let input = Input::new(&shown, bytes)?;
    let parsed = Parsed::read(&input, args.dialect());
    if let Some(defect) = check::structure(&parsed).first() {
        let line = parsed.document.line(defect.place.start);
        let advice = format!("plan-parse --check {shown} says more");
        return Err(Error::Document(format!("{shown}:{line}: {} ({}); {advice}", defect.message, defect.rule.code)));
    }
    let tasks: Vec<(String, String)> =
        (0..parsed.drafts.len()).map(|index| parsed.task(index)).map(|task| (task.id, task.digest)).collect();
    let mut finished = Finished::new(tasks.iter().map(|(id, digest)| (id.as_str(), digest.as_str())));
    read(args, &mut finished)?;
    let Ticked { text, tasks: ticked, without_box } = tick::tick(&parsed, &|index| finished.has(&tasks[index].0));
    for index in without_box {
        let line = parsed.document.line(parsed.drafts[index].opening.start);
        let id = Shown(&tasks[index].0).to_string();
        stage::tell(NAME, &format!("{shown}:{line}: task {id} is finished and has no box that could be ticked"));
    }
    if args.dry_run {
        let list: String = ticked.iter().map(|index| format!("{}\n", Shown(&tasks[*index].0))).collect();
        return match std::io::stdout().write_all(list.as_bytes()) {
            Ok(()) => Ok(Exit::Ok),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Error::ReaderGone),
            Err(error) => Err(Error::system("stdout", error)),
        };
    }
    if !ticked.is_empty() {
        replace::replace(&file, &input, &text).map_err(|error| Error::system(shown.clone(), error))?;
    }
    let count = match ticked.len() {
        0 => "nothing to tick off".to_owned(),
        1 => "1 task ticked off".to_owned(),
        count => format!("{count} tasks ticked off"),
    };
    stage::tell(NAME, &format!("{shown}: {count}"));
    Ok(Exit::Ok)
}

/// Notes every line of the run file.
fn read(args: &Args, finished: &mut Finished) -> Result<(), Error> {
    let mut wrong = None;
    let mut follower = Follower::new(&args.run);
    let read = follower.new_lines(|number, line| {
        if wrong.is_none()
            && let Err(error) = finished.note(line)
        {
            wrong = Some(format!("{}:{number}: {error}", args.run.display()));
        }
    });
    match (read, wrong) {
        (Err(run::Error::System { path, source }), _) => Err(Error::system(path.display().to_string(), source)),
        (Err(error), _) => Err(Error::Document(error.to_string())),
        (Ok(()), Some(wrong)) => Err(Error::Document(wrong)),
        (Ok(()), None) => Ok(()),
    }
}
