//! The ways in which plans are written, one file each.
//!
//! A dialect recognises its documents and reads their tasks into drafts. What holds for all of them (unique ids,
//! needs, digests, defects) is done outside. A new dialect is a file here and a line in [`DIALECTS`].

mod divisions;
mod explicit;
mod numbered;
mod plan_and_execute;
mod runs;
mod superpowers;

use std::cell::OnceCell;

use crate::draft::Reading;
use crate::markdown::Document;

/// A document, and what several dialects look at, found once.
pub struct Source<'d> {
    /// What CommonMark makes of the file.
    pub document: &'d Document<'d>,
    outline: OnceCell<numbered::Outline>,
}

impl Source<'_> {
    /// The numbered tasks with their fields.
    fn outline(&self) -> &numbered::Outline {
        self.outline.get_or_init(|| numbered::Outline::new(self.document))
    }
}

/// A way in which plans are written.
pub trait Dialect: Sync {
    /// Its name in the plan's line.
    fn name(&self) -> &'static str;

    /// Reads a document. `None` when it is not one of this dialect, or has no tasks in it.
    fn read(&self, source: &Source) -> Option<Reading>;
}

/// The dialects in the order in which they are asked: the first that reads a task wins.
pub const DIALECTS: [&dyn Dialect; 2] = [&plan_and_execute::PlanAndExecute, &superpowers::Superpowers];

/// Reads a document with the first dialect that knows it, or with the one that is named.
pub fn read(document: &Document, only: Option<&str>) -> Option<(&'static str, Reading)> {
    let source = Source { document, outline: OnceCell::new() };
    DIALECTS
        .iter()
        .filter(|dialect| only.is_none_or(|name| name == dialect.name()))
        .find_map(|dialect| dialect.read(&source).map(|reading| (dialect.name(), reading)))
}
