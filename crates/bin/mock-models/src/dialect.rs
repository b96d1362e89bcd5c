//! What a model API looks like from the server's side.

use hyper::HeaderMap;
use serde_json::Value;

use crate::messages::Messages;
use crate::responses::Responses;
use crate::script::Step;

/// What the server must know about a request before it can choose a step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inspected {
    /// The model asked for.
    pub model: Option<String>,
    /// All that the user wrote, in this and in earlier turns.
    pub user_text: String,
    /// The agent's name for the run: its thread.
    pub run: Option<String>,
}

/// One server-sent event.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub name: &'static str,
    pub data: Value,
}

/// A stream: events, and the one that ends it.
#[derive(Debug, PartialEq)]
pub(crate) struct Stream {
    pub events: Vec<Event>,
    pub last: Event,
    /// What the step asked for and this request has no tool for.
    pub problem: Option<String>,
    /// The same answer as one JSON document with its status, when the request did not ask for a stream.
    pub whole: Option<(u16, Value)>,
}

/// One model API.
pub(crate) trait Dialect: Sync {
    fn inspect(&self, headers: &HeaderMap, body: &Value) -> Inspected;

    /// The answer to a request that the agent makes on the way, and that uses up no step of the script.
    fn aside(&self, _path: &str, _body: &Value) -> Option<Step> {
        None
    }

    /// Spells out a step. `number` is unique among the requests of this server.
    fn stream(&self, step: &Step, body: &Value, number: u64) -> Stream;

    /// The body that the API sends with an error status.
    fn error_body(&self, status: u16) -> Value;
}

/// The dialect that answers a `POST` to this path.
pub(crate) fn for_request(path: &str) -> Option<&'static dyn Dialect> {
    if path.ends_with("/responses") {
        Some(&Responses)
    } else if path.ends_with("/messages") || path.ends_with("/messages/count_tokens") {
        Some(&Messages)
    } else {
        None
    }
}
