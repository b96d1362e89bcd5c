//! Why a call failed.
//!
//! In this order: what we did ourselves, the CLI's exit status and last turn event, the code of the error in its session
//! log, and, for what has no code there and for releases before 0.146, the message of `turn.failed` by patterns that are
//! anchored at its beginning. No other text is ever looked at.

use process::{Cut, End as ProcessEnd, Limits, Outcome};
use record::Class;
use serde_json::Value;

use super::reader::{Seen, Turn};
use super::session::Session;

/// Everything that may decide.
pub(super) struct End<'a> {
    pub outcome: Outcome,
    pub seen: &'a Seen,
    pub session: &'a Session,
    pub limits: &'a Limits,
}

/// The class of the failure and what decided it; `None` when the turn was completed.
pub(super) fn classify(end: &End) -> Option<(Class, String)> {
    let Outcome { end: status, cut, .. } = end.outcome;
    if end.seen.strayed {
        return Some((Class::Other, "thread.started: another conversation than the one to be continued".into()));
    }
    if let Some(cut) = cut {
        return Some(cut_short(cut, end));
    }
    match (&end.seen.turn, status) {
        (Turn::Completed, ProcessEnd::Exited(0)) => None,
        (Turn::Failed(message), _) => {
            Some(end.session.error.as_ref().and_then(by_code).unwrap_or_else(|| by_message(message)))
        }
        (_, ProcessEnd::Signalled(signal)) => Some((Class::Other, format!("the agent was ended by signal {signal}"))),
        // The exit code of a command line that the CLI does not understand.
        (Turn::Open, ProcessEnd::Exited(2)) if end.seen.events == 0 => {
            Some((Class::Unsupported, "exit 2 before any event: the CLI refused its command line".into()))
        }
        // What a shell, or a wrapper that is one, exits with when it cannot run the program behind it.
        (Turn::Open, ProcessEnd::Exited(127)) if end.seen.events == 0 => {
            Some((Class::Missing, "exit 127 before any event: a program was not found".into()))
        }
        (Turn::Open, ProcessEnd::Exited(126)) if end.seen.events == 0 => {
            Some((Class::Unsupported, "exit 126 before any event: a program could not be run".into()))
        }
        (Turn::Open, ProcessEnd::Exited(code)) => {
            let code_says = end.session.error.as_ref().and_then(by_code);
            Some(code_says.unwrap_or_else(|| (Class::Other, format!("exit {code} without the end of a turn"))))
        }
        (Turn::Completed, ProcessEnd::Exited(code)) => {
            Some((Class::Other, format!("exit {code} after turn.completed")))
        }
    }
}

fn cut_short(cut: Cut, end: &End) -> (Class, String) {
    let seconds = |limit: Option<std::time::Duration>| limit.unwrap_or_default().as_secs_f64();
    match cut {
        Cut::Stopped => (Class::Cancelled, "stopped from outside".into()),
        Cut::Enough | Cut::Timeout | Cut::Stalled => {
            // The CLI was waiting for the service when its time was over: its notice says what it waited for.
            if let Some(found) = end.seen.reconnecting.as_deref().and_then(by_notice) {
                return found;
            }
            match cut {
                Cut::Stalled => (Class::Stalled, format!("no progress for {} s", seconds(end.limits.stall))),
                _ => (Class::Timeout, format!("still running after {} s", seconds(end.limits.total))),
            }
        }
    }
}

/// A 429 with a long `Retry-After` is slept out by 0.169, for hours if the service says so, and its notice is the only
/// sign: no code is written anywhere meanwhile. The notice is an event of the CLI itself, `Reconnecting... N/M (CAUSE)`,
/// and is taken for what it says only in exactly this form.
fn by_notice(notice: &str) -> Option<(Class, String)> {
    let (count, cause) = notice.strip_prefix("Reconnecting... ")?.split_once(' ')?;
    let counts = count.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
    let limited = cause == "(exceeded retry limit, last status: 429 Too Many Requests)";
    (counts && limited).then(|| (Class::RateLimited, format!("error: {notice}")))
}

/// The code of the error, a word or an object with one key such as `{"http_connection_failed":{"http_status_code":401}}`.
fn by_code(code: &Value) -> Option<(Class, String)> {
    let (word, status) = match code {
        Value::String(word) => (word.as_str(), None),
        Value::Object(one) => {
            let (word, inner) = one.iter().next()?;
            (word.as_str(), inner["http_status_code"].as_u64())
        }
        _ => return None,
    };
    let class = match (word, status) {
        ("usage_limit_exceeded" | "rate_limit_exceeded", _) | (_, Some(429)) => Class::RateLimited,
        ("unauthorized", _) | (_, Some(401 | 403)) => Class::Auth,
        ("model_not_found", _) => Class::ModelUnavailable,
        ("context_window_exceeded", _) => Class::ContextWindow,
        ("server_overloaded" | "internal_server_error", _) | (_, Some(500..=599)) => Class::Overloaded,
        ("http_connection_failed" | "response_stream_disconnected" | "response_stream_connection_failed", _) => {
            Class::Network
        }
        // `other` and codes that we do not know: the message may tell more.
        _ => return None,
    };
    Some((class, format!("codex_error_info: {code}")))
}

/// The message of `turn.failed`, by its beginning.
fn by_message(message: &str) -> (Class, String) {
    const RATE: [&str; 7] = [
        "exceeded retry limit, last status: 429 Too Many Requests",
        "unexpected status 429 ",
        "rate limit exceeded",
        // With the apostrophe of today and with that of releases up to 0.147.
        "You\u{2019}ve hit your usage limit",
        "You've hit your usage limit",
        "Quota exceeded",
        "To use Codex with your ChatGPT plan, upgrade to Plus",
    ];
    const AUTH: [&str; 7] = [
        "unexpected status 401 ",
        "unexpected status 403 ",
        "exceeded retry limit, last status: 401 ",
        "exceeded retry limit, last status: 403 ",
        "Access blocked by Cloudflare",
        "Missing environment variable: ",
        "Your access token could not be refreshed",
    ];
    const OVERLOADED: [&str; 7] = [
        "We\u{2019}re currently experiencing high demand",
        "We're currently experiencing high demand",
        "Selected model is at capacity",
        "unexpected status 5",
        "exceeded retry limit, last status: 5",
        "server overloaded",
        "server_is_overloaded",
    ];
    const NETWORK: [&str; 4] = [
        "stream disconnected before completion",
        "Connection failed",
        "error sending request",
        "idle timeout waiting for SSE",
    ];
    let begins = |patterns: &[&str]| patterns.iter().any(|pattern| message.starts_with(pattern));
    let class = if begins(&RATE) {
        Class::RateLimited
    } else if begins(&AUTH) {
        Class::Auth
    } else if begins(&OVERLOADED) {
        Class::Overloaded
    } else if begins(&NETWORK) {
        Class::Network
    } else if message.starts_with("Codex ran out of room in the model's context window") {
        Class::ContextWindow
    } else if message.starts_with('{') {
        by_body(message)
    } else {
        Class::Other
    };
    let short: String = message.chars().take(300).collect();
    (class, format!("turn.failed: {short}"))
}

/// For most answers with status 400 the message is the body that the service sent.
fn by_body(body: &str) -> Class {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Class::Other };
    let error = &body["error"];
    let text =
        [&error["message"], &body["detail"], &body["message"]].into_iter().find_map(Value::as_str).unwrap_or_default();
    match error["code"].as_str().unwrap_or_default() {
        "model_not_found" => Class::ModelUnavailable,
        "context_length_exceeded" => Class::ContextWindow,
        "rate_limit_exceeded" | "insufficient_quota" => Class::RateLimited,
        "invalid_api_key" => Class::Auth,
        _ if is_model_refusal(text) => Class::ModelUnavailable,
        _ => Class::Other,
    }
}

/// `The 'NAME' model is not supported when using Codex with a ChatGPT account.`, as sent for retired models.
fn is_model_refusal(text: &str) -> bool {
    let rest = text.strip_prefix("The '").and_then(|text| text.split_once('\''));
    rest.is_some_and(|(_, rest)| rest.starts_with(" model is not supported"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn class(turn: Turn, exit: i32, error: Option<Value>) -> Option<Class> {
        let seen = Seen {
            turn,
            events: 2,
            message: Some("429 rate limit: the author is not authorized".into()),
            ..Seen::default()
        };
        let session = Session { error, ..Session::default() };
        let outcome = Outcome { end: ProcessEnd::Exited(exit), cut: None, time: Duration::ZERO, left_behind: 0 };
        let limits = Limits { total: None, stall: None, grace: Duration::ZERO };
        classify(&End { outcome, seen: &seen, session: &session, limits: &limits }).map(|(class, _)| class)
    }

    fn failed(message: &str) -> Turn {
        Turn::Failed(message.to_owned())
    }

    #[test]
    fn a_completed_turn_is_no_failure_whatever_was_said() {
        assert_eq!(class(Turn::Completed, 0, None), None);
        assert_eq!(class(Turn::Completed, 101, None), Some(Class::Other));
        assert_eq!(class(Turn::Open, 0, None), Some(Class::Other));
    }

    #[test]
    fn codes_decide_before_messages() {
        let http = |status: Value| json!({"http_connection_failed": {"http_status_code": status}});
        for (code, wanted) in [
            (json!("usage_limit_exceeded"), Class::RateLimited),
            (json!({"response_too_many_failed_attempts": {"http_status_code": 429}}), Class::RateLimited),
            (http(json!(401)), Class::Auth),
            (http(json!(403)), Class::Auth),
            (http(json!(503)), Class::Overloaded),
            (http(Value::Null), Class::Network),
            (json!("internal_server_error"), Class::Overloaded),
            (json!("model_not_found"), Class::ModelUnavailable),
            (json!("context_window_exceeded"), Class::ContextWindow),
            (json!("other"), Class::Other),
        ] {
            assert_eq!(class(failed("text of no form"), 1, Some(code.clone())), Some(wanted), "{code}");
        }
    }

    #[test]
    fn messages_decide_where_there_is_no_code() {
        for (message, wanted) in [
            ("exceeded retry limit, last status: 429 Too Many Requests", Class::RateLimited),
            ("You\u{2019}ve hit your usage limit. Upgrade", Class::RateLimited),
            ("You've hit your usage limit. Upgrade", Class::RateLimited),
            ("Quota exceeded. Check your plan and billing details.", Class::RateLimited),
            ("unexpected status 401 Unauthorized: x, url: http://x", Class::Auth),
            ("Missing environment variable: `KEY`.", Class::Auth),
            ("stream disconnected before completion: Transport error", Class::Network),
            ("Connection failed: error sending request", Class::Network),
            ("unexpected status 503 Service Unavailable", Class::Overloaded),
            (
                r#"{"error":{"message":"The 'gpt-x' model is not supported when using Codex with a ChatGPT account."}}"#,
                Class::ModelUnavailable,
            ),
            (r#"{"detail":"The 'gpt-x' model is not supported when using Codex"}"#, Class::ModelUnavailable),
            (r#"{"error":{"code":"model_not_found","message":"x"}}"#, Class::ModelUnavailable),
            (r#"{"error":{"code":"unsupported_value","message":"429 rate limit, 401 auth"}}"#, Class::Other),
            // Words in the middle decide nothing.
            ("the author wrote 429 tests on rate limiting", Class::Other),
            ("see unexpected status 401 Unauthorized", Class::Other),
        ] {
            assert_eq!(class(failed(message), 1, None), Some(wanted), "{message}");
            assert_eq!(class(failed(message), 1, Some(json!("other"))), Some(wanted), "{message}");
        }
    }

    #[test]
    fn a_limit_of_ours_is_told_apart_by_what_the_cli_waited_for() {
        let cut = |cut: Cut, notice: Option<&str>| {
            let seen = Seen { reconnecting: notice.map(str::to_owned), ..Seen::default() };
            let outcome =
                Outcome { end: ProcessEnd::Signalled(15), cut: Some(cut), time: Duration::ZERO, left_behind: 0 };
            let limits = Limits { total: Some(Duration::from_secs(2)), stall: None, grace: Duration::ZERO };
            classify(&End { outcome, seen: &seen, session: &Session::default(), limits: &limits }).unwrap().0
        };
        assert_eq!(cut(Cut::Timeout, None), Class::Timeout);
        assert_eq!(cut(Cut::Stalled, None), Class::Stalled);
        assert_eq!(
            cut(Cut::Stopped, Some("Reconnecting... 1/5 (exceeded retry limit, last status: 429 Too Many Requests)")),
            Class::Cancelled
        );
        assert_eq!(
            cut(Cut::Timeout, Some("Reconnecting... 1/5 (exceeded retry limit, last status: 429 Too Many Requests)")),
            Class::RateLimited
        );
        assert_eq!(cut(Cut::Stalled, Some("Reconnecting... 2/5 (something about 429)")), Class::Stalled);
    }
}
