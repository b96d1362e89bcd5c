//! land, from outside: real repositories, real commits.

#[path = "../harness/mod.rs"]
mod harness;

mod apply;
mod commit;
mod ground;
mod killed;
mod refused;
mod stream;
mod together;
