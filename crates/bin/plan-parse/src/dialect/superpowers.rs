//! Plans in the layout of the superpowers skills: `### Task N: Title`, a `Files` list, and steps with `Run` and
//! `Expected` lines. What such plans do not state is inferred where that is safe, and marked.

use super::numbered::Opener;
use super::{Dialect, Source, divisions, explicit, numbered, runs};
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

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let outline = source.outline();
        if !outline.tasks.is_empty() {
            return Some(drafts(document, &outline.tasks, &outline.fields));
        }
        let divisions = divisions::find(document, &outline.candidates);
        let fields = numbered::fields(document, &divisions);
        (!divisions.is_empty()).then(|| drafts(document, &divisions, &fields))
    }
}

fn drafts(document: &Document, openers: &[Opener], fields: &[Vec<Field>]) -> Reading {
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
    Reading { drafts }
}
