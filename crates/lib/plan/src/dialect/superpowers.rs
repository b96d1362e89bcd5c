//! Plans in the layout of the superpowers skills: `### Task N: Title`, a `Files` list, and steps with `Run` and
//! `Expected` lines. What such plans do not state is inferred where that is safe, and marked.

use super::boxes::Boxed;
use super::numbered::Opener;
use super::{Dialect, Order, Source, explicit, numbered, runs};
use crate::draft::Reading;
use crate::field::Field;
use crate::files;
use crate::markdown::Document;
use crate::spread;

/// The superpowers layout and its relatives.
pub struct Superpowers;

impl Dialect for Superpowers {
    fn name(&self) -> &'static str {
        "superpowers"
    }

    fn order(&self) -> Order {
        Order::Overlap
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let outline = source.outline();
        let outside = |boxed: &&Boxed| {
            let before = outline.tasks.partition_point(|task| task.blocks.start <= boxed.text);
            let inside = before.checked_sub(1).is_some_and(|task| outline.tasks[task].blocks.contains(&boxed.text));
            boxed.depth == 1 && boxed.is_numbered(document) && !inside
        };
        // A heading such as `Task 3 notes` in a list of numbered boxes makes no plan of this kind.
        let boxed = source.boxes().iter().filter(outside).take(outline.tasks.len() + 3).count();
        if outline.tasks.is_empty() || (boxed >= 3 && boxed > outline.tasks.len()) {
            return None;
        }
        Some(drafts(document, &outline.tasks, &outline.fields))
    }
}

/// Reads tasks with all that is stated and what is inferred.
pub fn drafts(document: &Document, openers: &[Opener], fields: &[Vec<Field>]) -> Reading {
    let shared = explicit::shared_constraints(document, openers);
    let drafts = spread::map(openers.len(), document.text.len(), |index| {
        let (opener, fields) = (&openers[index], &fields[index]);
        let mut draft = numbered::draft(document, opener);
        explicit::read(document, fields, &mut draft);
        if draft.files.is_empty() && !draft.none.contains(&"files") {
            files::infer(document, opener.blocks.clone(), &mut draft);
        }
        runs::infer(document, opener.blocks.clone(), fields, &mut draft);
        explicit::add_shared(&mut draft, &shared);
        draft
    });
    Reading::of(drafts)
}
