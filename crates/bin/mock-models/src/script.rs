//! What the server answers, and to whom.
//!
//! # Format
//!
//! JSON: either a list of steps (one conversation that fits every request), or an object:
//!
//! ```json
//! {
//!   "conversations": [
//!     {
//!       "name": "login form",
//!       "match": "Task 3:",
//!       "model": "gpt-5.4",
//!       "across_runs": false,
//!       "steps": [
//!         { "reasoning": "**Looking**", "shell": ["ls", "git status --short"] },
//!         { "apply_patch": "*** Begin Patch\n*** Add File: a.txt\n+a\n*** End Patch" },
//!         { "text": "Done.", "usage": { "input_tokens": 1200, "cached": 1000, "output": 30 } }
//!       ]
//!     },
//!     {
//!       "match": "Task 4:",
//!       "steps": [{ "http": { "status": 429, "headers": { "Retry-After": "1" } }, "repeat": true }]
//!     }
//!   ],
//!   "unmatched": { "http": { "status": 400 } }
//! }
//! ```
//!
//! ## Conversations
//!
//! | key | meaning |
//! |---|---|
//! | `match` | text (or several) that must all be found in what the user wrote; absent: fits every request |
//! | `model` | exact model name that must be asked for; absent: any |
//! | `steps` | answers to the 1st, 2nd, ... request of one run; after the last one: a plain final text |
//! | `across_runs` | `true`: count requests over all runs together, e.g. to fail the first run only |
//! | `name` | shown in the record of requests; default: the `match` text |
//!
//! The first conversation that fits wins. *One run* is one thread of the agent, as named by the
//! request (for codex the thread id, for claude the session id): a retry and a resumed thread go on counting, a new run starts
//! at the first step. `unmatched` is the step for requests that fit no conversation (default: a
//! plain text).
//!
//! ## Steps: what the model says
//!
//! | key | meaning |
//! |---|---|
//! | `text` | a message; the run ends with it unless the same step asks for a tool |
//! | `shell` | a command line the model asks to run, through whichever shell tool the request offers |
//! | `apply_patch` | a patch, through the patch tool if offered, else through the shell (codex) or the tools for files (claude) |
//! | `reasoning` | a reasoning summary |
//! | `web_search` | a web search for this query: finished (codex), or asked for and then finished without another step (claude) |
//! | `call` | any other tool: `{"name", "namespace", "arguments"}` |
//! | `output` | the same things in an order of your own: `[{"shell": "a"}, {"text": "b"}, ...]` |
//!
//! The first six may be lists, and may be combined in one step (sent in the order reasoning,
//! `web_search`, text, shell, `apply_patch`, call). `usage` sets the token counts (`null`: none reported),
//! `headers` adds response headers, `delay_ms` waits before answering, `event_delay_ms` between the
//! events.
//!
//! ## Steps: what goes wrong
//!
//! | key | meaning |
//! |---|---|
//! | `http` | `{"status", "headers", "body"}` instead of a stream; without `body` one that the real API sends with that status |
//! | `failed` | the stream ends with a failure: `{"code", "message"}` |
//! | `incomplete` | the stream ends early for this reason, e.g. `"max_output_tokens"`; for claude also `"refusal"` |
//! | `cut` | the connection is closed: `"before_headers"`, `"after_headers"` or `{"after_events": 3}` |
//! | `hang` | same places, but the connection stays open and silent until the client leaves |
//! | `no_completed` | the stream ends properly but its final event is missing |
//! | `malformed` | `true`, or the raw text to send as the stream |
//!
//! `"repeat": true` on the last step makes it the answer to every later request too. Agents retry
//! (codex up to 30 times on a 500), so a step that stands for a failing server usually repeats.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// All that a server knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Tried in this order; the first that fits a request answers it.
    pub conversations: Vec<Conversation>,
    /// The answer to a request that fits no conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<Step>,
}

/// One scripted conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// Shown in the record of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Texts that must all be found in what the user wrote.
    #[serde(default, rename = "match", deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// The model that must be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Count requests over all runs together.
    #[serde(default, skip_serializing_if = "is_default")]
    pub across_runs: bool,
    /// Answers to the first, second, ... request.
    pub steps: Vec<Step>,
}

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Reasoning summaries.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub reasoning: Vec<String>,
    /// Finished web searches.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub web_search: Vec<String>,
    /// Messages.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// Command lines to run.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
    /// Patches to apply.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub apply_patch: Vec<String>,
    /// Other tools to call.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub call: Vec<Call>,
    /// The same in any order; sent after the ones above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Answer>,

    /// Token counts; the outer `None` is a small default, the inner one reports none at all.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[allow(clippy::option_option, reason = "absent and null are different answers")]
    pub usage: Option<Option<Usage>>,
    /// Extra response headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Milliseconds to wait before answering.
    #[serde(skip_serializing_if = "is_default")]
    pub delay_ms: u64,
    /// Milliseconds to wait between two events.
    #[serde(skip_serializing_if = "is_default")]
    pub event_delay_ms: u64,
    /// Answer every later request the same way. Only on the last step.
    #[serde(skip_serializing_if = "is_default")]
    pub repeat: bool,

    /// A plain HTTP answer instead of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// The stream ends with a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// The stream ends early, for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// The connection is closed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Place>,
    /// Nothing more is sent from here on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<Place>,
    /// The final event is missing.
    #[serde(skip_serializing_if = "is_default")]
    pub no_completed: bool,
    /// The stream is not what the API promises.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malformed: Option<Malformed>,
}

/// One thing the model says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A reasoning summary.
    Reasoning(String),
    /// A finished web search for this query.
    WebSearch(String),
    /// A message.
    Text(String),
    /// A command line to run.
    Shell(String),
    /// A patch to apply.
    ApplyPatch(String),
    /// Any other tool.
    Call(Call),
}

/// A call of a tool by its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// The group of tools it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// An object for a function, a string for a tool that takes free text.
    #[serde(default = "empty_object")]
    pub arguments: Value,
}

/// Token counts of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// All input tokens.
    #[serde(alias = "input")]
    pub input_tokens: u64,
    /// Those of them that were in the cache.
    pub cached: u64,
    /// All output tokens.
    #[serde(alias = "output_tokens")]
    pub output: u64,
    /// Those of them that were reasoning.
    pub reasoning: u64,
}

/// A plain HTTP answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The status code, 200 to 599.
    pub status: u16,
    /// Response headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A string is sent as it is, anything else as JSON; absent: what the API sends with `status`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// A failure that the stream reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// Machine-readable, e.g. `context_length_exceeded`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Where an answer breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Before anything was sent.
    BeforeHeaders,
    /// After the response headers.
    AfterHeaders,
    /// After so many events; the final event is never sent.
    AfterEvents(usize),
}

/// A stream that breaks its own rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Malformed {
    /// `true`: an event whose data is not JSON.
    Default(bool),
    /// Sent as it is.
    Raw(String),
}

/// Why a script cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not JSON, an unknown key, or a value of the wrong kind.
    #[error("{0}")]
    Parse(String),
    /// Well-formed but contradictory.
    #[error("{place}: {problem}")]
    Invalid {
        /// Where, e.g. `conversations[0].steps[1]`.
        place: String,
        /// What.
        problem: String,
    },
}

impl Script {
    /// One conversation that fits every request.
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::new([Conversation::new(steps)])
    }

    /// Several conversations.
    pub fn new(conversations: impl IntoIterator<Item = Conversation>) -> Self {
        Self { conversations: conversations.into_iter().collect(), unmatched: None }
    }

    /// Sets the answer to requests that fit no conversation.
    #[must_use]
    pub fn otherwise(mut self, step: Step) -> Self {
        self.unmatched = Some(step);
        self
    }

    /// Reads and checks a script.
    pub fn from_json(text: &str) -> Result<Self, ScriptError> {
        let script =
            if text.trim_start().starts_with('[') { Self::steps(parse::<Vec<Step>>(text)?) } else { parse(text)? };
        script.check()?;
        Ok(script)
    }

    /// Reads and checks a script file.
    pub fn from_file(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScriptError::Read { path: path.display().to_string(), source })?;
        Self::from_json(&text)
    }

    /// Finds contradictions that the format itself allows.
    pub fn check(&self) -> Result<(), ScriptError> {
        for (number, conversation) in self.conversations.iter().enumerate() {
            let last = conversation.steps.len().saturating_sub(1);
            for (position, step) in conversation.steps.iter().enumerate() {
                let place = || format!("conversations[{number}].steps[{position}]");
                step.check().map_err(|problem| ScriptError::Invalid { place: place(), problem })?;
                if step.repeat && position != last {
                    return Err(ScriptError::Invalid {
                        place: place(),
                        problem: "only the last step may repeat".to_owned(),
                    });
                }
            }
        }
        if let Some(step) = &self.unmatched {
            step.check().map_err(|problem| ScriptError::Invalid { place: "unmatched".to_owned(), problem })?;
        }
        Ok(())
    }
}

impl Conversation {
    /// A conversation that fits every request.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    /// Fits only requests whose user text contains `text`; again for a second text.
    #[must_use]
    pub fn matching(mut self, text: impl Into<String>) -> Self {
        self.matches.push(text.into());
        self
    }

    /// Fits only requests for this model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Names it in the record of requests.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Counts requests over all runs together.
    #[must_use]
    pub fn across_runs(mut self) -> Self {
        self.across_runs = true;
        self
    }

    pub(crate) fn fits(&self, model: Option<&str>, user_text: &str) -> bool {
        self.model.as_deref().is_none_or(|wanted| Some(wanted) == model)
            && self.matches.iter().all(|wanted| user_text.contains(wanted))
    }

    /// The step for request number `index` of a run, or none after the last.
    pub(crate) fn step(&self, index: usize) -> Option<&Step> {
        self.steps.get(index).or_else(|| self.steps.last().filter(|step| step.repeat))
    }

    pub(crate) fn label(&self, number: usize) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None if self.matches.is_empty() => format!("conversation {}", number + 1),
            None => self.matches.join(" + "),
        }
    }
}

impl Step {
    /// A message that ends the turn.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().and_text(text)
    }

    /// A command line to run.
    pub fn shell(line: impl Into<String>) -> Self {
        Self::default().and_shell(line)
    }

    /// A patch to apply.
    pub fn apply_patch(patch: impl Into<String>) -> Self {
        Self::default().and_apply_patch(patch)
    }

    /// A reasoning summary; add what comes after it.
    pub fn reasoning(text: impl Into<String>) -> Self {
        Self { reasoning: vec![text.into()], ..Self::default() }
    }

    /// A finished web search; add what comes after it.
    pub fn web_search(query: impl Into<String>) -> Self {
        Self { web_search: vec![query.into()], ..Self::default() }
    }

    /// An HTTP error with the body that the API sends with it.
    pub fn http(status: u16) -> Self {
        Self { http: Some(Http { status, headers: BTreeMap::new(), body: None }), ..Self::default() }
    }

    /// An HTTP answer with this body.
    pub fn http_body(status: u16, body: impl Into<Value>) -> Self {
        let http = Http { status, headers: BTreeMap::new(), body: Some(body.into()) };
        Self { http: Some(http), ..Self::default() }
    }

    /// Closes the connection at `place`.
    pub fn cut(place: Place) -> Self {
        Self { cut: Some(place), ..Self::text("partial answer") }
    }

    /// Stays silent from `place` on.
    pub fn hang(place: Place) -> Self {
        Self { hang: Some(place), ..Self::text("partial answer") }
    }

    /// A stream that reports a failure.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        let failed = Failed { code: code.into(), message: message.into() };
        Self { failed: Some(failed), ..Self::default() }
    }

    /// A stream that is not JSON.
    pub fn malformed() -> Self {
        Self { malformed: Some(Malformed::Default(true)), ..Self::default() }
    }

    /// Adds a message.
    #[must_use]
    pub fn and_text(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    /// Adds a command line.
    #[must_use]
    pub fn and_shell(mut self, line: impl Into<String>) -> Self {
        self.shell.push(line.into());
        self
    }

    /// Adds a patch.
    #[must_use]
    pub fn and_apply_patch(mut self, patch: impl Into<String>) -> Self {
        self.apply_patch.push(patch.into());
        self
    }

    /// Adds a call of any other tool.
    #[must_use]
    pub fn and_call(mut self, call: Call) -> Self {
        self.call.push(call);
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// Sets the token counts.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(Some(usage));
        self
    }

    /// Reports no token counts.
    #[must_use]
    pub fn no_usage(mut self) -> Self {
        self.usage = Some(None);
        self
    }

    /// Waits before answering.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Ends the stream properly, without its final event.
    #[must_use]
    pub fn no_completed(mut self) -> Self {
        self.no_completed = true;
        self
    }

    /// Answers every later request the same way.
    #[must_use]
    pub fn repeated(mut self) -> Self {
        self.repeat = true;
        self
    }

    /// Everything the model says in this step, in order.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        let shorthand = self.reasoning.iter().cloned().map(Answer::Reasoning);
        shorthand
            .chain(self.web_search.iter().cloned().map(Answer::WebSearch))
            .chain(self.text.iter().cloned().map(Answer::Text))
            .chain(self.shell.iter().cloned().map(Answer::Shell))
            .chain(self.apply_patch.iter().cloned().map(Answer::ApplyPatch))
            .chain(self.call.iter().cloned().map(Answer::Call))
            .chain(self.output.iter().cloned())
            .collect()
    }

    fn check(&self) -> Result<(), String> {
        let endings = [
            ("http", self.http.is_some()),
            ("failed", self.failed.is_some()),
            ("incomplete", self.incomplete.is_some()),
            ("cut", self.cut.is_some()),
            ("hang", self.hang.is_some()),
            ("no_completed", self.no_completed),
            ("malformed", self.malformed.is_some()),
        ];
        let chosen: Vec<_> = endings.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        if chosen.len() > 1 {
            return Err(format!("{} exclude each other", chosen.join(" and ")));
        }
        if (self.http.is_some() || self.malformed.is_some()) && !self.answers().is_empty() {
            return Err(format!("a step with {} says nothing else", chosen.join("")));
        }
        let mut headers: Vec<_> = self.headers.iter().collect();
        if let Some(http) = &self.http {
            if !(200..=599).contains(&http.status) {
                return Err(format!("http.status is {}, expected 200 to 599", http.status));
            }
            headers.extend(&http.headers);
        }
        for (name, value) in headers {
            if hyper::header::HeaderName::from_bytes(name.as_bytes()).is_err()
                || hyper::header::HeaderValue::from_str(value).is_err()
            {
                return Err(format!("{name:?}: {value:?} is not a valid header"));
            }
            if ["content-length", "transfer-encoding", "connection"].contains(&name.to_ascii_lowercase().as_str()) {
                return Err(format!("the header {name} belongs to the server; use `cut` or `hang`"));
            }
        }
        Ok(())
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ScriptError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| ScriptError::Parse(error.to_string()))?;
    reader.end().map_err(|error| ScriptError::Parse(error.to_string()))?;
    Ok(value)
}

fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    // Decided by hand, because an untagged enum would hide what exactly is wrong inside.
    let one = |value| serde_json::from_value(value).map_err(serde::de::Error::custom);
    match Value::deserialize(deserializer)? {
        Value::Array(values) => values.into_iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn empty_object() -> Value {
    Value::Object(Map::new())
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Script::from_json(text).unwrap_err().to_string()
    }

    #[test]
    fn a_list_of_steps_is_one_conversation_for_everybody() {
        let script = Script::from_json(r#"[{"shell": "ls"}, {"text": ["a", "b"]}]"#).unwrap();
        assert_eq!(script, Script::steps([Step::shell("ls"), Step::text("a").and_text("b")]));
        assert!(script.conversations[0].fits(None, ""));
    }

    #[test]
    fn a_script_survives_being_written_and_read() {
        let script = Script::new([Conversation::new([
            Step::reasoning("r").and_shell("ls").no_usage(),
            Step::http(429).header("Retry-After", "1").repeated(),
        ])
        .matching("Task 3:")
        .model("gpt-5.4")
        .across_runs()])
        .otherwise(Step::hang(Place::AfterEvents(2)));
        let text = serde_json::to_string(&script).unwrap();
        assert_eq!(Script::from_json(&text).unwrap(), script);
    }

    #[test]
    fn errors_name_the_field() {
        assert!(problem(r#"[{"text": "a"}, {"shel": "ls"}]"#).starts_with("[1]"));
        let nested = r#"{"conversations": [{"steps": [{"usage": {"input_tokens": "x"}}]}]}"#;
        assert!(problem(nested).starts_with("conversations[0].steps[0].usage.input_tokens: "));
        assert!(problem(r#"[{"call": {"arguments": {}}}]"#).contains("missing field `name`"));
        assert!(problem("[] []").contains("trailing characters"));
        assert!(problem("").contains("EOF"));
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(problem(r#"[{"http": {"status": 500}, "cut": "after_headers"}]"#).contains("http and cut"));
        assert!(problem(r#"[{"http": {"status": 99}}]"#).contains("http.status is 99"));
        assert!(problem(r#"[{"http": {"status": 500}, "text": "x"}]"#).contains("says nothing else"));
        assert!(problem(r#"[{"text": "x", "headers": {"a b": "c"}}]"#).contains("not a valid header"));
        assert!(problem(r#"[{"text": "x", "repeat": true}, {}]"#).contains("only the last step"));
    }

    #[test]
    fn steps_run_out_unless_the_last_repeats() {
        let ending = Conversation::new([Step::text("a")]);
        assert!(ending.step(0).is_some() && ending.step(1).is_none());
        let endless = Conversation::new([Step::text("a"), Step::http(500).repeated()]);
        assert_eq!(endless.step(7), endless.step(1));
        assert!(Conversation::default().step(0).is_none());
    }

    #[test]
    fn all_texts_and_the_model_must_fit() {
        let conversation = Conversation::default().matching("Task 3:").matching("review").model("m");
        assert!(conversation.fits(Some("m"), "review of Task 3: login"));
        assert!(!conversation.fits(Some("m"), "Task 3: login"));
        assert!(!conversation.fits(Some("n"), "review of Task 3: login"));
        assert!(!conversation.fits(None, "review of Task 3: login"));
    }

    #[test]
    fn places_have_three_spellings() {
        let read = |text: &str| serde_json::from_str::<Place>(text).unwrap();
        assert_eq!(read(r#""before_headers""#), Place::BeforeHeaders);
        assert_eq!(read(r#""after_headers""#), Place::AfterHeaders);
        assert_eq!(read(r#"{"after_events": 3}"#), Place::AfterEvents(3));
    }
}
