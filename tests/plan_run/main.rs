//! plan-run from outside: whole plans, what happens when something dies, and what people see of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../harness/mod.rs"]
mod harness;

mod bench;
mod deaths;
mod disk;
mod kills;
mod person;
mod plain;
mod scripts;
mod swaps;
mod whole;
