//! Ticking tasks off: the same text with other marks in its boxes, and nothing else changed.

use std::ops::Range;

use crate::parsed::Parsed;

/// A text with tasks ticked off.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ticked {
    /// The whole file, with its byte order mark where it had one.
    pub text: String,
    /// The tasks that are ticked off now and were not before.
    pub tasks: Vec<usize>,
    /// Tasks that were to be ticked off and have no box.
    pub without_box: Vec<usize>,
}

/// Ticks off the tasks that are `wanted` and not ticked off yet.
///
/// A task that is a box gets its own one ticked and those of its steps, any other task all boxes in it; optional steps,
/// `- [ ]* 1.1`, stay as they are. Where a format has a word for the state, the word is changed.
pub fn tick(parsed: &Parsed, wanted: &dyn Fn(usize) -> bool) -> Ticked {
    let text = parsed.document.text;
    let mark = parsed.input.mark();
    let mut ticked =
        Ticked { text: String::with_capacity(mark.len() + text.len()), tasks: Vec::new(), without_box: Vec::new() };
    ticked.text.push_str(mark);
    let mut position = 0;
    for (index, draft) in parsed.drafts.iter().enumerate() {
        if draft.checked || !wanted(index) {
            continue;
        }
        let marks = marks(parsed, index);
        if marks.is_empty() {
            ticked.without_box.push(index);
            continue;
        }
        ticked.tasks.push(index);
        for (place, done) in marks {
            ticked.text.push_str(&text[position..place.start]);
            ticked.text.push_str(done);
            position = place.end;
        }
    }
    ticked.text.push_str(&text[position..]);
    ticked
}

/// The places to change, with what goes there.
fn marks(parsed: &Parsed, index: usize) -> Vec<(Range<usize>, &'static str)> {
    let draft = &parsed.drafts[index];
    if let Some((place, done)) = &draft.status {
        return vec![(place.clone(), *done)];
    }
    if draft.text.is_some() {
        return Vec::new();
    }
    let document = &parsed.document;
    let bytes = document.text.as_bytes();
    let first = document.ticks.partition_point(|tick| *tick < draft.body.start);
    let inside = document.ticks[first..].iter().take_while(|tick| **tick < draft.body.end);
    inside
        .enumerate()
        .filter(|(at, tick)| {
            let open = b" \t\n\r-~/>!?".contains(&bytes[**tick]);
            let behind = document.text[**tick + 1..].trim_start_matches(']');
            let optional = behind.starts_with('*') || behind.starts_with("\\*");
            // Where its boxes say whether a task is done, all of them have to say so.
            open && (!optional || !draft.is_box || *at == 0)
        })
        .map(|(_, tick)| (*tick..*tick + 1, "x"))
        .collect()
}
