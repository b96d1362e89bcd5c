//! Plans without numbered tasks, whose largest divisions are the work: phases, chunks, waves, steps.

use super::Order;
use super::superpowers::drafts;
use super::{Dialect, Source, divisions, numbered};
use crate::draft::Reading;
use crate::files;

/// Divisions of work as tasks.
pub struct Phases;

impl Dialect for Phases {
    fn name(&self) -> &'static str {
        "phases"
    }

    fn order(&self) -> Order {
        Order::Sequence
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let divisions = divisions::find(document, &source.outline().candidates, source.boxes());
        let fields = numbered::fields(document, &divisions);
        let mut reading = (!divisions.is_empty()).then(|| drafts(document, &divisions, &fields))?;
        // The text of a phase is long: what it names in its lists is what it is about.
        for (draft, opener) in reading.drafts.iter_mut().zip(&divisions) {
            if draft.files.is_empty() && !draft.none.contains(&"files") {
                files::mentioned_in_lists(document, opener.blocks.clone(), draft);
            }
        }
        Some(reading)
    }
}
