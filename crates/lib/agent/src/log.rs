//! The log of one call.

use std::fs::File;
use std::io::Write;

use crate::Secrets;

/// The longest log, in bytes. The CLIs cut what commands print, so only one that has gone wild writes more.
const LONGEST: usize = 64 << 20;

/// Takes the lines of a CLI, without secrets, up to a length.
pub(crate) struct Log {
    file: Option<File>,
    room: usize,
    secrets: Secrets,
}

impl Log {
    /// A log in this file; without one, nothing is kept.
    pub fn new(file: Option<File>, secrets: Secrets) -> Self {
        Self { file, room: LONGEST, secrets }
    }

    /// Adds a line, which comes without its end.
    pub fn line(&mut self, prefix: &str, line: &[u8]) {
        if let Some(file) = &mut self.file {
            if line.len() >= self.room {
                // As the log itself: what cannot be written is not worth failing for.
                let _ = writeln!(file, "log cut off here: it is longer than {} MiB", LONGEST >> 20);
                self.file = None;
                return;
            }
            self.room -= line.len();
            let text = self.secrets.remove(format!("{prefix}{}\n", String::from_utf8_lossy(line)));
            if file.write_all(text.as_bytes()).is_err() {
                // A full disk must not fail a task that is otherwise getting on.
                self.file = None;
            }
        }
    }
}
