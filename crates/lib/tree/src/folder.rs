//! A folder that is held open.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, openat, statat};
use rustix::io::Errno;

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct PlaceError {
    /// The folder or file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl PlaceError {
    pub(crate) fn new(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self { path: path.into(), source: source.into() }
    }

    /// Whether nothing can be written there at all: a read-only file system, or somebody else's folder.
    pub fn is_read_only(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
    }
}

/// Names are looked up in the open folder and are never followed where they are links, so an agent that swaps a
/// folder for a link while we work gets nothing written elsewhere.
#[derive(Debug)]
pub(crate) struct Folder {
    open: OwnedFd,
    path: PathBuf,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, PlaceError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| PlaceError::new(path, error))?;
        Ok(Self { open, path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in this one, made if it is not there.
    pub(crate) fn child(&self, name: &str) -> Result<Self, PlaceError> {
        let path = self.path.join(name);
        match mkdirat(&self.open, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            // On a read-only file system the folder may be there all the same.
            Err(_) if statat(&self.open, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() => {}
            Err(error) => return Err(PlaceError::new(path, error)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.open, name, flags, Mode::empty()) {
            Ok(open) => Ok(Self { open, path }),
            Err(error) => Err(PlaceError { source: self.explain(name, error), path }),
        }
    }

    /// A new file; it is an error when something of that name is there.
    pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.open, name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    /// A file to read and write, made if it is not there.
    pub(crate) fn open_file(&self, name: &str) -> Result<File, PlaceError> {
        // A pipe put there instead would otherwise keep us waiting for its other end.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = openat(&self.open, name, flags, Mode::from_raw_mode(0o666))
            .map_err(|error| PlaceError { source: self.explain(name, error), path: self.path.join(name) })?;
        Ok(open.into())
    }

    /// The system's words for a link in our way are of no help.
    fn explain(&self, name: &str, error: Errno) -> io::Error {
        match statat(&self.open, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Symlink => io::Error::other(
                "is a symbolic link; what a run leaves behind stays in its own tree, so make it a real folder or file",
            ),
            _ => error.into(),
        }
    }
}
