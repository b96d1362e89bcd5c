//! The picture of what needs what.

use maud::{Markup, html};

use crate::figures::Report;
use crate::graph::Graph;
use crate::html::anchor;
use crate::state::State;
use crate::view::{beginning, count, line};

/// Measures of the picture; those of a large plan are smaller.
struct Measures {
    width: f64,
    height: f64,
    between: f64,
    row: f64,
    titles: bool,
}

/// With more tasks than this the boxes hold the id alone.
const MANY: usize = 120;
/// With more tasks than this no picture helps.
const TOO_MANY: usize = 3000;

pub(crate) fn section(report: &Report) -> Markup {
    let tasks = &report.run.tasks;
    let graph = Graph::new(tasks);
    if graph.edges.is_empty() || tasks.len() > TOO_MANY {
        return html! {};
    }
    let measures = if tasks.len() > MANY {
        Measures { width: 56.0, height: 18.0, between: 26.0, row: 22.0, titles: false }
    } else {
        Measures { width: 168.0, height: 38.0, between: 44.0, row: 48.0, titles: true }
    };
    let x = |column: usize| 4.0 + (measures.width + measures.between) * column as f64;
    let y = |row: usize| 4.0 + measures.row * row as f64;
    let (width, height) = (x(graph.columns) - measures.between + 4.0, y(graph.rows));
    let label = format!(
        "{} and {}: which task needs which; each entry below names its needs",
        count(tasks.len(), "task"),
        count(graph.edges.len(), "need")
    );
    let picture = html! {
        div.scroll role="group" aria-labelledby="h-graph" tabindex="0" {
            svg role="img" aria-label=(label) viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) {
                @for (from, to) in &graph.edges {
                    @let (one, two) = (graph.places[*from], graph.places[*to]);
                    @let (x1, y1) = (x(one.column) + measures.width, y(one.row) + measures.height / 2.0);
                    @let (x2, y2) = (x(two.column), y(two.row) + measures.height / 2.0);
                    @let bend = (measures.between * 0.6).max((x2 - x1) * 0.4);
                    path.edge d={ "M" (x1) " " (y1) "C" (x1 + bend) " " (y1) " " (x2 - bend) " " (y2) " " (x2) " " (y2) } {}
                }
                @for (at, (task, standing, _)) in report.tasks().enumerate() {
                    @let place = graph.places[at];
                    g class={ "node " (standing.state.name()) } data-go=(anchor(at, &task.id)) transform={ "translate(" (x(place.column)) " " (y(place.row)) ")" } {
                        title { (line(&task.id)) " " (line(task.name())) ": " (standing.state.name()) }
                        rect width=(measures.width) height=(measures.height) rx="5" {}
                        @if measures.titles {
                            text x="9" y="16" { tspan class=(standing.state.name()) { (standing.state.sign()) } " " (clipped(&task.id, 18)) }
                            text.quiet x="9" y="31" { (clipped(task.title.as_deref().unwrap_or_default(), 24)) }
                        } @else {
                            text.quiet x="5" y="13" { tspan class=(standing.state.name()) { (standing.state.sign()) } " " (clipped(&task.id, 5)) }
                        }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="h-graph" {
            h2 #h-graph { "What needs what" }
            @if measures.titles { (picture) } @else { details { summary { "Show the picture of " (count(tasks.len(), "task")) } (picture) } }
            ul.legend { @for state in State::ALL { @if report.count(state) > 0 { li { (super::summary::state(state)) } } } }
        }
    }
}

/// As much of a text as fits into so many characters.
fn clipped(text: &str, most: usize) -> String {
    let shown = line(beginning(text, most * 8).0);
    if shown.chars().count() <= most { shown } else { shown.chars().take(most - 1).chain(['…']).collect() }
}
