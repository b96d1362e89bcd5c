//! `--doctor`: is the CLI there, and can it be used?

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;

use agent::claude::{Doctor, FLAGS};
use record::{Class, to_line};
use serde::Serialize;
use stage::{Error, Exit, Sink};

use crate::MODEL;

/// Examines the CLI; one JSON line on stdout and one line for people on stderr.
pub(crate) fn run(program: &OsStr) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start", error))?;
    let found = runtime.block_on(Doctor::examine(program));
    let mut sink = Sink::stdout();
    let line = to_line(&line(program, &found)).map_err(|error| Error::Document(error.to_string()))?;
    sink.line(&line)?;
    sink.flush()?;
    stage::tell("claude-exec", &told(&found));
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
    models: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

fn line<'a>(program: &'a OsStr, found: &'a Doctor) -> Line<'a> {
    let asked = found.version.is_some();
    Line {
        r#type: "doctor",
        tool: "claude-exec",
        ready: found.problem.is_none(),
        cli: program.to_string_lossy(),
        version: found.version.as_deref(),
        flags: FLAGS.iter().filter(|_| asked).map(|flag| (*flag, !found.lacking.contains(flag))).collect(),
        login: found.login.as_deref(),
        models: [("default", MODEL)].into(),
        class: found.problem.as_ref().map(|(class, _)| *class),
        evidence: found.problem.as_ref().map(|(_, evidence)| evidence.as_str()),
        advice: advice(found),
    }
}

fn told(found: &Doctor) -> String {
    let mut told = match &found.problem {
        Some((class, evidence)) => format!("not ready: {}: {evidence}", class.name()),
        None => format!(
            "ready: {}, login: {}",
            found.version.as_deref().unwrap_or("version unknown"),
            found.login.as_deref().unwrap_or("unknown"),
        ),
    };
    if let Some(advice) = advice(found) {
        told.push_str("; ");
        told.push_str(advice);
    }
    told
}

fn advice(found: &Doctor) -> Option<&'static str> {
    (found.login.as_deref() == Some("not logged in"))
        .then_some("run `claude auth login`, or set ANTHROPIC_API_KEY or what your provider wants")
}
