//! The table of tasks, to sort and to filter.

use maud::{Markup, html};

use crate::figures::{Cost, Report};
use crate::html::{anchor, summary::state};
use crate::read::Task;
use crate::state::{Standing, State};
use crate::view::{beginning, grouped, line, time};

/// Filter, table, and the buttons for the entries below.
pub(crate) fn section(report: &Report) -> Markup {
    let column = |name: &str, class: Option<&str>, number: bool| {
        html! { th scope="col" class=[class] aria-sort="none" data-number=[number.then_some("")] { button type="button" { (name) } } }
    };
    html! {
        section #tasks aria-labelledby="h-tasks" tabindex="-1" {
            h2 #h-tasks { "Tasks" }
            div.tools {
                label { "Words in id, title, state, model or file" input #filter-words type="search" autocomplete="off"; }
                label { "State"
                    select #filter-state {
                        option value="" { "all" }
                        @for state in State::ALL { @if report.count(state) > 0 { option value=(state.name()) { (state.name()) " (" (report.count(state)) ")" } } }
                    }
                }
                button.plain #open-all type="button" { "Open all entries" }
                button.plain #close-all type="button" { "Close all entries" }
                span #shown.soft role="status" { (report.run.tasks.len()) " tasks" }
            }
            div.scroll role="group" aria-label="Tasks, one to a row" tabindex="0" {
                table #task-table {
                    thead { tr {
                        (column("Task", None, true)) (column("Title", None, false)) (column("State", None, true)) (column("Verdict", Some("minor"), false))
                        (column("Model", Some("minor"), false)) (column("Tries", Some("number minor"), true)) (column("Time", Some("number minor"), true)) (column("Tokens", Some("number"), true))
                    } }
                    tbody { @for (at, (task, standing, cost)) in report.tasks().enumerate() { (row(at, task, standing, cost)) } }
                }
            }
        }
    }
}

/// Which verdict the newest attempt got.
pub(crate) fn verdict(task: &Task) -> Option<&str> {
    task.last()?.verdict.as_ref().map(|verdict| verdict.status.as_str())
}

fn row(at: usize, task: &Task, standing: &Standing, cost: &Cost) -> Markup {
    let models: Vec<&str> = models(task);
    let models = models.join(", ");
    let verdict = verdict(task).unwrap_or_default();
    let changed = task.last().and_then(|round| round.outcome.as_ref()).map(|outcome| outcome.changed.join(" "));
    // A filter needs no more than this of each word.
    let words = [
        &task.id,
        task.name(),
        standing.state.name(),
        verdict,
        &models,
        &task.files.join(" "),
        changed.as_deref().unwrap_or_default(),
    ]
    .join(" ");
    let anchor = anchor(at, &task.id);
    let order = State::ALL.iter().position(|state| *state == standing.state).unwrap_or(0);
    html! {
        tr data-task=(anchor) data-state=(standing.state.name()) data-text=(line(beginning(&words, 2000).0)) {
            td data-key=(at) { a href={ "#" (anchor) } { bdi { (line(&task.id)) } } }
            td.wide data-key=(line(beginning(task.name(), 200).0)) { bdi { (line(beginning(task.name(), 300).0)) } }
            td data-key=(order) { (state(standing.state)) }
            td.minor data-key=(line(verdict)) { span class=(class(verdict)) { (line(verdict)) } }
            td.minor data-key=(line(&models)) { (line(&models)) }
            td.number.minor data-key=(task.rounds.len()) { (task.rounds.len()) }
            td.number.minor data-key=(cost.seconds) { @if cost.calls > 0 { (time(cost.seconds)) } }
            td.number data-key=(cost.tokens.total) { @if cost.tokens.total > 0 { (grouped(cost.tokens.total)) } }
        }
    }
}

/// Every model that was called for a task, each once; who would be, when nobody was.
pub(crate) fn models(task: &Task) -> Vec<&str> {
    let mut models: Vec<&str> = Vec::new();
    for call in task.calls() {
        let model = call.model.as_deref().unwrap_or(&call.backend);
        if !models.contains(&model) {
            models.push(model);
        }
    }
    if models.is_empty() {
        let route = task.route.iter();
        models = route
            .flat_map(|route| route.models.iter().chain(route.backend.iter().filter(|_| route.models.is_empty())))
            .map(String::as_str)
            .collect();
    }
    models
}

/// The class of a status that is one of ours; a foreign word gets none.
pub(crate) fn class(status: &str) -> &'static str {
    match status {
        "pass" | "ok" | "approved" | "merged" | "nothing" => "pass",
        "fail" | "failed" | "denied" | "conflict" => "fail",
        "unproven" | "pending" | "retry" => "unproven",
        _ => "",
    }
}
