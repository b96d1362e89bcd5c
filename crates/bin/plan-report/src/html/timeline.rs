//! The picture of who worked when.

use maud::{Markup, html};

use crate::figures::Report;
use crate::html::anchor;
use crate::timeline::{Bar, Span, Timeline};
use crate::view::{count, line, time};

const LEFT: f64 = 64.0;
const WIDTH: f64 = 960.0;
const RIGHT: f64 = 16.0;
const LANE: f64 = 26.0;
const BAR: f64 = 20.0;
const TOP: f64 = 26.0;

/// Lines that are drawn; calls on further ones are few and short.
const MOST_SLOTS: usize = 40;
const MOST_WAITS: usize = 12;

pub(crate) fn section(report: &Report) -> Markup {
    let Some(timeline) = Timeline::new(report).filter(|timeline| !timeline.bars.is_empty()) else { return html! {} };
    let slots = timeline.slots.min(MOST_SLOTS);
    let waits = lanes(&timeline.waits);
    let wait_lanes = waits.iter().map(|(_, lane)| lane + 1).max().unwrap_or(0).min(MOST_WAITS);
    let batches = if timeline.batches.is_empty() { 0.0 } else { LANE };
    let wait_top = TOP + batches + LANE * slots as f64;
    let height = wait_top + LANE * wait_lanes as f64 + 6.0;
    let label = format!(
        "{} on {}, over {}; the table below has the same figures",
        count(timeline.bars.len(), "call"),
        count(timeline.slots, "line"),
        time(report.seconds().unwrap_or(0.0))
    );
    let x = |at| LEFT + (WIDTH - LEFT - RIGHT) * timeline.axis.place(at);
    let scaled = |place: f64| LEFT + (WIDTH - LEFT - RIGHT) * place;
    html! {
        section aria-labelledby="h-time" {
            h2 #h-time { "Who worked when" }
            div.scroll.wide role="group" aria-labelledby="h-time" tabindex="0" {
                svg role="img" aria-label=(label) viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) {
                    @for (place, seconds) in timeline.axis.ticks(9) {
                        line.rule x1=(px(scaled(place))) x2=(px(scaled(place))) y1="18" y2=(height) {}
                        text.quiet x=(px(scaled(place) + 3.0)) y="12" { (tick(seconds)) }
                    }
                    @for span in &timeline.batches {
                        (batch(span, x(span.from), x(span.to)))
                    }
                    @for slot in 0..slots {
                        text.quiet x="4" y=(px(TOP + batches + LANE * slot as f64 + 15.0)) { "slot " (slot + 1) }
                    }
                    @for bar in timeline.bars.iter().filter(|bar| bar.slot < MOST_SLOTS) {
                        (self::bar(report, bar, x(bar.from), x(bar.to), TOP + batches + LANE * bar.slot as f64))
                    }
                    @if wait_lanes > 0 { text.quiet x="4" y=(px(wait_top + 15.0)) { "waits" } }
                    @for (span, lane) in waits.iter().filter(|(_, lane)| *lane < MOST_WAITS) {
                        (wait(report, span, x(span.from), x(span.to), wait_top + LANE * *lane as f64))
                    }
                    @for (place, seconds) in &timeline.axis.cuts {
                        line.cut x1=(px(scaled(place / timeline.axis.length))) x2=(px(scaled(place / timeline.axis.length))) y1="18" y2=(height) {
                            title { (time(*seconds)) " without work" }
                        }
                    }
                }
            }
            ul.legend {
                li { "solid: an agent at work, by the outcome of its call" } li { "dashed: waiting for a person" }
                @if !timeline.axis.cuts.is_empty() { li { "dotted line: " (time(timeline.axis.cuts.iter().map(|(_, real)| real).sum())) " without work, shortened" } }
            }
        }
    }
}

/// How long after the beginning: `+90 s`, `+5 min`, `+3 h`.
fn tick(seconds: f64) -> String {
    match seconds {
        0.0 => "0".into(),
        short if short < 60.0 => format!("+{short} s"),
        minutes if minutes < 7200.0 => format!("+{} min", (minutes / 6.0).round() / 10.0),
        hours => format!("+{} h", (hours / 360.0).round() / 10.0),
    }
}

/// To a tenth.
fn px(value: f64) -> String {
    format!("{value:.1}")
}

fn batch(span: &Span, from: f64, to: f64) -> Markup {
    html! {
        g {
            title { "batch " (span.of) }
            rect.stripe x=(px(from)) y=(px(TOP)) width=(px((to - from).max(2.0))) height="18" rx="3" {}
            @if to - from > 18.0 { text.quiet x=(px(from + 4.0)) y=(px(TOP + 13.0)) { @if to - from > 60.0 { "batch " } (span.of) } }
        }
    }
}

fn bar(report: &Report, bar: &Bar, from: f64, to: f64, top: f64) -> Markup {
    let task = &report.run.tasks[bar.task];
    let state = if bar.has_failed { "failed" } else { "finished" };
    let width = (to - from - 1.0).max(2.0);
    let id = line(&task.id);
    let model = bar.model.as_deref().map(line).unwrap_or_default();
    let again = if bar.attempt > 1 { format!(", attempt {}", bar.attempt) } else { String::new() };
    html! {
        g data-go=(anchor(bar.task, &task.id)) {
            title { (id) " " (line(task.name())) ", " (model) (again) ", " (time(bar.to.duration_since(bar.from).as_secs_f64())) }
            rect class=(state) x=(px(from)) y=(px(top)) width=(px(width)) height=(BAR) rx="3" {}
            @if width > 8.0 + 7.0 * id.chars().count() as f64 { text.onbar x=(px(from + 5.0)) y=(px(top + 14.0)) { (id) } }
        }
    }
}

fn wait(report: &Report, span: &Span, from: f64, to: f64, top: f64) -> Markup {
    let at = usize::try_from(span.of).unwrap_or(0);
    let Some(task) = report.run.tasks.get(at) else { return html! {} };
    let id = line(&task.id);
    let width = (to - from).max(2.0);
    html! {
        g data-go=(anchor(at, &task.id)) {
            title { (id) " waited " (time(span.to.duration_since(span.from).as_secs_f64())) @if span.is_open { " and still waits" } }
            rect.wait x=(px(from)) y=(px(top)) width=(px(width)) height=(BAR) rx="3" {}
            @if width > 8.0 + 7.0 * id.chars().count() as f64 { text x=(px(from + 5.0)) y=(px(top + 14.0)) { (id) } }
        }
    }
}

/// Waits beside each other, so that none covers another.
fn lanes(waits: &[Span]) -> Vec<(&Span, usize)> {
    let mut free = Vec::new();
    waits
        .iter()
        .map(|span| {
            let lane = free.iter().position(|at| *at <= span.from).unwrap_or_else(|| {
                free.push(span.from);
                free.len() - 1
            });
            free[lane] = span.to;
            (span, lane)
        })
        .collect()
}
