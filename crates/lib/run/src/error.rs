//! What can be wrong with a run file.

use std::io;
use std::path::{Path, PathBuf};

/// Why the run file cannot be used; the text names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused something.
    #[error("{}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another pipe owns the run file.
    #[error("{}: in use by process {}; one pipe at a time may own a run file", path.display(), pid.as_deref().unwrap_or("(not known)"))]
    Owned {
        /// The run file.
        path: PathBuf,
        /// Who owns it, as the owner wrote it down.
        pid: Option<String>,
    },
    /// The last line was cut off, and only the owner may move it away.
    #[error(
        "{}: the last line is cut off, and process {} owns the file: end that process, then try again",
        path.display(),
        pid.as_deref().unwrap_or("(not known)")
    )]
    CutOff {
        /// The run file.
        path: PathBuf,
        /// Who owns it.
        pid: Option<String>,
    },
    /// A line that holds a line end would be two.
    #[error("{}: a line to be added holds a line end", path.display())]
    LineEnd {
        /// The run file.
        path: PathBuf,
    },
    /// A line of the file is not text.
    #[error("{}:{line}: not UTF-8", path.display())]
    NotUtf8 {
        /// The run file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
}

impl Error {
    pub(crate) fn system(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System { path, source }
    }
}
