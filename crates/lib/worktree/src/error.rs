//! What can stand in the way.

use std::io;
use std::path::PathBuf;

use tree::PlaceError;

/// Why something could not be done with a repository.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository is above the folder, or git will not work in it.
    #[error("{}: not in a git repository that can be worked in: {said}", folder.display())]
    NoRepository {
        /// Where it was looked for.
        folder: PathBuf,
        /// What git said.
        said: String,
    },
    /// A repository without files to work on.
    #[error("{}: is a bare repository: clone it, and work in the clone", .0.display())]
    Bare(PathBuf),
    /// There is no commit yet.
    #[error("{}: has no commit yet, and every change needs one to start from: git commit --allow-empty -m start", .0.display())]
    Unborn(PathBuf),
    /// Files with conflicts, of which nobody can say what they are to be.
    #[error("{}: unresolved conflicts in {}: resolve them first (git status)", folder.display(), files.join(", "))]
    Unmerged {
        /// The top of the repository.
        folder: PathBuf,
        /// The files, for people.
        files: Vec<String>,
    },
    /// git cannot be started.
    #[error("git cannot be run: {0}")]
    NoGit(#[source] io::Error),
    /// git said no.
    #[error("git {command}: {said}")]
    Git {
        /// Which of its commands.
        command: String,
        /// What it said, or how it ended.
        said: String,
    },
    /// The system said no.
    #[error("{}: {source}", path.display())]
    System {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A worktree is not what it was made to be.
    #[error("{}: {why}", path.display())]
    Tree {
        /// Its top.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    pub(crate) fn system(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::System { path: path.into(), source: source.into() }
    }

    pub(crate) fn tree(path: impl Into<PathBuf>, why: impl Into<String>) -> Self {
        Self::Tree { path: path.into(), why: why.into() }
    }
}

impl From<PlaceError> for Error {
    fn from(error: PlaceError) -> Self {
        Self::System { path: error.path, source: error.source }
    }
}
