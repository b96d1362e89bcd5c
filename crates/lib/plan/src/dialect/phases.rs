//! Plans without numbered tasks, whose largest divisions are the work: phases, chunks, waves, steps.

use super::Order;
use super::superpowers::drafts;
use super::{Dialect, Source, divisions, numbered};
use crate::draft::Reading;

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
        (!divisions.is_empty()).then(|| drafts(document, &divisions, &fields))
    }
}
