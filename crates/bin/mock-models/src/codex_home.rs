//! A `CODEX_HOME` that makes codex talk to a mock server and to nobody else.

use std::fs;
use std::io;
use std::path::Path;

use toml::{Table, Value};

use crate::nowhere;

/// The variable that holds the (meaningless) API key.
const KEY_VARIABLE: &str = "MOCK_KEY";

/// What to write into the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodexHome {
    /// Default model; absent: codex's own default.
    pub model: Option<String>,
    /// How often codex repeats a request that failed; absent: its own default.
    pub request_max_retries: Option<u32>,
    /// How often codex repeats a stream that broke; absent: its own default.
    pub stream_max_retries: Option<u32>,
    /// After how many silent milliseconds a stream counts as broken; absent: codex's own default.
    pub stream_idle_timeout_ms: Option<u32>,
}

impl CodexHome {
    /// No retries at all, so that a failure is final at once.
    pub fn without_retries() -> Self {
        Self { request_max_retries: Some(0), stream_max_retries: Some(0), ..Self::default() }
    }
}

/// Writes `dir/config.toml` (and `dir` itself) for a server at `base_url`, and returns the
/// environment variables to set for codex, `CODEX_HOME` among them.
///
/// The proxy variables point to a closed port, so that whatever is not addressed to this machine
/// fails at once instead of leaving it.
pub fn write(dir: &Path, base_url: &str, options: &CodexHome) -> io::Result<Vec<(String, String)>> {
    fs::create_dir_all(dir)?;
    let dir = dir.canonicalize()?;
    let home = dir
        .to_str()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not UTF-8", dir.display())))?;
    fs::write(dir.join("config.toml"), config(base_url, options).to_string())?;

    let variables = [("CODEX_HOME", home), (KEY_VARIABLE, "mock-key")];
    Ok(variables.into_iter().chain(nowhere::PROXIES).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn config(base_url: &str, options: &CodexHome) -> Table {
    let text = |value: &str| Value::from(value);
    let mut provider = Table::new();
    provider.insert("name".into(), text("mock"));
    provider.insert("base_url".into(), text(base_url));
    provider.insert("wire_api".into(), text("responses"));
    provider.insert("env_key".into(), text(KEY_VARIABLE));
    let limits = [
        ("request_max_retries", options.request_max_retries),
        ("stream_max_retries", options.stream_max_retries),
        ("stream_idle_timeout_ms", options.stream_idle_timeout_ms),
    ];
    for (key, limit) in limits {
        if let Some(limit) = limit {
            provider.insert(key.into(), Value::from(limit));
        }
    }

    let mut config = Table::new();
    if let Some(model) = &options.model {
        config.insert("model".into(), text(model));
    }
    config.insert("model_provider".into(), text("mock"));
    // Nobody watches, and nothing but the model is to be asked.
    config.insert("check_for_update_on_startup".into(), Value::from(false));
    config.insert("analytics".into(), single("enabled", Value::from(false)));
    config.insert("features".into(), single("plugins", Value::from(false)));
    config.insert("model_providers".into(), single("mock", Value::Table(provider)));
    config
}

fn single(key: &str, value: Value) -> Value {
    Value::Table(Table::from_iter([(key.to_owned(), value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("new/home");
        let options = CodexHome { stream_max_retries: Some(0), ..CodexHome::default() };
        let variables = write(&home, "http://127.0.0.1:1/v1", &options).unwrap();
        let config: Table = fs::read_to_string(home.join("config.toml")).unwrap().parse().unwrap();
        let provider = &config["model_providers"]["mock"];
        assert_eq!(provider["base_url"].as_str(), Some("http://127.0.0.1:1/v1"));
        assert_eq!(provider["stream_max_retries"].as_integer(), Some(0));
        assert!(provider.get("request_max_retries").is_none());
        assert!(config.get("model").is_none());
        let set = variables.iter().find(|(name, _)| name == "CODEX_HOME").unwrap();
        assert_eq!(Path::new(&set.1), home.canonicalize().unwrap());
    }
}
