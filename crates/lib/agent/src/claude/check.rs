//! Whether the CLI that is there can do what we need.

use std::ffi::OsStr;

use process::{Stop, Stopper};
use record::Class;
use serde_json::Value;

use crate::ask::{self, Answer, last_line, words};

/// What every call uses, by the words of its help. Both 2.1.197 and 2.1.330 have them.
pub const FLAGS: [&str; 14] = [
    "--print",
    "--output-format",
    "--verbose",
    "--include-partial-messages",
    "--safe-mode",
    "--disable-slash-commands",
    "--strict-mcp-config",
    "--model",
    "--permission-mode",
    "--tools",
    "--settings",
    "--setting-sources",
    "--append-system-prompt",
    "--resume",
];

const INSTALL: &str = "install Claude Code (npm install -g @anthropic-ai/claude-code) or set CLAUDE_BIN";

/// What is known of a CLI before it is used.
#[derive(Clone, Debug, Default)]
pub struct Doctor {
    /// `claude --version`.
    pub version: Option<String>,
    /// The flags that we need and the CLI does not have.
    pub lacking: Vec<&'static str>,
    /// Whether it finds a login; advice only, because whether it is accepted does not show.
    pub login: Option<String>,
    /// What keeps the CLI from being used.
    pub problem: Option<(Class, String)>,
}

impl Doctor {
    /// Examines the CLI at `program`.
    pub async fn examine(program: &OsStr) -> Self {
        let mut doctor = Self::default();
        let (_stopper, stop) = Stopper::new();
        let version = match ask(program, &["--version"], &stop).await {
            Ok(answer) => answer,
            Err(problem) => return Self { problem: Some(problem), ..doctor },
        };
        doctor.version = last_line(&version.out).map(str::to_owned);
        match lacking(program, &stop).await {
            Ok(lacking) => doctor.lacking = lacking.unwrap_or_default(),
            Err(problem) => return Self { problem: Some(problem), ..doctor },
        }
        doctor.problem = lacks(&doctor.lacking);
        if let Ok(login) = ask(program, &["auth", "status"], &stop).await
            && let Ok(login) = serde_json::from_str::<Value>(&login.out)
        {
            doctor.login = Some(match (login["loggedIn"].as_bool(), login["authMethod"].as_str()) {
                (Some(true), Some(method)) => format!("logged in ({method})"),
                (Some(true), None) => "logged in".to_owned(),
                _ => "not logged in".to_owned(),
            });
        }
        doctor
    }
}

/// What has to hold before the first task is started: the CLI is there and has our flags.
pub(super) async fn ready(program: &OsStr, stop: &Stop) -> Result<(), (Class, String)> {
    // A wrapper that does not pass `--help` on: its own exit status will tell when it is called.
    let lacking = lacking(program, stop).await?.unwrap_or_default();
    lacks(&lacking).map_or(Ok(()), Err)
}

fn lacks(lacking: &[&str]) -> Option<(Class, String)> {
    let why = || {
        format!("this Claude Code has no {}: update it (npm install -g @anthropic-ai/claude-code)", lacking.join(", "))
    };
    (!lacking.is_empty()).then(|| (Class::Unsupported, why()))
}

/// The flags that are lacking; `None` when what came back is no help text.
async fn lacking(program: &OsStr, stop: &Stop) -> Result<Option<Vec<&'static str>>, (Class, String)> {
    let help = ask(program, &["--help"], stop).await?;
    if !help.out.contains("Usage:") {
        return Ok(None);
    }
    let words = words(&help.out);
    Ok(Some(FLAGS.into_iter().filter(|flag| !words.contains(flag)).collect()))
}

async fn ask(program: &OsStr, args: &[&str], stop: &Stop) -> Result<Answer, (Class, String)> {
    ask::ask(program, args, stop, INSTALL).await
}
