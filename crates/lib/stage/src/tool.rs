//! What the `main` of every tool does around its own work.

use std::io::Write;
use std::process::ExitCode;

use signal_hook::consts::SIGPIPE;
use signal_hook::low_level::emulate_default_handler;

use crate::terminal::between_questions;
use crate::{Error, Exit, Shown};

/// Runs a tool and turns its outcome into an exit code. An error is told on stderr as `name: where: what`.
///
/// When the reader of our output has gone, the process ends as any filter does: quietly, by SIGPIPE.
pub fn main(name: &str, tool: impl FnOnce() -> Result<Exit, Error>) -> ExitCode {
    match tool() {
        Ok(exit) => exit.into(),
        Err(Error::ReaderGone) => {
            reader_gone();
            ExitCode::FAILURE
        }
        Err(error) => {
            tell(name, &error.to_string());
            error.exit().into()
        }
    }
}

/// Ends the process as SIGPIPE would.
pub(crate) fn reader_gone() {
    // Only returns when the signal is blocked; the caller has an exit code for that.
    let _ = emulate_default_handler(SIGPIPE);
}

/// Tells a person something: one line on stderr, with control characters made visible. On a terminal where a question
/// is open it gets a line of its own.
pub fn tell(name: &str, text: &str) {
    relay(&format!("{name}: {text}"));
}

/// As [`tell`], for a line that names its speaker itself.
pub fn relay(text: &str) {
    let line = format!("{}\n", Shown(text));
    between_questions(|| {
        // Nobody can be told that stderr is closed.
        let _ = std::io::stderr().write_all(line.as_bytes());
    });
}
