//! Defects of structure: with one of these there is nothing that could be executed.

use std::collections::HashSet;

use super::Defect;
use super::rule::{
    CYCLE, DUPLICATE_ID, HIDDEN_TASKS, NO_TASKS, OPEN_FENCE, UNCLEAR_NEEDS, UNKNOWN_NEED, UNREADABLE_RECORD,
};
use crate::draft::Field;
use crate::fence;
use crate::markdown::{Document, Kind};
use crate::opener::{self, Word};
use crate::parsed::Parsed;

/// The defects of structure of a plan.
pub fn defects(parsed: &Parsed) -> Vec<Defect> {
    let mut defects = Vec::new();
    let names = &parsed.names;
    let document = &parsed.document;
    if parsed.drafts.is_empty() {
        defects.push(no_tasks(document));
    }
    for (index, earlier) in &names.duplicates {
        let draft = &parsed.drafts[*index];
        let line = document.line(parsed.drafts[*earlier].opening.start);
        let message = format!("task {} has the number of the task in line {line}", draft.id);
        defects.push(Defect::new(&DUPLICATE_ID, message, draft.id_place.clone()).of(&names.ids[*index]));
    }
    for (index, number, place) in &names.unknown {
        let id = &names.ids[*index];
        let message = format!("task {id} needs task {number}, which is not in the plan");
        defects.push(Defect::new(&UNKNOWN_NEED, message, place.clone()).of(id).about(number));
    }
    for circle in &names.cycles {
        let mut shown: Vec<&str> = circle.iter().take(12).map(|index| names.ids[*index].as_str()).collect();
        if circle.len() > shown.len() {
            shown.push("…");
        }
        shown.push(&names.ids[circle[0]]);
        let draft = &parsed.drafts[circle[0]];
        let place = draft.needs.first().map_or(draft.id_place.clone(), |need| need.place.clone());
        let message = format!("tasks need each other: {}", shown.join(" → "));
        defects.push(Defect::new(&CYCLE, message, place).of(&names.ids[circle[0]]));
    }
    for (draft, id) in parsed.drafts.iter().zip(&names.ids) {
        for unclear in draft.unclear.iter().filter(|unclear| unclear.field == Field::Record) {
            let message = format!("task {id}: this is not a JSON object with fields of a task");
            defects.push(Defect::new(&UNREADABLE_RECORD, message, unclear.place.clone()).of(id));
        }
    }
    hidden_tasks(parsed, &mut defects);
    defects
}

fn no_tasks(document: &Document) -> Defect {
    let end = document.line_range(1).end;
    let boxes = document
        .blocks
        .iter()
        .filter(|block| matches!(block.kind, Kind::Item(mark) if mark != crate::markdown::Mark::None))
        .count();
    let mut message =
        "no tasks: looked for headings, bold lines and list items like `### Task 1: Title`, for numbered boxes like \
         `- [ ] 1. Title` and `- [ ] T001 Title`, for lists of work, and for numbered phases, chunks or waves of an \
         implementation"
            .to_owned();
    if boxes > 0 {
        message = format!(
            "{message}; the {boxes} check boxes of this document do not look like work to do (`--from checklist` takes \
             them all the same)"
        );
    }
    Defect::new(&NO_TASKS, message, 0..end)
}

/// A fence that runs to the end of the file, with headings of tasks in it that were not read elsewhere.
fn hidden_tasks(parsed: &Parsed, defects: &mut Vec<Defect>) {
    for block in open_blocks(&parsed.document) {
        let document = &parsed.document;
        let hidden = document.slice(&block).lines().skip(1).filter(|line| hidden_id(parsed, line).is_some());
        let count = hidden.take(1000).count();
        if count > 0 {
            let message = format!(
                "this fence is never closed and hides {count} task heading{}",
                if count == 1 { "" } else { "s" }
            );
            defects.push(Defect::new(&HIDDEN_TASKS, message, first_line(document, block.start)));
        }
    }
}

/// The number of the task that a line of a fence would open, when no other task has it.
pub fn hidden_id<'l>(parsed: &Parsed, line: &'l str) -> Option<&'l str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let text = text.trim();
    let opening = (1..=5).contains(&level).then(|| opener::read(text, false)).flatten()?;
    let id = &text[opening.id.clone()];
    (opening.word == Word::Task && opening.separated && parsed.names.find(id).is_none()).then_some(id)
}

/// Fences without an end, which hide nothing that looks like a task.
pub fn open_fences(parsed: &Parsed, defects: &mut Vec<Defect>) {
    let told: HashSet<usize> =
        defects.iter().filter(|defect| defect.rule == &HIDDEN_TASKS).map(|defect| defect.place.start).collect();
    for block in open_blocks(&parsed.document) {
        let place = first_line(&parsed.document, block.start);
        if !told.contains(&place.start) {
            defects.push(Defect::new(&OPEN_FENCE, "this fence is never closed", place));
        }
    }
    for (index, place) in &parsed.names.bad_ranges {
        let id = &parsed.names.ids[*index];
        let message = format!("task {id} needs a range that is upside down or too long");
        defects.push(Defect::new(&UNCLEAR_NEEDS, message, place.clone()).of(id));
    }
}

/// Fences that run to the end of what they are in.
pub fn open_blocks<'d>(document: &'d Document) -> impl Iterator<Item = std::ops::Range<usize>> + 'd {
    document
        .blocks
        .iter()
        .filter(|block| block.kind == Kind::Code { fenced: true } && !fence::is_closed(document.slice(&block.range)))
        .map(|block| block.range.clone())
}

fn first_line(document: &Document, start: usize) -> std::ops::Range<usize> {
    start..document.line_range(document.line(start)).end.max(start)
}
