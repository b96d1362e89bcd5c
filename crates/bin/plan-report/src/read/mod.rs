//! Reading a run file and a plan, leniently: a report of what can be read is worth more than none.

mod file;
mod line;
mod task;
mod value;

pub(crate) use file::{Reader, Run};
pub(crate) use line::{Answer, Call, Check, Decision, Landed, Outcome, Tokens, Verdict, later};
#[cfg(test)]
pub(crate) use task::Release;
pub(crate) use task::{Round, Task};
