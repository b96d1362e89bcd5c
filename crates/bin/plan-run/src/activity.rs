//! What an agent is doing now, by the last event in its log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use tree::agent_logs;

/// So much of the end of a log is looked at.
const TAIL: u64 = 16 << 10;

/// What the agent of an attempt does now, in a few words; `None` when nothing is known of it.
pub(crate) fn of(logs: &Path, id: &str, attempt: u64) -> Option<String> {
    let newest = |path: &std::path::PathBuf| path.metadata().and_then(|found| found.modified()).ok();
    let log = agent_logs(logs, id, attempt).into_iter().max_by_key(newest)?;
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    tail.split(|byte| *byte == b'\n').rev().find_map(told)
}

/// An event of the Codex CLI (`item`) or of Claude Code (`message`).
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type", default)]
    kind: String,
    item: Option<Item>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type", default)]
    kind: String,
    command: Option<String>,
    text: Option<String>,
    changes: Option<Vec<Change>>,
    query: Option<String>,
    tool: Option<String>,
}

#[derive(Deserialize)]
struct Change {
    path: String,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type", default)]
    kind: String,
    text: Option<String>,
    name: Option<String>,
    input: Option<Input>,
}

#[derive(Deserialize)]
struct Input {
    command: Option<String>,
    file_path: Option<String>,
}

fn told(line: &[u8]) -> Option<String> {
    let event: Event = serde_json::from_slice(line).ok()?;
    match event.item {
        Some(item) => codex(item),
        None if event.kind == "assistant" => event.message?.content.into_iter().rev().find_map(claude),
        None => None,
    }
}

fn codex(item: Item) -> Option<String> {
    let text = match item.kind.as_str() {
        "command_execution" => format!("$ {}", bare(&item.command?)),
        "file_change" => {
            let paths: Vec<_> = item.changes?.into_iter().map(|change| change.path).collect();
            format!("writes {}", paths.join(", "))
        }
        "web_search" => format!("searches for {}", item.query?),
        "mcp_tool_call" => format!("uses {}", item.tool?),
        _ => item.text?,
    };
    first_line(&text)
}

fn claude(part: Part) -> Option<String> {
    let Part { kind, text, name, input } = part;
    match (kind.as_str(), input) {
        ("tool_use", Some(Input { command: Some(command), .. })) => first_line(&format!("$ {command}")),
        ("tool_use", Some(Input { file_path: Some(path), .. })) => Some(format!("{} {path}", name?)),
        ("tool_use", _) => name,
        _ => first_line(&text?),
    }
}

/// A command without the shell that it is handed to.
fn bare(command: &str) -> &str {
    let inner = ["bash -lc ", "/bin/bash -lc ", "sh -c ", "/bin/sh -c "];
    let inner = inner.iter().find_map(|shell| command.strip_prefix(shell)).unwrap_or(command);
    inner.trim_matches(['\'', '"'])
}

fn first_line(text: &str) -> Option<String> {
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<String> {
        told(line.as_bytes())
    }

    #[test]
    fn the_events_of_the_agents_are_understood() {
        for (line, text) in [
            (
                r#"{"type":"item.started","item":{"id":"1","type":"command_execution","command":"/bin/bash -lc 'npm test'"}}"#,
                Some("$ npm test"),
            ),
            (
                r#"{"type":"item.completed","item":{"type":"file_change","changes":[{"path":"a.rs","kind":"add"},{"path":"b"}]}}"#,
                Some("writes a.rs, b"),
            ),
            (r#"{"type":"item.completed","item":{"type":"agent_message","text":"\nDone.\nMore."}}"#, Some("Done.")),
            (
                r#"{"type":"assistant","message":{"content":[{"type":"text","text":"I look"},{"type":"tool_use","name":"Bash","input":{"command":"ls\n-l"}}]}}"#,
                Some("$ ls"),
            ),
            (
                r#"{"type":"assistant","message":{"content":[{"type":"tool_use","name":"Edit","input":{"file_path":"a.rs"}}]}}"#,
                Some("Edit a.rs"),
            ),
            (r#"{"type":"user","message":{"content":[{"type":"text","text":"no"}]}}"#, None),
            (r#"{"type":"turn.started"}"#, None),
            ("cut off", None),
        ] {
            assert_eq!(said(line).as_deref(), text, "{line}");
        }
    }
}
