//! verify, as a user runs it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends by panicking and says what it leaves out")]

mod attacks;
mod baseline;
mod commit;
mod fence;
mod golden;
#[path = "../harness/mod.rs"]
mod harness;
mod output;
mod place;
mod process;
mod review;
mod sandbox;
mod stream;
mod tree;
mod verdict;
