//! What every executor does around its agent: which tasks are its own, when each may start, what a failure holds up,
//! and the `result` section.
//!
//! An executor is an [`agent::Agent`] and a `main`; see `codex-exec`.

mod attempts;
mod changes;
mod options;
mod run;
mod schedule;
mod task;

pub use options::Options;
pub use run::{print_prompts, run};
