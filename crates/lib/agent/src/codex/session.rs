//! The CLI's own log of a conversation (`sessions/YYYY/MM/DD/rollout-TIME-THREAD.jsonl` in its home), which tells what
//! its event stream does not: the code of an error, the sandbox in force, the rate limits and the tokens of a failed turn.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use etcetera::home_dir;
use record::{RateLimit, Sandbox, Usage, from_unix_seconds};
use serde_json::Value;

use super::usage::usage;

/// What a session log has told.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// `codex_error_info` of the last error; since 0.146.
    pub error: Option<Value>,
    /// The sandbox in force.
    pub sandbox: Option<Sandbox>,
    /// The tightest limit.
    pub rate_limit: Option<RateLimit>,
    /// Tokens of the whole conversation.
    pub usage: Option<Usage>,
    /// Whether the model called a tool. A command that ends at once does not always show in the event stream.
    pub acted: bool,
}

/// Where the CLI keeps its session logs.
pub(super) fn folder() -> Option<PathBuf> {
    let home = match std::env::var_os("CODEX_HOME") {
        Some(home) if !home.is_empty() => PathBuf::from(home),
        _ => home_dir().ok()?.join(".codex"),
    };
    Some(home.join("sessions"))
}

/// The log of a conversation; what is not there stays unknown.
pub(super) fn read(sessions: &Path, thread: &str) -> Session {
    let mut session = Session::default();
    // The name comes from the agent's output: only what a name can be is looked for.
    let plain = thread.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let Some(log) = plain.then(|| find(sessions, &format!("-{thread}.jsonl"))).flatten() else { return session };
    let Ok(log) = File::open(log) else { return session };
    let mut lines = BufReader::new(log);
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
        // Most of the log is the conversation itself; only lines that can matter are read.
        let head = &line[..line.len().min(400)];
        let head = str::from_utf8(head).or_else(|error| str::from_utf8(&head[..error.valid_up_to()]));
        if let Ok(head) = head
            && ["\"event_msg\"", "\"turn_context\"", "_call\""].iter().any(|kind| head.contains(kind))
            && let Ok(event) = jsonl::read::<_, Value>(line.as_slice())
        {
            session.take(&event);
        }
        line.clear();
    }
    session
}

impl Session {
    fn take(&mut self, event: &Value) {
        let payload = &event["payload"];
        match (event["type"].as_str(), payload["type"].as_str()) {
            (Some("turn_context"), _) => {
                self.sandbox = sandbox(&payload["sandbox_policy"]).or(self.sandbox);
            }
            (Some("event_msg"), Some("token_count")) => {
                self.rate_limit = rate_limit(&payload["rate_limits"]).or(self.rate_limit.take());
                self.usage = usage(&payload["info"]["total_token_usage"]).or(self.usage);
            }
            (Some("response_item"), Some("function_call" | "custom_tool_call" | "local_shell_call")) => {
                self.acted = true;
            }
            (Some("event_msg"), _) => {
                for error in [&payload["codex_error_info"], &payload["error"]["codex_error_info"]] {
                    if !error.is_null() {
                        self.error = Some(error.clone());
                    }
                }
            }
            _ => {}
        }
    }
}

/// The newest file of that ending. The folders are years, months and days, and a conversation is nearly always of
/// today, so the newest are looked at first.
fn find(folder: &Path, ending: &str) -> Option<PathBuf> {
    search(folder, ending, 3)
}

fn search(folder: &Path, ending: &str, depth: u8) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort_unstable();
    entries.iter().rev().find_map(|path| {
        if depth > 0 {
            return search(path, ending, depth - 1);
        }
        path.file_name()?.to_str()?.ends_with(ending).then(|| path.clone())
    })
}

fn sandbox(policy: &Value) -> Option<Sandbox> {
    let name = policy["type"].as_str().or(policy["mode"].as_str()).or(policy.as_str())?;
    [Sandbox::ReadOnly, Sandbox::WorkspaceWrite, Sandbox::DangerFullAccess]
        .into_iter()
        .find(|sandbox| sandbox.name() == name)
}

/// The tighter one of the two limits that the service reports.
fn rate_limit(limits: &Value) -> Option<RateLimit> {
    let left = |limit: &Value| {
        let used = limit["used_percent"].as_f64()?;
        let resets_at = limit["resets_at"].as_i64().and_then(from_unix_seconds);
        Some(RateLimit { remaining_percent: Some((100.0 - used).clamp(0.0, 100.0)), resets_at })
    };
    let both = [left(&limits["primary"]), left(&limits["secondary"])];
    both.into_iter().flatten().min_by(|one, two| {
        one.remaining_percent.partial_cmp(&two.remaining_percent).unwrap_or(std::cmp::Ordering::Equal)
    })
}
