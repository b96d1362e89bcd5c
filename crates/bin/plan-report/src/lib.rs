//! plan-report: show what happened in a run, what it cost, and what waits.

mod args;
mod changes;
mod compare;
mod figures;
mod follow;
mod graph;
mod html;
mod json;
mod markdown;
mod output;
mod plan;
mod read;
mod replay;
mod state;
mod text;
mod timeline;
mod view;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use stage::{Error, Exit};

pub use args::{Args, Format, Stage};
use compare::Comparison;
use figures::Report;
use html::{Frame, Links};
use output::Output;
use read::{Reader, Run};

const NAME: &str = "plan-report";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    stage::main(NAME, || run(&Args::parse()))
}

fn run(args: &Args) -> Result<Exit, Error> {
    if !args.follow {
        is_run_file(&args.run)?;
    }
    if args.lines {
        return replay::write(&args.run, args.before.unwrap_or(Stage::Verify)).map(|()| Exit::Ok);
    }
    if let (true, Some(second)) = (args.diff, &args.plan) {
        let [one, two] = [&args.run, second].map(|run| read(run, None));
        let comparison = Comparison::new(one?, two?);
        let format = args.format.unwrap_or(Format::Text);
        let output = Output::of(args, format)?;
        let text = match format {
            Format::Html => html::compared(&comparison),
            Format::Md => comparison.markdown(),
            Format::Text => comparison.text(),
            Format::Json => comparison.json(),
        };
        output.write(&text)?;
        return Ok(Exit::Ok);
    }
    let format = args.format.unwrap_or(Format::Html);
    let output = Output::of(args, format)?;
    if args.follow {
        return follow::run(args, format, &output);
    }
    let report = read(&args.run, args.plan.as_deref())?;
    output.write(&made(args, &report, format, &output, None))?;
    Ok(Exit::Ok)
}

fn refused(error: run::Error) -> Error {
    match error {
        run::Error::System { path, source } => Error::system(path.display().to_string(), source),
        other => Error::Refused(other.to_string()),
    }
}

/// The report of a run file as it is now.
fn read(path: &Path, plan: Option<&Path>) -> Result<Report, Error> {
    is_run_file(path)?;
    let plan = plan.map(plan::lines).transpose()?;
    let mut reader = Reader::new(path);
    let mut run = reader.empty();
    reader.read(&mut run).map_err(refused)?;
    Ok(report(run, path, plan.as_deref()))
}

fn is_run_file(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Error::Usage(format!("{}: a folder, and not a run file", path.display()))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::Usage(format!("{}: no such run file", path.display())))
        }
        Err(error) => Err(Error::system(path.display().to_string(), error)),
    }
}

fn report(mut run: Run, path: &Path, plan: Option<&str>) -> Report {
    if let Some(plan) = plan {
        run.add_plan(plan);
    }
    Report::new(run, run::is_owned(path))
}

/// The report in a format. `follow`: after so many seconds a page loads itself anew.
fn made(args: &Args, report: &Report, format: Format, output: &Output, follow: Option<u32>) -> String {
    match format {
        Format::Html => {
            let text = html::longest_text(report.run.tasks.len());
            let changes = changes::read(&report.run, text);
            let links = output.path().and_then(|page| Links::new(&args.run, page));
            html::page(report, &changes, Frame { text, links: links.as_ref(), follow })
        }
        Format::Md => markdown::text(report),
        Format::Text => text::text(report, output::width(args.width)),
        Format::Json => json::text(report),
    }
}
