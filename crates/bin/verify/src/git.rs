//! git, asked about a repository in which an agent has worked.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use process::{End, Job, Limits, Observer, Progress, Stopper, Stream};

/// As long as git may take to answer, for the largest of repositories.
const PATIENCE: Duration = Duration::from_secs(300);
/// As much as is taken of what git complains about.
const COMPLAINT: usize = 2000;

/// Why git did not answer.
#[derive(Debug)]
pub enum NoGit {
    /// It could not be run.
    NotRun(String),
    /// It said no.
    Refused(String),
}

impl std::fmt::Display for NoGit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotRun(reason) | Self::Refused(reason) => out.write_str(reason),
        }
    }
}

/// Asks git and hands over its answer piece by piece, as it comes.
///
/// It sees the objects as they are, whatever the repository says of replacements and grafts, asks no other machine for
/// missing ones, and takes every path literally. None of the variables that lead it elsewhere reach it.
pub async fn ask(folder: &Path, args: &[&str], input: Vec<u8>, take: impl FnMut(&[u8])) -> Result<(), NoGit> {
    let quiet = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false"];
    let mut job = Job::new("git").args(quiet).args(args);
    folder.clone_into(&mut job.folder);
    job.input = input;
    job.env = std::env::vars_os()
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GIT_"))
        .map(|(name, _)| (name, None))
        .collect();
    for (name, value) in [
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_GRAFT_FILE", "/dev/null"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_LITERAL_PATHSPECS", "1"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("LC_ALL", "C"),
    ] {
        job.env.push((name.into(), Some(OsString::from(value))));
    }
    job.limits = Limits { total: Some(PATIENCE), stall: None, grace: Duration::from_secs(1) };
    let mut answer = Answer { take, complaint: Vec::new() };
    let (_stopper, stop) = Stopper::new();
    let outcome = process::run(&job, &mut answer, stop)
        .await
        .map_err(|error| NoGit::NotRun(format!("git: cannot be run: {error}")))?;
    let complaint = String::from_utf8_lossy(&answer.complaint).trim().replace('\n', " ");
    match (outcome.cut, outcome.end) {
        (Some(_), _) => Err(NoGit::NotRun(format!("git did not end within {} s", PATIENCE.as_secs()))),
        (None, End::Exited(0)) => Ok(()),
        (None, End::Exited(code)) if complaint.is_empty() => Err(NoGit::Refused(format!("git: exit code {code}"))),
        (None, End::Exited(_)) => Err(NoGit::Refused(format!("git: {complaint}"))),
        (None, End::Signalled(signal)) => Err(NoGit::NotRun(format!("git was ended by signal {signal}"))),
    }
}

/// The whole answer, for questions whose answers are short.
pub async fn answer(folder: &Path, args: &[&str]) -> Result<Vec<u8>, NoGit> {
    let mut all = Vec::new();
    ask(folder, args, Vec::new(), |piece| all.extend_from_slice(piece)).await?;
    Ok(all)
}

struct Answer<F> {
    take: F,
    complaint: Vec<u8>,
}

impl<F: FnMut(&[u8])> Observer for Answer<F> {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> Progress {
        match stream {
            Stream::Out => (self.take)(bytes),
            Stream::Err => {
                let room = COMPLAINT.saturating_sub(self.complaint.len());
                self.complaint.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        }
        Progress::Made
    }
}
