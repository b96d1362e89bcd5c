//! land, from outside: real repositories, real commits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../harness/mod.rs"]
mod harness;

mod agents;
mod apply;
mod commit;
mod ground;
mod killed;
mod refused;
mod stream;
mod together;
