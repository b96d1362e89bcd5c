//! plan-parse: turns a plan into lines, and tells what is wrong with one.

mod args;
mod report;
mod schema;

use std::io::IsTerminal;

use clap::{CommandFactory, Parser};
use plan::check::{self, Severity};
use plan::{Input, Parsed, spread};
use stage::{Error, Exit, Sink};

use crate::args::{Args, Form, Format};
use crate::report::Report;

/// The command line, for man pages and completions.
pub fn command() -> clap::Command {
    <Args as clap::CommandFactory>::command()
}

/// Runs the tool with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    stage::main("plan-parse", || run(Args::parse()))
}

fn run(mut args: Args) -> Result<Exit, Error> {
    if let Some(name) = &args.schema {
        return schema::print(name.as_deref());
    }
    if args.plans.is_empty() {
        if std::io::stdin().is_terminal() {
            stage::tell("plan-parse", "name a plan, or give one on stdin; --help says more");
            return Err(Error::Usage(Args::command().render_usage().to_string()));
        }
        args.plans.push("-".to_owned());
    }
    if args.check {
        return check(&args);
    }
    match args.plans.as_slice() {
        [path] => parse(path, args.dialect(), args.to),
        _ => Err(Error::Usage("one plan at a time: a stream has one plan line (--check takes several)".to_owned())),
    }
}

/// Tasks whose lines are made at a time.
const BATCH: usize = 256;

/// Writes the lines of a plan, or tells why there are none.
fn parse(path: &str, dialect: Option<&str>, to: Form) -> Result<Exit, Error> {
    let input = Input::open(path)?;
    let parsed = Parsed::read(&input, dialect);
    let defects = check::structure(&parsed);
    if !defects.is_empty() {
        let mut report = Report::new();
        for defect in &defects {
            report.defect(&input, &parsed.document, defect, false);
        }
        report.flush();
        return Ok(Exit::BadInput);
    }
    let mut sink = Sink::stdout();
    if to == Form::Md {
        sink.line(plan::write::write(&parsed).trim_end())?;
        sink.flush()?;
        return Ok(Exit::Ok);
    }
    let line = |error: record::RecordError| Error::Document(error.to_string());
    sink.line(&record::to_line(&parsed.plan()).map_err(line)?)?;
    // In batches: the lines of a long plan need not all be in memory at once.
    for start in (0..parsed.drafts.len()).step_by(BATCH) {
        let count = BATCH.min(parsed.drafts.len() - start);
        let bytes = input.text().len();
        for task in spread::map(count, bytes, |index| record::to_line(&parsed.task(start + index))) {
            sink.line(&task.map_err(line)?)?;
        }
    }
    sink.flush()?;
    // The process ends here; giving back a long plan piece by piece would take longer than many plans take to read.
    std::mem::forget(parsed);
    Ok(Exit::Ok)
}

/// Reports every defect of every plan.
fn check(args: &Args) -> Result<Exit, Error> {
    let mut sink = Sink::stdout();
    let mut report = Report::new();
    let (mut errors, mut warnings) = (0, 0);
    for path in &args.plans {
        let input = match Input::open(path) {
            Ok(input) => input,
            // One file that cannot be read does not keep the others from being checked.
            Err(error) if args.plans.len() > 1 => {
                report.flush();
                stage::tell("plan-parse", &error.to_string());
                errors += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        let parsed = Parsed::read(&input, args.dialect());
        for defect in &check::all(&parsed) {
            match report::severity(defect, args.strict) {
                Severity::Error => errors += 1,
                Severity::Warning => warnings += 1,
            }
            match args.format {
                Format::Human => report.defect(&input, &parsed.document, defect, args.strict),
                Format::Json => sink.line(&report::json(&input, &parsed.document, defect, args.strict)?)?,
            }
        }
    }
    sink.flush()?;
    if args.format == Format::Human {
        let name = match args.plans.as_slice() {
            [plan] if plan == "-" => "stdin".to_owned(),
            [plan] => plan.clone(),
            plans => format!("{} plans", plans.len()),
        };
        report.summary(&name, errors, warnings);
    }
    report.flush();
    Ok(if errors == 0 { Exit::Ok } else { Exit::BadInput })
}
