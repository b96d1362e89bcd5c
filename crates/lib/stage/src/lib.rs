//! The life of a stage: read, dispatch, pass through, write, exit code, signals.
//!
//! A stage that only looks at one line at a time is a [`Filter`]; [`filter::run`] does the rest. A stage that
//! keeps several tasks going at once reads from [`Intake`] and writes to an [`Outlet`], which live on threads of
//! their own so that a slow neighbour never stops its children from being looked after.

mod error;
mod exit;
pub mod filter;
mod identity;
mod intake;
mod lines;
mod outlet;
mod pool;
mod shown;
mod signals;
mod sink;
pub mod terminal;
mod tool;

pub use error::Error;
pub use exit::Exit;
pub use filter::Filter;
pub use identity::Identities;
pub use intake::{Input, Intake};
pub use lines::{LineError, Lines, MAX_LINE};
pub use outlet::Outlet;
pub use pool::Worker;
pub use shown::Shown;
pub use signals::Signals;
pub use sink::Sink;
pub use tool::{main, relay, tell};
