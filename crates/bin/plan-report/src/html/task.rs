//! Everything about one task.

use maud::{Markup, html};

use crate::changes::{Change, Changes};
use crate::figures::{Cost, Report};
use crate::html::summary::{name, state};
use crate::html::table::class;
use crate::html::{Frame, anchor, diff, log, text};
use crate::read::{Answer, Call, Check, Decision, Outcome, Round, Task, Verdict};
use crate::state::Standing;
use crate::view::{grouped, line, moment, percent, time, whole};

/// The entry of a task, folded.
pub(crate) fn entry(
    report: &Report,
    at: usize,
    task: &Task,
    standing: &Standing,
    cost: &Cost,
    changes: &Changes,
    frame: Frame,
) -> Markup {
    html! {
        details.task #(anchor(at, &task.id)) {
            summary {
                span.right { @if cost.calls > 0 { (time(cost.seconds)) } @if cost.tokens.total > 0 { " · " (grouped(cost.tokens.total)) " tokens" } }
                h3 { (name(task)) } " " (state(standing.state))
            }
            div {
                (facts(report, task, standing))
                @if !task.decisions.is_empty() { (decisions(&task.decisions)) }
                @for round in &task.rounds { (attempt(round, changes.get(&(task.id.clone(), round.attempt)), frame)) }
                @if let Some(prompt) = &task.prompt { (text::folded("Prompt, as the tools make it of this task", prompt, frame.text)) }
                @if let Some(body) = &task.body { (text::folded("The plan's own text", body, frame.text)) }
            }
        }
    }
}

fn facts(report: &Report, task: &Task, standing: &Standing) -> Markup {
    let place = |id: &str| report.run.tasks.iter().position(|other| other.id == id);
    html! {
        dl.facts {
            dt { "State" } dd {
                (state(standing.state)) " – " bdi { (line(&standing.why)) }
                @for command in &standing.commands { br; code.paste { (whole(command)) } }
            }
            @if let Some(objective) = task.objective.as_ref().filter(|objective| Some(*objective) != task.title.as_ref()) {
                dt { "Objective" } dd { (line(objective)) }
            }
            @if !task.needs.is_empty() {
                dt { "Needs" } dd { @for (number, id) in task.needs.iter().enumerate() {
                    @if number > 0 { ", " }
                    @match place(id) { Some(at) => a href={ "#" (anchor(at, id)) } { bdi { (line(id)) } }, None => bdi { (line(id)) } }
                } }
            }
            @if !task.files.is_empty() { dt { "Files" } dd { @for file in &task.files { code { (line(file)) } " " } } }
            @if let Some(route) = &task.route {
                dt { "Route" } dd {
                    @for word in route.work_type.iter().chain(&route.backend).chain(&route.models).chain(&route.effort).chain(&route.sandbox) { code { (line(word)) } " " }
                    @if let Some(rule) = &route.rule { "by rule " code { (line(rule)) } }
                    @if let Some(why) = &route.why { ": " bdi { (line(why)) } }
                }
            }
            @if let Some(minutes) = task.minutes { dt { "Estimate" } dd { (time(minutes * 60.0)) } }
        }
    }
}

fn decisions(decisions: &[Decision]) -> Markup {
    html! {
        h4 { "Decisions" }
        ul.checks { @for said in decisions { li {
            "gate " (line(&said.gate)) ": " b class=(class(&said.status)) { (line(&said.status)) } " by " bdi { (line(&said.by)) }
            @if let Some(at) = said.at { ", " (moment(at)) }
            @if let Some(backend) = &said.backend { ", to " (line(backend)) }
            @if let Some(model) = &said.model { " " (line(model)) }
            @if let Some(choice) = &said.choice { ", choice " (line(choice)) }
            @if let Some(note) = &said.note { br; span.soft { bdi { (line(note)) } } }
        } } }
    }
}

fn attempt(round: &Round, change: Option<&Change>, frame: Frame) -> Markup {
    let name = match (round.attempt, round.batch) {
        (0, _) => "Work".to_owned(),
        (attempt, Some(batch)) => format!("Attempt {attempt}, in batch {batch}"),
        (attempt, None) => format!("Attempt {attempt}"),
    };
    html! {
        div.round {
            h4 { (name) }
            @if let Some(feedback) = &round.feedback { (text::block("What the agent was told about the attempt before", feedback, frame.text)) }
            @if !round.calls.is_empty() { (calls(&round.calls, frame)) }
            @if let Some(outcome) = &round.outcome { (self::outcome(outcome, change, frame)) }
            @if let Some(verdict) = &round.verdict { (self::verdict(verdict, frame)) }
            @if let Some(landed) = &round.landed {
                p { "Landed: " b class=(class(&landed.status)) { (line(&landed.status)) } @if let Some(commit) = &landed.commit { " as " code { (line(commit)) } } }
                @for path in &landed.conflicts { code { (line(path)) } " " }
            }
        }
    }
}

fn calls(calls: &[Call], frame: Frame) -> Markup {
    html! {
        ul.checks { @for call in calls { li {
            (line(&call.backend)) @if let Some(model) = &call.model { " " code { (line(model)) } }
            @if let Some(sandbox) = &call.sandbox { " " (line(sandbox)) }
            @if let Some(started) = call.started { ", " (moment(started)) }
            @if let Some(seconds) = call.seconds { ", " (time(seconds)) }
            @if let Some(tokens) = call.tokens {
                ", " (grouped(tokens.input)) " tokens in"
                @if tokens.input > 0 && tokens.cached > 0 { " (" (percent(tokens.cached as f64 / tokens.input as f64)) " cached)" }
                ", " (grouped(tokens.output)) " out"
            }
            @if let Some(class) = &call.class { ", " b.fail { (line(class)) } }
            @if let Some(evidence) = &call.evidence { ": " bdi.soft { (line(evidence)) } }
            (log::name(frame.links, call.log.as_deref()))
            @if let Some(thread) = &call.thread { " " span.soft { "thread " (line(thread)) } }
        } } }
    }
}

fn outcome(outcome: &Outcome, change: Option<&Change>, frame: Frame) -> Markup {
    let status = outcome.status.as_deref().unwrap_or("?");
    html! {
        p {
            "Result: " b class=(class(status)) { (line(status)) }
            @if let Some(backend) = &outcome.backend { " by " (line(backend)) }
            @if let Some(class) = &outcome.class { ", " (line(class)) }
            @if let Some(evidence) = &outcome.evidence { ": " bdi { (line(evidence)) } }
            @if let Some(by) = &outcome.held_by { ", because of task " bdi { (line(by)) } }
        }
        @for text in &outcome.tampering { p.fail { "The agent touched git itself: " bdi { (line(text)) } } }
        @if let Some(message) = &outcome.message { (text::block("Answer", message, frame.text)) }
        @for (number, answer) in outcome.options.iter().enumerate() { (option(number + 1, answer, frame)) }
        @match change {
            Some(change) => (diff::section(change)),
            None => { @if !outcome.changed.is_empty() {
                h4 { "Changed files" }
                p { @for path in &outcome.changed { code { (line(path)) } " " } }
                @if let Some(folder) = &outcome.workdir { p.soft { "In " code { (line(folder)) } } }
            } },
        }
    }
}

fn option(number: usize, answer: &Answer, frame: Frame) -> Markup {
    let model = answer.model.as_deref().map(line).unwrap_or_default();
    let name = format!("Answer {number} {model}");
    html! {
        @match &answer.message {
            Some(message) => (text::block(&name, message, frame.text)),
            None => h4 { (name) },
        }
        p.soft {
            @if let Some(class) = &answer.class { (line(class)) " " }
            @if let Some(seconds) = answer.seconds { (time(seconds)) }
            @if let Some(tokens) = answer.tokens { ", " (grouped(tokens.total)) " tokens" }
        }
    }
}

fn verdict(verdict: &Verdict, frame: Frame) -> Markup {
    html! {
        h4 { "Verdict: " span class=(class(&verdict.status)) { (line(&verdict.status)) } }
        ul.checks { @for check in &verdict.checks { li { (self::check(check, frame)) } } }
    }
}

fn check(check: &Check, frame: Frame) -> Markup {
    let head = html! {
        b class=(class(&check.status)) { (line(&check.status)) } " " (line(&check.kind)) " " code { (line(&check.name)) }
        @if let Some(exit) = check.exit { " exit " (exit) }
        @if let Some(seconds) = check.seconds { " " span.soft { (time(seconds)) } }
        @if let Some(baseline) = &check.baseline { " " span.tag { (baseline_text(baseline)) } }
    };
    html! {
        @match check.tail.as_deref() {
            Some(tail) if check.status == "fail" && tail.len() <= 1500 => { p { (head) } (text::end(tail, frame.text)) },
            Some(tail) => details.inner { summary { (head) } (text::end(tail, frame.text)) },
            None => p { (head) },
        }
        @for finding in &check.findings { p {
            b class=(if finding.severity == "error" { "fail" } else { "unproven" }) { (line(&finding.severity)) } " "
            @if let Some(place) = &finding.place { code { (line(place)) } " " }
            bdi { (line(&finding.text)) }
        } }
        @if check.log.is_some() { p.soft { "All of its output" (log::name(frame.links, check.log.as_deref())) } }
    }
}

/// What the commit before the work says about a check.
pub(crate) fn baseline_text(baseline: &str) -> String {
    match baseline {
        "already_failing" => "failed before the work too".into(),
        "cannot_fail" => "passed before the work too: proves nothing".into(),
        "flaky" => "differs when run twice".into(),
        other => line(other),
    }
}
