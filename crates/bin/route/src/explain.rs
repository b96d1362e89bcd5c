//! `--explain`: how each task was decided, one line each, for people.

use policy::routing::Choice;
use record::{Record, Sandbox};
use serde::Deserialize;

use crate::NAME;
use crate::summary::Seen;

pub fn tell(id: &str, choice: &Choice) {
    let sandbox = choice.sandbox.map(Sandbox::name).unwrap_or_default();
    line(id, choice.work_type_name(), choice.backend, &choice.models, sandbox, choice.rule, &choice.why);
}

/// A task that had its route already.
pub fn kept(record: &Record) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Routed {
        id: String,
        route: Seen,
    }
    let task: Routed = record.view().map_err(|error| error.to_string())?;
    let models: Vec<&str> = task.route.models.iter().map(String::as_str).collect();
    let (work_type, sandbox) = (&task.route.work_type, task.route.sandbox.as_deref().unwrap_or_default());
    let rule = task.route.rule.as_deref().unwrap_or("-");
    line(&task.id, work_type, &task.route.backend, &models, sandbox, rule, "it had this route already");
    Ok(())
}

fn line(id: &str, work_type: &str, backend: &str, models: &[&str], sandbox: &str, rule: &str, why: &str) {
    let work_type = if work_type.is_empty() { "-" } else { work_type };
    let mut who = backend.to_owned();
    if !models.is_empty() {
        who = format!("{who} {}", models.join(" + "));
    }
    if !sandbox.is_empty() {
        who = format!("{who} {sandbox}");
    }
    stage::tell(NAME, &format!("task {id}: {work_type}: {who}: rule {rule}: {why}"));
}
