//! Until when nothing is started, because a limit of the service has been reached.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// So long is slept at a time. The clock of the wall goes on while a machine sleeps, that of timers does not.
const NAP: Duration = Duration::from_secs(20);

/// Shared by all tasks of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pause(Arc<Mutex<Option<Timestamp>>>);

impl Pause {
    /// Nothing is started before that moment.
    pub fn until(&self, reset: Timestamp) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = (*latest).max(Some(reset));
    }

    /// The end of the pause; `None` when there is none.
    pub fn end(&self) -> Option<Timestamp> {
        let latest = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.filter(|reset| *reset > Timestamp::now())
    }
}

/// How long it is until then; nothing when that is past.
pub(crate) fn left(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or_default()
}

/// Returns at that moment.
pub(crate) async fn sleep_until(moment: Timestamp) {
    loop {
        match left(moment) {
            Duration::ZERO => return,
            left => tokio::time::sleep(left.min(NAP)).await,
        }
    }
}
