//! SIGINT and SIGTERM: the first one is noted, the second one ends the tool at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::Exit;

/// The signals that have reached the process.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    first: Arc<AtomicUsize>,
}

impl Signals {
    /// Begins to listen. From now on the first signal only sets a flag, and a second one ends the process with
    /// 130 or 143.
    pub fn listen() -> io::Result<Self> {
        let signals = Self::default();
        for signal in [SIGINT, SIGTERM] {
            let armed = Arc::new(AtomicBool::new(false));
            // Handlers run in the order in which they are registered: the conditional end comes first, so
            // it is only armed by a signal before this one, of either kind.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&armed))?;
            for other in [SIGINT, SIGTERM] {
                if other != signal {
                    flag::register(other, Arc::clone(&armed))?;
                }
            }
            flag::register(signal, armed)?;
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&signals.first), number)?;
        }
        Ok(signals)
    }

    /// The signal that came, if one did.
    pub fn received(&self) -> Option<i32> {
        match self.first.load(Ordering::Relaxed) {
            0 => None,
            number => i32::try_from(number).ok(),
        }
    }

    /// The exit code: that of the signal if one came, else `exit`.
    pub fn or(&self, exit: Exit) -> Exit {
        self.received().map_or(exit, Exit::Stopped)
    }
}
