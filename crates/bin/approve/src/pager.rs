//! The user's pager, when there is one.

use std::env;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shows long texts; another thread may end it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pager(Arc<Mutex<Option<Arc<duct::Handle>>>>);

impl Pager {
    /// Shows `text` in `$PAGER`; false when there is none, or when it cannot be started.
    pub fn show(&self, text: String, tty: &File) -> bool {
        let Some(command) = env::var_os("PAGER").filter(|pager| !pager.is_empty()) else { return false };
        // As git does it: colours pass, and a short text does not stay.
        let less = env::var_os("LESS").unwrap_or_else(|| "FRX".into());
        let start = || -> io::Result<duct::Handle> {
            duct::cmd!("sh", "-c", command)
                .env("LESS", less)
                .stdin_bytes(text)
                .stdout_file(tty.try_clone()?)
                .stderr_file(tty.try_clone()?)
                .unchecked()
                .start()
        };
        let Ok(handle) = start().map(Arc::new) else { return false };
        *self.open() = Some(Arc::clone(&handle));
        let outcome = handle.wait();
        *self.open() = None;
        // 126 and 127 are the shell's way to say that there is no such program.
        outcome.is_ok_and(|output| !matches!(output.status.code(), Some(126 | 127)))
    }

    fn open(&self) -> MutexGuard<'_, Option<Arc<duct::Handle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the pager, if one is open.
    pub fn end(&self) {
        if let Some(handle) = self.open().take() {
            // It may have ended by itself.
            let _ = handle.kill();
        }
    }
}
