//! Task lists of OpenSpec: groups `## 1. Title`, and below each one boxes `- [ ] 1.1 Title`. A box at the margin is a
//! task, a deeper one is a step.

use super::Order;
use super::boxes::{self, Boxed};
use super::{Dialect, Source};
use crate::draft::Reading;
use crate::markdown::{Document, Kind};
use crate::opener;

/// The layout of OpenSpec.
pub struct OpenSpec;

impl Dialect for OpenSpec {
    fn name(&self) -> &'static str {
        "openspec"
    }

    fn order(&self) -> Order {
        Order::Overlap
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let margin: Vec<&Boxed> = source.boxes().iter().filter(|boxed| boxed.depth == 1).collect();
        let numbered = margin.iter().filter(|boxed| boxed.is_numbered(document)).count();
        let group = |boxed: &Boxed| boxed.heading.and_then(|heading| group_number(document, heading));
        let grouped = margin.iter().filter(|boxed| group(boxed).is_some()).count();
        // Without numbers of their own the boxes are tasks where the document is a list of tasks and nothing else.
        let list = numbered >= 2 || (grouped >= 2 && grouped * 2 > margin.len() && is_task_list(document));
        if !list {
            return None;
        }
        let tasks: Vec<&Boxed> = margin
            .into_iter()
            .filter(|boxed| {
                let aside = boxed.heading.is_some_and(|heading| {
                    group_number(document, heading).is_none()
                        && boxes::is_no_work(document.inner(&document.blocks[heading]))
                });
                boxed.is_numbered(document) || (grouped > 0 && group(boxed).is_some()) || (grouped == 0 && !aside)
            })
            .collect();
        let names = names(document, &tasks);
        Some(boxes::drafts(document, &boxes::openers(document, &tasks, false), |index| names[index].clone()))
    }
}

/// `3` of `## 3. Title`.
fn group_number<'d>(document: &Document<'d>, heading: usize) -> Option<&'d str> {
    let text = document.inner(&document.blocks[heading]);
    let length = opener::id_length(text).filter(|length| opener::is_whole_number(&text[..*length]))?;
    text[length..].starts_with(['.', ')', ':', ' ']).then_some(&text[..length])
}

/// The title says "tasks", or there is no title.
fn is_task_list(document: &Document) -> bool {
    let title = document.blocks.iter().find(|block| block.kind == Kind::Heading(1));
    title.is_none_or(|title| {
        let title = document.inner(title).to_lowercase();
        ["task", "任务", "任務", "タスク", "작업", "tarefa", "tarea", "задач"].iter().any(|word| title.contains(word))
    })
}

/// The numbers of boxes that have none: the group's, and the place in it.
fn names(document: &Document, tasks: &[&Boxed]) -> Vec<Option<String>> {
    let mut place = 0;
    let mut heading = None;
    tasks
        .iter()
        .map(|boxed| {
            if boxed.heading != heading {
                heading = boxed.heading;
                place = 0;
            }
            place += 1;
            if boxed.has_code() {
                return None;
            }
            let group = boxed.heading.and_then(|heading| group_number(document, heading));
            Some(group.map_or_else(|| format!("0.{place}"), |group| format!("{group}.{place}")))
        })
        .collect()
}
