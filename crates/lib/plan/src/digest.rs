//! The digest of what a task asks.
//!
//! An approval is bound to it, so it must change with every edit that changes the work, and with no other: ticking a
//! box, moving the task, other line ends or blank lines around it are not work. The number counts as place: inserting
//! a task renumbers the ones behind it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use record::Task;

use crate::draft::Draft;
use crate::markdown::Document;

/// BLAKE3 over the fields and the body.
pub fn of(document: &Document, draft: &Draft, task: &Task) -> String {
    let mut fields = String::new();
    let mut add = |name: &str, value: &str| {
        fields.push_str(name);
        fields.push('\x1f');
        fields.push_str(value);
        fields.push('\x1e');
    };
    add("title", &task.title);
    add("objective", &task.objective);
    for file in &task.files {
        add(&format!("{:?}", file.action), &file.path);
    }
    for command in &task.commands {
        add("command", &command.replace("\r\n", "\n"));
    }
    for done in &task.done {
        add("done", &done.text);
    }
    // What follows from the place among the others is no work of this task's own.
    if !draft.inferred.contains(&"needs") {
        for need in &task.needs {
            add("need", need);
        }
    }
    add("backend", task.backend.as_deref().unwrap_or(""));
    add("work_type", &task.work_type.map(|kind| format!("{kind:?}")).unwrap_or_default());
    add("minutes", &task.minutes.map(|minutes| minutes.to_string()).unwrap_or_default());
    for constraint in &task.constraints {
        add("constraint", constraint);
    }
    add("output", task.output.as_deref().unwrap_or(""));
    // The opening line is the number, the title and the marks of state: the title is counted already.
    let body = match &draft.text {
        Some(text) => Cow::Borrowed(text.as_str()),
        None => normalised(document, draft.opening.end.min(draft.body.end)..draft.body.end),
    };
    record::digest([fields.as_bytes(), body.as_bytes()])
}

/// Made once: a searcher for each task would cost more than the search.
static SPACE: LazyLock<Finder> = LazyLock::new(|| Finder::new(" \n"));
static TAB: LazyLock<Finder> = LazyLock::new(|| Finder::new("\t\n"));

/// The text with open boxes, without white space at the ends of lines, with `\n`.
fn normalised<'a>(document: &'a Document, range: Range<usize>) -> Cow<'a, str> {
    let text = document.slice(&range);
    let from = document.ticks.partition_point(|tick| *tick < range.start);
    let ticks: Vec<usize> = document.ticks[from..].iter().take_while(|tick| **tick < range.end).copied().collect();
    let bytes = text.as_bytes();
    let untidy = memchr::memchr(b'\r', bytes).is_some() || SPACE.find(bytes).is_some() || TAB.find(bytes).is_some();
    if ticks.is_empty() && !untidy {
        return Cow::Borrowed(text.trim());
    }
    let mut opened = String::with_capacity(text.len());
    let mut position = range.start;
    for tick in ticks {
        opened.push_str(&document.text[position..tick]);
        opened.push(' ');
        position = tick + 1;
    }
    opened.push_str(&document.text[position..range.end]);
    if !untidy {
        return Cow::Owned(opened.trim().to_owned());
    }
    let mut tidy = String::with_capacity(opened.len());
    for line in opened.trim().lines() {
        tidy.push_str(line.trim_end());
        tidy.push('\n');
    }
    // The borrowed form has no line end at its end either.
    tidy.pop();
    Cow::Owned(tidy)
}
