//! Two runs beside each other, as a page.

use maud::{Markup, html};

use crate::compare::{Comparison, Side};
use crate::html::summary::state;
use crate::html::table::class;
use crate::view::{grouped, line, moment, time};

/// The page of a comparison.
pub(crate) fn page(comparison: &Comparison) -> String {
    let title = format!("{} and another run", line(&comparison.one.title()));
    let file = |at: &str, path: &std::path::Path| html! { p.soft { (at) ": run file " code { (line(&path.to_string_lossy())) } } };
    let body = html! {
        header {
            h1 { bdi { (title) } }
            (file("1", &comparison.one.run.path)) (file("2", &comparison.two.run.path))
        }
        main {
            section aria-labelledby="h-totals" {
                h2 #h-totals { "All together" }
                @if let Some(warning) = comparison.warning() { p.waiting { "Note: " (warning) "." } }
                div.scroll role="group" aria-labelledby="h-totals" tabindex="0" { table {
                    thead { tr { th scope="col" { "Figure" } th.number scope="col" { "Run 1" } th.number scope="col" { "Run 2" } th.number scope="col" { "Change" } } }
                    tbody { @for total in comparison.totals() { tr {
                        th scope="row" { (line(&total.name)) } td.number { (total.one) } td.number { (total.two) } td.number { (total.change) }
                    } } }
                } }
            }
            section #tasks aria-labelledby="h-tasks" tabindex="-1" {
                h2 #h-tasks { "Task by task" }
                div.scroll role="group" aria-labelledby="h-tasks" tabindex="0" { table {
                    thead { tr {
                        th scope="col" { "Task" } th scope="col" { "Title" } th scope="col" { "Run 1" } th scope="col" { "Run 2" }
                        th.number scope="col" { "Tokens 1" } th.number scope="col" { "Tokens 2" } th.number scope="col" { "Time 1" } th.number scope="col" { "Time 2" }
                    } }
                    tbody { @for row in &comparison.rows { tr {
                        td { bdi { (line(&row.id)) } } td { bdi { (line(&row.title)) } }
                        td { (went(row.one.as_ref())) } td { (went(row.two.as_ref())) }
                        @for side in [&row.one, &row.two] { td.number { @if let Some(side) = side { (grouped(side.tokens)) } } }
                        @for side in [&row.one, &row.two] { td.number { @if let Some(side) = side { (time(side.seconds)) } } }
                    } } }
                } }
            }
        }
        footer { p { "Made by plan-report at " (moment(comparison.one.made)) " UTC." } }
    };
    super::document(&title, &body, None)
}

fn went(side: Option<&Side>) -> Markup {
    html! {
        @match side {
            Some(side) => { (state(side.state)) @if !side.verdict.is_empty() { " " span class=(class(&side.verdict)) { (line(&side.verdict)) } } },
            None => "–",
        }
    }
}
