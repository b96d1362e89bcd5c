//! Asking a CLI about itself.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use process::{Cut, End, Job, Observer, Progress, StartError, Stop, Stream, run};
use record::Class;

/// How long an answer may take. The CLIs need 0.05 to 0.4 s, through a Node shim 0.2 s more.
const PATIENCE: Duration = Duration::from_secs(20);

/// The last line that says something.
pub(crate) fn last_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty())
}

/// What a CLI answered.
pub(crate) struct Answer {
    /// Its exit code; `None` when it did not end by itself.
    pub exit: Option<i32>,
    pub out: String,
    pub err: String,
}

#[derive(Default)]
struct Text {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Observer for Text {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> Progress {
        let text = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        // No answer that we ask for is longer.
        if text.len() < 1 << 20 {
            text.extend_from_slice(bytes);
        }
        Progress::Made
    }
}

/// The words of a help text, flags among them.
pub(crate) fn words(help: &str) -> Vec<&str> {
    help.split(|c: char| c.is_whitespace() || matches!(c, ',' | '=' | '[' | '<')).collect()
}

/// Asks the CLI something about itself, with an empty stdin. `install` tells how to get it where it is missing.
pub(crate) async fn ask(program: &OsStr, args: &[&str], stop: &Stop, install: &str) -> Result<Answer, (Class, String)> {
    let mut job = Job::new(OsString::from(program)).args(args);
    job.limits.total = Some(PATIENCE);
    job.limits.grace = Duration::from_secs(1);
    let mut text = Text::default();
    match run(&job, &mut text, stop.clone()).await {
        Ok(outcome) if outcome.cut == Some(Cut::Stopped) => {
            Err((Class::Cancelled, "stopped while the CLI was asked about itself".into()))
        }
        Ok(outcome) => {
            let exit = match outcome.end {
                End::Exited(code) if outcome.cut != Some(Cut::Timeout) => Some(code),
                _ => None,
            };
            let readable = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            Ok(Answer { exit, out: readable(text.out), err: readable(text.err) })
        }
        Err(StartError::Missing(name)) => Err((Class::Missing, format!("{name}: no such program; {install}"))),
        Err(error) => Err((Class::Unsupported, error.to_string())),
    }
}
