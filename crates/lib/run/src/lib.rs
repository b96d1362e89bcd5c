//! The run file: what has happened to a plan, one line at a time, only ever added to.
//!
//! Several processes add to it at once. Each one takes a short lock on the file, writes once, and has it on disk
//! before the line counts ([`append`]). Readers need no lock: they stop at the last line end ([`Follower`]), because
//! what stands behind it is either still being written or was cut off by a crash. One pipe at a time may own the
//! file ([`Owner`]), and only the owner moves such a fragment out of the way.

mod append;
mod error;
mod follow;
mod owner;

pub use append::append;
pub use error::Error;
pub use follow::Follower;
pub use owner::{HandedDown, Owner, is_owned};
