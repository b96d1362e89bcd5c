//! Plans in the layout of the superpowers skills: `### Task N: Title`, a `Files` list, and steps with `Run` and
//! `Expected` lines. What such plans do not state is inferred where that is safe, and marked.

use super::{Dialect, divisions, explicit, numbered, runs};
use crate::draft::{Draft, Reading};
use crate::field;
use crate::files;
use crate::markdown::Document;

/// The superpowers layout and its relatives.
pub struct Superpowers;

impl Dialect for Superpowers {
    fn name(&self) -> &'static str {
        "superpowers"
    }

    fn read(&self, document: &Document) -> Option<Reading> {
        let candidates = numbered::candidates(document);
        let mut openers = numbered::tasks(document, &candidates);
        if openers.is_empty() {
            openers = divisions::find(document, &candidates);
        }
        let shared = explicit::shared_constraints(document, &openers);
        let drafts: Vec<_> = openers
            .iter()
            .map(|opener| {
                let fields = field::read(document, opener.blocks.clone());
                let mut draft = numbered::draft(document, opener);
                explicit::read(document, &fields, &mut draft);
                let inner = opener.blocks.start..opener.blocks.end;
                if draft.files.is_empty() && !draft.none.contains(&"files") {
                    files::infer(document, inner.clone(), &mut draft);
                }
                runs::infer(document, inner, &fields, &mut draft);
                add_shared(&mut draft, &shared);
                draft
            })
            .collect();
        (!drafts.is_empty()).then_some(Reading { drafts })
    }
}

/// The constraints of the plan hold for each of its tasks.
pub fn add_shared(draft: &mut Draft, shared: &[String]) {
    if !shared.is_empty() {
        draft.constraints.extend_from_slice(shared);
        draft.infer("constraints");
    }
}
