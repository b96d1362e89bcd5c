//! Our own format, described in `docs/plan-format.md`: numbered tasks whose fields are all labelled. Nothing is
//! inferred but the objective.

use super::{Dialect, Order, Source, exact, explicit, numbered};
use crate::draft::Reading;
use crate::field::{self, Label};
use crate::front_matter;
use crate::spread;

/// Our own format.
pub struct PlanAndExecute;

/// Its name, also in `format:` of the front matter.
pub const NAME: &str = "plan-and-execute";

impl Dialect for PlanAndExecute {
    fn name(&self) -> &'static str {
        NAME
    }

    fn order(&self) -> Order {
        Order::AsWritten
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let declared = front_matter::value(document.slice(&document.front_matter), "format");
        if declared.is_some_and(|format| format != NAME) || (declared.is_none() && !may_be_ours(document.text)) {
            return None;
        }
        let outline = source.outline();
        let ours = declared.is_some() || outline.fields.iter().any(|fields| is_ours(fields));
        if !ours || outline.tasks.is_empty() {
            return None;
        }
        let shared = explicit::shared_constraints(document, &outline.tasks);
        let drafts = spread::map(outline.tasks.len(), document.text.len(), |index| {
            let mut draft = numbered::draft(document, &outline.tasks[index]);
            explicit::read(document, &outline.fields[index], &mut draft);
            explicit::add_shared(&mut draft, &shared);
            exact::read(document, &outline.fields[index], &mut draft);
            draft
        });
        let mut reading = Reading::of(drafts);
        exact::of_plan(document, outline.tasks[0].blocks.start, &mut reading);
        Some(reading)
    }
}

/// A quick look at the text: most plans of other kinds have none of our labels.
fn may_be_ours(text: &str) -> bool {
    ["Objective", "Commands", "Done when", "Done criteria", "Backend"]
        .iter()
        .filter(|label| memchr::memmem::find(text.as_bytes(), label.as_bytes()).is_some())
        .count()
        >= 2
}

/// A task is written in our format when it has two of the labels that only our format asks for together.
fn is_ours(fields: &[field::Field]) -> bool {
    let has = |label: Label| usize::from(fields.iter().any(|field| field.label == label));
    has(Label::Objective) + has(Label::Commands) + has(Label::Done) + has(Label::Backend) >= 2
        && has(Label::Objective) + has(Label::Commands) >= 1
}
