//! Plain lists of boxes: `- [ ] Title`, and `- [ ] Task: Title` of Conductor. A box at the margin is a task, deeper ones
//! are its steps. Boxes that say what must hold, and lists in documents that are about something else, are not read.

use super::Order;
use super::boxes::{self, Boxed};
use super::{Dialect, Source};
use crate::draft::Reading;
use crate::markdown::{Document, Kind};

/// Lists of boxes.
pub struct Checklist;

impl Dialect for Checklist {
    fn name(&self) -> &'static str {
        "checklist"
    }

    fn order(&self) -> Order {
        Order::Overlap
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let margin = || source.boxes().iter().filter(|boxed| boxed.depth == 1);
        let called: Vec<&Boxed> = margin().filter(|boxed| boxed.called_task).collect();
        let tasks = if called.is_empty() {
            let work: Vec<&Boxed> = margin().filter(|boxed| !is_aside(document, boxed)).collect();
            if work.len() < 2 || !(source.explicit || is_list_of_work(source, &work)) {
                return None;
            }
            work
        } else {
            called
        };
        let openers = boxes::openers(document, &tasks, false);
        let coded = tasks.iter().all(|boxed| boxed.has_code());
        let name = |index: usize| (!coded).then(|| (index + 1).to_string());
        let mut reading = boxes::drafts(document, &openers, name);
        let ids: Vec<Option<&str>> =
            reading.drafts.iter().map(|draft| comment_id(document.slice(&draft.opening))).collect();
        // The ids that Conductor keeps in comments, when every task has one of its own.
        let mut distinct: Vec<&str> = ids.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == ids.len() {
            for (draft, id) in reading.drafts.iter_mut().zip(ids) {
                draft.id = id.unwrap_or_default().to_owned();
                draft.inferred.retain(|field| *field != "id");
            }
        } else if !coded {
            // Counted through the whole document.
            for draft in &mut reading.drafts {
                draft.section = None;
            }
        }
        Some(reading)
    }
}

/// `7` of `<!-- id: 7 -->`.
fn comment_id(text: &str) -> Option<&str> {
    let comment = text.split_once("<!--")?.1.split_once("-->")?.0;
    let id = comment.trim().strip_prefix("id:")?.trim();
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    (plain && !id.is_empty() && id.len() <= 32).then_some(id)
}

/// The box stands under a heading of criteria, wishes or remarks.
fn is_aside(document: &Document, boxed: &Boxed) -> bool {
    boxed.heading.is_some_and(|heading| {
        let block = &document.blocks[heading];
        block.kind != Kind::Heading(1) && boxes::is_no_work(document.inner(block))
    })
}

/// Words of titles and headings over lists of work.
const WORK: [&str; 20] = [
    "todo",
    "todos",
    "to-do",
    "to-dos",
    "task",
    "tasks",
    "plan",
    "roadmap",
    "checklist",
    "progress",
    "steps",
    "work",
    "fixes",
    "milestones",
    "action",
    "actions",
    "implementation",
    "sprint",
    "backlog",
    "任务",
];

/// The document is a list of work: its name, its title or the heading over the boxes says so, or it consists of boxes.
fn is_list_of_work(source: &Source, work: &[&Boxed]) -> bool {
    let document = source.document;
    let says = |text: &str| {
        let text = boxes::beginning(text).to_lowercase();
        text.split(|character: char| !(character.is_alphanumeric() || character == '-'))
            .any(|word| WORK.contains(&word))
    };
    let headings: Vec<usize> = work.iter().filter_map(|boxed| boxed.heading).collect();
    let over = headings.iter().filter(|heading| says(document.inner(&document.blocks[**heading]))).count();
    if over * 2 > work.len() {
        return true;
    }
    // How much of the document is boxes with what belongs to them.
    let beside = document
        .blocks
        .iter()
        .filter(|block| {
            block.depth == 0 && matches!(block.kind, Kind::Paragraph | Kind::Code { .. } | Kind::Row { .. })
        })
        .count();
    let title = document.blocks.iter().find(|block| matches!(block.kind, Kind::Heading(_)));
    let named = source.name_says(&says) || title.is_some_and(|title| says(document.inner(title)));
    if named { beside <= 2 * work.len() } else { beside * 2 <= work.len() }
}
