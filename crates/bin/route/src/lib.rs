//! route: choose the cheapest capable backend for each task.

mod args;
mod doctor;
mod eval;
mod explain;
mod summary;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use policy::routing::{BUILT_IN, Overrides, Policy, PolicyError, Task};
use record::Record;
use stage::{Error, Exit, Filter, Worker};

pub use args::Args;

const NAME: &str = "route";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    stage::main(NAME, || run(&Args::parse()))
}

fn run(args: &Args) -> Result<Exit, Error> {
    if args.print_policy {
        return print(BUILT_IN);
    }
    let overrides = args.overrides()?;
    // A file that somebody gave is looked at even when no task comes; the built-in table is not worth the time before.
    let policy = args.policy.as_deref().map(|path| Policy::load(path, overrides.clone())).transpose();
    let mut router = Router {
        policy: policy.map_err(unusable)?.map(Arc::new),
        overrides,
        explains: args.explain,
        summary: args.table.then(summary::Summary::default),
        json: String::new(),
    };
    if args.doctor {
        let source = args.policy.as_ref().map_or("built-in".into(), |path| path.to_string_lossy());
        return print(&doctor::examine(router.policy().map_err(unusable)?, &source));
    }
    if let Some(labelled) = &args.eval {
        return print(&eval::score(router.policy().map_err(unusable)?, labelled)?);
    }
    stage::filter::run(&mut router)
}

fn print(text: &str) -> Result<Exit, Error> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Error::ReaderGone),
        Err(error) => Err(Error::system("stdout", error)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn unusable(error: PolicyError) -> Error {
    Error::Usage(error.to_string())
}

struct Router {
    /// Read and compiled when the first task needs it.
    policy: Option<Arc<Policy>>,
    overrides: Overrides,
    explains: bool,
    summary: Option<summary::Summary>,
    /// The route that was written last; its memory is used again.
    json: String,
}

impl Router {
    fn policy(&mut self) -> Result<&Arc<Policy>, PolicyError> {
        match &mut self.policy {
            Some(policy) => Ok(policy),
            none => Ok(none.insert(Arc::new(Policy::built_in(self.overrides.clone())?))),
        }
    }
}

/// Routes tasks beside others of its kind.
struct Beside {
    policy: Arc<Policy>,
    json: String,
}

impl Worker for Beside {
    fn task(&mut self, record: &mut Record) -> Result<(), String> {
        // The author's choice wins, and running twice changes nothing.
        if record.has("route") { Ok(()) } else { decide(&self.policy, record, false, &mut self.json) }
    }
}

/// Decides one task and sets its route; `json` is memory that is used again.
fn decide(policy: &Policy, record: &mut Record, explains: bool, json: &mut String) -> Result<(), String> {
    let task = Task::of(record).map_err(|error| error.to_string())?;
    let choice = policy.decide(&task);
    if let Some(refused) = &choice.refused {
        stage::tell(NAME, &format!("task {}: {refused}", &*task.id));
    }
    if explains {
        explain::tell(&task.id, &choice);
    }
    record.set_json("route", choice.to_json(json));
    Ok(())
}

impl Filter for Router {
    fn task(&mut self, record: &mut Record) -> Result<(), String> {
        let explains = self.explains;
        // The author's choice wins, and running twice changes nothing.
        if record.has("route") {
            if explains {
                explain::kept(record)?;
            }
            return Ok(());
        }
        let mut json = std::mem::take(&mut self.json);
        let policy = self.policy().map_err(|error| error.to_string())?;
        let decided = decide(policy, record, explains, &mut json);
        self.json = json;
        decided
    }

    fn worker(&mut self) -> Option<Box<dyn Worker>> {
        // What is told on the way, and the table, have to be in order.
        if self.explains || self.summary.is_some() {
            return None;
        }
        let policy = Arc::clone(self.policy().ok()?);
        Some(Box::new(Beside { policy, json: String::new() }))
    }

    fn output<'a>(&'a mut self, record: &'a Record) -> Result<Option<&'a str>, String> {
        match &mut self.summary {
            None => Ok(Some(record.as_str())),
            Some(summary) => summary.row(record),
        }
    }
}
