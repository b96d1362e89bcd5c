//! The events of `codex exec --json`, as they come.

use std::fs::File;

use process::{Observer, Progress, Stream};
use record::Usage;
use serde_json::Value;

use super::usage::usage;

use crate::Secrets;
use crate::events::LineBuffer;
use crate::log::Log;

/// What the events have told.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The conversation's name.
    pub thread: Option<String>,
    /// The last thing the agent said. A stream that was cut and retried repeats messages, so only the last one counts.
    pub message: Option<String>,
    /// Tokens of the turn.
    pub usage: Option<Usage>,
    /// How the turn ended, so far.
    pub turn: Turn,
    /// The text of the last reconnect notice, when nothing has got on since.
    pub reconnecting: Option<String>,
    /// Commands and patches that failed or were declined.
    pub failed_actions: u64,
    /// Whether a command was run or a file changed.
    pub acted: bool,
    /// Events that came.
    pub events: u64,
    /// The conversation is another one than that which was to be continued.
    pub strayed: bool,
}

/// How far the turn is.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Turn {
    /// Neither completed nor failed.
    #[default]
    Open,
    /// `turn.completed`.
    Completed,
    /// `turn.failed` with its message.
    Failed(String),
}

/// Reads the streams of the CLI and keeps the log.
pub(super) struct Reader {
    seen: Seen,
    /// The conversation that is to be continued.
    resume: Option<String>,
    out: LineBuffer,
    err: LineBuffer,
    log: Log,
}

impl Reader {
    pub fn new(log: Option<File>, secrets: Secrets, resume: Option<String>) -> Self {
        let (out, err) = (LineBuffer::default(), LineBuffer::default());
        Self { seen: Seen::default(), resume, out, err, log: Log::new(log, secrets) }
    }

    pub fn finish(mut self) -> Seen {
        if let Some(line) = self.out.finish() {
            self.log.line("", &line);
            self.seen.event(&line);
        }
        if let Some(line) = self.err.finish() {
            self.log.line("stderr: ", &line);
        }
        self.seen
    }
}

impl Observer for Reader {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> Progress {
        let Self { seen, resume, out, err, log } = self;
        let mut progress = Progress::None;
        match stream {
            Stream::Out => out.push(bytes, |line| {
                log.line("", line);
                if seen.event(line) {
                    progress = Progress::Made;
                }
                // It knows nothing of the task, so it must not do anything either.
                seen.strayed |= resume.is_some() && seen.thread.is_some() && seen.thread != *resume;
            }),
            Stream::Err => err.push(bytes, |line| log.line("stderr: ", line)),
        }
        if seen.strayed { Progress::Enough } else { progress }
    }
}

impl Seen {
    /// Takes one line; whether it shows that the agent is getting on.
    ///
    /// Lines are read as [`Value`]: a `web_search` item has the key `id` twice, which a struct would refuse.
    /// A line that cannot be read is left alone: it is not ours to judge the CLI's own log.
    fn event(&mut self, line: &[u8]) -> bool {
        if line.iter().all(u8::is_ascii_whitespace) {
            return false;
        }
        let Ok(event) = jsonl::read::<_, Value>(line) else { return false };
        self.events += 1;
        match event["type"].as_str().unwrap_or_default() {
            "thread.started" => self.thread = event["thread_id"].as_str().map(str::to_owned),
            "turn.completed" => {
                self.turn = Turn::Completed;
                self.usage = usage(&event["usage"]);
            }
            "turn.failed" => {
                let message = event["error"]["message"].as_str().unwrap_or_default();
                self.turn = Turn::Failed(message.to_owned());
            }
            "item.started" | "item.updated" | "item.completed" => self.item(&event),
            // Used for reconnect notices and, before `turn.failed`, for the final error: neither gets anything on.
            "error" => {
                self.reconnecting = event["message"].as_str().map(str::to_owned);
                return false;
            }
            // `turn.started`, and an event that we do not know, is a sign of life all the same.
            _ => {}
        }
        self.reconnecting = None;
        true
    }

    fn item(&mut self, event: &Value) {
        let item = &event["item"];
        let kind = item["type"].as_str().unwrap_or_default();
        let completed = event["type"] == "item.completed";
        if kind == "agent_message" && completed {
            self.message = item["text"].as_str().map(str::to_owned);
        }
        if matches!(kind, "command_execution" | "file_change" | "mcp_tool_call") {
            self.acted = true;
            if completed && matches!(item["status"].as_str(), Some("failed" | "declined")) {
                self.failed_actions += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> (Seen, bool) {
        let mut reader = Reader::new(None, Secrets::default(), None);
        let progress = reader.output(Stream::Out, lines.as_bytes()) == Progress::Made;
        (reader.finish(), progress)
    }

    #[test]
    fn a_plain_turn() {
        let (seen, progress) = read(concat!(
            "{\"type\":\"thread.started\",\"thread_id\":\"t-1\"}\n",
            "{\"type\":\"turn.started\"}\n",
            "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"error\",\"message\":\"Model metadata\"}}\n",
            "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_1\",\"type\":\"web_search\",\"id\":\"ws_1\",\"query\":\"q\"}}\n",
            "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_2\",\"type\":\"command_execution\",\"command\":\"x\",\"exit_code\":3,\"status\":\"failed\"}}\n",
            "not json\n",
            "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_3\",\"type\":\"agent_message\",\"text\":\"first\"}}\n",
            "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_4\",\"type\":\"agent_message\",\"text\":\"last\"}}\n",
            "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":100,\"cached_input_tokens\":10,\"output_tokens\":20,\"reasoning_output_tokens\":5}}",
        ));
        assert!(progress);
        assert_eq!(seen.thread.as_deref(), Some("t-1"));
        assert_eq!(seen.message.as_deref(), Some("last"));
        assert_eq!(seen.turn, Turn::Completed);
        assert_eq!((seen.failed_actions, seen.acted), (1, true));
        let usage = Usage { input: 100, cached_input: 10, output: 20, reasoning: Some(5), total: 120 };
        assert_eq!(seen.usage, Some(usage));
    }

    #[test]
    fn another_conversation_than_the_one_to_continue_is_ended_at_once() {
        let mut reader = Reader::new(None, Secrets::default(), Some("t-1".into()));
        let started = |thread: &str| format!("{{\"type\":\"thread.started\",\"thread_id\":\"{thread}\"}}\n");
        assert_eq!(reader.output(Stream::Out, started("t-1").as_bytes()), Progress::Made);
        assert_eq!(reader.output(Stream::Out, started("t-2").as_bytes()), Progress::Enough);
        assert!(reader.finish().strayed);
    }

    #[test]
    fn a_reconnect_notice_is_no_progress() {
        let (seen, progress) = read("{\"type\":\"error\",\"message\":\"Reconnecting... 1/5 (x)\"}\n");
        assert!(!progress);
        assert_eq!(seen.reconnecting.as_deref(), Some("Reconnecting... 1/5 (x)"));
        let (seen, _) =
            read("{\"type\":\"error\",\"message\":\"Reconnecting... 1/5 (x)\"}\n{\"type\":\"turn.started\"}\n");
        assert_eq!(seen.reconnecting, None);
    }

    proptest::proptest! {
        #[test]
        fn no_stream_makes_it_fall_over(bytes: Vec<u8>, size in 1_usize..50) {
            let mut reader = Reader::new(None, Secrets::default(), None);
            for piece in bytes.chunks(size) {
                reader.output(Stream::Out, piece);
            }
            reader.finish();
        }
    }
}
