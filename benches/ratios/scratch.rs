//! A folder for one run of the benchmark, and what everything in it shares.

use std::cell::OnceCell;
use std::env;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::data::{self, Stream};
use crate::peers::Peers;
use crate::{Extent, Result};

/// A temporary folder with the data, made when it is first asked for.
pub(crate) struct Scratch {
    folder: TempDir,
    repository: OnceCell<PathBuf>,
    stream: OnceCell<Stream>,
    peers: OnceCell<Peers>,
    examples: OnceCell<PathBuf>,
}

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        // /tmp is a small RAM disk on some machines; the build folder is where there is room.
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(beside)?;
        Ok(Self {
            folder: tempfile::Builder::new().prefix("ratios-").tempdir_in(beside)?,
            repository: OnceCell::new(),
            stream: OnceCell::new(),
            peers: OnceCell::new(),
            examples: OnceCell::new(),
        })
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A small git repository with one commit: where stages are usually started.
    pub(crate) fn repository(&self) -> Result<&Path> {
        let path = get_or_try(&self.repository, || {
            let path = self.path("repository");
            for name in ["README.md", "src/lib.rs", "src/main.rs", "tests/all.rs"] {
                let file = path.join(name);
                fs::create_dir_all(file.parent().ok_or("no folder")?)?;
                fs::write(file, format!("// {name}\n"))?;
            }
            for args in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "all"]] {
                let mut git = Command::new("git");
                git.current_dir(&path).args(["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]);
                let done = git.args(["-c", "commit.gpgsign=false"]).args(args).status()?;
                if !done.success() {
                    return Err(format!("git {args:?} failed").into());
                }
            }
            Ok(path)
        })?;
        Ok(path)
    }

    /// The large stream of records.
    pub(crate) fn stream(&self, extent: Extent) -> Result<&Stream> {
        get_or_try(&self.stream, || data::stream(&self.path("stream.jsonl"), extent.stream))
    }

    /// The other programs.
    pub(crate) fn peers(&self) -> Result<&Peers> {
        get_or_try(&self.peers, Peers::find)
    }

    /// A program of examples/, built as this one is.
    pub(crate) fn example(&self, name: &str) -> Result<PathBuf> {
        let folder = get_or_try(&self.examples, || {
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "--example", "bare-clap", "--example", "instant-agent"]);
            build.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            if !build.status()?.success() {
                return Err("the examples cannot be built".into());
            }
            // This program is PROFILE/deps/ratios-HASH, theirs are PROFILE/examples/NAME.
            let this = env::current_exe()?;
            let profile = this.ancestors().nth(2).ok_or("this program is not where cargo puts benchmarks")?;
            Ok(profile.join("examples"))
        })?;
        Ok(folder.join(name))
    }

    /// Writes a file, given whole.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        let mut file = BufWriter::new(File::create(&path)?);
        file.write_all(content.as_ref())?;
        file.flush()?;
        Ok(path)
    }
}

/// `OnceCell::get_or_try_init`, which is not stable yet.
fn get_or_try<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let value = make()?;
    Ok(cell.get_or_init(|| value))
}
