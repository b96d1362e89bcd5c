//! The events of `claude -p --output-format stream-json`, as they come.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use process::{Observer, Progress, Stream};
use record::{RateLimit, Usage, from_unix_seconds};
use serde_json::Value;

use crate::Secrets;
use crate::events::LineBuffer;
use crate::log::Log;

/// A longer wait for a limit to reset is ours to decide about; the CLI would sleep it out, for hours if it is told so.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the events have told.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The conversation's name.
    pub session: Option<String>,
    /// The tools that the agent has, as the CLI says.
    pub tools: Vec<String>,
    /// The models that answered, as the service called them.
    pub models: BTreeSet<String>,
    /// The word for the last error of the service.
    pub error: Option<String>,
    /// The CLI's last notice that it tries again, when nothing has got on since.
    pub retry: Option<Retry>,
    /// It is of no use to wait any longer.
    pub is_limited: bool,
    /// What is left of the service's limit.
    pub rate_limit: Option<RateLimit>,
    /// The last `result`: there are several when a task in the background ends after the first.
    pub result: Option<Value>,
    /// Tools that failed or were refused.
    pub failed_actions: u64,
    /// Whether a command was run or a file changed.
    pub acted: bool,
    /// Events that came.
    pub events: u64,
    /// The conversation is another one than that which was to be continued.
    pub strayed: bool,
    /// Tokens of each answer so far, for a call that has no end of its own.
    pub answers: HashMap<String, Usage>,
}

/// The CLI tries again, or did so.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Retry {
    /// The HTTP status that made it do so; `None` when there was no answer.
    pub status: Option<u64>,
    /// After so many milliseconds.
    pub delay: f64,
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
            self.seen.line(&line);
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
            Stream::Out => out.push(bytes, |line| match seen.line(line) {
                Line::Part(made) => progress = if made { Progress::Made } else { progress },
                Line::Event(made) => {
                    log.line("", line);
                    progress = if made { Progress::Made } else { progress };
                }
            }),
            Stream::Err => err.push(bytes, |line| log.line("stderr: ", line)),
        }
        // Another conversation knows nothing of the task, so it must not do anything either.
        seen.strayed |= resume.is_some() && !seen.tools.is_empty() && seen.session != *resume;
        if seen.is_limited || seen.strayed { Progress::Enough } else { progress }
    }
}

/// A line, and whether it shows that the agent is getting on.
enum Line {
    /// Of an answer that comes whole later: nothing for the log.
    Part(bool),
    Event(bool),
}

impl Seen {
    /// Takes one line. One that cannot be read is left alone: it is not ours to judge the CLI's own log.
    fn line(&mut self, line: &[u8]) -> Line {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Line::Event(false);
        }
        let Ok(event) = jsonl::read::<_, Value>(line) else { return Line::Event(false) };
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "stream_event" {
            // A service that only says that it is there does not get on.
            return Line::Part(event["event"]["type"] != "ping");
        }
        self.events += 1;
        if let Some(session) = event["session_id"].as_str() {
            self.session = Some(session.to_owned());
        }
        match (kind, event["subtype"].as_str()) {
            ("system", Some("init")) => self.tools = strings(&event["tools"]),
            ("system", Some("api_retry")) => {
                self.retry(&event);
                return Line::Event(false);
            }
            ("assistant", _) => self.answer(&event),
            ("user", _) => self.tool_results(&event),
            ("rate_limit_event", _) => self.limit(&event["rate_limit_info"]),
            ("result", _) => self.result = Some(event),
            // Events that we do not know are signs of life all the same.
            _ => {}
        }
        Line::Event(true)
    }

    fn retry(&mut self, event: &Value) {
        let retry =
            Retry { status: event["error_status"].as_u64(), delay: event["retry_delay_ms"].as_f64().unwrap_or(0.0) };
        if retry.status == Some(429) && retry.delay > PATIENCE.as_secs_f64() * 1000.0 {
            self.is_limited = true;
            let delay = Duration::try_from_secs_f64(retry.delay / 1000.0).ok();
            let reset = delay.and_then(|delay| SystemTime::now().checked_add(delay)?.duration_since(UNIX_EPOCH).ok());
            let resets_at = reset.and_then(|reset| from_unix_seconds(i64::try_from(reset.as_secs()).ok()?));
            self.rate_limit = Some(RateLimit { resets_at, ..self.rate_limit.take().unwrap_or_default() });
        }
        self.retry = Some(retry);
    }

    fn answer(&mut self, event: &Value) {
        let message = &event["message"];
        let model = message["model"].as_str().unwrap_or_default();
        if let Some(error) = event["error"].as_str() {
            self.error = Some(error.to_owned());
        }
        // The CLI's own words, such as those on an error.
        if model == "<synthetic>" || model.is_empty() {
            return;
        }
        self.models.insert(model.to_owned());
        (self.error, self.retry) = (None, None);
        if let (Some(id), Some(usage)) = (message["id"].as_str(), usage_of_answer(&message["usage"])) {
            self.answers.insert(id.to_owned(), usage);
        }
        for block in message["content"].as_array().into_iter().flatten() {
            let does = matches!(block["name"].as_str(), Some("Bash" | "Edit" | "Write" | "NotebookEdit"));
            self.acted |= block["type"] == "tool_use" && does;
        }
    }

    fn tool_results(&mut self, event: &Value) {
        for block in event["message"]["content"].as_array().into_iter().flatten() {
            if block["type"] == "tool_result" && block["is_error"] == true {
                self.failed_actions += 1;
            }
        }
    }

    fn limit(&mut self, info: &Value) {
        let left = |window: &Value| {
            let used = window["utilization"].as_f64();
            let resets_at = window["resetsAt"].as_i64().and_then(from_unix_seconds);
            // To a hundredth, which is more than the service tells.
            let remaining = used.map(|used| ((1.0 - used) * 10_000.0).round().clamp(0.0, 10_000.0) / 100.0);
            RateLimit { remaining_percent: remaining, resets_at }
        };
        let windows = info["unifiedWindows"].as_object();
        let windows = windows.into_iter().flatten().map(|(_, window)| left(window));
        let tightest = windows.filter(|window| window.remaining_percent.is_some()).min_by(|one, two| {
            one.remaining_percent.partial_cmp(&two.remaining_percent).unwrap_or(std::cmp::Ordering::Equal)
        });
        // How much is used is told only beyond a threshold.
        let mut limit = tightest.unwrap_or_else(|| left(info));
        if info["status"] == "rejected" {
            // The limit that was hit is the one to wait for.
            let resets_at = info["resetsAt"].as_i64().and_then(from_unix_seconds);
            limit = RateLimit { remaining_percent: Some(0.0), resets_at: resets_at.or(limit.resets_at) };
        }
        if limit != RateLimit::default() {
            self.rate_limit = Some(limit);
        }
    }

    /// The answer, when the CLI came to an end.
    pub fn message(&self) -> Option<String> {
        self.result.as_ref()?["result"].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
    }

    /// Tokens of all models; without an end, those of the answers so far.
    pub fn usage(&self) -> Option<Usage> {
        let by_model = self.result.as_ref().and_then(|result| result["modelUsage"].as_object());
        let usage = match by_model.filter(|models| !models.is_empty()) {
            Some(models) => models.values().map(usage_of_model).fold(Usage::default(), sum),
            None => self.answers.values().copied().fold(Usage::default(), sum),
        };
        (usage.total > 0).then_some(usage)
    }
}

fn sum(mut sum: Usage, more: Usage) -> Usage {
    sum += more;
    sum
}

/// `modelUsage` of the result, which counts each token once; `usage` beside it is only the last group of answers.
fn usage_of_model(model: &Value) -> Usage {
    let count = |name: &str| model[name].as_u64().unwrap_or(0);
    let parts = [count("inputTokens"), count("cacheCreationInputTokens"), count("cacheReadInputTokens")];
    tokens(parts, count("outputTokens"), model["thinkingTokens"].as_u64())
}

fn usage_of_answer(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let input = usage["input_tokens"].as_u64()?;
    let parts = [input, count("cache_creation_input_tokens"), count("cache_read_input_tokens")];
    Some(tokens(parts, count("output_tokens"), None))
}

fn tokens([fresh, cached_now, cached_before]: [u64; 3], output: u64, reasoning: Option<u64>) -> Usage {
    let input = fresh.saturating_add(cached_now).saturating_add(cached_before);
    Usage { input, cached_input: cached_before, output, reasoning, total: input.saturating_add(output) }
}

pub(super) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (Seen, Progress) {
        let mut reader = Reader::new(None, Secrets::default(), None);
        let mut progress = Progress::None;
        for line in lines {
            progress = reader.output(Stream::Out, format!("{line}\n").as_bytes());
        }
        (reader.finish(), progress)
    }

    #[test]
    fn a_plain_turn() {
        let (seen, progress) = read(&[
            r#"{"type":"system","subtype":"init","session_id":"s-1","tools":["Bash","Read"],"model":"m"}"#,
            r#"{"type":"stream_event","event":{"type":"content_block_delta"}}"#,
            r#"{"type":"assistant","session_id":"s-1","message":{"id":"a","model":"m","content":[{"type":"tool_use","id":"t","name":"Bash"}],"usage":{"input_tokens":7,"output_tokens":1}}}"#,
            r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","is_error":true}]}}"#,
            "not json",
            r#"{"type":"result","subtype":"success","result":"first","modelUsage":{}}"#,
            r#"{"type":"result","subtype":"success","result":"last","modelUsage":{"m":{"inputTokens":20,"cacheReadInputTokens":100,"cacheCreationInputTokens":3,"outputTokens":5,"thinkingTokens":2},"n":{"inputTokens":1,"outputTokens":1}}}"#,
        ]);
        assert_eq!(progress, Progress::Made);
        assert_eq!((seen.session.as_deref(), seen.message().as_deref()), (Some("s-1"), Some("last")));
        assert_eq!((seen.failed_actions, seen.acted, seen.events), (1, true, 5));
        let usage = Usage { input: 124, cached_input: 100, output: 6, reasoning: Some(2), total: 130 };
        assert_eq!(seen.usage(), Some(usage));
    }

    #[test]
    fn a_call_without_an_end_has_used_what_was_answered() {
        let line = r#"{"type":"assistant","message":{"id":"a","model":"m","usage":{"input_tokens":7,"cache_read_input_tokens":2,"output_tokens":1}}}"#;
        let (seen, _) = read(&[line, line]);
        assert_eq!(seen.usage(), Some(Usage { input: 9, cached_input: 2, output: 1, reasoning: None, total: 10 }));
    }

    #[test]
    fn a_retry_is_no_progress_and_a_long_one_the_end() {
        let retry = |status: u64, delay: u64| {
            format!(r#"{{"type":"system","subtype":"api_retry","error_status":{status},"retry_delay_ms":{delay}}}"#)
        };
        assert_eq!(read(&[&retry(529, 600_000)]).1, Progress::None);
        assert_eq!(read(&[&retry(429, 600)]).1, Progress::None);
        assert_eq!(read(&[r#"{"type":"stream_event","event":{"type":"ping"}}"#]).1, Progress::None);
        let (seen, progress) = read(&[&retry(429, 3_600_000)]);
        assert_eq!(progress, Progress::Enough);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let reset = seen.rate_limit.unwrap().resets_at;
        assert!(
            (now + 3590..=now + 3600).any(|time| from_unix_seconds(i64::try_from(time).unwrap()) == reset),
            "{reset:?}"
        );
    }

    #[test]
    fn the_tightest_window_or_the_one_that_was_hit() {
        let event = |info: &str| format!(r#"{{"type":"rate_limit_event","rate_limit_info":{info}}}"#);
        let windows = r#""unifiedWindows":{"five_hour":{"utilization":0.4,"resetsAt":1795400000},"seven_day":{"utilization":0.75,"resetsAt":1795500000}}"#;
        let (seen, _) = read(&[&event(&format!(r#"{{"status":"allowed",{windows}}}"#))]);
        let limit = seen.rate_limit.unwrap();
        assert_eq!((limit.remaining_percent, limit.resets_at.as_deref()), (Some(25.0), Some("2026-11-24T06:00:00Z")));
        let (seen, _) = read(&[&event(&format!(r#"{{"status":"rejected","resetsAt":1795400000,{windows}}}"#))]);
        let limit = seen.rate_limit.unwrap();
        assert_eq!((limit.remaining_percent, limit.resets_at.as_deref()), (Some(0.0), Some("2026-11-23T02:13:20Z")));
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
