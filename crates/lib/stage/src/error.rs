//! What can end a stage early.

use crate::Exit;

/// An expected error: it is told in one line and has an exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line that is not what the contract says.
    #[error("stdin:{line}: {reason}")]
    Input {
        /// The line, from 1.
        line: u64,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A file or a value that the user gave is not usable.
    #[error("{0}")]
    Usage(String),
    /// A plan or another document that the user gave is not usable.
    #[error("{0}")]
    Document(String),
    /// Somebody else has what we need.
    #[error("{0}")]
    Refused(String),
    /// The reader of our output has gone; nobody needs to be told.
    #[error("the reader of the output has gone")]
    ReaderGone,
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// A bad line.
    pub fn input(line: u64, reason: impl Into<String>) -> Self {
        Self::Input { line, reason: reason.into() }
    }

    /// A refusal by the system. A reader that has gone is told apart.
    pub fn system(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::System { what: what.into(), source }
    }

    /// The exit code of the error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Input { .. } | Self::Document(_) => Exit::BadInput,
            Self::Usage(_) => Exit::Usage,
            Self::Refused(_) | Self::ReaderGone | Self::System { .. } => Exit::Failed,
        }
    }
}
