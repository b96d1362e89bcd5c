//! plan-report from outside: figures against jq, pages in a real browser, the documentation's commands word by word.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../harness/mod.rs"]
mod harness;

mod browser;
mod figures;
mod follow;
mod formats;
mod output;
mod real;
mod runs;
