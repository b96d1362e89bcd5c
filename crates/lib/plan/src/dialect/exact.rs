//! The `Record` fences of our own format: fields whose value Markdown cannot say exactly, as JSON in plain sight. They go
//! before what the labels say.

use std::ops::Range;

use record::{Done, FileRef, WorkType};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::explicit::{code, info};
use crate::draft::{Draft, Field as Unclarity, Need, Reading, Unclear, Written};
use crate::field::{self, Field, Label};
use crate::markdown::{Document, Kind};

/// Reads the fences and the `Inferred` field of a task.
pub fn read(document: &Document, fields: &[Field], draft: &mut Draft) {
    for field in fields {
        match field.label {
            Label::Inferred => {
                for name in document.slice(&field.value).split(',') {
                    if let Some(name) = inferable(name.trim()) {
                        draft.infer(name);
                    }
                }
            }
            Label::Record => {
                let Some(place) = fence(document, field.blocks.clone()) else { continue };
                let object = object(document, &place);
                let says_inferred = object.as_ref().is_some_and(|object| object.contains_key("inferred"));
                let set = object.is_some_and(|object| {
                    object.into_iter().all(|(name, value)| set(draft, &name, value, &place.1).is_some())
                });
                // An objective that was not stated is the title, whichever of the two came first.
                if says_inferred && draft.inferred.contains(&"objective") {
                    draft.objective = None;
                } else if says_inferred && draft.objective.is_none() {
                    draft.objective = Some(Written::new(draft.title.clone(), place.1));
                }
                if !set {
                    draft.unclear.push(Unclear { field: Unclarity::Record, place: field.name.clone() });
                }
            }
            _ => {}
        }
    }
}

/// Reads the fence before the first task, which begins at a block.
pub fn of_plan(document: &Document, first: usize, reading: &mut Reading) {
    let fields = field::read(document, 0..first);
    let Some(field) = fields.iter().find(|field| field.label == Label::Record) else { return };
    let Some(object) = fence(document, field.blocks.clone()).and_then(|place| object(document, &place)) else { return };
    reading.title = object.get("title").and_then(Value::as_str).map(str::to_owned);
    reading.goal = object.get("goal").map(|goal| goal.as_str().unwrap_or_default().to_owned());
}

/// The first JSON fence among blocks: its block and its bytes.
fn fence(document: &Document, blocks: Range<usize>) -> Option<(usize, Range<usize>)> {
    let block = blocks.clone().find(|index| {
        let block = &document.blocks[*index];
        block.kind == Kind::Code { fenced: true } && info(document, block) == "json"
    })?;
    Some((block, document.blocks[block].range.clone()))
}

fn object(document: &Document, (block, _): &(usize, Range<usize>)) -> Option<Map<String, Value>> {
    serde_json::from_str(&code(document, &document.blocks[*block])).ok()
}

/// Sets a field. `None` when there is no such field, or not with such a value.
fn set(draft: &mut Draft, name: &str, value: Value, place: &Range<usize>) -> Option<()> {
    fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_value(value).ok()
    }
    fn list<T: DeserializeOwned, U>(
        value: Value,
        place: &Range<usize>,
        made: impl Fn(T) -> U,
    ) -> Option<Vec<Written<U>>> {
        let all: Vec<T> = if value.is_null() { Vec::new() } else { read(value)? };
        Some(all.into_iter().map(|one| Written::new(made(one), place.clone())).collect())
    }
    let written = |text: String| Written::new(text, place.clone());
    match name {
        "id" => draft.id = read(value)?,
        "title" => draft.title = read(value)?,
        "objective" => draft.objective = Some(written(read(value)?)),
        "files" => draft.files = list(value, place, |file: FileRef| file)?,
        "commands" => draft.commands = list(value, place, |command: String| command)?,
        "done" => draft.done = list(value, place, |done: Done| done)?,
        "needs" => draft.needs = list(value, place, Need::One)?,
        "backend" => draft.backend = read::<Option<String>>(value)?.map(written),
        "work_type" => {
            draft.work_type = read::<Option<WorkType>>(value)?.map(|kind| Written::new(kind, place.clone()));
        }
        "minutes" => {
            draft.minutes = read::<Option<f64>>(value)?.map(|minutes| Written::new(minutes, place.clone()));
        }
        "checked" => draft.checked = read(value)?,
        "constraints" => draft.constraints = read::<Option<Vec<String>>>(value)?.unwrap_or_default(),
        "output" => draft.output = read(value)?,
        "inferred" => {
            let names: Vec<String> = read::<Option<Vec<String>>>(value)?.unwrap_or_default();
            draft.inferred.clear();
            for name in names {
                draft.infer(inferable(&name)?);
            }
        }
        _ => return None,
    }
    Some(())
}

/// The fields that can be inferred.
fn inferable(name: &str) -> Option<&'static str> {
    ["id", "objective", "files", "commands", "done", "needs", "constraints"].into_iter().find(|known| *known == name)
}
