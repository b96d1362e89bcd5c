//! Which backend, model and sandbox a task gets, and why: a table that is data, and a decision that is pure.
//!
//! [`Policy::built_in`] is the table in `routing.toml`; [`Policy::load`] lays a user's file over it or takes the
//! file in its place. [`Policy::decide`] gives every task exactly one [`Choice`].

mod check;
mod choice;
mod found;
mod paths;
mod policy;
mod rules;
mod table;
mod target;
mod task;
#[cfg(test)]
mod tests;
mod words;

pub use choice::{Choice, Overrides};
pub use policy::{Fallback, Policy};
pub use table::Retired;
pub use target::{Target, Targets};
pub use task::{File, Task, Text};

/// The built-in policy, as `route --print-policy` prints it.
pub const BUILT_IN: &str = include_str!("../routing.toml");

/// The efforts that models know, from none to most.
pub const EFFORTS: [&str; 8] = ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// Whether `effort` is a word that models know. The CLIs send any word on, and the service refuses it much later.
pub fn is_effort(effort: &str) -> bool {
    EFFORTS.contains(&effort)
}

/// What is wrong in a policy, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct PolicyError {
    /// `file:line:column`, or the file alone.
    pub place: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}
