//! The Anthropic Messages API, as agents stream it: `POST .../messages`.
//!
//! The agent names its tools in the request; a step says what is to be done, and [`Tools`] finds the tool that does it
//! by its name. A patch becomes the calls of the tools for files that the request offers.

use hyper::HeaderMap;
use serde_json::{Value, json};

use crate::dialect::{Dialect, Event, Inspected, Stream};
use crate::patch::{self, FileChange};
use crate::script::{Answer, Call, Http, Step, Usage};

/// HTTP 429 that says the subscription's five-hour limit is used up until `resets_at` (Unix seconds).
pub fn subscription_limit_reached(resets_at: u64) -> Step {
    let mut headers = rate_limit_headers("rejected", 1.0, resets_at);
    headers.push(("retry-after".to_owned(), "3600".to_owned()));
    Step { http: Some(Http { status: 429, headers: headers.into_iter().collect(), body: None }), ..Step::default() }
}

/// Response headers that tell a subscription how much of its five-hour limit is used up: `status` is `allowed`,
/// `allowed_warning` or `rejected`, `utilization` 0 to 1.
pub fn rate_limit_headers(status: &str, utilization: f64, resets_at: u64) -> Vec<(String, String)> {
    let mut headers = vec![
        ("status", status.to_owned()),
        ("reset", resets_at.to_string()),
        ("representative-claim", "five_hour".to_owned()),
        ("5h-status", status.to_owned()),
        ("5h-utilization", utilization.to_string()),
        ("5h-reset", resets_at.to_string()),
    ];
    if status == "allowed_warning" {
        // Without it the CLI says that there is a warning, but not how much is used.
        headers.push(("5h-surpassed-threshold", utilization.to_string()));
    }
    headers.into_iter().map(|(name, value)| (format!("anthropic-ratelimit-unified-{name}"), value)).collect()
}

pub(crate) struct Messages;

impl Dialect for Messages {
    fn inspect(&self, headers: &HeaderMap, body: &Value) -> Inspected {
        let session = headers.get("x-claude-code-session-id").and_then(|value| value.to_str().ok());
        Inspected {
            model: body["model"].as_str().map(str::to_owned),
            user_text: user_text(&body["messages"]),
            run: session.map(str::to_owned),
        }
    }

    fn aside(&self, path: &str, body: &Value) -> Option<Step> {
        if path.ends_with("/count_tokens") {
            // About four bytes a token, as in English text.
            let tokens = body["messages"].to_string().len() / 4;
            return Some(Step::http_body(200, json!({"input_tokens": tokens})));
        }
        // The tool WebSearch of claude asks the model to do the search, in a request that offers nothing else.
        let tools = Tools::offered_by(body);
        let searches = tools.0.len() == 1 && tools.server_search().is_some();
        searches.then(|| Step::web_search(last_user_line(&body["messages"])).and_text("Found it."))
    }

    fn stream(&self, step: &Step, body: &Value, number: u64) -> Stream {
        let tools = Tools::offered_by(body);
        // A history may come from another server (a resumed session), so the ids carry its length.
        let history = body["messages"].as_array().map_or(0, Vec::len);
        let mut blocks = Vec::new();
        let mut problem = None;
        for answer in step.answers() {
            let made = tools.blocks(&answer).unwrap_or_else(|missing| {
                let block = text(&missing);
                problem.get_or_insert(missing);
                vec![block]
            });
            blocks.extend(made);
        }
        for (position, block) in blocks.iter_mut().enumerate() {
            if block["type"] == "tool_use" {
                block["id"] = format!("toolu_{number}_{history}_{position}").into();
            }
        }
        let stop_reason = match step.incomplete.as_deref() {
            Some("max_output_tokens") => "max_tokens",
            Some(reason) => reason,
            None if blocks.iter().any(|block| block["type"] == "tool_use") => "tool_use",
            None => "end_turn",
        };
        let usage = usage(step, &blocks);
        let mut message = json!({
            "id": format!("msg_{number}_{history}"), "type": "message", "role": "assistant", "model": body["model"],
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage,
        });
        let mut events = vec![event("message_start", json!({"message": message}))];
        for (position, block) in blocks.iter().enumerate() {
            push_block(&mut events, position, block);
        }
        let mut status = 200;
        let last = if let Some(failed) = &step.failed {
            status = if failed.code == "overloaded_error" { 529 } else { 500 };
            event("error", json!({"error": {"type": failed.code, "message": failed.message}}))
        } else {
            let delta = json!({"stop_reason": stop_reason, "stop_sequence": null});
            events.push(event("message_delta", json!({"delta": delta, "usage": usage})));
            event("message_stop", json!({}))
        };
        message["content"] = blocks.into();
        message["stop_reason"] = stop_reason.into();
        let document = if step.failed.is_some() { last.data.clone() } else { message };
        let whole = (body["stream"] != true).then_some((status, document));
        Stream { events, last, problem, whole }
    }

    fn error_body(&self, status: u16) -> Value {
        let (kind, message) = match status {
            401 => ("authentication_error", "invalid x-api-key"),
            402 => ("billing_error", "There is a problem with the account's billing."),
            403 => ("permission_error", "The API key may not use this resource."),
            404 => ("not_found_error", "model: no such model"),
            413 => ("request_too_large", "Request exceeds the maximum size"),
            429 => ("rate_limit_error", "This request would exceed the rate limit of the organization."),
            529 => ("overloaded_error", "Overloaded"),
            400..=499 => ("invalid_request_error", "The request was not understood."),
            _ => ("api_error", "Internal server error"),
        };
        json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"})
    }
}

fn event(name: &'static str, mut data: Value) -> Event {
    data["type"] = name.into();
    Event { name, data }
}

/// A content block as the API streams it: announced empty, then its content, then its end.
fn push_block(events: &mut Vec<Event>, position: usize, block: &Value) {
    let mut announced = block.clone();
    let delta = match block["type"].as_str().unwrap_or_default() {
        "text" => {
            announced["text"] = "".into();
            Some(json!({"type": "text_delta", "text": block["text"]}))
        }
        "thinking" => {
            announced["thinking"] = "".into();
            announced["signature"] = "".into();
            Some(json!({"type": "thinking_delta", "thinking": block["thinking"]}))
        }
        "tool_use" | "server_tool_use" => {
            announced["input"] = json!({});
            Some(json!({"type": "input_json_delta", "partial_json": block["input"].to_string()}))
        }
        // Results of the service's own tools come whole.
        _ => None,
    };
    events.push(event("content_block_start", json!({"index": position, "content_block": announced})));
    if let Some(delta) = delta {
        events.push(event("content_block_delta", json!({"index": position, "delta": delta})));
    }
    if block["type"] == "thinking" {
        let delta = json!({"type": "signature_delta", "signature": block["signature"]});
        events.push(event("content_block_delta", json!({"index": position, "delta": delta})));
    }
    events.push(event("content_block_stop", json!({"index": position})));
}

fn usage(step: &Step, blocks: &[Value]) -> Value {
    let small = Usage { input_tokens: 100, output: 10, ..Usage::default() };
    // The API always reports; all zeros are as near as it comes to reporting none.
    let usage = step.usage.unwrap_or(Some(small)).unwrap_or_default();
    let searches = blocks.iter().filter(|block| block["type"] == "server_tool_use").count();
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(usage.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "server_tool_use": {"web_search_requests": searches},
    })
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn user_parts(messages: &Value) -> impl Iterator<Item = &str> {
    let users = messages.as_array().into_iter().flatten().filter(|message| message["role"] == "user");
    users.flat_map(|message| {
        let parts = message["content"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
        message["content"].as_str().into_iter().chain(parts)
    })
}

/// The text of all messages with the role `user`.
fn user_text(messages: &Value) -> String {
    user_parts(messages).collect::<Vec<_>>().join("\n")
}

/// What is searched for: claude asks "Perform a web search for the query: ...".
fn last_user_line(messages: &Value) -> String {
    let asked = user_parts(messages).last().unwrap_or_default();
    asked.rsplit_once("query: ").map_or(asked, |(_, query)| query).trim().to_owned()
}

/// The tools that one request offers.
struct Tools<'a>(Vec<&'a Value>);

impl<'a> Tools<'a> {
    fn offered_by(body: &'a Value) -> Self {
        Self(body["tools"].as_array().into_iter().flatten().collect())
    }

    fn find(&self, name: &str) -> Option<&'a Value> {
        self.0.iter().copied().find(|tool| tool["name"] == name)
    }

    /// The service's own search, as opposed to a tool that the agent runs.
    fn server_search(&self) -> Option<&'a Value> {
        self.find("web_search").filter(|tool| tool["type"].as_str().is_some_and(|kind| kind.starts_with("web_search_")))
    }

    fn blocks(&self, answer: &Answer) -> Result<Vec<Value>, String> {
        Ok(match answer {
            Answer::Text(said) => vec![text(said)],
            Answer::Reasoning(thought) => {
                vec![json!({"type": "thinking", "thinking": thought, "signature": "bW9jaw=="})]
            }
            Answer::Shell(line) => vec![self.bash(line)?],
            Answer::WebSearch(query) => self.search(query)?,
            Answer::ApplyPatch(patch) => self.apply_patch(patch)?,
            // A tool that is not offered is called all the same: models do that too.
            Answer::Call(Call { name, arguments, .. }) => vec![call(name, arguments)],
        })
    }

    fn bash(&self, line: &str) -> Result<Value, String> {
        self.offered("Bash", &json!({"command": line, "description": "scripted"}))
    }

    fn offered(&self, name: &str, input: &Value) -> Result<Value, String> {
        match self.find(name) {
            Some(_) => Ok(call(name, input)),
            None => Err(format!("mock-models: this request does not offer the tool {name}")),
        }
    }

    fn search(&self, query: &str) -> Result<Vec<Value>, String> {
        if self.server_search().is_none() {
            return Ok(vec![self.offered("WebSearch", &json!({"query": query}))?]);
        }
        let found = json!({
            "type": "web_search_result", "url": "https://example.com/found", "title": format!("About {query}"),
            "encrypted_content": "bW9jaw==", "page_age": null,
        });
        Ok(vec![
            json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": query}}),
            json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [found]}),
        ])
    }

    fn apply_patch(&self, patch: &str) -> Result<Vec<Value>, String> {
        let mut calls = Vec::new();
        for change in patch::parse(patch)? {
            match change {
                FileChange::Add { path, content } => {
                    calls.push(self.offered("Write", &json!({"file_path": path, "content": content}))?);
                }
                FileChange::Delete { path } => {
                    let line = format!("rm -- '{}'", path.replace('\'', r"'\''"));
                    calls.push(self.bash(&line)?);
                }
                FileChange::Update { path, hunks } => {
                    // The agent only edits what it has read.
                    calls.push(self.offered("Read", &json!({"file_path": path}))?);
                    for (old, new) in hunks {
                        let input = json!({"file_path": path, "old_string": old, "new_string": new});
                        calls.push(self.offered("Edit", &input)?);
                    }
                }
            }
        }
        Ok(calls)
    }
}

fn call(name: &str, input: &Value) -> Value {
    json!({"type": "tool_use", "id": "", "name": name, "input": input})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(step: &Step, body: &Value) -> Stream {
        Messages.stream(step, body, 7)
    }

    #[test]
    fn a_stream_has_the_form_of_the_api() {
        let tools = json!([{"name": "Bash"}, {"name": "Read"}, {"name": "Edit"}]);
        let step = Step::reasoning("hm").and_text("so").and_shell("ls");
        let made = stream(&step, &json!({"model": "m", "stream": true, "messages": [{}], "tools": tools}));
        let names: Vec<_> = made.events.iter().map(|event| event.name).collect();
        assert_eq!((names[0], made.last.name, made.whole), ("message_start", "message_stop", None));
        assert_eq!(names.iter().filter(|name| **name == "content_block_start").count(), 3);
        let call = made.events.iter().find(|event| event.data["content_block"]["type"] == "tool_use").unwrap();
        assert_eq!(call.data["content_block"]["id"], "toolu_7_1_2");
        assert_eq!(made.events.last().unwrap().data["delta"]["stop_reason"], "tool_use");

        let whole = stream(&step, &json!({"model": "m", "messages": [], "tools": tools})).whole.unwrap().1;
        assert_eq!(
            (&whole["content"][2]["input"]["command"], &whole["stop_reason"]),
            (&json!("ls"), &json!("tool_use"))
        );
    }

    #[test]
    fn cached_input_is_told_apart() {
        let usage = Usage { input_tokens: 120, cached: 100, output: 7, reasoning: 0 };
        let made = stream(&Step::text("x").usage(usage), &json!({"stream": true}));
        let told = &made.events[0].data["message"]["usage"];
        assert_eq!((&told["input_tokens"], &told["cache_read_input_tokens"]), (&json!(20), &json!(100)));
    }

    #[test]
    fn what_is_not_offered_is_a_problem() {
        let made = stream(&Step::shell("ls"), &json!({"tools": [{"name": "WebSearch"}]}));
        assert_eq!(made.problem.as_deref(), Some("mock-models: this request does not offer the tool Bash"));
    }

    #[test]
    fn the_agents_own_search_costs_no_step() {
        let search = json!([{"type": "web_search_20250305", "name": "web_search"}]);
        let asked = json!([{"role": "user", "content": "Perform a web search for the query: rust"}]);
        let body = json!({"tools": search, "messages": asked});
        let step = Messages.aside("/v1/messages", &body).unwrap();
        assert_eq!(step.web_search, ["rust"]);
        let whole = stream(&step, &body).whole.unwrap().1;
        assert_eq!(whole["content"][1]["content"][0]["title"], "About rust");
        assert_eq!(whole["usage"]["server_tool_use"]["web_search_requests"], 1);
        assert_eq!(Messages.aside("/v1/messages", &json!({"messages": asked})), None);
        assert!(Messages.aside("/v1/messages/count_tokens", &body).is_some());
    }
}
