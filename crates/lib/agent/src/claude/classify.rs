//! Why a call failed.
//!
//! In this order: what we did ourselves, the last `result` event with the status that the service gave and the CLI's own
//! words for errors, and the signs that must all be there for a success. The text of an answer is never looked at.

use process::{Cut, End as ProcessEnd, Limits, Outcome};
use record::Class;
use serde_json::Value;

use super::models;
use super::reader::{Retry, Seen};
use super::tools::Tools;

/// Everything that may decide.
pub(super) struct End<'a> {
    pub outcome: Outcome,
    pub seen: &'a Seen,
    pub limits: &'a Limits,
    /// The model that was asked for.
    pub model: &'a str,
    /// What the agent was given.
    pub tools: &'a Tools,
    /// A refused tool is a failure.
    pub refusals_count: bool,
}

/// The class of the failure and what decided it; `None` when every sign of a success is there.
pub(super) fn classify(end: &End) -> Option<(Class, String)> {
    let Outcome { end: status, cut, .. } = end.outcome;
    if end.seen.strayed {
        return Some((Class::Other, "init: another conversation than the one to be continued".into()));
    }
    if let Some(cut) = cut {
        return Some(cut_short(cut, end));
    }
    let Some(result) = &end.seen.result else { return Some(without_result(status, end)) };
    if result["is_error"] != false || result["subtype"] != "success" {
        return Some(error(result, end.seen));
    }
    match status {
        ProcessEnd::Exited(0) => lacking(result, end),
        ProcessEnd::Exited(code) => Some((Class::Other, format!("exit {code} after a result without an error"))),
        ProcessEnd::Signalled(signal) => Some((Class::Other, format!("the agent was ended by signal {signal}"))),
    }
}

fn cut_short(cut: Cut, end: &End) -> (Class, String) {
    let seconds = |limit: Option<std::time::Duration>| limit.unwrap_or_default().as_secs_f64();
    let waits = end.seen.retry.as_ref().and_then(|retry| Some((retry, by_status(retry.status?)?)));
    match (cut, waits) {
        (Cut::Stopped, _) => (Class::Cancelled, "stopped from outside".into()),
        // The CLI was waiting for the service when its time was over: its notice says what for.
        (_, Some((retry, class))) => (class, notice(retry)),
        (Cut::Stalled, None) => (Class::Stalled, format!("no progress for {} s", seconds(end.limits.stall))),
        (Cut::Timeout | Cut::Enough, None) => {
            (Class::Timeout, format!("still running after {} s", seconds(end.limits.total)))
        }
    }
}

fn notice(retry: &Retry) -> String {
    let status = retry.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    format!("api_retry: {status}, the next try after {:.0} s", retry.delay / 1000.0)
}

fn without_result(status: ProcessEnd, end: &End) -> (Class, String) {
    let began = end.seen.events > 0;
    match status {
        ProcessEnd::Signalled(signal) => (Class::Other, format!("the agent was ended by signal {signal}")),
        // What a shell, or a wrapper that is one, exits with when it cannot run the program behind it.
        ProcessEnd::Exited(127) if !began => {
            (Class::Missing, "exit 127 before any event: a program was not found".into())
        }
        ProcessEnd::Exited(126) if !began => {
            (Class::Unsupported, "exit 126 before any event: a program could not be run".into())
        }
        ProcessEnd::Exited(code) if !began => {
            (Class::Other, format!("exit {code} before any event: the CLI refused to start; its log says why"))
        }
        ProcessEnd::Exited(code) => (Class::Other, format!("exit {code} without a result")),
    }
}

/// What a status of HTTP says.
fn by_status(status: u64) -> Option<Class> {
    Some(match status {
        401 | 403 => Class::Auth,
        404 => Class::ModelUnavailable,
        413 => Class::ContextWindow,
        429 => Class::RateLimited,
        500..=599 => Class::Overloaded,
        _ => return None,
    })
}

/// A result that is an error. `subtype` is `success` for all errors of the service.
fn error(result: &Value, seen: &Seen) -> (Class, String) {
    let text = |name: &str| result[name].as_str().unwrap_or_default();
    if let Some(class) = match text("subtype") {
        "error_max_budget_usd" => Some(Class::Budget),
        "success" | "error_during_execution" => None,
        _ => Some(Class::Other),
    } {
        return (class, format!("result: {}", text("subtype")));
    }
    // It is there since a release after 2.1.197, but more exact than the status where it is.
    match text("api_error") {
        "usage_limit_reached" => return (Class::RateLimited, "api_error: usage_limit_reached".into()),
        "connection_failed" => return (Class::Network, "api_error: connection_failed".into()),
        _ => {}
    }
    if let reason @ ("prompt_too_long" | "blocking_limit") = text("terminal_reason") {
        return (Class::ContextWindow, format!("terminal_reason: {reason}"));
    }
    let word = seen.error.as_deref().unwrap_or_default();
    if let Some(status) = result["api_error_status"].as_u64() {
        let word = if word.is_empty() { String::new() } else { format!(" ({word})") };
        return (by_status(status).unwrap_or(Class::Other), format!("api_error_status: {status}{word}"));
    }
    if text("stop_reason") == "refusal" {
        return (Class::Other, "stop_reason: refusal".into());
    }
    // Without a status: the word, or what the last try failed for.
    match word {
        "authentication_failed" => return (Class::Auth, "error: authentication_failed".into()),
        "rate_limit" => return (Class::RateLimited, "error: rate_limit".into()),
        "overloaded" => return (Class::Overloaded, "error: overloaded".into()),
        "model_not_found" => return (Class::ModelUnavailable, "error: model_not_found".into()),
        _ => {}
    }
    match &seen.retry {
        Some(retry) => (retry.status.map_or(Some(Class::Network), by_status).unwrap_or(Class::Other), notice(retry)),
        None if word == "server_error" => (Class::Network, "error: server_error, without an answer".into()),
        None if word.is_empty() => (Class::Other, format!("result: {}", text("subtype"))),
        None => (Class::Other, format!("error: {word}")),
    }
}

/// What is lacking for a success though nothing was called an error.
fn lacking(result: &Value, end: &End) -> Option<(Class, String)> {
    let other = |why: &str| Some((Class::Other, why.to_owned()));
    if result["num_turns"].as_u64().unwrap_or(0) == 0 {
        return other("num_turns: 0, the model was not asked");
    }
    if result["result"].as_str().unwrap_or_default().trim().is_empty() {
        return other("result: empty, the model answered nothing");
    }
    if let Some(switched) = switched(result, end) {
        return Some((Class::ModelUnavailable, switched));
    }
    if let Some(tool) = end.seen.tools.iter().find(|tool| !end.tools.names.contains(&tool.as_str())) {
        return Some((Class::Unsupported, format!("init: the agent had the tool {tool}, which it was not given")));
    }
    refused(result).filter(|_| end.refusals_count).map(|refused| (Class::Other, refused))
}

/// Another model than the one asked for.
fn switched(result: &Value, end: &End) -> Option<String> {
    let asked = end.model;
    let used: Vec<&str> =
        result["modelUsage"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let summarises = end.tools.names.contains(&"WebFetch");
    let is_asked = |name: &str| name == asked || models::is_same(asked, name);
    let other = used.iter().find(|name| !(is_asked(name) || summarises && models::is_small(name)));
    if let Some(other) = other {
        return Some(format!("modelUsage: {other} answered, {asked} was asked for"));
    }
    if !used.iter().any(|name| is_asked(name)) {
        return Some(format!("modelUsage: nothing says that {asked} answered"));
    }
    let other = end.seen.models.iter().find(|name| !is_asked(name));
    other
        .filter(|_| !models::is_of_cloud(asked))
        .map(|other| format!("message.model: {other} answered, {asked} was asked for"))
}

/// The first tool that the agent was refused.
fn refused(result: &Value) -> Option<String> {
    let denials = result["permission_denials"].as_array()?;
    let first = denials.first()?;
    let name = first["tool_name"].as_str().unwrap_or("a tool");
    let input = &first["tool_input"];
    let what = ["command", "file_path", "path", "url", "query"].iter().find_map(|key| input[*key].as_str());
    let what: String = what.unwrap_or_default().chars().take(200).collect();
    let more = if denials.len() > 1 { format!(" and {} more", denials.len() - 1) } else { String::new() };
    Some(format!("permission_denials: {name} {what:?}{more}"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use record::{Sandbox, WorkType};
    use serde_json::json;

    use super::*;
    use crate::Call;

    const MODEL: &str = "claude-sonnet-4-6";

    fn well() -> Value {
        json!({
            "type": "result", "subtype": "success", "is_error": false, "num_turns": 1, "api_error_status": null,
            "result": "429 rate limit: the author is not authorized", "permission_denials": [],
            "modelUsage": {MODEL: {"inputTokens": 1, "outputTokens": 1}},
        })
    }

    fn classified(result: Option<Value>, status: ProcessEnd, cut: Option<Cut>, seen: Seen) -> Option<(Class, String)> {
        let seen = Seen { result, events: seen.events.max(1), ..seen };
        let outcome = Outcome { end: status, cut, time: Duration::ZERO, left_behind: 0 };
        let limits = Limits { total: Some(Duration::from_secs(2)), stall: None, grace: Duration::ZERO };
        let call = Call {
            prompt: String::new(),
            resume: None,
            model: MODEL.into(),
            effort: None,
            sandbox: Sandbox::ReadOnly,
            work_type: Some(WorkType::Research),
            commands: Vec::new(),
            folder: PathBuf::from("/"),
            limits,
            log: None,
        };
        let tools = Tools::of(&call);
        classify(&End { outcome, seen: &seen, limits: &limits, model: MODEL, tools: &tools, refusals_count: true })
    }

    fn with(changes: &Value) -> Value {
        let mut result = well();
        for (name, value) in changes.as_object().unwrap() {
            result[name.as_str()] = value.clone();
        }
        result
    }

    fn exit(code: i32, result: Value) -> Option<Class> {
        classified(Some(result), ProcessEnd::Exited(code), None, Seen::default()).map(|(class, _)| class)
    }

    #[test]
    fn a_success_has_all_its_signs() {
        assert_eq!(exit(0, well()), None);
        assert_eq!(exit(1, well()), Some(Class::Other));
        for lacking in [
            json!({"num_turns": 0}),
            json!({"num_turns": null}),
            json!({"result": " \n"}),
            json!({"result": null}),
            json!({"is_error": null}),
            json!({"subtype": "error_max_turns"}),
            json!({"permission_denials": [{"tool_name": "Bash", "tool_input": {"command": "rm"}}]}),
        ] {
            assert_eq!(exit(0, with(&lacking)), Some(Class::Other), "{lacking}");
        }
        assert_eq!(classified(None, ProcessEnd::Exited(0), None, Seen::default()).unwrap().0, Class::Other);
    }

    #[test]
    fn never_another_model() {
        let used = |models: Value| exit(0, with(&json!({"modelUsage": models})));
        let count = json!({"inputTokens": 1});
        assert_eq!(used(json!({})), Some(Class::ModelUnavailable));
        assert_eq!(used(json!({"claude-opus-5-5": count})), Some(Class::ModelUnavailable));
        assert_eq!(used(json!({MODEL: count, "claude-opus-5-5": count})), Some(Class::ModelUnavailable));
        // What the CLI's own fetching of pages is summarised by.
        assert_eq!(used(json!({MODEL: count, "claude-haiku-5-5": count})), None);
        let seen = Seen { models: ["claude-opus-5-5".to_owned()].into(), ..Seen::default() };
        let class = classified(Some(well()), ProcessEnd::Exited(0), None, seen).unwrap();
        assert_eq!(
            class,
            (Class::ModelUnavailable, format!("message.model: claude-opus-5-5 answered, {MODEL} was asked for"))
        );
    }

    #[test]
    fn no_tool_that_was_not_given() {
        let seen = Seen { tools: vec!["WebSearch".into(), "Bash".into()], ..Seen::default() };
        let (class, why) = classified(Some(well()), ProcessEnd::Exited(0), None, seen).unwrap();
        assert_eq!(
            (class, why.as_str()),
            (Class::Unsupported, "init: the agent had the tool Bash, which it was not given")
        );
    }

    #[test]
    fn errors_are_told_apart_by_status_and_word() {
        for (result, word, wanted) in [
            (json!({"api_error_status": 401}), "authentication_failed", Class::Auth),
            (json!({"api_error_status": 403}), "authentication_failed", Class::Auth),
            (json!({}), "authentication_failed", Class::Auth),
            (json!({"api_error_status": 429}), "rate_limit", Class::RateLimited),
            (json!({"api_error": "usage_limit_reached", "api_error_status": 429}), "rate_limit", Class::RateLimited),
            (json!({"api_error_status": 529}), "server_error", Class::Overloaded),
            (json!({"api_error_status": 500}), "server_error", Class::Overloaded),
            (json!({"api_error_status": 404}), "model_not_found", Class::ModelUnavailable),
            (
                json!({"api_error_status": 413, "terminal_reason": "image_error"}),
                "invalid_request",
                Class::ContextWindow,
            ),
            (
                json!({"api_error_status": 400, "terminal_reason": "prompt_too_long"}),
                "invalid_request",
                Class::ContextWindow,
            ),
            (json!({"terminal_reason": "blocking_limit"}), "invalid_request", Class::ContextWindow),
            (json!({"api_error_status": 400}), "billing_error", Class::Other),
            (json!({"api_error": "connection_failed"}), "unknown", Class::Network),
            (json!({}), "server_error", Class::Network),
            (json!({"stop_reason": "refusal"}), "invalid_request", Class::Other),
            (json!({}), "max_output_tokens", Class::Other),
            (json!({"subtype": "error_max_budget_usd"}), "", Class::Budget),
            (json!({"subtype": "error_during_execution"}), "", Class::Other),
        ] {
            let mut result = with(&result);
            result["is_error"] = true.into();
            let seen = Seen { error: (!word.is_empty()).then(|| word.to_owned()), ..Seen::default() };
            for status in [0, 1] {
                let found = classified(
                    Some(result.clone()),
                    ProcessEnd::Exited(status),
                    None,
                    Seen { error: seen.error.clone(), ..Seen::default() },
                );
                assert_eq!(found.unwrap().0, wanted, "{result} {word}");
            }
        }
        let failed = with(&json!({"is_error": true}));
        for (status, wanted) in [(None, Class::Network), (Some(529), Class::Overloaded)] {
            let seen = Seen {
                retry: Some(Retry { status, delay: 500.0 }),
                error: Some("server_error".into()),
                ..Seen::default()
            };
            assert_eq!(classified(Some(failed.clone()), ProcessEnd::Exited(1), None, seen).unwrap().0, wanted);
        }
    }

    #[test]
    fn a_limit_of_ours_is_told_apart_by_what_the_cli_waited_for() {
        let cut = |cut: Cut, status: Option<Option<u64>>| {
            let retry = status.map(|status| Retry { status, delay: 60_000.0 });
            classified(None, ProcessEnd::Signalled(15), Some(cut), Seen { retry, ..Seen::default() }).unwrap().0
        };
        assert_eq!(cut(Cut::Timeout, None), Class::Timeout);
        assert_eq!(cut(Cut::Stalled, Some(None)), Class::Stalled);
        assert_eq!(cut(Cut::Stalled, Some(Some(529))), Class::Overloaded);
        assert_eq!(cut(Cut::Enough, Some(Some(429))), Class::RateLimited);
        assert_eq!(cut(Cut::Stopped, Some(Some(429))), Class::Cancelled);
    }
}
