//! Tasks that are opened by the word "task" and a number, as a heading, a bold line or a list item.

use std::ops::Range;

use super::boxes::beginning;
use crate::draft::Draft;
use crate::field::{self, Field, item_of, one_line};
use crate::markdown::{Document, Kind, Mark};
use crate::opener::{self, Opening, Word};
use crate::spread;

/// How a task is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A heading of this level.
    Heading(u8),
    /// A paragraph that begins in bold.
    Bold,
    /// A list item.
    Item,
}

/// A line that opens a task, and the blocks of the task.
#[derive(Clone, Debug)]
pub struct Opener {
    /// How.
    pub form: Form,
    /// The block of the line.
    pub block: usize,
    /// What the line says; its ranges are places in the file.
    pub opening: Opening,
    /// The headings above it, from the outermost to the nearest, as blocks.
    pub section: Option<usize>,
    /// The task's blocks, the opening one first.
    pub blocks: Range<usize>,
}

/// The candidates of a document, and the tasks among them with their fields.
pub struct Outline {
    /// Every opener, whatever its word.
    pub candidates: Vec<Opener>,
    /// The openers of tasks.
    pub tasks: Vec<Opener>,
    /// The fields of each task.
    pub fields: Vec<Vec<Field>>,
}

impl Outline {
    /// Finds them.
    pub fn new(document: &Document) -> Self {
        let candidates = candidates(document);
        let tasks = tasks(document, &candidates);
        let fields = fields(document, &tasks);
        Self { candidates, tasks, fields }
    }
}

/// The fields of each opener's blocks.
pub fn fields(document: &Document, openers: &[Opener]) -> Vec<Vec<Field>> {
    spread::map(openers.len(), document.text.len(), |index| field::read(document, openers[index].blocks.clone()))
}

/// Every opener of a document that is not inside something else, whatever its word.
fn candidates(document: &Document) -> Vec<Opener> {
    let mut found = Vec::new();
    // The last heading of each level that is still open.
    let mut open: [Option<usize>; 7] = [None; 7];
    for (index, block) in document.blocks.iter().enumerate() {
        if block.quoted || block.inner.is_empty() {
            continue;
        }
        let text = document.inner(block);
        let form = match block.kind {
            Kind::Heading(level) if block.depth == 0 => Form::Heading(level),
            Kind::Paragraph if block.depth == 0 && text.starts_with("**") => Form::Bold,
            Kind::Paragraph if block.depth == 1 && item_of(document, index).is_some() => Form::Item,
            _ => continue,
        };
        // A paragraph opens a task with its first line; a long item is one anyway.
        let line = if form == Form::Bold { text.lines().next().unwrap_or("") } else { text };
        let section = match form {
            Form::Heading(level) => open[..usize::from(level)].iter().rev().find_map(|open| *open),
            _ => open.iter().rev().find_map(|open| *open),
        };
        let heading = matches!(form, Form::Heading(_));
        // An item that is neither bold nor boxed is an entry of some list.
        let marked = heading || line.contains("**") || boxed(document, index);
        if marked && let Some(mut opening) = opener::read(line, heading).or_else(|| opener::read_code(line)) {
            let base = block.inner.start;
            opening.id = base + opening.id.start..base + opening.id.end;
            opening.title = base + opening.title.start..base + opening.title.end;
            found.push(Opener { form, block: index, opening, section, blocks: index..index });
        }
        if let Form::Heading(level) = form {
            open[usize::from(level)] = Some(index);
            open[usize::from(level) + 1..].fill(None);
        }
    }
    found
}

fn boxed(document: &Document, index: usize) -> bool {
    item_of(document, index).is_some_and(|item| matches!(item.kind, Kind::Item(mark) if mark != Mark::None))
}

/// The tasks among the candidates.
fn tasks(document: &Document, candidates: &[Opener]) -> Vec<Opener> {
    let all: Vec<&Opener> = candidates.iter().filter(|opener| opener.opening.word == Word::Task).collect();
    let is_heading = |opener: &&&Opener| matches!(opener.form, Form::Heading(_));
    // The same task may stand in an overview and as a heading: the heading is the task.
    let form = all
        .iter()
        .find(is_heading)
        .or_else(|| all.iter().find(|opener| opener.form == Form::Bold))
        .or_else(|| all.first())
        .map(|opener| opener.form);
    let same_form = |opener: &Opener| match (form, opener.form) {
        (Some(Form::Heading(_)), Form::Heading(_)) => true,
        (form, own) => form == Some(own),
    };
    let mut tasks: Vec<Opener> = all.into_iter().filter(|opener| same_form(opener)).cloned().collect();
    // `Task 3 summary` beside `Task 3: Title` is not a task.
    if tasks.iter().any(|task| task.opening.separated) {
        tasks.retain(|task| task.opening.separated);
    }
    without_groups(document, &mut tasks);
    set_extents(document, &mut tasks);
    tasks
}

/// A task heading with deeper task headings inside is a group when their numbers continue its own, and always at
/// level 1, where it is the title of the document.
fn without_groups(document: &Document, tasks: &mut Vec<Opener>) {
    let level = |opener: &Opener| if let Form::Heading(level) = opener.form { level } else { u8::MAX };
    let mut group = vec![false; tasks.len()];
    let mut open: Vec<usize> = Vec::new();
    for index in 0..tasks.len() {
        while open.last().is_some_and(|outer| level(&tasks[*outer]) >= level(&tasks[index])) {
            open.pop();
        }
        if let Some(outer) = open.last() {
            let id = document.slice(&tasks[index].opening.id);
            let outer_id = document.slice(&tasks[*outer].opening.id);
            let continues =
                id.strip_prefix(outer_id).is_some_and(|rest| rest.starts_with(|next: char| !next.is_ascii_digit()));
            if level(&tasks[*outer]) == 1 || continues {
                group[*outer] = true;
            }
        }
        open.push(index);
    }
    let mut index = 0;
    tasks.retain(|_| {
        index += 1;
        !group[index - 1]
    });
}

/// A task ends where the next one begins, or at the next heading that is not below it.
pub fn set_extents(document: &Document, tasks: &mut [Opener]) {
    for at in 0..tasks.len() {
        let task = &tasks[at];
        let limit = tasks.get(at + 1).map_or(document.blocks.len(), first_block);
        let start = first_block(task);
        let end = match task.form {
            Form::Item => {
                let item_end = document.blocks[start].range.end;
                (task.block + 1..limit).find(|index| document.blocks[*index].range.start >= item_end)
            }
            form => (task.block + 1..limit).find(|index| {
                let block = &document.blocks[*index];
                let Kind::Heading(level) = block.kind else { return false };
                let below = matches!(form, Form::Heading(own) if level > own);
                block.depth == 0 && !block.quoted && !below
            }),
        };
        tasks[at].blocks = task.block..end.unwrap_or(limit);
    }
}

/// For a list item the item itself, which comes before its text.
fn first_block(opener: &Opener) -> usize {
    if opener.form == Form::Item { opener.block - 1 } else { opener.block }
}

/// What every task has, whatever its fields: number, title, place, ticks.
pub fn draft(document: &Document, opener: &Opener) -> Draft {
    let opening = &opener.opening;
    let line = &document.blocks[opener.block];
    let title = title(document, opener);
    let (boxes, ticked) =
        document.blocks[opener.blocks.start + 1..opener.blocks.end].iter().fold((0, 0), |(boxes, ticked), block| {
            match block.kind {
                Kind::Item(Mark::Open) => (boxes + 1, ticked),
                Kind::Item(Mark::Ticked) => (boxes + 1, ticked + 1),
                _ => (boxes, ticked),
            }
        });
    let item = item_of(document, opener.block).filter(|_| opener.form == Form::Item);
    let own_box = item.is_some_and(|item| item.kind == Kind::Item(Mark::Ticked));
    Draft {
        id: document.slice(&opening.id).to_owned(),
        id_place: opening.id.clone(),
        section: opener.section.map(|index| section_name(document.inner(&document.blocks[index]))),
        title,
        untitled: opening.title.is_empty(),
        opening: line.inner.clone(),
        body: body(document, opener),
        is_box: item.is_some_and(|item| item.kind != Kind::Item(Mark::None)),
        checked: opening.done || own_box || (boxes > 0 && boxes == ticked),
        ..Draft::default()
    }
}

fn title(document: &Document, opener: &Opener) -> String {
    let opening = &opener.opening;
    if opening.title.is_empty() {
        let line = document.inner(&document.blocks[opener.block]).trim_matches('*');
        return one_line(line.trim_end_matches([':', '：', '-', '—', '–', '.', ' ']));
    }
    let title = one_line(document.slice(&opening.title));
    // An item is a paragraph: its first sentence is the title.
    match title.find(". ") {
        Some(end) if opener.form == Form::Item && title.len() > 120 => title[..end].to_owned(),
        _ => title,
    }
}

/// `Chunk 2: Server` is section `chunk-2`; other headings are shortened to their words.
fn section_name(heading: &str) -> String {
    let heading = beginning(heading);
    let text = match opener::read(heading, true) {
        Some(opening) => &heading[..opening.id.end],
        None => heading,
    };
    let mut name = String::new();
    for word in text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).take(6) {
        if !name.is_empty() {
            name.push('-');
        }
        name.extend(word.chars().flat_map(char::to_lowercase));
    }
    name
}

/// From the beginning of the first line to the end of the last one that says something.
fn body(document: &Document, opener: &Opener) -> Range<usize> {
    let first = &document.blocks[first_block(opener)];
    let before = &document.text[..first.range.start];
    let indent = before.len() - before.trim_end_matches([' ', '\t']).len();
    let start = first.range.start - indent;
    let mut end = if opener.form == Form::Item {
        let last = document.blocks[opener.blocks.clone()].last();
        let end = last.map_or(first.range.end, |last| last.range.end.max(first.range.end));
        // A task among the items below it ends it.
        document.blocks.get(opener.blocks.end).map_or(end, |next| end.min(next.range.start))
    } else {
        let next = document.blocks.get(opener.blocks.end);
        next.map_or(document.text.len(), |block| block.range.start)
    };
    // The rule between two tasks belongs to neither.
    for block in document.blocks[opener.blocks.clone()].iter().rev() {
        match block.kind {
            Kind::Rule
                if block.depth == 0 && document.text[block.range.start..end].trim().len() <= block.range.len() =>
            {
                end = block.range.start;
            }
            _ => break,
        }
    }
    let text = document.text.get(start..end).unwrap_or("");
    start..start + text.trim_end().len()
}
