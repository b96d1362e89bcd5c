//! `--doctor`: is the CLI there, and can it be used?

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;

use agent::codex::{Doctor, FLAGS};
use executor::Options;
use record::{Class, to_line};
use serde::Serialize;
use stage::{Error, Exit, Sink};

/// Examines the CLI; one JSON line on stdout and one line for people on stderr.
pub(crate) fn run(program: &OsStr, options: &Options) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start", error))?;
    let found = runtime.block_on(Doctor::examine(program));
    let mut sink = Sink::stdout();
    let line = to_line(&line(program, options, &found)).map_err(|error| Error::Document(error.to_string()))?;
    sink.line(&line)?;
    sink.flush()?;
    stage::tell("codex-exec", &told(options, &found));
    // The causes are those that a run would end with.
    Ok(found.problem.map_or(Exit::Ok, |(class, _)| Exit::Cause(class.code().number())))
}

/// What a script wants to know; what is not known is absent.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    tool: &'static str,
    ready: bool,
    cli: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    flags: BTreeMap<&'static str, bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_works: Option<bool>,
    models: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

fn line<'a>(program: &'a OsStr, options: &'a Options, found: &'a Doctor) -> Line<'a> {
    let asked = found.version.is_some();
    Line {
        r#type: "doctor",
        tool: "codex-exec",
        ready: found.problem.is_none(),
        cli: program.to_string_lossy(),
        version: found.version.as_deref(),
        flags: FLAGS.iter().filter(|_| asked).map(|flag| (*flag, !found.lacking.contains(flag))).collect(),
        login: found.login.as_deref(),
        sandbox_works: found.sandbox_works,
        models: [("code", options.model_code.as_str()), ("logic", options.model_logic.as_str())].into(),
        class: found.problem.as_ref().map(|(class, _)| *class),
        evidence: found.problem.as_ref().map(|(_, evidence)| evidence.as_str()),
        advice: advice(options, found),
    }
}

fn told(options: &Options, found: &Doctor) -> String {
    let mut told = match &found.problem {
        Some((class, evidence)) => format!("not ready: {}: {evidence}", class.name()),
        None => format!(
            "ready: {}, sandbox {}, login: {}",
            found.version.as_deref().unwrap_or("version unknown"),
            match found.sandbox_works {
                Some(true) => "works",
                Some(false) => "does not work",
                None => "unknown",
            },
            found.login.as_deref().unwrap_or("unknown"),
        ),
    };
    if let Some(advice) = advice(options, found) {
        told.push_str("; ");
        told.push_str(&advice);
    }
    told
}

/// The models of the policy that ChatGPT logins no longer have, as reported by users of the CLI
/// (gpt-5.3-codex since about 2026-06-02, gpt-5.4 since 2026-08-31; both are still there with an API key).
const RETIRED: [&str; 2] = ["gpt-5.3-codex", "gpt-5.4"];

fn advice(options: &Options, found: &Doctor) -> Option<String> {
    let retired: Vec<&str> = [&options.model_code, &options.model_logic]
        .into_iter()
        .map(String::as_str)
        .filter(|model| RETIRED.contains(model))
        .collect();
    // `codex login status` says "Logged in using ChatGPT", "... an API key" or "Not logged in"; a guess is enough for
    // advice. Without a login, a provider of the user's own may still have its key.
    let login = found.login.as_deref().unwrap_or_default().to_lowercase();
    let mut advice = Vec::new();
    if login.starts_with("not logged in") {
        advice.push("run `codex login`, unless your provider has a key of its own".to_owned());
    }
    if !retired.is_empty() && !login.contains("api key") {
        advice.push(format!(
            "{} no longer answer to ChatGPT logins: with one, set CODEX_MODEL_CODE and CODEX_MODEL_LOGIC to models that it has",
            retired.join(" and ")
        ));
    }
    (!advice.is_empty()).then(|| advice.join("; "))
}
