//! git isolation: trees of their own for agents, made from the user's repository without touching what the user has.
//!
//! A [`Repository`] is the user's; its [`Repository::snapshot`] is a commit to start from. A [`Pool`] hands out [`Tree`]s
//! at a commit, and [`Tree::commit_all`] makes a commit of what was left there. [`Git`] is how all of this calls git.

mod error;
pub mod files;
mod git;
pub mod include;
mod index;
mod pool;
mod repository;
mod settings;
mod slot;
mod snapshot;
mod sweep;
mod tree;

pub use crate::tree::{Commit, Tree};
pub use error::Error;
pub use git::{Call, Git, Said, is_commit_id, parts, path};
pub use pool::Pool;
pub use repository::{Repository, branch_name};
pub use snapshot::{Aside, Snapshot};

#[cfg(test)]
mod tests;
