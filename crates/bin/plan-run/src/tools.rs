//! Where our tools are: beside the running program first, then on PATH.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folders that tools are looked for in.
#[derive(Debug)]
pub(crate) struct Tools {
    beside: Option<PathBuf>,
    path: OsString,
}

impl Tools {
    pub fn new() -> Self {
        let beside = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        Self { beside, path: env::var_os("PATH").unwrap_or_default() }
    }

    /// The program of this name.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let beside = self.beside.iter().map(|folder| folder.join(name)).find(|path| is_program(path));
        beside.or_else(|| self.on_path(name))
    }

    /// Whether a shell finds this very program by its name.
    pub fn is_found_by_name(&self, name: &str, program: &Path) -> bool {
        self.on_path(name).is_some_and(|found| is_same(&found, program))
    }

    fn on_path(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path).map(|folder| folder.join(name)).find(|path| is_program(path))
    }

    /// PATH with the folder of our tools first, for commands that use them; there is a system program called `route`.
    pub fn path(&self) -> OsString {
        let folders = self.beside.iter().cloned().chain(env::split_paths(&self.path));
        env::join_paths(folders).unwrap_or_else(|_| self.path.clone())
    }

    /// The folder of our tools, unless it is the first one in PATH already.
    pub fn missing_folder(&self) -> Option<&OsStr> {
        let first = env::split_paths(&self.path).next();
        self.beside.as_deref().filter(|beside| first.as_deref() != Some(*beside)).map(Path::as_os_str)
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
