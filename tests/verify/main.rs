//! verify, as a user runs it.

mod commit;
mod golden;
mod output;
mod place;
mod process;
mod sandbox;
mod stream;
mod tree;
mod verdict;
