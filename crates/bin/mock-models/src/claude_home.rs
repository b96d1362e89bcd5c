//! An environment that makes claude talk to a mock server and to nobody else.

use std::fs;
use std::io;
use std::path::Path;

use crate::nowhere;

/// Makes the folder `dir` claude's own, for a server at `base_url`, and returns the environment variables to set,
/// `CLAUDE_CONFIG_DIR` among them.
pub fn write(dir: &Path, base_url: &str) -> io::Result<Vec<(String, String)>> {
    fs::create_dir_all(dir)?;
    let dir = dir.canonicalize()?;
    let home = dir
        .to_str()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not UTF-8", dir.display())))?;
    let variables = [
        ("CLAUDE_CONFIG_DIR", home),
        // The CLI adds the version of the API itself.
        ("ANTHROPIC_BASE_URL", base_url.trim_end_matches("/v1")),
        ("ANTHROPIC_API_KEY", "mock-key"),
        // Nobody watches, and nothing but the model is to be asked.
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
    ];
    Ok(variables.into_iter().chain(nowhere::PROXIES).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
