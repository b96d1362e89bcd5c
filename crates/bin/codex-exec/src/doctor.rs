//! `--doctor`: is the CLI there, and can it be used?

use std::ffi::OsStr;

use agent::codex::{Doctor, FLAGS};
use executor::Options;
use serde_json::{Value, json};
use stage::{Error, Exit, Sink};

/// Examines the CLI; one JSON line on stdout and one line for people on stderr.
pub(crate) fn run(program: &OsStr, options: &Options) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start", error))?;
    let found = runtime.block_on(Doctor::examine(program));
    let mut sink = Sink::stdout();
    sink.line(&line(program, options, &found).to_string())?;
    sink.flush()?;
    stage::tell("codex-exec", &told(options, &found));
    // The causes are those that a run would end with.
    Ok(found.problem.map_or(Exit::Ok, |(class, _)| Exit::Cause(class.code().number())))
}

fn line(program: &OsStr, options: &Options, found: &Doctor) -> Value {
    let flags: serde_json::Map<String, Value> =
        FLAGS.iter().map(|flag| ((*flag).to_owned(), json!(!found.lacking.contains(flag)))).collect();
    let mut line = json!({
        "type": "doctor",
        "tool": "codex-exec",
        "ready": found.problem.is_none(),
        "cli": program.to_string_lossy(),
        "models": {"code": options.model_code, "logic": options.model_logic},
    });
    let known = [
        ("version", found.version.as_ref().map(|version| json!(version))),
        ("flags", found.version.as_ref().map(|_| Value::Object(flags))),
        ("login", found.login.as_ref().map(|login| json!(login))),
        ("sandbox_works", found.sandbox_works.map(|works| json!(works))),
        ("class", found.problem.as_ref().map(|(class, _)| json!(class))),
        ("evidence", found.problem.as_ref().map(|(_, evidence)| json!(evidence))),
        ("advice", advice(options, found).map(|advice| json!(advice))),
    ];
    if let Some(object) = line.as_object_mut() {
        object.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    line
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
    // `codex login status` says "Logged in using ChatGPT" or "... an API key"; a guess is enough for advice.
    let by_key = found.login.as_deref().is_some_and(|login| login.to_lowercase().contains("api key"));
    (!retired.is_empty() && !by_key).then(|| {
        format!(
            "{} no longer answer to ChatGPT logins: with one, set CODEX_MODEL_CODE and CODEX_MODEL_LOGIC to models that it has",
            retired.join(" and ")
        )
    })
}
