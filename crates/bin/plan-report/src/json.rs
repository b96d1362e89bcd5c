//! The figures for programs.

use serde_json::{Map, Value, json};

use crate::figures::{Cost, Report};
use crate::html::{models, verdict};
use crate::read::Tokens;
use crate::state::State;

/// One JSON object, indented; what is not known is absent.
pub(crate) fn text(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(&value(report)).unwrap_or_default();
    text.push('\n');
    text
}

pub(crate) fn value(report: &Report) -> Value {
    let states: Map<String, Value> =
        State::ALL.into_iter().map(|state| (state.name().to_owned(), report.count(state).into())).collect();
    let spent = report.spent.iter().map(|spent| {
        let mut entry = cost(&spent.cost);
        entry.insert("backend".into(), spent.backend.clone().into());
        put(&mut entry, "model", spent.model.clone());
        Value::Object(entry)
    });
    let tasks = report.tasks().map(|(task, standing, spent)| {
        let mut entry = cost(spent);
        entry.insert("id".into(), task.id.clone().into());
        put(&mut entry, "title", task.title.clone());
        entry.insert("state".into(), standing.state.name().into());
        entry.insert("why".into(), standing.why.clone().into());
        put(&mut entry, "verdict", verdict(task));
        put(&mut entry, "gate", standing.gate.clone());
        if !standing.commands.is_empty() {
            entry.insert("commands".into(), standing.commands.clone().into());
        }
        entry.insert("models".into(), models(task).into());
        entry.insert("tries".into(), task.rounds.len().into());
        Value::Object(entry)
    });
    let mut whole = Map::new();
    whole.insert("run".into(), report.run.path.to_string_lossy().into());
    put(&mut whole, "plan", report.run.plan.clone());
    put(&mut whole, "title", report.run.title.clone());
    whole.insert("states".into(), states.into());
    whole.insert("tokens".into(), tokens(&report.total).into());
    whole.insert("spent".into(), spent.collect::<Vec<_>>().into());
    put(&mut whole, "offload", report.offload());
    put(&mut whole, "seconds", report.seconds());
    whole.insert("worked_seconds".into(), report.worked().into());
    if let Some((from, to)) = report.span {
        whole.insert("from".into(), from.to_string().into());
        whole.insert("to".into(), to.to_string().into());
    }
    whole.insert("is_running".into(), report.is_owned.into());
    whole.insert("unread_lines".into(), report.run.unread.count.into());
    whole.insert("tasks".into(), tasks.collect::<Vec<_>>().into());
    json!(whole)
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.into(), value.into());
    }
}

fn cost(cost: &Cost) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("calls".into(), cost.calls.into());
    map.insert("failed_calls".into(), cost.failed_calls.into());
    map.insert("seconds".into(), cost.seconds.into());
    map.insert("tokens".into(), tokens(&cost.tokens).into());
    map
}

fn tokens(tokens: &Tokens) -> Map<String, Value> {
    [
        ("input", tokens.input),
        ("cached_input", tokens.cached),
        ("output", tokens.output),
        ("reasoning", tokens.reasoning),
        ("total", tokens.total),
    ]
    .into_iter()
    .map(|(name, count)| (name.to_owned(), count.into()))
    .collect()
}
