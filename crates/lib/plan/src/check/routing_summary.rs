//! The table that sums up who does what must say what the tasks say.

use std::ops::Range;

use super::Defect;
use super::rule::{
    NO_SUMMARY, SUMMARY_BACKEND, SUMMARY_EXTRA, SUMMARY_MISSING, SUMMARY_WORK_TYPE, UNCLEAR_BACKEND, UNCLEAR_WORK_TYPE,
};
use crate::backend::{self, Wish};
use crate::files::says_none;
use crate::markdown::{Block, Document, Kind};
use crate::opener;
use crate::parsed::Parsed;

/// What a column holds.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Task,
    WorkType,
    Backend,
    Model,
    Other,
}

/// Adds the defects of the routing summary, or that there is none.
pub fn check(parsed: &Parsed, defects: &mut Vec<Defect>) {
    let document = &parsed.document;
    let Some((heading, table)) = find(document) else {
        let end = document.line_range(1).end;
        defects.push(Defect::new(&NO_SUMMARY, "the plan has no table under a heading `Routing summary`", 0..end));
        return;
    };
    let rows = rows(document, table);
    let Some((head, rows)) = rows.split_first() else { return };
    let columns: Vec<Column> = head.iter().map(|cell| column(document.slice(cell))).collect();
    let cell = |row: &[Range<usize>], wanted: Column| -> Option<Range<usize>> {
        let index = columns.iter().position(|column| *column == wanted)?;
        row.get(index).cloned()
    };
    let mut seen = vec![false; parsed.drafts.len()];
    for row in rows {
        let Some(task) = cell(row, Column::Task).or_else(|| row.first().cloned()) else { continue };
        let Some(number) = number(document.slice(&task)) else { continue };
        let Some(index) = parsed.names.find(number) else {
            let message = format!("the plan has no task {number}");
            defects.push(Defect::new(&SUMMARY_EXTRA, message, task).about(number));
            continue;
        };
        seen[index] = true;
        let backend = cell(row, Column::Backend);
        let model = cell(row, Column::Model);
        backend_against_task(parsed, index, backend, model.as_ref(), defects);
        work_type_against_task(parsed, index, cell(row, Column::WorkType), defects);
    }
    for (index, _) in seen.iter().enumerate().filter(|(_, seen)| !**seen) {
        let id = &parsed.names.ids[index];
        let message = format!("the routing summary has no row for task {id}");
        defects.push(Defect::new(&SUMMARY_MISSING, message, heading.clone()).of(id));
    }
}

fn backend_against_task(
    parsed: &Parsed,
    index: usize,
    backend: Option<Range<usize>>,
    model: Option<&Range<usize>>,
    defects: &mut Vec<Defect>,
) {
    let document = &parsed.document;
    let draft = &parsed.drafts[index];
    let id = &parsed.names.ids[index];
    let text = |place: &Range<usize>| document.slice(place).trim();
    if let Some(place) = backend.or_else(|| model.cloned()).filter(|place| !says_none(text(place))) {
        match (backend::read(text(&place)), &draft.backend) {
            (Wish::Unclear, _) => {
                defects.push(
                    Defect::new(&UNCLEAR_BACKEND, format!("task {id}: which backend is not clear"), place).of(id),
                );
            }
            (Wish::One(wish), Some(stated)) => {
                let wish = match model {
                    Some(model) => backend::with_model(&wish, text(model)),
                    None => wish,
                };
                if !agree(&wish, &stated.value) {
                    let line = document.line(stated.place.start);
                    let message = format!("the summary says {wish}, task {id} says {} in line {line}", stated.value);
                    defects.push(Defect::new(&SUMMARY_BACKEND, message, place).of(id));
                }
            }
            // The task without a backend is told on its own.
            (Wish::One(_), None) => {}
        }
    }
}

fn work_type_against_task(parsed: &Parsed, index: usize, work_type: Option<Range<usize>>, defects: &mut Vec<Defect>) {
    let document = &parsed.document;
    let draft = &parsed.drafts[index];
    let id = &parsed.names.ids[index];
    let text = |place: &Range<usize>| document.slice(place).trim();
    if let Some(place) = work_type.filter(|place| !says_none(text(place))) {
        match (backend::work_type(text(&place)), &draft.work_type) {
            (None, _) => {
                defects
                    .push(Defect::new(&UNCLEAR_WORK_TYPE, format!("task {id}: this is not a work type"), place).of(id));
            }
            (Some(kind), Some(stated)) if kind != stated.value => {
                let line = document.line(stated.place.start);
                let message = format!("the summary and task {id} (line {line}) name different work types");
                defects.push(Defect::new(&SUMMARY_WORK_TYPE, message, place).of(id));
            }
            _ => {}
        }
    }
}

/// The same backend, and not two different models.
fn agree(one: &str, other: &str) -> bool {
    match (one.split_once(':'), other.split_once(':')) {
        (Some(one), Some(other)) => one == other,
        (one_parts, other_parts) => {
            one_parts.map_or(one, |parts| parts.0) == other_parts.map_or(other, |parts| parts.0)
        }
    }
}

/// The heading and the blocks of the table below it.
fn find(document: &Document) -> Option<(Range<usize>, Range<usize>)> {
    let is_summary = |block: &Block| {
        let text = document.inner(block).to_lowercase();
        matches!(block.kind, Kind::Heading(_))
            && !block.quoted
            && (text.contains("routing summary") || text.contains("routing table") || text.trim() == "routing")
    };
    let heading = document.blocks.iter().position(is_summary)?;
    let behind = &document.blocks[heading + 1..];
    let start = behind.iter().position(|block| !matches!(block.kind, Kind::Paragraph | Kind::Html))?;
    if !matches!(behind[start].kind, Kind::Row { .. }) {
        return None;
    }
    let length = behind[start..].iter().position(|block| !matches!(block.kind, Kind::Row { .. } | Kind::Cell));
    let start = heading + 1 + start;
    let end = length.map_or(document.blocks.len(), |length| start + length);
    Some((document.blocks[heading].inner.clone(), start..end))
}

/// The cells of each row.
fn rows(document: &Document, table: Range<usize>) -> Vec<Vec<Range<usize>>> {
    let mut rows: Vec<Vec<Range<usize>>> = Vec::new();
    for block in &document.blocks[table] {
        match block.kind {
            Kind::Row { .. } => rows.push(Vec::new()),
            Kind::Cell => {
                if let Some(row) = rows.last_mut() {
                    row.push(block.inner.clone());
                }
            }
            _ => {}
        }
    }
    rows
}

fn column(name: &str) -> Column {
    let name = name.trim().trim_matches(['*', '`']).to_lowercase().replace(['_', '-'], " ");
    match name.as_str() {
        "task" | "tasks" | "id" | "#" | "task id" | "no." | "nr" => Column::Task,
        "work type" | "type" | "kind" | "type of work" => Column::WorkType,
        "backend" | "executor" | "route" | "routed to" | "worker" | "routed backend" | "agent" | "backend/model"
        | "backend / model" => Column::Backend,
        "model" | "models" => Column::Model,
        _ => Column::Other,
    }
}

/// `3`, `Task 3`, `3. Title`, `Task 3: Title`.
fn number(text: &str) -> Option<&str> {
    let text = text.trim().trim_matches(['*', '`', '#', ' ']);
    if let Some(opening) = opener::read(text, false) {
        return Some(&text[opening.id]);
    }
    let end = text.find(|character: char| character.is_whitespace()).unwrap_or(text.len());
    let whole = text[..end].trim_end_matches(['.', ':', ')', ',']);
    (!whole.is_empty() && (whole.contains('/') || opener::id_length(whole) == Some(whole.len()))).then_some(whole)
}
