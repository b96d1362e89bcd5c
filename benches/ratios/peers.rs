//! The programs that we compare ourselves with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// The folder that `scripts/setup-peers` fills.
#[derive(Debug)]
pub(crate) struct Peers {
    folder: PathBuf,
}

impl Peers {
    /// Has the script find or install them. Those that cannot be had are told by it, and asked for in vain below.
    pub(crate) fn find() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup-peers");
        let found = Command::new(&script).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        let folder = String::from_utf8(found.stdout)?;
        match folder.lines().last() {
            Some(folder) => Ok(Self { folder: folder.into() }),
            None => Err(format!("{}: names no folder", script.display()).into()),
        }
    }

    /// How to run one of them.
    pub(crate) fn command(&self, name: &str) -> Result<Command> {
        // Past the script that only sets this variable: its time would count as theirs.
        let real = self.folder.join("real").join(name);
        if real.exists() {
            let mut command = Command::new(real);
            command.env("LD_LIBRARY_PATH", self.folder.join("lib"));
            return Ok(command);
        }
        // The target of the link, for the same reason that it could be a program that looks at its own name.
        let found = self.folder.join("bin").join(name).canonicalize();
        found.map(Command::new).map_err(|_| format!("{name} is not there (see what scripts/setup-peers says)").into())
    }

    /// Name and version.
    pub(crate) fn version(&self, name: &str) -> Result<String> {
        let said = self.command(name)?.arg("--version").output()?;
        let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let first = said.lines().next().unwrap_or(name);
        Ok(first.split(" - ").next().unwrap_or(first).to_owned())
    }
}
