//! The page: one file, nothing fetched, nothing believed.
//!
//! maud escapes whatever is put into it, control characters are made visible, and a content security policy lets no
//! other script and no other style run than the ones of this page, should anything ever slip through.

mod compare;
mod diff;
mod graph;
mod log;
mod summary;
mod table;
mod task;
mod text;
mod timeline;

use data_encoding::BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::changes::Changes;
use crate::figures::Report;
use crate::view::{line, moment};

pub(crate) use compare::page as compared;
pub(crate) use log::Links;
pub(crate) use table::{models, verdict};
pub(crate) use task::baseline_text;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Of more tasks than this, those that are out of sight are not laid out.
const MANY: usize = 200;

/// What a page has room for, and where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// How long one text may be, in bytes: an answer, a diff, the output of a check.
    pub text: usize,
    /// The logs that it links to.
    pub links: Option<&'a Links>,
    /// It is written again while the run goes on, and loads itself anew after so many seconds.
    pub follow: Option<u32>,
}

/// How long one text on a page of so many tasks may be, in bytes. All texts together are to stay below some megabytes; a
/// text of a small run may be long.
pub(crate) fn longest_text(tasks: usize) -> usize {
    const ALL: usize = 4 << 20;
    (ALL / tasks.max(1)).clamp(2 << 10, 48 << 10)
}

/// The page of a run.
pub(crate) fn page(report: &Report, changes: &Changes, frame: Frame) -> String {
    let title = line(&report.title());
    let body = html! {
        header {
            h1 { bdi { (title) } }
            @if let Some(goal) = &report.run.goal { p { bdi { (line(goal)) } } }
            p.soft {
                @if let Some(plan) = &report.run.plan { "Plan " code { (line(plan)) } " · " }
                "run file " code { (line(&report.run.path.to_string_lossy())) }
                @if let Some((from, to)) = report.span { " · " (moment(from)) " to " (moment(to)) " UTC" }
                @if frame.follow.is_some() { " · " button.plain #pause type="button" { "Stop loading anew" } }
            }
        }
        main {
            (summary::head(report))
            (summary::waits(report))
            (summary::spent(report))
            (timeline::section(report))
            (graph::section(report))
            (table::section(report))
            section aria-labelledby="h-details" {
                h2 #h-details { "One by one" }
                div #task-list.many[report.run.tasks.len() > MANY] {
                    @for (at, (task, standing, cost)) in report.tasks().enumerate() {
                        (task::entry(report, at, task, standing, cost, changes, frame))
                    }
                }
            }
        }
        (foot(report))
    };
    document(&title, &body, frame.follow)
}

/// A whole page around its body.
fn document(title: &str, body: &Markup, follow: Option<u32>) -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) " – plan-report" }
                // Without one, a browser asks the server for an icon.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body data-follow=[follow] {
                a.skip href="#tasks" { "Skip to the tasks" }
                (body)
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn foot(report: &Report) -> Markup {
    html! {
        footer {
            @if let Some((number, why)) = &report.run.unread.first {
                p {
                    (crate::view::count(usize::try_from(report.run.unread.count).unwrap_or(usize::MAX), "line"))
                    " of the run file could not be read; the first one is line " (number) ": " (line(why))
                }
            }
            p { "Made by plan-report at " (moment(report.made)) " UTC. All times are UTC. A call of an agent counts once, however often its line was written." }
        }
    }
}

/// The name of a task's entry on the page.
pub(crate) fn anchor(at: usize, id: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if id.len() <= 64 && id.bytes().all(is_plain) { format!("task-{id}") } else { format!("odd-{}", at + 1) }
}
