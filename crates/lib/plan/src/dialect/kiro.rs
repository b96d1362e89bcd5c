//! Task lists of Kiro: `- [ ] 1. Title` with details and sub-tasks `1.1` below it, indented or not. A whole number is a
//! task; `- [ ]* 1.1` is an optional part of one.

use super::Order;
use super::boxes::{self, Boxed};
use super::{Dialect, Source};
use crate::draft::Reading;
use crate::opener::is_whole_number;

/// The layout of Kiro, and of other lists of numbered boxes.
pub struct Kiro;

impl Dialect for Kiro {
    fn name(&self) -> &'static str {
        "kiro"
    }

    fn order(&self) -> Order {
        Order::Sequence
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let margin = || source.boxes().iter().filter(|boxed| boxed.depth == 1);
        let whole: Vec<&Boxed> = margin().filter(|boxed| is_whole_number(boxed.code(document))).collect();
        let others = margin().filter(|boxed| !boxed.has_code()).count();
        if whole.is_empty() || (whole.len() == 1 && others > 0) {
            return None;
        }
        Some(boxes::drafts(document, &boxes::openers(document, &whole, true), |_| None))
    }
}
