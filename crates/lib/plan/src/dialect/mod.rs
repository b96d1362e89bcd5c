//! The ways in which plans are written, one file each.
//!
//! A dialect recognises its documents and reads their tasks into drafts. What holds for all of them (unique ids,
//! needs, digests, defects) is done outside. A new dialect is a file here and a line in [`DIALECTS`].

mod boxes;
mod checklist;
mod cursor;
mod divisions;
mod exact;
mod explicit;
mod kiro;
mod numbered;
mod openspec;
mod phases;
mod plan_and_execute;
mod ralphex;
mod runs;
mod speckit;
mod superpowers;
mod taskmaster;

use std::cell::OnceCell;
use std::ops::Range;

use crate::draft::Reading;
use crate::input::Input;
use crate::markdown::{Document, Kind};
pub use crate::order::Order;
use crate::shell;

/// The name of our own format.
pub use plan_and_execute::NAME as OURS;

/// A document, and what several dialects look at, found once.
pub struct Source<'d> {
    /// What CommonMark makes of the file.
    pub document: &'d Document<'d>,
    /// The user named the dialect: what it is need not be proven any more.
    pub explicit: bool,
    path: &'d str,
    outline: OnceCell<numbered::Outline>,
    boxes: OnceCell<Vec<boxes::Boxed>>,
}

impl Source<'_> {
    /// The numbered tasks with their fields.
    fn outline(&self) -> &numbered::Outline {
        self.outline.get_or_init(|| numbered::Outline::new(self.document))
    }

    /// The boxes at the margin and one list deeper.
    fn boxes(&self) -> &[boxes::Boxed] {
        self.boxes.get_or_init(|| boxes::find(self.document))
    }

    /// Whether the file's own name, without its suffixes, says something.
    fn name_says(&self, says: &dyn Fn(&str) -> bool) -> bool {
        let name = self.path.rsplit(['/', '\\']).next().unwrap_or("");
        says(&name.split('.').next().unwrap_or("").replace('_', " "))
    }
}

/// The shell fences within a range, with their text and their places.
pub fn shell_fences(document: &Document, within: &Range<usize>) -> Vec<(String, Range<usize>)> {
    let first = document.blocks.partition_point(|block| block.range.start < within.start);
    let inside = document.blocks[first..].iter().take_while(|block| block.range.start < within.end);
    inside
        .filter(|block| block.kind == Kind::Code { fenced: true } && shell::is_shell(explicit::info(document, block)))
        .map(|block| (explicit::code(document, block), block.range.clone()))
        .collect()
}

/// A way in which plans are written.
pub trait Dialect: Sync {
    /// Its name in the plan's line.
    fn name(&self) -> &'static str;

    /// What the order of its tasks means for those that do not say what they wait for.
    fn order(&self) -> Order;

    /// Reads a document. `None` when it is not one of this dialect, or has no tasks in it.
    fn read(&self, source: &Source) -> Option<Reading>;
}

/// The dialects in the order in which they are asked: the first that reads a task wins. So those that are known by
/// something of their own go before those that read what is left.
pub const DIALECTS: [&dyn Dialect; 10] = [
    &taskmaster::TaskMaster,
    &plan_and_execute::PlanAndExecute,
    &cursor::Cursor,
    &ralphex::Ralphex,
    &superpowers::Superpowers,
    &speckit::SpecKit,
    &kiro::Kiro,
    &openspec::OpenSpec,
    &phases::Phases,
    &checklist::Checklist,
];

/// Reads a document with the first dialect that knows it, or with the one that is named.
pub fn read(document: &Document, input: &Input, only: Option<&str>) -> Option<(&'static dyn Dialect, Reading)> {
    let source = Source {
        document,
        explicit: only.is_some(),
        path: &input.path,
        outline: OnceCell::new(),
        boxes: OnceCell::new(),
    };
    DIALECTS
        .iter()
        .filter(|dialect| only.is_none_or(|name| name == dialect.name()))
        .find_map(|dialect| dialect.read(&source).map(|reading| (*dialect, reading)))
}
