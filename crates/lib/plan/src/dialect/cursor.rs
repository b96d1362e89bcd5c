//! Plans of Cursor: `.plan.md` with the tasks as `todos` in the front matter, or as boxes under a heading `To-dos`.

use std::ops::Range;

use super::boxes::{self, Boxed};
use super::{Dialect, Order, Source};
use crate::draft::{Draft, Need, Reading, Written};
use crate::field::one_line;
use crate::markdown::{Document, Kind};

/// The layout of Cursor.
pub struct Cursor;

impl Dialect for Cursor {
    fn name(&self) -> &'static str {
        "cursor"
    }

    fn order(&self) -> Order {
        Order::AsWritten
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let todos = todos(document);
        let drafts: Vec<Draft> =
            todos.iter().enumerate().filter_map(|(index, todo)| draft(document, todo, index)).collect();
        if drafts.is_empty() { below_heading(source) } else { Some(Reading::of(drafts)) }
    }
}

/// The boxes under a heading `To-dos`, where earlier versions kept them.
fn below_heading(source: &Source) -> Option<Reading> {
    let document = source.document;
    let is_list = |boxed: &&Boxed| {
        let heading = boxed.heading.map_or("", |heading| document.inner(&document.blocks[heading]));
        let name = heading.trim_end_matches(':').to_lowercase();
        boxed.depth == 1 && ["to-dos", "todos", "to-do", "todo", "to-do list", "todo list"].contains(&name.as_str())
    };
    let boxes: Vec<&Boxed> = source.boxes().iter().filter(is_list).collect();
    let title = document.blocks.iter().find(|block| matches!(block.kind, Kind::Heading(_)));
    // Under a title `Todo` there is nothing but a list.
    let own = boxes
        .first()
        .and_then(|first| first.heading)
        .is_some_and(|heading| title.is_some_and(|title| title.range != document.blocks[heading].range));
    if boxes.len() < 2 || !own || boxes.iter().any(|boxed| boxed.has_code()) || !source.outline().tasks.is_empty() {
        return None;
    }
    let openers = boxes::openers(document, &boxes, false);
    let mut reading = boxes::drafts(document, &openers, |index| Some((index + 1).to_string()));
    for draft in &mut reading.drafts {
        draft.section = None;
    }
    Some(reading)
}

/// One entry of the list.
#[derive(Default)]
struct Todo {
    /// Its lines.
    place: Range<usize>,
    id: Option<Range<usize>>,
    /// What is to be done, in one or more pieces where it is folded.
    content: Vec<Range<usize>>,
    status: Option<Range<usize>>,
    needs: Vec<Range<usize>>,
}

/// The entries below `todos:`. Cursor writes these lines itself, always in the same form: one key a line.
fn todos(document: &Document) -> Vec<Todo> {
    let front = document.front_matter.clone();
    let text = document.slice(&front);
    let mut todos: Vec<Todo> = Vec::new();
    let mut inside = false;
    let mut dash = 0;
    let mut key = "";
    let mut position = front.start;
    for line in text.split_inclusive('\n') {
        let start = position;
        position += line.len();
        let content = line.trim();
        let indent = line.len() - line.trim_start().len();
        if !inside {
            inside = indent == 0 && content == "todos:";
            continue;
        }
        if content.is_empty() {
            continue;
        }
        let end = start + line.trim_end().len();
        // The next key of the front matter.
        if indent == 0 && !content.starts_with('-') {
            break;
        }
        let begins = content.starts_with("- ") && (todos.is_empty() || indent == dash);
        let body = start + indent + if begins { 2 } else { 0 };
        if begins {
            dash = indent;
            todos.push(Todo { place: start..end, ..Todo::default() });
        }
        let Some(todo) = todos.last_mut() else { continue };
        todo.place.end = end;
        let rest = &document.text[body..end];
        let named = rest.split_once(':').filter(|(name, value)| {
            let known = ["id", "content", "status", "dependencies", "activeForm", "priority"].contains(name);
            known && (value.is_empty() || value.starts_with(' '))
        });
        let value = named.map_or(rest, |(_, value)| value);
        if let Some((name, _)) = named {
            key = name;
        }
        let place = end - value.trim_start().len()..end;
        let folded = matches!(value.trim(), ">" | ">-" | "|" | "|-" | "");
        match key {
            "id" if named.is_some() => todo.id = Some(place),
            "content" if !folded => todo.content.push(place),
            "status" if named.is_some() => todo.status = Some(place),
            "dependencies" if !folded => {
                let list = document.slice(&place).trim_start_matches("- ").trim_matches(['[', ']']);
                for need in
                    list.split(',').map(|need| need.trim().trim_matches(['"', '\''])).filter(|need| !need.is_empty())
                {
                    let at = need.as_ptr() as usize - document.text.as_ptr() as usize;
                    todo.needs.push(at..at + need.len());
                }
            }
            _ => {}
        }
    }
    todos
}

fn draft(document: &Document, todo: &Todo, index: usize) -> Option<Draft> {
    let scalar = |place: &Range<usize>| unquoted(document.slice(place));
    let content: Vec<String> = todo.content.iter().map(scalar).collect();
    let content = one_line(&content.join(" "));
    if content.is_empty() {
        return None;
    }
    let id = todo.id.as_ref().map(scalar).filter(|id| !id.is_empty());
    let status = todo.status.as_ref().map(scalar);
    let mut draft = Draft {
        id: id.clone().unwrap_or_else(|| (index + 1).to_string()),
        id_place: todo.id.clone().unwrap_or(todo.place.clone()),
        title: content.clone(),
        opening: todo.place.clone(),
        body: todo.place.clone(),
        checked: status.is_some_and(|status| ["completed", "done", "cancelled"].contains(&status.as_str())),
        status: todo.status.clone().map(|place| (place, "completed")),
        text: Some(content),
        ..Draft::default()
    };
    if id.is_none() {
        draft.infer("id");
    }
    for need in &todo.needs {
        draft.needs.push(Written::new(Need::One(document.slice(need).to_owned()), need.clone()));
    }
    Some(draft)
}

/// A scalar without its quotes.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    let double = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let single = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    match (double, single) {
        (Some(inner), _) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        (_, Some(inner)) => inner.replace("''", "'"),
        _ => value.to_owned(),
    }
}
