//! `tasks.json` of Task Master: JSON with `tasks`, in one or several tags, each with a list of its own.

use std::fmt::Write as _;
use std::ops::Range;

use record::Done;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Dialect, Order, Source};
use crate::draft::{Draft, Need, Reading, Written};
use crate::field::one_line;

/// Task Master's file of tasks.
pub struct TaskMaster;

/// The entries of an object in their order.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    tasks: Vec<&'a RawValue>,
}

/// A task or a subtask.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    test_strategy: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<Value>>,
    #[serde(default, borrow)]
    status: Option<&'a RawValue>,
    #[serde(default, borrow)]
    subtasks: Option<Vec<Entry<'a>>>,
}

impl Dialect for TaskMaster {
    fn name(&self) -> &'static str {
        "taskmaster"
    }

    fn order(&self) -> Order {
        Order::AsWritten
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let text = source.document.text;
        // Only JSON comes without blocks.
        if !source.document.blocks.is_empty() || !text.trim_start().starts_with('{') {
            return None;
        }
        let Entries(top) = serde_json::from_str(text).ok()?;
        let mut tags: Vec<(Option<String>, Vec<&RawValue>)> = Vec::new();
        if let Some((_, list)) = top.iter().find(|(name, _)| name == "tasks") {
            tags.push((None, serde_json::from_str(list.get()).ok()?));
        } else {
            for (name, value) in top {
                if let Ok(tag) = serde_json::from_str::<Tag>(value.get()) {
                    tags.push((Some(name), tag.tasks));
                }
            }
        }
        let mut drafts = Vec::new();
        for (tag, tasks) in tags {
            for raw in tasks {
                let entry: Entry = serde_json::from_str(raw.get()).ok()?;
                drafts.push(draft(text, raw, &entry, tag.as_deref())?);
            }
        }
        (!drafts.is_empty()).then_some(Reading::of(drafts))
    }
}

/// Where a part of the text stands in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn draft(text: &str, raw: &RawValue, entry: &Entry, tag: Option<&str>) -> Option<Draft> {
    let whole = place(text, raw.get());
    let id = number(&entry.id)?;
    let title = one_line(entry.title.as_deref().unwrap_or_default());
    let first = whole.start..whole.start + text[whole.clone()].find('\n').unwrap_or(whole.len());
    let written = |value: &str| Written::new(one_line(value), first.clone());
    let description = entry.description.as_deref().filter(|value| !value.trim().is_empty());
    let mut draft = Draft {
        untitled: title.is_empty(),
        title: if title.is_empty() { format!("Task {id}") } else { title },
        section: tag.map(str::to_owned),
        id_place: first.clone(),
        opening: first.clone(),
        objective: description.map(written),
        checked: state(entry).is_some_and(|state| ["done", "completed", "cancelled"].contains(&state.as_str())),
        status: entry.status.map(|status| (place(text, status.get()), "\"done\"")),
        text: Some(body(entry)),
        id,
        ..Draft::default()
    };
    for need in entry.dependencies.iter().flatten().filter_map(number) {
        // `3.1` is a step of task 3.
        let task = need.split('.').next().unwrap_or(&need).to_owned();
        if task != draft.id {
            draft.needs.push(Written::new(Need::One(task), first.clone()));
        }
    }
    if draft.needs.is_empty() {
        draft.none.push("needs");
    }
    if let Some(test) = entry.test_strategy.as_deref().filter(|test| !test.trim().is_empty()) {
        let done = Done { text: one_line(test), command: None, checked: draft.checked };
        draft.done.push(Written::new(done, first.clone()));
        draft.infer("done");
    }
    draft.body = whole;
    Some(draft)
}

fn number(id: &Value) -> Option<String> {
    match id {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.trim().is_empty() => Some(one_line(text)),
        _ => None,
    }
}

fn state(entry: &Entry) -> Option<String> {
    serde_json::from_str::<String>(entry.status?.get()).ok().map(|state| state.to_lowercase())
}

/// What the task says, as Markdown.
fn body(entry: &Entry) -> String {
    let mut text = String::new();
    let mut part = |part: &Option<String>| {
        if let Some(part) = part.as_deref().map(str::trim).filter(|part| !part.is_empty()) {
            text.push_str(part);
            text.push_str("\n\n");
        }
    };
    part(&entry.title);
    part(&entry.description);
    part(&entry.details);
    for (index, step) in entry.subtasks.iter().flatten().enumerate() {
        let title = one_line(step.title.as_deref().unwrap_or_default());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}. {title}", index + 1);
        for part in [&step.description, &step.details, &step.test_strategy].into_iter().flatten() {
            for line in part.trim().lines() {
                let _ = writeln!(text, "   {}", line.trim_end());
            }
        }
    }
    text.truncate(text.trim_end().len());
    text
}
