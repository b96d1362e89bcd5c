//! The real agent CLIs that tests run, as installed by `scripts/setup-agents`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Today's codex.
pub const CODEX_TODAY: &str = "0.169.0";
/// An older codex that is still in use.
pub const CODEX_SPRING: &str = "0.128.0";
/// A still older one: no `--ignore-user-config`, no reasoning tokens in its events.
pub const CODEX_WINTER: &str = "0.116.0";
/// Too old for most purposes: no `exec resume`, no `-o`, other `--json` events.
pub const CODEX_OLD: &str = "0.20.0";

/// The claude that npm gives to users of Node.js 20.
pub const CLAUDE_TODAY: &str = "2.1.197";

/// The agents could not be installed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct AgentsError(String);

/// The folder with the agents. The first call of a process runs `scripts/setup-agents`, which
/// installs them unless they are there already; its messages go to stderr.
pub fn folder() -> Result<&'static Path, AgentsError> {
    static FOLDER: OnceLock<Result<PathBuf, AgentsError>> = OnceLock::new();
    match FOLDER.get_or_init(install) {
        Ok(folder) => Ok(folder),
        Err(error) => Err(error.clone()),
    }
}

/// The codex of this version, one of the constants above.
pub fn codex(version: &str) -> Result<PathBuf, AgentsError> {
    pinned("codex", version)
}

/// The claude of this version, one of the constants above.
pub fn claude(version: &str) -> Result<PathBuf, AgentsError> {
    pinned("claude", version)
}

fn pinned(agent: &str, version: &str) -> Result<PathBuf, AgentsError> {
    let program = folder()?.join("bin").join(format!("{agent}-{version}"));
    if program.exists() {
        Ok(program)
    } else {
        Err(AgentsError(format!("{agent} {version} is not among the pinned agents: {} is missing", program.display())))
    }
}

fn install() -> Result<PathBuf, AgentsError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../scripts/setup-agents");
    let failed = |reason: String| AgentsError(format!("{}: {reason}", script.display()));
    let output = Command::new(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("{}; its message is above", output.status)));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let last = stdout.lines().last().ok_or_else(|| failed("printed no folder".to_owned()))?;
    Ok(PathBuf::from(last))
}
