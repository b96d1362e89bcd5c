//! Plans without the word "task": their largest divisions of work are the tasks.
//!
//! An invented task gets executed and a missed one gets noticed, so this only reads a numbered series of headings
//! that is clearly work: chunks and waves anywhere, phases and steps where the section or the title says that this is
//! the plan of the work.

use std::collections::HashSet;

use super::boxes::Boxed;
use super::numbered::{Form, Opener, set_extents};
use crate::field::item_of;
use crate::markdown::{Document, Kind, Mark};
use crate::opener::{self, Word};

/// Words of headings above a series that say: this is the order of work.
const PLAN_OF_WORK: [&str; 16] = [
    "implementation",
    "execution",
    "order",
    "sequencing",
    "sequence",
    "rollout",
    "step-by-step",
    "steps",
    "phases",
    "breakdown",
    "tasks",
    "plan",
    "roadmap",
    "milestones",
    "delivery",
    "work",
];
/// Words of titles that say: this is no plan of work any more, or not yet.
const NO_PLAN: [&str; 9] =
    ["summary", "log", "report", "retrospective", "review", "notes", "design", "spec", "proposal"];

/// The divisions of a document, as openers with their blocks; empty when there is no clear series.
pub fn find(document: &Document, candidates: &[Opener], boxes: &[Boxed]) -> Vec<Opener> {
    // Boxes called tasks are the tasks, and the divisions are only their groups.
    if boxes.iter().filter(|boxed| boxed.called_task).take(2).count() == 2 {
        return Vec::new();
    }
    let headings: Vec<&Opener> = candidates
        .iter()
        .filter(|opener| {
            matches!(opener.form, Form::Heading(_)) && opener.opening.separated && opener.opening.word != Word::Task
        })
        .collect();
    let mut series: Vec<(Word, Form, Vec<&Opener>)> = Vec::new();
    for opener in headings {
        match series.iter_mut().find(|(word, form, _)| *word == opener.opening.word && *form == opener.form) {
            Some((_, _, members)) => members.push(opener),
            None => series.push((opener.opening.word, opener.form, vec![opener])),
        }
    }
    let best = series
        .iter()
        .filter_map(|(_, form, members)| Some((weight(document, members, boxes)?, *form, members)))
        .max_by_key(|(weight, form, members)| (*weight, std::cmp::Reverse(level(*form)), members.len()));
    let mut found: Vec<Opener> = match (units(document, candidates), best) {
        (Some(units), _) => units,
        (None, Some((_, _, members))) => members.iter().map(|opener| (*opener).clone()).collect(),
        (None, None) => match single(document, candidates) {
            Some(single) => vec![single],
            None => numbers(document, boxes),
        },
    };
    set_extents(document, &mut found);
    found
}

fn level(form: Form) -> u8 {
    if let Form::Heading(level) = form { level } else { u8::MAX }
}

/// How clearly a series of headings is the work; `None` when it is not.
fn weight(document: &Document, members: &[&Opener], boxes: &[Boxed]) -> Option<u8> {
    let first = members.first()?;
    let ids: HashSet<&str> = members.iter().map(|opener| document.slice(&opener.opening.id)).collect();
    if members.len() < 2 || ids.len() != members.len() {
        return None;
    }
    let title = title(document).to_lowercase();
    let finished = NO_PLAN.iter().any(|word| has_word(&title, word)) && !has_word(&title, "plan");
    let under_plan = first.section.is_some_and(|index| {
        let heading = document.inner(&document.blocks[index]).to_lowercase();
        !matches!(document.blocks[index].kind, Kind::Heading(1))
            && PLAN_OF_WORK.iter().any(|word| has_word(&heading, word))
    });
    let planned = ["plan", "roadmap", "implementation", "migration"].iter().any(|word| has_word(&title, word));
    match first.opening.word {
        Word::Code => {
            let id = document.slice(&first.opening.id);
            let letter = id.chars().find(char::is_ascii_alphabetic)?.to_ascii_uppercase();
            let of_document = id.starts_with(|first: char| first.is_ascii_digit());
            // Other letters number questions, risks, findings, decisions.
            (of_document || (under_plan && !"QDRFGEHIPVAC".contains(letter)) || "STUW".contains(letter)).then_some(2)
        }
        _ if under_plan => Some(4),
        _ if finished => None,
        word if word.is_work() => Some(3),
        word if word.is_phase() && (planned || hold_boxes(document, members, boxes)) => Some(1),
        _ => None,
    }
}

/// Most of the divisions have boxes below them.
fn hold_boxes(document: &Document, members: &[&Opener], boxes: &[Boxed]) -> bool {
    let mut members: Vec<Opener> = members.iter().map(|opener| (*opener).clone()).collect();
    set_extents(document, &mut members);
    with_boxes(&members, boxes) * 4 >= members.len() * 3
}

/// How many of the divisions have boxes below them.
fn with_boxes(members: &[Opener], boxes: &[Boxed]) -> usize {
    let has = |member: &&Opener| {
        let first = boxes.partition_point(|boxed| boxed.text < member.blocks.start);
        boxes.get(first).is_some_and(|boxed| boxed.text < member.blocks.end)
    };
    members.iter().filter(has).count()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|character: char| !(character.is_alphanumeric() || character == '-')).any(|found| found == word)
}

fn title<'a>(document: &Document<'a>) -> &'a str {
    document
        .blocks
        .iter()
        .find(|block| matches!(block.kind, Kind::Heading(_)))
        .map_or("", |block| document.inner(block))
}

/// `- U1. **Title**`: units of work as list items.
fn units(document: &Document, candidates: &[Opener]) -> Option<Vec<Opener>> {
    let units: Vec<Opener> = candidates
        .iter()
        .filter(|opener| {
            let id = document.slice(&opener.opening.id);
            // Boxes with such numbers are another dialect.
            opener.form == Form::Item
                && opener.opening.word == Word::Code
                && id.starts_with(['U', 'T', 'S'])
                && id[1..].starts_with(|next: char| next.is_ascii_digit())
                && item_of(document, opener.block).is_some_and(|item| item.kind == Kind::Item(Mark::None))
        })
        .cloned()
        .collect();
    (units.len() >= 2).then_some(units)
}

/// A document that is one phase of a plan in several files: its title is `Phase 3: …` and its sections say what is to
/// be done and how to verify it.
fn single(document: &Document, candidates: &[Opener]) -> Option<Opener> {
    let first = document.blocks.iter().position(|block| matches!(block.kind, Kind::Heading(_)))?;
    let opener = candidates.iter().find(|opener| opener.block == first)?;
    let title = document.slice(&opener.opening.title).to_lowercase();
    if opener.opening.word == Word::Code || opener.form != Form::Heading(1) || has_word(&title, "plan") {
        return None;
    }
    let sections: Vec<String> = document
        .blocks
        .iter()
        .filter(|block| matches!(block.kind, Kind::Heading(2)) && !block.quoted && block.depth == 0)
        .map(|block| document.inner(block).to_lowercase())
        .collect();
    let has = |names: &[&str]| sections.iter().any(|section| names.contains(&section.as_str()));
    let work = has(&["changes", "steps", "implementation", "files", "work", "deliverables", "scope"]);
    let proof = has(&["verification", "verify", "acceptance criteria", "acceptance", "done when", "tests", "testing"]);
    (work && proof).then(|| opener.clone())
}

/// Headings of sections whose numbered headings are steps of work and no chapters.
const STEPS: [&str; 6] = ["steps", "step-by-step", "tasks", "work", "todo", "actions"];
/// The same, as parts of headings.
const PLANS: [&str; 6] =
    ["implementation plan", "implementation order", "action plan", "execution plan", "work plan", "action items"];

/// Headings with a number and no word: `### 1. Title` under a heading `Steps`, or `## 01. Title` with boxes below most
/// of them in a plan. Other numbered headings are chapters.
fn numbers(document: &Document, boxes: &[Boxed]) -> Vec<Opener> {
    let mut open: [Option<usize>; 7] = [None; 7];
    let mut series: Vec<(Option<usize>, Form, Vec<Opener>)> = Vec::new();
    for (index, block) in document.blocks.iter().enumerate() {
        let Kind::Heading(level) = block.kind else { continue };
        if block.depth > 0 || block.quoted {
            continue;
        }
        let section = open[..usize::from(level)].iter().rev().find_map(|open| *open);
        open[usize::from(level)] = Some(index);
        open[usize::from(level) + 1..].fill(None);
        let Some(mut opening) = opener::read_boxed(document.inner(block)) else { continue };
        let base = block.inner.start;
        opening.id = base + opening.id.start..base + opening.id.end;
        opening.title = base + opening.title.start..base + opening.title.end;
        if !opening.separated || !opener::is_whole_number(document.slice(&opening.id)) {
            continue;
        }
        let form = Form::Heading(level);
        let opener = Opener { form, block: index, opening, section, blocks: index..index };
        match series.last_mut().filter(|(above, of, _)| *above == section && *of == form) {
            Some((_, _, members)) => members.push(opener),
            None => series.push((section, form, vec![opener])),
        }
    }
    let title = title(document).to_lowercase();
    let planned = ["plan", "roadmap", "todo", "tasks"].iter().any(|word| has_word(&title, word));
    let found = series.into_iter().find_map(|(section, _, mut members)| {
        let counted = members.windows(2).all(|pair| {
            let number = |opener: &Opener| document.slice(&opener.opening.id).parse::<u32>().ok();
            number(&pair[0]).and_then(|before| before.checked_add(1)) == number(&pair[1])
        });
        if members.len() < 2 || !counted {
            return None;
        }
        let steps = section.is_some_and(|section| {
            let heading = document.inner(&document.blocks[section]).to_lowercase();
            document.blocks[section].kind != Kind::Heading(1)
                && (heading == "plan"
                    || STEPS.iter().any(|word| has_word(&heading, word))
                    || PLANS.iter().any(|part| heading.contains(part)))
        });
        set_extents(document, &mut members);
        (steps || (planned && with_boxes(&members, boxes) * 4 >= members.len() * 3)).then_some(members)
    });
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::numbered::Outline;

    fn titles(text: &str) -> Vec<String> {
        let document = Document::read(text);
        let outline = Outline::new(&document);
        assert!(outline.tasks.is_empty());
        find(&document, &outline.candidates, &crate::dialect::boxes::find(&document))
            .iter()
            .map(|opener| document.slice(&opener.opening.title).to_owned())
            .collect()
    }

    #[test]
    fn clear_series_of_work_are_read() {
        assert_eq!(titles("# Cache\n\n## Chunk 1: a\n\n## Chunk 2: b\n\n## Out of scope\n"), ["a", "b"]);
        assert_eq!(titles("# Cache\n\n## 8. Implementation Order\n\n### Phase 1: a\n\n### Phase 2: b\n"), ["a", "b"]);
        assert_eq!(titles("# Cache plan\n\n- U1. **a**\n\n- U2. **b**\n"), ["a", "b"]);
        assert_eq!(titles("# Cache\n\n## Steps\n\n### 1. a\n\n### 2. b\n"), ["a", "b"]);
        assert_eq!(titles("# Cache\n\n## Phase 1: a\n\n- [ ] x\n\n## Phase 2: b\n\n- [ ] y\n"), ["a", "b"]);
        assert_eq!(
            titles("# Cache plan\n\n## Aim\n\n## 01. a\n\nText\n\n- [ ] x\n\n## 02. b\n\n- [ ] y\n"),
            ["a", "b"]
        );
        assert_eq!(titles("# Phase 3: c\n\n## Changes\n\n## Verification\n"), ["c"]);
    }

    #[test]
    fn nothing_is_invented() {
        for text in [
            "# Cache design\n\n## Phase 1: a\n\n## Phase 2: b\n",
            "# Cache\n\n## 1. a\n\n## 2. b\n",
            "# Cache\n\n## Problem 1: a\n\n## Problem 2: b\n",
            "# Cache\n\n## Findings\n\n### 1. a\n\n### 2. b\n",
            "# Phase 3: c — Implementation Plan\n\n## Files\n",
            "# Cache plan\n\n## 1. a\n\n- [ ] x\n\n## 2. b\n\n## 3. c\n",
            "# Cache plan\n\n## Steps\n\n### 1. a\n\n### 3. b\n",
            "# Plan\n\n## Phase 1: a\n\n- [ ] Task: x\n- [ ] Task: y\n\n## Phase 2: b\n",
        ] {
            assert!(titles(text).is_empty(), "{text}");
        }
    }
}
