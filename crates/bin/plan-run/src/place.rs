//! Where the run file is, and how it is taken.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use run::Owner;
use stage::Error;
use tree::{Places, plan_name};

use crate::NAME;
use crate::args::Args;

/// Where a run takes place.
#[derive(Debug)]
pub(crate) struct Place {
    /// The run file.
    pub run: PathBuf,
    /// The root of the tree.
    pub root: PathBuf,
    /// Whether git looks after it.
    pub is_repository: bool,
    /// We are there.
    pub is_at_root: bool,
}

/// So long the remains of a pipe that was killed may take to let go of the run file.
const LETTING_GO: Duration = Duration::from_millis(500);

impl Place {
    pub fn of(args: &Args) -> Result<Self, Error> {
        let here = std::env::current_dir().map_err(|error| Error::system("the present folder", error))?;
        let places =
            Places::of(&here).map_err(|error| Error::system(error.path.display().to_string(), error.source))?;
        let is_at_root = here == places.root();
        let plan = &args.plan;
        let is_ours = !args.swaps.instead.iter().any(|(name, _)| name == "plan-parse");
        if is_ours && plan != Path::new("-") && !plan.is_file() {
            let why = if plan.is_dir() { "a folder, and not a plan" } else { "no such file" };
            return Err(Error::Usage(format!("{}: {why}", plan.display())));
        }
        let run = args.run.clone().unwrap_or_else(|| {
            let name = plan_name(plan.to_str().or(Some("plan")));
            let folder = if is_at_root { PathBuf::from(".plan") } else { places.private() };
            folder.join(name).join("run.jsonl")
        });
        Ok(Self { run, root: places.root().to_owned(), is_repository: places.is_repository(), is_at_root })
    }

    /// Where the agents of this plan keep their logs.
    pub fn logs(&self, args: &Args) -> PathBuf {
        self.root.join(".plan").join(plan_name(args.plan.to_str())).join("logs")
    }

    /// Takes the run file before anything is started, and sees that it can be written.
    pub fn take(&self, from_scratch: bool) -> Result<Owner, Error> {
        let run = &self.run;
        Places::make_for(run).map_err(|error| unwritable(&error.path, &error.source))?;
        let folder = run.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Error::Usage(format!(
                "--run: {}: no such folder; make it, or let RUN lie below .plan/",
                folder.display()
            )));
        }
        if run.exists() && !run.is_file() {
            let what = if run.is_dir() { "a folder" } else { "a device or a pipe" };
            return Err(Error::Usage(format!("--run: {}: {what}, and not a run file", run.display())));
        }
        let owner = owned(run)?;
        if from_scratch && run.exists() {
            let old = dated(run);
            let told = || format!("{}: cannot be kept as {}", run.display(), old.display());
            fs::rename(run, &old).map_err(|error| Error::system(told(), error))?;
            stage::tell(NAME, &format!("the old run file is {} now", old.display()));
        }
        let opened = OpenOptions::new().append(true).create(true).open(run);
        opened.map_err(|error| unwritable(run, &error))?;
        Ok(owner)
    }
}

/// What is needed for a memory cannot be written.
fn unwritable(path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    Error::Refused(format!(
        "{path}: {error}; nothing was started: see that it can be written, or name another place by --run"
    ))
}

fn owned(run: &Path) -> Result<Owner, Error> {
    let end = Instant::now() + LETTING_GO;
    loop {
        match Owner::take(run) {
            Ok(owner) => return Ok(owner),
            Err(run::Error::Owned { .. }) if Instant::now() < end => {}
            Err(run::Error::System { path, source }) => return Err(unwritable(&path, &source)),
            Err(error) => return Err(Error::Refused(error.to_string())),
        }
    }
}

/// A name beside the run file that tells when it was put away and is not taken.
fn dated(run: &Path) -> PathBuf {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    let stem = run.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = run.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    let name = |number: u32| {
        let number = if number > 1 { format!("-{number}") } else { String::new() };
        run.with_file_name(format!("{stem}.{now}{number}{ending}"))
    };
    (1..10_000).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_run_file_gets_a_name_that_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        let first = dated(&run);
        fs::write(&first, "").unwrap();
        let second = dated(&run);
        assert_ne!(first, second);
        let name = second.file_name().unwrap().to_str().unwrap();
        // The clock may have gone on to the next second in between, where the name is free anyway.
        let (time, rest) = name.split_once('Z').unwrap();
        assert!(time.starts_with("run.2") && matches!(rest, ".jsonl" | "-2.jsonl"), "{name}");
    }
}
