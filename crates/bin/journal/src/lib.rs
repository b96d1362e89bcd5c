//! journal: append every line to the run file, durably, and pass it on.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use record::Record;
use run::Owner;
use stage::{Error, Exit, Filter};
use tree::Places;

const NAME: &str = "journal";

/// Append every line to the run file, durably, and pass it on.
///
/// A line is passed on once it is on disk; lines that come together are written together. Nothing is added to a line
/// and nothing is left out. While it runs, journal owns RUN (the lock on RUN.lock), so that there is one pipe for a
/// run file; decisions and releases may be added by others meanwhile.
///
/// Needs of a task: id.
#[derive(Debug, Parser)]
#[command(name = "journal", version, after_help = AFTER)]
pub struct Args {
    /// The run file; it is made when it is not there, with its folder where that is inside a .plan/
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
}

const AFTER: &str = "\
A last line of RUN that was cut off by a crash is moved to RUN.cut.

Exit codes: 0 done; 1 RUN cannot be written, or another journal owns it; 65 a bad line (the ones before it are in \
RUN); 130, 143 stopped by a signal (what came until the end of input is in RUN).

Examples:
  plan-parse PLAN.md | route | codex-exec | verify | approve --run RUN | journal RUN
  plan-parse PLAN.md | route | plan-batch --run RUN --follow | codex-exec | verify | approve --run RUN | journal RUN
  jq -c 'select(.type == \"task\")' RUN | tail -n 1";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    stage::main(NAME, || run(&Args::parse()))
}

fn run(args: &Args) -> Result<Exit, Error> {
    let path = &args.run;
    Places::make_for(path).map_err(|error| Error::system(error.path.display().to_string(), error.source))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Error::Usage(format!(
            "{}: no such folder; make it, or let RUN lie below .plan/",
            folder.display()
        )));
    }
    if path.is_dir() {
        return Err(Error::Usage(format!("{}: a folder, and not a run file", path.display())));
    }
    let owner = Owner::inherit_or_take(path).map_err(refused)?;
    if owner.mend().map_err(refused)? {
        stage::tell(NAME, &format!("{0}: the last line was cut off; it is in {0}.cut now", path.display()));
    }
    stage::filter::run(&mut Journal { owner })
}

fn refused(error: run::Error) -> Error {
    match error {
        run::Error::System { path, source } => Error::system(path.display().to_string(), source),
        other => Error::Refused(other.to_string()),
    }
}

struct Journal {
    owner: Owner,
}

impl Filter for Journal {
    fn task(&mut self, _: &mut Record) -> Result<(), String> {
        Ok(())
    }

    fn before_writing(&mut self, lines: &[u8]) -> Result<(), Error> {
        self.owner.append_block(lines).map_err(refused)
    }
}
