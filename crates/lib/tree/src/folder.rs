//! A folder that is held open.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat};

pub use rustix::fs::FileType;
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
pub struct Folder {
    open: OwnedFd,
    path: PathBuf,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, PlaceError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| PlaceError::new(path, error))?;
        Ok(Self { open, path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
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
    pub fn create_new(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.open, name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    /// A regular file to read and write, made if it is not there; it is an error when something else is.
    pub fn open_file(&self, name: &str) -> Result<File, PlaceError> {
        // A pipe put there instead would otherwise keep us waiting for its other end.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = openat(&self.open, name, flags, Mode::from_raw_mode(0o666))
            .map_err(|error| PlaceError { source: self.explain(name, error), path: self.path.join(name) })?;
        let file = File::from(open);
        match file.metadata() {
            Ok(found) if found.is_file() => Ok(file),
            Ok(_) => Err(PlaceError::new(self.path.join(name), io::Error::other("is no regular file; remove it"))),
            Err(error) => Err(PlaceError::new(self.path.join(name), error)),
        }
    }

    /// Puts a file with these contents in the place of whatever has this name, all at once: others see the old one or the
    /// whole new one.
    pub fn replace(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let part = format!("{name}.{}-{}.part", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let written = self.create_new(&part).and_then(|mut file| file.write_all(contents));
        let renamed = written.and_then(|()| Ok(renameat(&self.open, &part, &self.open, name)?));
        if renamed.is_err() {
            // It may not be there.
            let _ = self.remove(&part);
        }
        renamed
    }

    /// The contents of a regular file, up to `limit` bytes; an error when there is none.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.open, name, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut contents = Vec::new();
        file.take(limit).read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// What has this name, links not followed; `None` when nothing has.
    pub fn kind(&self, name: &str) -> Option<FileType> {
        statat(&self.open, name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|found| FileType::from_raw_mode(found.st_mode))
    }

    /// Whether the file of this name is this one.
    pub fn holds(&self, name: &str, file: &File) -> bool {
        let (named, open) = (statat(&self.open, name, AtFlags::SYMLINK_NOFOLLOW), rustix::fs::fstat(file));
        matches!((named, open), (Ok(named), Ok(open)) if (named.st_dev, named.st_ino) == (open.st_dev, open.st_ino))
    }

    /// Removes what has this name, unless it is a folder; a link is removed, not what it leads to.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.open, name, AtFlags::empty())?)
    }

    /// The names in it that are text.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.open)? {
            names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_is_opened_and_nobody_is_waited_for() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::open(top.path()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(top.path().join("pipe")).status().unwrap().success());
        std::os::unix::fs::symlink(top.path().join("victim"), top.path().join("link")).unwrap();
        let error = folder.open_file("pipe").unwrap_err().to_string();
        assert!(error.ends_with("pipe: is no regular file; remove it"), "{error}");
        assert!(folder.open_file("link").is_err() && folder.create_new("link").is_err());
        assert!(!top.path().join("victim").exists());
        let file = folder.open_file("file").unwrap();
        assert!(folder.holds("file", &file) && !folder.holds("pipe", &file) && !folder.holds("gone", &file));
        folder.replace("link", b"one").unwrap();
        folder.replace("link", b"other").unwrap();
        assert_eq!(folder.read("link", 3).unwrap(), b"oth");
        assert!(!top.path().join("victim").exists() && folder.read("pipe", 9).is_err() && folder.read("x", 9).is_err());
        folder.remove("link").unwrap();
        assert_eq!(folder.kind("link"), None);
        let mut names = folder.names().unwrap();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        assert_eq!(names, ["file", "pipe"]);
    }
}
