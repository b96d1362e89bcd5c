//! The CLI's own log of a conversation (`sessions/YYYY/MM/DD/rollout-TIME-THREAD.jsonl` in its home), which tells what
//! its event stream does not: the code of an error, the sandbox in force, the rate limits and the tokens of a failed turn.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
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

/// How far a conversation had come when it was continued.
#[derive(Debug, Default)]
pub(super) struct Mark {
    /// The length of its log, in bytes.
    length: u64,
    /// Its tokens.
    pub usage: Option<Usage>,
}

/// The log of a conversation.
pub(super) fn find(sessions: &Path, thread: &str) -> Option<PathBuf> {
    // The name comes from an agent's output: only what a name can be is looked for.
    let plain = thread.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| search(sessions, &format!("-{thread}.jsonl"), 3)).flatten()
}

/// How far a conversation has come.
pub(super) fn mark(sessions: &Path, thread: &str) -> Mark {
    let Some(path) = find(sessions, thread) else { return Mark::default() };
    let length = fs::metadata(&path).map_or(0, |found| found.len());
    Mark { length, usage: lines(&path, 0).usage }
}

/// What the log of a conversation tells of the time after `from`; what is not there stays unknown.
pub(super) fn read(sessions: &Path, thread: &str, from: &Mark) -> Session {
    find(sessions, thread).map(|path| lines(&path, from.length)).unwrap_or_default()
}

fn lines(path: &Path, from: u64) -> Session {
    let mut session = Session::default();
    let Ok(mut log) = File::open(path) else { return session };
    // A log that is shorter than it was has been written anew.
    let is_there = log.metadata().is_ok_and(|found| found.len() >= from);
    if is_there && log.seek(SeekFrom::Start(from)).is_err() {
        return session;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: &str = "01a20338-e27f-72b3-a132-6e420b9ac8c3";

    #[test]
    fn what_was_before_a_mark_says_nothing_of_what_came_after() {
        let folder = tempfile::tempdir().unwrap();
        let day = folder.path().join("2026/11/22");
        fs::create_dir_all(&day).unwrap();
        let log = day.join(format!("rollout-2026-11-22T12-26-29-{THREAD}.jsonl"));
        let tokens = |input: u64| {
            format!(
                "{{\"type\":\"event_msg\",\"payload\":{{\"type\":\"token_count\",\"info\":{{\"total_token_usage\":{{\"input_tokens\":{input},\"output_tokens\":1}}}}}}}}\n"
            )
        };
        let first = [
            "{\"type\":\"turn_context\",\"payload\":{\"sandbox_policy\":{\"type\":\"danger-full-access\"}}}\n",
            "{\"type\":\"response_item\",\"payload\":{\"type\":\"function_call\"}}\n",
            &tokens(100),
            "{\"type\":\"event_msg\",\"payload\":{\"type\":\"error\",\"codex_error_info\":\"usage_limit_exceeded\"}}\n",
        ]
        .concat();
        fs::write(&log, &first).unwrap();
        let before = mark(folder.path(), THREAD);
        assert_eq!(before.usage.unwrap().input, 100);
        let second = "{\"type\":\"turn_context\",\"payload\":{\"sandbox_policy\":{\"type\":\"read-only\"}}}\n";
        fs::write(&log, first.clone() + second + &tokens(150)).unwrap();
        let session = read(folder.path(), THREAD, &before);
        assert_eq!((session.error, session.acted, session.sandbox), (None, false, Some(Sandbox::ReadOnly)));
        assert_eq!(session.usage.unwrap().input, 150);
        let all = read(folder.path(), THREAD, &Mark::default());
        assert!(all.error.is_some() && all.acted);
        fs::write(&log, tokens(7)).unwrap();
        assert_eq!(read(folder.path(), THREAD, &before).usage.unwrap().input, 7);
    }
}
