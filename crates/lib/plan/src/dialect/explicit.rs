//! The fields that a task states itself, the same in every dialect that labels them.

use std::ops::Range;

use super::numbered::Opener;
use crate::backend::{self, Wish};
use crate::draft::{Draft, Field as Unclarity, Twice, Unclear, Written};
use crate::field::{Field, Label, item_of, one_line};
use crate::markdown::{Block, Document, Kind, code_text};
use crate::{criteria, files, minutes, needs, shell};

/// Reads all stated fields into a draft.
pub fn read(document: &Document, fields: &[Field], draft: &mut Draft) {
    files::read(document, fields, draft);
    criteria::read(document, fields, draft);
    needs::read(document, fields, draft);
    commands(document, fields, draft);
    given_twice(document, fields, draft);
    for field in fields {
        let value = || first_text(document, field);
        match field.label {
            Label::Objective if draft.objective.is_none() => {
                if let Some(place) = value() {
                    draft.objective = Some(Written::new(one_line(document.slice(&place)), place));
                }
            }
            Label::Backend | Label::Owner if draft.backend.is_none() => {
                let Some(place) = value() else { continue };
                match backend::read(document.slice(&place)) {
                    Wish::One(wish) => draft.backend = Some(Written::new(wish, place)),
                    Wish::Unclear if field.label == Label::Backend => {
                        draft.unclear.push(Unclear { field: Unclarity::Backend, place });
                    }
                    Wish::Unclear => {}
                }
            }
            Label::WorkType if draft.work_type.is_none() => {
                let Some(place) = value() else { continue };
                // `Type: feature` is somebody's own word and no wish.
                let ours = document.slice(&field.name).to_lowercase().contains("work");
                match backend::work_type(document.slice(&place)) {
                    Some(kind) => draft.work_type = Some(Written::new(kind, place)),
                    None if ours => draft.unclear.push(Unclear { field: Unclarity::WorkType, place }),
                    None => {}
                }
            }
            Label::Estimate if draft.minutes.is_none() => {
                let Some(place) = value() else { continue };
                match minutes::read(document.slice(&place)) {
                    Some(estimate) => draft.minutes = Some(Written::new(estimate, place)),
                    None => draft.unclear.push(Unclear { field: Unclarity::Estimate, place }),
                }
            }
            Label::Constraints => draft.constraints.extend(entries(document, field)),
            Label::Output if draft.output.is_none() => {
                draft.output = value().map(|place| one_line(document.slice(&place)));
            }
            _ => {}
        }
    }
    model(document, fields, draft);
}

/// Notes the labels that say again what an earlier one said: only one value counts, and which one is nobody's guess.
fn given_twice(document: &Document, fields: &[Field], draft: &mut Draft) {
    const SINGLE: [Label; 6] =
        [Label::Objective, Label::Backend, Label::Model, Label::WorkType, Label::Estimate, Label::Output];
    let mut first: [Option<&Field>; SINGLE.len()] = [None; SINGLE.len()];
    for field in fields {
        let Some(at) = SINGLE.iter().position(|label| *label == field.label) else { continue };
        // `Type: feature` in a step is somebody's own word.
        let ours = field.label != Label::WorkType || document.slice(&field.name).to_lowercase().contains("work");
        if !ours || document.blocks[field.block].depth > 1 || first_text(document, field).is_none() {
            continue;
        }
        match first[at] {
            Some(first) => {
                draft.twice.push(Twice { first: first.name.clone(), again: field.name.clone() });
            }
            None => first[at] = Some(field),
        }
    }
}

/// A model in a field of its own says which one of the backend's, or which backend.
fn model(document: &Document, fields: &[Field], draft: &mut Draft) {
    let Some(place) =
        fields.iter().find(|field| field.label == Label::Model).and_then(|field| first_text(document, field))
    else {
        return;
    };
    let value = document.slice(&place);
    if let Some(backend) = &mut draft.backend {
        backend.value = backend::with_model(&backend.value, value);
        return;
    }
    let stated = draft.unclear.iter().any(|unclear| unclear.field == Unclarity::Backend);
    if let (Wish::One(wish), false) = (backend::read(value), stated) {
        draft.backend = Some(Written::new(wish, place));
    }
}

/// The value of a field: what is written behind the label, or else the first text below it.
fn first_text(document: &Document, field: &Field) -> Option<Range<usize>> {
    let value = needs::trimmed(document, &field.value);
    if !value.is_empty() {
        return Some(value);
    }
    let below = &document.blocks[field.blocks.clone()];
    below.iter().find(|block| block.kind == Kind::Paragraph && !block.inner.is_empty()).map(|block| block.inner.clone())
}

/// The entries of a list, or the one value behind the label.
fn entries(document: &Document, field: &Field) -> Vec<String> {
    let value = one_line(document.slice(&field.value));
    let mut entries: Vec<String> = Vec::new();
    if !value.is_empty() && !files::says_none(&value) {
        entries.push(value);
    }
    let depth = document.blocks[field.block].depth;
    for index in field.blocks.clone() {
        let block = &document.blocks[index];
        if block.kind == Kind::Paragraph && block.depth == depth + 1 && item_of(document, index).is_some() {
            entries.push(one_line(document.inner(block)));
        } else if block.kind == Kind::Paragraph && block.depth == depth {
            break;
        }
    }
    entries
}

/// Constraints that the plan states once for all its tasks.
///
/// They are carried into every task, because an executor sees one task only; a section that is longer than this is a
/// chapter and not a list of rules.
const MAX_SHARED: usize = 8 << 10;

/// The entries of the `Constraints` sections outside the tasks.
pub fn shared_constraints(document: &Document, openers: &[Opener]) -> Vec<String> {
    let mut shared = Vec::new();
    let mut openers = openers.iter().peekable();
    let mut index = 0;
    while index < document.blocks.len() {
        while openers.peek().is_some_and(|opener| opener.blocks.end <= index) {
            openers.next();
        }
        if let Some(opener) = openers.peek()
            && opener.blocks.start <= index
        {
            index = opener.blocks.end.max(index + 1);
            continue;
        }
        let block = &document.blocks[index];
        index += 1;
        let heading = matches!(block.kind, Kind::Heading(_)) && !block.quoted && block.depth == 0;
        if !heading || crate::field::label(document.inner(block)) != Some(Label::Constraints) {
            continue;
        }
        while index < document.blocks.len() && !matches!(document.blocks[index].kind, Kind::Heading(_)) {
            let block = &document.blocks[index];
            if block.kind == Kind::Paragraph && block.depth == 1 && item_of(document, index).is_some() {
                shared.push(one_line(document.inner(block)));
            }
            index += 1;
        }
    }
    if shared.iter().map(String::len).sum::<usize>() > MAX_SHARED {
        shared.clear();
    }
    shared
}

/// The constraints of the plan hold for each of its tasks.
pub fn add_shared(draft: &mut Draft, shared: &[String]) {
    if !shared.is_empty() {
        draft.constraints.extend_from_slice(shared);
        draft.infer("constraints");
    }
}

/// The commands of `Commands` fields: code spans, list entries and fences, all of them.
fn commands(document: &Document, fields: &[Field], draft: &mut Draft) {
    for field in fields.iter().filter(|field| field.label == Label::Commands) {
        let before = (draft.commands.len(), draft.unclear.len());
        let own = &document.blocks[field.block];
        one_line_of_commands(document, own, &field.value, draft);
        for index in field.blocks.clone() {
            let block = &document.blocks[index];
            match block.kind {
                Kind::Code { .. } => fenced(document, block, draft),
                Kind::Paragraph if item_of(document, index).is_some() => {
                    one_line_of_commands(document, block, &block.inner, draft);
                }
                Kind::Paragraph if block.depth == own.depth && draft.commands.len() > before.0 => break,
                _ => {}
            }
        }
        // A label with nothing behind it was forgotten; that is not the word "none".
        let said = first_text(document, field).is_some_and(|place| files::says_none(document.slice(&place)));
        if said && (draft.commands.len(), draft.unclear.len()) == before {
            draft.none.push("commands");
        }
    }
}

/// The full stop of a sentence goes; the dots of `./...` stay.
fn without_full_stop(text: &str) -> &str {
    match text.strip_suffix('.') {
        Some(rest) if rest.ends_with(|last: char| last.is_alphanumeric() || "'\")]}".contains(last)) => rest,
        _ => text,
    }
}

fn fenced(document: &Document, block: &Block, draft: &mut Draft) {
    for command in shell::commands(&code(document, block)) {
        draft.commands.push(Written::new(command, block.range.clone()));
    }
}

/// A value or an entry: its code spans, or all of it where there are none.
fn one_line_of_commands(document: &Document, block: &Block, range: &Range<usize>, draft: &mut Draft) {
    let text = document.slice(range).trim();
    let mut spans = document.codes(block, range).peekable();
    if spans.peek().is_none() {
        if text.is_empty() || files::says_none(text) {
            return;
        }
        let place = needs::trimmed(document, range);
        // A sentence in a shell does whatever its first word does, and "run the tests" proves nothing.
        if shell::reads_like_command(text) {
            draft.commands.push(Written::new(without_full_stop(text).to_owned(), place));
        } else {
            draft.unclear.push(Unclear { field: Unclarity::Commands, place });
        }
        return;
    }
    let mut position = range.start;
    for span in spans {
        // Only the first span and those joined to it: what follows prose explains.
        let between = document.text[position..span.range.start].trim().trim_matches([',', ';', '$', '&']).trim();
        let joined = position == range.start || matches!(between, "" | "and" | "then" | ", then" | "und");
        if !joined {
            break;
        }
        position = span.range.end;
        let command = one_line(code_text(document.slice(&span.range)));
        let command = command.strip_prefix("$ ").unwrap_or(&command);
        if !command.is_empty() {
            draft.commands.push(Written::new(command.to_owned(), span.range.clone()));
        }
    }
}

/// The text of a code block, without its fences and its indentation.
pub fn code(document: &Document, block: &Block) -> String {
    let raw = document.slice(&block.range);
    let start = block.range.start;
    let line_start = document.text[..start].rfind('\n').map_or(0, |end| end + 1);
    let indent = start - line_start;
    let fenced = block.kind == Kind::Code { fenced: true };
    let mut lines: Vec<&str> = raw.lines().collect();
    if fenced {
        if lines.len() > 1 && crate::fence::is_closed(raw) {
            lines.pop();
        }
        lines.remove(0);
    }
    let mut text = String::with_capacity(raw.len());
    for line in lines {
        let blank = line.bytes().take(indent).take_while(|byte| matches!(byte, b' ' | b'\t' | b'>')).count();
        text.push_str(&line[blank..]);
        text.push('\n');
    }
    text
}

/// The info string of a code block.
pub fn info<'d>(document: &Document<'d>, block: &Block) -> &'d str {
    let raw = document.slice(&block.range);
    raw.lines().next().unwrap_or("").trim_start_matches(['`', '~']).trim()
}
