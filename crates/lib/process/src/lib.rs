//! The only crate that starts processes.
//!
//! [`run`] keeps one child in a process group of its own, with its clocks, and leaves nothing of it behind: not its
//! group, not what left the group, and never waits for a grandchild that holds a pipe open.
//! [`Member`] is a stage of a pipe, which ends by itself; [`count_signals`] tells signals that were sent on from those of a
//! terminal. [`capture`] is for short commands of our own, such as `git`. [`Secrets`] keeps what is in our environment out of what
//! children print.

mod capture;
mod inherited;
mod job;
mod member;
mod run;
mod secrets;
mod signals;
mod stop;
mod strays;

pub use capture::{CaptureError, Captured, capture};
pub use inherited::inherited_file;
pub use job::{Job, Limits, Output};
pub use member::{Member, Started};
pub use run::{Cut, End, Observer, Outcome, Progress, Stream, run};
pub use secrets::{Cleaner, Secrets, has_password, is_secret_name};
pub use signals::{Signals, count_signals, send_on, signals};
pub use stop::{Stop, Stopper};
pub use strays::{end_all, end_strays};

/// Why a child could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such program.
    #[error("{0}: no such program")]
    Missing(String),
    /// The folder to work in is not there, or is no folder.
    #[error("{0}: no such folder")]
    NoFolder(String),
    /// The system refused.
    #[error("{program}: cannot be started: {source}")]
    System {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
}
