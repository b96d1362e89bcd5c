//! `--doctor`: which models are in use, and what is known against them.

use std::collections::BTreeMap;
use std::fmt::Write;

use policy::routing::{EFFORTS, Policy, Retired};
use serde::Serialize;

use crate::NAME;

#[derive(Serialize)]
struct Report<'a> {
    r#type: &'static str,
    tool: &'static str,
    version: &'static str,
    /// Nothing here stops a run; what may fail is in `retired`.
    ok: bool,
    policy: &'a str,
    models: BTreeMap<&'a str, &'a str>,
    overrides: BTreeMap<&'static str, &'a str>,
    efforts: [&'static str; EFFORTS.len()],
    retired: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct Note<'a> {
    name: &'a str,
    model: &'a str,
    login: &'a str,
    since: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reached_by: Option<&'a str>,
    remedy: String,
}

/// The report for programs; people are told the same on stderr.
pub fn examine(policy: &Policy, source: &str) -> String {
    let retired: Vec<Note> = policy
        .retired()
        .into_iter()
        .map(|(name, Retired { model, login, since, reached_by })| Note {
            name,
            model,
            login,
            since,
            reached_by: reached_by.as_deref(),
            remedy: remedy(name),
        })
        .collect();
    let models: Vec<String> = policy.models().iter().map(|(name, model)| format!("{name} = {model}")).collect();
    let mut text = format!("policy: {source}; models: {}", models.join(", "));
    for note in &retired {
        let Note { model, login, since, remedy, .. } = note;
        let others = note.reached_by.map(|others| format!(" ({others} still reach it)")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(text, "; {model} is retired for {login} logins since {since}{others}: {remedy}");
    }
    stage::tell(NAME, &text);
    let overrides = policy.overrides();
    let overrides = [
        ("model", &overrides.model),
        ("model_code", &overrides.code),
        ("model_logic", &overrides.logic),
        ("effort", &overrides.effort),
    ];
    let report = Report {
        r#type: "doctor",
        tool: NAME,
        version: env!("CARGO_PKG_VERSION"),
        ok: true,
        policy: source,
        models: policy.models().into_iter().collect(),
        overrides: overrides.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect(),
        efforts: EFFORTS,
        retired,
    };
    // Strings and lists always have a JSON form.
    serde_json::to_string(&report).unwrap_or_default() + "\n"
}

fn remedy(name: &str) -> String {
    match name {
        "code" => "set CODEX_MODEL_CODE to a model that your login reaches".into(),
        "logic" => "set CODEX_MODEL_LOGIC to a model that your login reaches".into(),
        "model" => "set CODEX_MODEL to a model that your login reaches".into(),
        name => format!("set {name} in [model] of a --policy FILE to a model that your login reaches"),
    }
}
