//! Why a task does not land.

use stage::Exit;

/// A reason for a person, and how the tool ends because of it. The task passes on as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub why: String,
    pub exit: Exit,
}

impl Refusal {
    /// A person has to do something first.
    pub fn person(why: impl Into<String>) -> Self {
        Self { why: why.into(), exit: Exit::NeedsDecision }
    }

    /// Something is broken.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { why: why.into(), exit: Exit::Failed }
    }
}

impl From<worktree::Error> for Refusal {
    fn from(error: worktree::Error) -> Self {
        match error {
            worktree::Error::NoGit(_) | worktree::Error::System { .. } => Self::failed(error.to_string()),
            _ => Self::person(error.to_string()),
        }
    }
}
