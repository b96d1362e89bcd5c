//! What a model API looks like from the server's side.

use hyper::HeaderMap;
use serde_json::Value;

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
}

/// One model API.
pub(crate) trait Dialect: Sync {
    fn inspect(&self, headers: &HeaderMap, body: &Value) -> Inspected;

    /// Spells out a step. `number` is unique among the requests of this server.
    fn stream(&self, step: &Step, body: &Value, number: u64) -> Stream;

    /// The body that the API sends with an error status.
    fn error_body(&self, status: u16) -> Value;
}

/// The dialect that answers a `POST` to this path.
pub(crate) fn for_request(path: &str) -> Option<&'static dyn Dialect> {
    path.ends_with("/responses").then_some(&Responses as &dyn Dialect)
}
