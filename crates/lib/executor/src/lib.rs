//! What every executor does around its agent: which tasks are its own, when each may start, what a failure holds up,
//! and the `result` section.
//!
//! An executor is an [`agent::Agent`] and a `main`; see `codex-exec`.

mod answers;
mod attempts;
mod budget;
mod changes;
mod isolation;
mod options;
mod pause;
mod prompts;
mod run;
mod schedule;
mod task;

pub use budget::Most;
pub use options::{Isolate, Options};
pub use prompts::print_prompts;
pub use run::run;
