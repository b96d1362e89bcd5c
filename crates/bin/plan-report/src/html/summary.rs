//! The head of the page: how far the run got, what it cost, what waits.

use maud::{Markup, html};

use crate::figures::Report;
use crate::html::anchor;
use crate::read::Task;
use crate::state::State;
use crate::view::{count, grouped, line, percent, short, time, whole};

/// The figures that are asked for first.
pub(crate) fn head(report: &Report) -> Markup {
    let all = report.run.tasks.len();
    let tile =
        |value: String, what: &str, class: Option<&str>| html! { li { b class=[class] { (value) } span { (what) } } };
    let failed_calls: u64 = report.costs.iter().map(|cost| cost.failed_calls).sum();
    let calls: u64 = report.costs.iter().map(|cost| cost.calls).sum();
    html! {
        section aria-labelledby="h-summary" {
            h2 #h-summary { "At a glance" }
            ul.tiles {
                (tile(format!("{} of {all}", report.count(State::Finished)), "finished", Some("finished")))
                @for state in State::ALL.into_iter().skip(1) {
                    @let number = report.count(state);
                    @if number > 0 || matches!(state, State::Waiting | State::Failed) {
                        (tile(number.to_string(), state.name(), (number > 0).then(|| state.name())))
                    }
                }
                @if report.unseen() > 0 { (tile(report.unseen().to_string(), "more in the plan", None)) }
                @if let Some(seconds) = report.seconds() { (tile(time(seconds), "from first to last", None)) }
                (tile(time(report.worked()), "of agents at work", None))
                (tile(short(report.total.total), "tokens", None))
                @if let Some(part) = report.offload() { (tile(percent(part), "not spent on Claude", None)) }
                (tile(format!("{calls}"), if failed_calls == 0 { "calls" } else { "calls, failed ones included" }, None))
            }
            (progress(report))
        }
    }
}

fn progress(report: &Report) -> Markup {
    let all = report.run.tasks.len();
    let mut from = 0;
    let mut parts = Vec::new();
    for state in State::ALL {
        let number = report.count(state);
        if number > 0 {
            parts.push((state, from, number));
        }
        from += number;
    }
    let words: Vec<String> = parts.iter().map(|(state, _, number)| format!("{number} {}", state.name())).collect();
    html! {
        @if all > 0 {
            svg.progress role="img" aria-label={ "Of " (count(all, "task")) ": " (words.join(", ")) } viewBox={ "0 0 " (all) " 1" } preserveAspectRatio="none" {
                @for (state, from, number) in parts.iter().filter(|(state, ..)| *state != State::Open) {
                    rect class=(state.name()) x=(from) y="0" width=(number) height="1" {}
                }
            }
        }
    }
}

/// What would not go on by itself, with the commands that make it go on.
pub(crate) fn waits(report: &Report) -> Markup {
    /// More of them are in the table.
    const MOST: usize = 20;
    let mut waiting: Vec<_> =
        report.tasks().enumerate().filter(|(_, (_, standing, _))| is_stuck(standing.state)).collect();
    waiting.sort_by_key(|(at, (_, standing, _))| (standing.state, *at));
    html! {
        @if !waiting.is_empty() {
            section aria-labelledby="h-waits" {
                h2 #h-waits { "What waits for you" }
                ul.waits {
                    @for (at, (task, standing, _)) in waiting.iter().take(MOST) {
                        li class=(standing.state.name()) {
                            p {
                                (state(standing.state)) " "
                                a href={ "#" (anchor(*at, &task.id)) } { (name(task)) }
                            }
                            p.soft { bdi { (line(&standing.why)) } }
                            @if !standing.commands.is_empty() {
                                div.commands { @for command in &standing.commands { code.paste { (whole(command)) } } }
                            }
                        }
                    }
                }
                @if waiting.len() > MOST { p.soft { "And " (waiting.len() - MOST) " more: see the table below." } }
            }
        }
    }
}

fn is_stuck(state: State) -> bool {
    matches!(state, State::Waiting | State::Failed | State::Interrupted)
}

/// Id and title of a task.
pub(crate) fn name(task: &Task) -> Markup {
    html! { bdi { (line(&task.id)) } @if let Some(title) = &task.title { " " bdi { (line(title)) } } }
}

/// A state in colour, with its sign.
pub(crate) fn state(state: State) -> Markup {
    html! { span class={ "state " (state.name()) } { (state.sign()) " " (state.name()) } }
}

/// Tokens by backend and model.
pub(crate) fn spent(report: &Report) -> Markup {
    let all = report.total.total;
    html! {
        @if !report.spent.is_empty() {
            section aria-labelledby="h-cost" {
                h2 #h-cost { "What it cost" }
                div.scroll role="group" aria-labelledby="h-cost" tabindex="0" {
                    table #cost-table {
                        thead { tr {
                            th scope="col" { "Backend" } th scope="col" { "Model" } th.number scope="col" { "Calls" } th.number scope="col" { "Failed" }
                            th.number scope="col" { "Time" } th.number scope="col" { "Input" } th.number.minor scope="col" { "Cached" }
                            th.number scope="col" { "Output" } th.number.minor scope="col" { "Reasoning" } th.number scope="col" { "Tokens" } th.number.minor scope="col" { "Share" }
                        } }
                        tbody {
                            @for spent in &report.spent {
                                @let tokens = spent.cost.tokens;
                                tr {
                                    td { (line(&spent.backend)) }
                                    td { (spent.model.as_deref().map(line).unwrap_or_default()) }
                                    td.number { (grouped(spent.cost.calls)) } td.number { (grouped(spent.cost.failed_calls)) } td.number { (time(spent.cost.seconds)) }
                                    td.number { (grouped(tokens.input)) } td.number.minor { (grouped(tokens.cached)) } td.number { (grouped(tokens.output)) }
                                    td.number.minor { (grouped(tokens.reasoning)) } td.number { (grouped(tokens.total)) }
                                    td.number.minor { @if all > 0 { (percent(tokens.total as f64 / all as f64)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
