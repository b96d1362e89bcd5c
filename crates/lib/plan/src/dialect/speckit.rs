//! Task lists of spec-kit: `- [ ] T014 [P] [US1] Title in src/path.rs` under phases, with a checkpoint behind each.

use std::collections::HashMap;

use record::Done;

use super::Order;
use super::boxes::{self, Boxed};
use super::{Dialect, Source};
use crate::draft::{Draft, Reading, Written};
use crate::field::one_line;
use crate::markdown::{Document, Kind};
use crate::opener::is_task_code;

/// The layout of spec-kit.
pub struct SpecKit;

impl Dialect for SpecKit {
    fn name(&self) -> &'static str {
        "spec-kit"
    }

    fn order(&self) -> Order {
        Order::Groups
    }

    fn read(&self, source: &Source) -> Option<Reading> {
        let document = source.document;
        let mut coded: Vec<&Boxed> = source.boxes().iter().filter(|boxed| is_task_code(boxed.code(document))).collect();
        let others = source.boxes().iter().filter(|boxed| boxed.depth == 1).count();
        if coded.is_empty() || (coded.len() == 1 && others > 2) {
            return None;
        }
        // A list of progress at the end repeats the tasks.
        let mut titles: HashMap<&str, &str> = HashMap::new();
        coded.retain(|boxed| {
            let title = document.slice(&boxed.opening.title);
            titles.insert(boxed.code(document), title).is_none_or(|earlier| earlier != title)
        });
        let openers = boxes::openers(document, &coded, false);
        let mut reading = boxes::drafts(document, &openers, |_| None);
        for draft in &mut reading.drafts {
            tags(draft);
        }
        checkpoints(document, &mut reading.drafts);
        Some(reading)
    }
}

/// Takes `[P]`, `[US1]` and the like off the title.
fn tags(draft: &mut Draft) {
    let mut title = draft.title.as_str();
    while let Some((tag, rest)) = title.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let plain = tag.len() <= 12
            && tag.chars().all(|character| character.is_ascii_alphanumeric() || " -_/".contains(character));
        if !plain || rest.starts_with('(') || rest.trim_start().is_empty() {
            break;
        }
        draft.parallel |= tag == "P";
        title = rest.trim_start();
    }
    draft.title = title.to_owned();
}

/// `**Checkpoint**: …` says when the tasks above it are done: a criterion of the last of them.
fn checkpoints(document: &Document, drafts: &mut [Draft]) {
    for block in &document.blocks {
        if block.kind != Kind::Paragraph || block.quoted {
            continue;
        }
        let text = document.inner(block);
        let Some(rest) = text.strip_prefix("**Checkpoint") else { continue };
        let value = one_line(rest.trim_start_matches(['*', ':', ' ']));
        let above = drafts.partition_point(|draft| draft.body.start < block.range.start);
        let Some(draft) = above.checked_sub(1).map(|index| &mut drafts[index]) else { continue };
        if !value.is_empty() && draft.done.is_empty() {
            draft.done.push(Written::new(Done { text: value, command: None, checked: false }, block.inner.clone()));
            draft.infer("done");
        }
    }
}
