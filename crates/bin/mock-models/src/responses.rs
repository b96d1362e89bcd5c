//! The `OpenAI` Responses API, as agents stream it: `POST .../responses`.
//!
//! Which tools exist differs between agent releases and models, so a step never names one: each
//! request lists the tools it offers, and [`Tools`] picks the one that can do what the step asks.

use hyper::HeaderMap;
use serde_json::{Value, json};

use crate::dialect::{Dialect, Event, Inspected, Stream};
use crate::script::{Answer, Call, Http, Step, Usage};

/// HTTP 429 that says the account's usage limit is used up until `resets_at` (Unix seconds).
pub fn usage_limit_reached(resets_at: u64) -> Step {
    let body = json!({"error": {
        "type": "usage_limit_reached",
        "message": "The usage limit has been reached",
        "plan_type": "plus",
        "resets_at": resets_at,
    }});
    Step { http: Some(Http { status: 429, headers: [].into(), body: Some(body) }), ..Step::default() }
}

/// Response headers that report how much of the account's two limits is used up.
pub fn rate_limit_headers(
    primary_used_percent: f64,
    primary_resets_at: u64,
    secondary_used_percent: f64,
    secondary_resets_at: u64,
) -> Vec<(String, String)> {
    [
        ("x-codex-primary-used-percent", primary_used_percent.to_string()),
        ("x-codex-primary-window-minutes", "300".to_owned()),
        ("x-codex-primary-reset-at", primary_resets_at.to_string()),
        ("x-codex-secondary-used-percent", secondary_used_percent.to_string()),
        ("x-codex-secondary-window-minutes", "10080".to_owned()),
        ("x-codex-secondary-reset-at", secondary_resets_at.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

pub(crate) struct Responses;

impl Dialect for Responses {
    fn inspect(&self, headers: &HeaderMap, body: &Value) -> Inspected {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // Newest spelling first: sub-agents share a session but not a thread.
        let run = header("thread-id")
            .or_else(|| body["prompt_cache_key"].as_str())
            .or_else(|| header("session-id"))
            .or_else(|| header("session_id"));
        Inspected {
            model: body["model"].as_str().map(str::to_owned),
            user_text: user_text(&body["input"]),
            run: run.map(str::to_owned),
        }
    }

    fn stream(&self, step: &Step, body: &Value, number: u64) -> Stream {
        let tools = Tools::offered_by(body);
        // A history may come from another server (a resumed thread), so the ids carry its length.
        let history = body["input"].as_array().map_or(0, Vec::len);
        let id = |kind: &str, position: usize| format!("{kind}_{number}_{history}_{position}");
        let response_id = id("resp", 0);
        let response = |status: &str, more: Value| {
            let mut response = json!({"id": response_id, "object": "response", "status": status});
            if let (Value::Object(into), Value::Object(from)) = (&mut response, more) {
                into.extend(from);
            }
            response
        };

        let mut events = vec![event("response.created", json!({"response": response("in_progress", json!({}))}))];
        let mut problem = None;
        for (position, answer) in step.answers().iter().enumerate() {
            let item = match answer {
                Answer::Reasoning(text) => Ok(json!({
                    "type": "reasoning", "id": id("rs", position),
                    "summary": [{"type": "summary_text", "text": text}],
                })),
                Answer::WebSearch(query) => Ok(json!({
                    "type": "web_search_call", "id": id("ws", position), "status": "completed",
                    "action": {"type": "search", "query": query, "queries": [query]},
                })),
                Answer::Text(text) => Ok(message(text, &id("msg", position))),
                Answer::Shell(line) => tools.shell(line, &id("call", position)),
                Answer::ApplyPatch(patch) => tools.apply_patch(patch, &id("call", position)),
                Answer::Call(call) => Ok(tools.call(call, &id("call", position))),
            };
            let item = item.unwrap_or_else(|missing: String| {
                let item = message(&missing, &id("msg", position));
                problem.get_or_insert(missing);
                item
            });
            push_item(&mut events, position, &item);
        }

        let last = if let Some(failed) = &step.failed {
            let error = json!({"code": failed.code, "message": failed.message});
            event("response.failed", json!({"response": response("failed", json!({"error": error}))}))
        } else if let Some(reason) = &step.incomplete {
            let more = json!({"incomplete_details": {"reason": reason}, "usage": usage(step)});
            event("response.incomplete", json!({"response": response("incomplete", more)}))
        } else {
            let more = json!({"usage": usage(step)});
            event("response.completed", json!({"response": response("completed", more)}))
        };
        Stream { events, last, problem, whole: None }
    }

    fn error_body(&self, status: u16) -> Value {
        let (kind, code, message) = match status {
            401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided."),
            403 => {
                ("invalid_request_error", Some("model_not_allowed"), "The project does not have access to this model.")
            }
            404 => (
                "invalid_request_error",
                Some("model_not_found"),
                "The model does not exist or you do not have access to it.",
            ),
            400..=428 => ("invalid_request_error", None, "The request was not understood."),
            429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached."),
            _ => ("server_error", None, "The server had an error while processing your request."),
        };
        json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
    }
}

fn event(name: &'static str, mut data: Value) -> Event {
    data["type"] = name.into();
    Event { name, data }
}

fn message(text: &str, id: &str) -> Value {
    json!({
        "type": "message", "id": id, "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    })
}

/// An output item as the API streams it: announced, its text in pieces, then whole.
fn push_item(events: &mut Vec<Event>, position: usize, item: &Value) {
    let mut announced = item.clone();
    announced["status"] = "in_progress".into();
    for list in ["content", "summary"] {
        if announced.get(list).is_some() {
            announced[list] = json!([]);
        }
    }
    events.push(event("response.output_item.added", json!({"output_index": position, "item": announced})));
    let piece = |text: &Value, index_key: &str| json!({"output_index": position, "item_id": item["id"], index_key: 0, "delta": text});
    if let Some(text) = item.pointer("/content/0/text") {
        events.push(event("response.output_text.delta", piece(text, "content_index")));
    }
    if let Some(text) = item.pointer("/summary/0/text") {
        let part = json!({
            "output_index": position, "item_id": item["id"], "summary_index": 0,
            "part": {"type": "summary_text", "text": ""},
        });
        events.push(event("response.reasoning_summary_part.added", part));
        events.push(event("response.reasoning_summary_text.delta", piece(text, "summary_index")));
    }
    events.push(event("response.output_item.done", json!({"output_index": position, "item": item})));
}

fn usage(step: &Step) -> Value {
    let small = Usage { input_tokens: 100, output: 10, ..Usage::default() };
    match step.usage.unwrap_or(Some(small)) {
        None => Value::Null,
        Some(usage) => json!({
            "input_tokens": usage.input_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input_tokens.saturating_add(usage.output),
        }),
    }
}

/// The text of all messages with the role `user`.
fn user_text(input: &Value) -> String {
    if let Value::String(text) = input {
        return text.clone();
    }
    let mut texts = Vec::new();
    for item in input.as_array().into_iter().flatten() {
        if item["role"] != "user" {
            continue;
        }
        match &item["content"] {
            Value::String(text) => texts.push(text.as_str()),
            content => texts.extend(content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str())),
        }
    }
    texts.join("\n")
}

/// The tools that one request offers.
struct Tools<'a> {
    offered: Vec<Tool<'a>>,
}

#[derive(Clone, Copy)]
struct Tool<'a> {
    namespace: Option<&'a str>,
    kind: &'a str,
    name: &'a str,
    definition: &'a Value,
}

impl<'a> Tools<'a> {
    /// Tools are listed at the top of the request or, by newer agents, in an input item; some are
    /// grouped in namespaces.
    fn offered_by(body: &'a Value) -> Self {
        let in_input = body["input"].as_array().into_iter().flatten();
        let lists = std::iter::once(&body["tools"])
            .chain(in_input.filter(|item| item["type"] == "additional_tools").map(|item| &item["tools"]));
        let mut offered = Vec::new();
        for definition in lists.filter_map(Value::as_array).flatten() {
            if definition["type"] == "namespace" {
                let namespace = definition["name"].as_str();
                let inner = definition["tools"].as_array().into_iter().flatten();
                offered.extend(inner.map(|definition| Tool::new(namespace, definition)));
            } else {
                offered.push(Tool::new(None, definition));
            }
        }
        Self { offered }
    }

    fn find(&self, kind: &str, names: &[&str]) -> Option<Tool<'a>> {
        let fits = |name: &str| self.offered.iter().find(|tool| tool.kind == kind && tool.name == name).copied();
        names.iter().find_map(|name| fits(name))
    }

    fn shell(&self, line: &str, call_id: &str) -> Result<Value, String> {
        let shells = ["exec_command", "shell_command", "shell", "container.exec"];
        if let Some(tool) = self.find("function", &shells) {
            let arguments = if tool.has_parameter("cmd") {
                // Wait as long as the agent allows, instead of being told that it still runs.
                json!({"cmd": line, "yield_time_ms": 30_000})
            } else if tool.takes_list("command") {
                json!({"command": ["bash", "-lc", line]})
            } else {
                json!({"command": line})
            };
            return Ok(tool.function_call(&arguments, call_id));
        }
        if self.find("local_shell", &[""]).is_some() {
            return Ok(json!({
                "type": "local_shell_call", "id": format!("ls_{call_id}"), "call_id": call_id,
                "status": "completed", "action": {"type": "exec", "command": ["bash", "-lc", line]},
            }));
        }
        if let Some(tool) = self.find("custom", &["exec"]) {
            let arguments = json!({"cmd": line, "yield_time_ms": 30_000});
            let code = format!("const done = await tools.exec_command({arguments});\ntext(done.output);\n");
            return Ok(tool.custom_call(&code, call_id));
        }
        Err(format!("mock-models: this request offers no tool that runs `{line}`"))
    }

    fn apply_patch(&self, patch: &str, call_id: &str) -> Result<Value, String> {
        if let Some(tool) = self.find("custom", &["apply_patch"]) {
            return Ok(tool.custom_call(patch, call_id));
        }
        if let Some(tool) = self.find("function", &["apply_patch"]) {
            return Ok(tool.function_call(&json!({"input": patch}), call_id));
        }
        // A program that can call tools may still have no way to patch other than the shell.
        if let Some(tool) = self.find("custom", &["exec"])
            && tool.definition["description"].as_str().is_some_and(|text| text.contains("apply_patch"))
        {
            let code = format!("text(await tools.apply_patch({}));\n", Value::from(patch));
            return Ok(tool.custom_call(&code, call_id));
        }
        let mut end = "END_OF_PATCH".to_owned();
        while patch.lines().any(|line| line == end) {
            end.push('_');
        }
        let newline = if patch.ends_with('\n') { "" } else { "\n" };
        self.shell(&format!("apply_patch <<'{end}'\n{patch}{newline}{end}\n"), call_id)
    }

    fn call(&self, call: &Call, call_id: &str) -> Value {
        let wanted = |tool: &&Tool| {
            tool.name == call.name && call.namespace.as_deref().is_none_or(|wanted| tool.namespace == Some(wanted))
        };
        // A tool that is not offered is called all the same: models do that too.
        let unknown = Tool {
            namespace: call.namespace.as_deref(),
            kind: if call.arguments.is_string() { "custom" } else { "function" },
            name: &call.name,
            definition: &Value::Null,
        };
        let tool = self.offered.iter().find(wanted).unwrap_or(&unknown);
        match &call.arguments {
            Value::String(input) if tool.kind == "custom" => tool.custom_call(input, call_id),
            arguments => tool.function_call(arguments, call_id),
        }
    }
}

impl<'a> Tool<'a> {
    fn new(namespace: Option<&'a str>, definition: &'a Value) -> Self {
        Self {
            namespace,
            kind: definition["type"].as_str().unwrap_or_default(),
            name: definition["name"].as_str().unwrap_or_default(),
            definition,
        }
    }

    fn parameter(&self, name: &str) -> Option<&'a Value> {
        self.definition.get("parameters")?.get("properties")?.get(name)
    }

    fn has_parameter(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    fn takes_list(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|parameter| parameter["type"] == "array")
    }

    fn function_call(&self, arguments: &Value, call_id: &str) -> Value {
        self.in_namespace(json!({
            "type": "function_call", "id": format!("fc_{call_id}"), "call_id": call_id,
            "name": self.name, "arguments": arguments.to_string(), "status": "completed",
        }))
    }

    fn custom_call(&self, input: &str, call_id: &str) -> Value {
        self.in_namespace(json!({
            "type": "custom_tool_call", "id": format!("ctc_{call_id}"), "call_id": call_id,
            "name": self.name, "input": input, "status": "completed",
        }))
    }

    fn in_namespace(&self, mut item: Value) -> Value {
        if let Some(namespace) = self.namespace {
            item["namespace"] = namespace.into();
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, parameter: &str, kind: &str) -> Value {
        json!({"type": "function", "name": name, "parameters": {"properties": {parameter: {"type": kind}}}})
    }

    fn items(step: &Step, tools: &Value) -> Vec<Value> {
        let stream = Responses.stream(step, &json!({"tools": tools}), 1);
        let done = stream.events.into_iter().filter(|event| event.name == "response.output_item.done");
        done.map(|event| event.data["item"].clone()).collect()
    }

    #[test]
    fn shell_speaks_the_tool_that_is_offered() {
        let arguments = |tools: Value| {
            let item = &items(&Step::shell("ls"), &tools)[0];
            serde_json::from_str::<Value>(item["arguments"].as_str().unwrap()).unwrap()
        };
        assert_eq!(arguments(json!([function("exec_command", "cmd", "string")]))["cmd"], "ls");
        assert_eq!(arguments(json!([function("shell_command", "command", "string")]))["command"], "ls");
        assert_eq!(arguments(json!([function("shell", "command", "array")]))["command"], json!(["bash", "-lc", "ls"]));
        let local = items(&Step::shell("ls"), &json!([{"type": "local_shell"}]));
        assert_eq!(local[0]["action"]["command"], json!(["bash", "-lc", "ls"]));
    }

    #[test]
    fn code_mode_is_found_in_the_input_and_in_a_namespace() {
        let exec = json!({"type": "custom", "name": "exec", "description": "tools.apply_patch(input)"});
        let body = json!({"input": [{
            "type": "additional_tools",
            "tools": [{"type": "namespace", "name": "functions", "tools": [exec]}],
        }]});
        let step = Step::shell("echo \"hi\"").and_apply_patch("*** Begin Patch\n*** End Patch");
        let stream = Responses.stream(&step, &body, 1);
        assert_eq!(stream.problem, None);
        let inputs: Vec<_> = stream
            .events
            .iter()
            .filter(|event| event.name == "response.output_item.done")
            .map(|event| {
                assert_eq!(event.data["item"]["namespace"], "functions");
                event.data["item"]["input"].as_str().unwrap()
            })
            .collect();
        assert!(inputs[0].contains(r#"tools.exec_command({"cmd":"echo \"hi\"""#), "{}", inputs[0]);
        assert!(inputs[1].contains(r#"tools.apply_patch("*** Begin Patch\n"#), "{}", inputs[1]);
    }

    #[test]
    fn a_patch_goes_through_the_shell_when_there_is_no_tool_for_it() {
        let custom = items(&Step::apply_patch("P"), &json!([{"type": "custom", "name": "apply_patch"}]));
        assert_eq!(custom[0]["input"], "P");
        let shell = items(&Step::apply_patch("a\nEND_OF_PATCH"), &json!([function("exec_command", "cmd", "string")]));
        let arguments: Value = serde_json::from_str(shell[0]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(arguments["cmd"], "apply_patch <<'END_OF_PATCH_'\na\nEND_OF_PATCH\nEND_OF_PATCH_\n");
    }

    #[test]
    fn a_missing_tool_is_a_problem_and_not_a_panic() {
        for body in [json!({}), json!(null), json!([]), json!({"tools": 3, "input": {"a": 1}})] {
            let stream = Responses.stream(&Step::shell("ls"), &body, 1);
            assert!(stream.problem.unwrap().contains("no tool that runs `ls`"));
        }
    }

    #[test]
    fn reads_who_asks_what() {
        let body = json!({
            "model": "gpt-5.4", "prompt_cache_key": "thread",
            "input": [
                {"role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
                {"role": "user", "content": [{"type": "input_text", "text": "Task 3:"}, {"type": "input_image"}]},
                {"role": "user", "content": "go on"},
                {"type": "function_call_output", "output": "noise"},
            ],
        });
        let mut headers = HeaderMap::new();
        let inspected = Responses.inspect(&headers, &body);
        assert_eq!(inspected.model.as_deref(), Some("gpt-5.4"));
        assert_eq!(inspected.user_text, "Task 3:\ngo on");
        assert_eq!(inspected.run.as_deref(), Some("thread"));
        headers.insert("thread-id", "sub-agent".parse().unwrap());
        assert_eq!(Responses.inspect(&headers, &body).run.as_deref(), Some("sub-agent"));
        assert_eq!(Responses.inspect(&HeaderMap::new(), &json!({"input": "hi"})).user_text, "hi");
        assert_eq!(Responses.inspect(&HeaderMap::new(), &json!("?")), Inspected::default());
    }

    #[test]
    fn the_stream_ends_as_the_step_says() {
        let end = |step: Step| Responses.stream(&step, &json!({}), 1).last;
        let done = end(Step::text("x").usage(Usage { input_tokens: 7, output: 5, cached: 3, reasoning: 2 }));
        assert_eq!(done.name, "response.completed");
        assert_eq!(done.data["response"]["usage"]["total_tokens"], 12);
        assert_eq!(done.data["response"]["usage"]["input_tokens_details"]["cached_tokens"], 3);
        assert_eq!(end(Step::text("x").no_usage()).data["response"]["usage"], Value::Null);
        let failed = end(Step::failed("server_is_overloaded", "busy"));
        assert_eq!(failed.data["response"]["error"]["code"], "server_is_overloaded");
        let incomplete = end(Step { incomplete: Some("max_output_tokens".into()), ..Step::text("x") });
        assert_eq!(incomplete.data["response"]["incomplete_details"]["reason"], "max_output_tokens");
    }

    #[test]
    fn ids_differ_between_requests_and_between_servers() {
        let call_id = |input: Value, number| {
            let tools = json!([function("shell", "command", "array")]);
            let body = json!({"tools": tools, "input": input});
            Responses.stream(&Step::shell("ls"), &body, number).events[1].data["item"]["call_id"].clone()
        };
        assert_ne!(call_id(json!([1]), 1), call_id(json!([1]), 2));
        assert_ne!(call_id(json!([1]), 1), call_id(json!([1, 2]), 1));
    }
}
