//! The variables that a check sees.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::sandbox::Permits;

/// Names that begin like this belong to model services and clouds, or to the git call we may be part of.
const BEGINNINGS: [&str; 9] =
    ["ANTHROPIC_", "OPENAI_", "CODEX_", "CLAUDE_", "AWS_", "AZURE_", "GOOGLE_", "GEMINI_", "GIT_CONFIG"];
/// Names that lead to agents with keys, change what a shell does before its command, or where git looks.
const NAMES: [&str; 16] = [
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "SSH_ASKPASS",
    "GPG_AGENT_INFO",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
    "DOCKER_HOST",
    "KUBECONFIG",
    "BASH_ENV",
    "ENV",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ASKPASS",
];

/// Variables that name a folder to write to. In a sandbox one that cannot be written would fail a good check; without the
/// variable the tool uses the tree or its usual cache, which is in the private folder.
const FOLDERS: [&str; 9] = [
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "GOCACHE",
    "GOTMPDIR",
    "CCACHE_DIR",
    "PIP_CACHE_DIR",
    "UV_CACHE_DIR",
    "PYTHONPYCACHEPREFIX",
];

/// Whether a variable stays away from what a plan has us run.
fn is_withheld(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    process::is_secret_name(&name)
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || NAMES.contains(&name.as_str())
}

/// Whether a variable is an address with a password in it.
fn has_password(value: &OsStr) -> bool {
    process::has_password(value.as_encoded_bytes())
}

/// The changes to our own environment: secrets go, colours and questions are turned off. With `scratch` temporary
/// files and caches go there, as everything else may be closed to writing.
pub fn of_checks(
    keep: &[String],
    scratch: Option<&Path>,
    permits: &Permits,
    tree: &Path,
) -> Vec<(OsString, Option<OsString>)> {
    let cannot_be_written = |folder: &OsString| {
        let folder = Path::new(folder);
        folder.is_absolute() && !folder.starts_with(tree) && !permits.write.iter().any(|it| folder.starts_with(it))
    };
    let mut changes: Vec<(OsString, Option<OsString>)> = std::env::vars_os()
        .filter(|(name, value)| {
            let name = name.to_string_lossy();
            let closed = scratch.is_some() && FOLDERS.contains(&&*name) && cannot_be_written(value);
            (is_withheld(&name) || has_password(value) || closed) && !keep.iter().any(|kept| *kept == name)
        })
        .map(|(name, _)| (name, None))
        .collect();
    let mut set = |name: &str, value: OsString| changes.push((name.into(), Some(value)));
    for (name, value) in [
        ("CI", "true"),
        ("TERM", "dumb"),
        ("NO_COLOR", "1"),
        ("PAGER", "cat"),
        ("GIT_PAGER", "cat"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
    ] {
        set(name, value.into());
    }
    if let Some(scratch) = scratch {
        for name in ["TMPDIR", "TMP", "TEMP"] {
            set(name, scratch.into());
        }
        set("XDG_CACHE_HOME", scratch.join("cache").into());
        if !permits.network {
            // Cargo then says what is missing, not that a host has no name.
            set("CARGO_NET_OFFLINE", "true".into());
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::is_withheld;

    #[test]
    fn secrets_are_known_by_name() {
        for name in [
            "CODEX_API_KEY",
            "OPENAI_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "github_token",
            "NPM_TOKEN",
            "MY_SECRET_THING",
            "DB_PASSWORD",
            "SIGNING_KEY",
            "AWS_PROFILE",
            "SSH_AUTH_SOCK",
            "BASH_ENV",
        ] {
            assert!(is_withheld(name), "{name}");
        }
        for name in ["PATH", "HOME", "GIT_AUTHOR_NAME", "KEYBOARD", "MONKEY", "LANG", "CARGO_HOME", "RUSTFLAGS"] {
            assert!(!is_withheld(name), "{name}");
        }
    }
}
