//! Driving an agent CLI: what it is asked, how it is run, and what its events mean.
//!
//! One folder for each CLI behind the trait [`Agent`]. A failure is classified from the CLI's own events, its session
//! log, its exit status and our clocks; nothing that the agent or a command says can change a class.

mod ask;
mod call;
pub mod claude;
pub mod codex;
mod events;
mod log;
mod prompt;
mod uuid;

pub use call::{Agent, Call, Effort, Report};
pub use process::Secrets;
pub use prompt::{Asked, Given, prompt, prompt_again, prompt_feedback, prompt_go_on};
