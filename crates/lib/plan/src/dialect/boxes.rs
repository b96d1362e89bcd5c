//! Tasks that are boxes: what several dialects share, from finding the boxes to reading what belongs to each.

use std::ops::Range;

use super::explicit;
use super::numbered::{self, Form, Opener};
use super::runs;
use crate::draft::{Draft, Reading};
use crate::field::one_line;
use crate::files;
use crate::markdown::{Document, Kind, Mark};
use crate::opener::{self, Opening, Word};
use crate::spread;

/// A list item with a box.
#[derive(Clone, Debug)]
pub struct Boxed {
    /// The block of its text; the item is the block before it.
    pub text: usize,
    /// The number and the title, as places in the file; an empty number where there is none.
    pub opening: Opening,
    /// How many lists it is in, from 1.
    pub depth: u32,
    /// It says `Task: Title`.
    pub called_task: bool,
    /// The nearest heading above it, as a block.
    pub heading: Option<usize>,
}

impl Boxed {
    /// Its number, as written.
    pub fn code<'d>(&self, document: &Document<'d>) -> &'d str {
        document.slice(&self.opening.id)
    }

    /// It has a number that only tasks have: `3`, `2.1`, `T014`, and no code such as `AC1`.
    pub fn is_numbered(&self, document: &Document) -> bool {
        let code = self.code(document);
        code.starts_with(|first: char| first.is_ascii_digit()) || opener::is_task_code(code)
    }

    /// It has a number or a code.
    pub fn has_code(&self) -> bool {
        !self.opening.id.is_empty()
    }
}

/// Every box outside quotes, up to two lists deep, in order.
pub fn find(document: &Document) -> Vec<Boxed> {
    let mut found = Vec::new();
    let mut heading = None;
    for (index, block) in document.blocks.iter().enumerate() {
        match block.kind {
            Kind::Heading(_) if block.depth == 0 && !block.quoted => heading = Some(index),
            Kind::Item(mark) if mark != Mark::None && block.depth <= 2 && !block.quoted => {
                let text = document.blocks.get(index + 1);
                // An empty box has no text; what follows is somebody else's.
                let Some(text) = text.filter(|text| text.kind == Kind::Paragraph && text.range.start < block.range.end)
                else {
                    continue;
                };
                let base = text.inner.start;
                let line = document.inner(text);
                let (mut opening, called_task) = read(line);
                opening.id = base + opening.id.start..base + opening.id.end;
                opening.title = base + opening.title.start..base + opening.title.end;
                found.push(Boxed { text: index + 1, opening, depth: block.depth, called_task, heading });
            }
            _ => {}
        }
    }
    found
}

/// What the text of a box says.
fn read(line: &str) -> (Opening, bool) {
    if let Some(opening) = opener::read_boxed(line) {
        return (opening, false);
    }
    let plain = line.trim_start_matches(['*', ' ']);
    let called = ["Task:", "Task："].iter().find_map(|word| plain.strip_prefix(word));
    let title = called.map_or(line, |rest| rest.trim_start_matches(['*', ' ']));
    let start = line.len() - title.len();
    let (title, done) = opener::without_state(line, start..line.len());
    (Opening { word: Word::Code, id: 0..0, title, separated: false, done }, called.is_some())
}

/// Words of headings over boxes that are no work of their own: what must hold, what is looked at, what is not to be
/// done now.
const NO_WORK: [&str; 44] = [
    "acceptance",
    "success",
    "criteria",
    "criterion",
    "definition",
    "prerequisite",
    "prerequisites",
    "requirements",
    "pre-requisites",
    "checklist",
    "checks",
    "gates",
    "gate",
    "verification",
    "verify",
    "validation",
    "review",
    "qa",
    "parking",
    "future",
    "deferred",
    "backlog",
    "later",
    "icebox",
    "ideas",
    "optional",
    "stretch",
    "non-goals",
    "out-of-scope",
    "questions",
    "risks",
    "notes",
    "summary",
    "legend",
    "status",
    "metrics",
    "sign-off",
    "signoff",
    "approval",
    "assumptions",
    "rollback",
    "references",
    "related",
    "example",
];

/// Words that make a list one of work all the same: `Implementation checklist`, `Validation tasks`.
const WORK: [&str; 8] = ["implementation", "todo", "todos", "to-do", "to-dos", "tasks", "steps", "actions"];
/// Words that do not let it: `Task acceptance criteria`.
const CRITERIA: [&str; 5] = ["acceptance", "success", "criteria", "criterion", "definition"];

/// As much of a heading as anybody reads: it is looked at again for each box below it.
pub fn beginning(heading: &str) -> &str {
    heading.char_indices().nth(200).map_or(heading, |(end, _)| &heading[..end])
}

/// Whether boxes under this heading are criteria, wishes or remarks and no tasks.
pub fn is_no_work(heading: &str) -> bool {
    let heading = beginning(heading).to_lowercase();
    let has = |list: &[&str]| {
        let mut words = heading.split(|character: char| !(character.is_alphanumeric() || character == '-'));
        words.any(|word| list.contains(&word))
    };
    (has(&NO_WORK) && (has(&CRITERIA) || !has(&WORK)))
        || heading.contains("out of scope")
        || heading.contains("not in scope")
        || ["验收", "驗收", "检查", "完了条件", "成功标准", "체크리스트", "критерии"]
            .iter()
            .any(|word| heading.contains(word))
}

/// Turns the chosen boxes into openers: each task reaches to the next one, or to the next heading when `flat`, else to
/// the end of its item.
pub fn openers(document: &Document, boxes: &[&Boxed], flat: bool) -> Vec<Opener> {
    let mut openers: Vec<Opener> = boxes
        .iter()
        .map(|boxed| Opener {
            form: Form::Item,
            block: boxed.text,
            opening: boxed.opening.clone(),
            section: boxed.heading,
            blocks: boxed.text..boxed.text,
        })
        .collect();
    numbered::set_extents(document, &mut openers);
    if flat {
        for at in 0..openers.len() {
            let limit = openers.get(at + 1).map_or(document.blocks.len(), |next| next.block - 1);
            let own = openers[at].blocks.end;
            // Items of the same list that are no tasks of their own belong to the task above them; so does text
            // between them, but not text behind the last one.
            let mut end = own;
            for index in own..limit {
                let block = &document.blocks[index];
                match block.kind {
                    Kind::Heading(_) | Kind::Rule if block.depth == 0 => break,
                    _ if block.depth > 0 => end = index + 1,
                    _ => {}
                }
            }
            openers[at].blocks.end = end;
        }
    }
    openers
}

/// Reads the tasks that begin at the openers, with what is inferred from their text. `name` gives the number of a task
/// that has none.
pub fn drafts(document: &Document, openers: &[Opener], name: impl Fn(usize) -> Option<String> + Sync) -> Reading {
    let shared = explicit::shared_constraints(document, openers);
    let all = numbered::fields(document, openers);
    let drafts = spread::map(openers.len(), document.text.len(), |index| {
        let (opener, fields) = (&openers[index], &all[index]);
        let mut draft = draft(document, opener);
        if let Some(id) = name(index) {
            draft.id = id;
            draft.infer("id");
        }
        explicit::read(document, fields, &mut draft);
        if draft.files.is_empty() && !draft.none.contains(&"files") {
            files::mentioned(document, opener.blocks.clone(), &mut draft);
        }
        runs::infer(document, opener.blocks.clone(), fields, &mut draft);
        explicit::add_shared(&mut draft, &shared);
        draft
    });
    Reading::of(drafts)
}

fn draft(document: &Document, opener: &Opener) -> Draft {
    let mut draft = numbered::draft(document, opener);
    draft.title = title(document, &opener.opening.title);
    draft.untitled = draft.title.is_empty();
    // Its own box decides, whatever the boxes of its steps say.
    let own = document.blocks[opener.block - 1].kind == Kind::Item(Mark::Ticked);
    draft.checked = own || opener.opening.done;
    draft
}

/// The title without data that other tools keep there: HTML comments, and a commit in brackets at the end.
fn title(document: &Document, range: &Range<usize>) -> String {
    let mut text = String::with_capacity(range.len().min(256));
    let mut rest = document.slice(range);
    while let Some((before, comment)) = rest.split_once("<!--") {
        let Some((_, behind)) = comment.split_once("-->") else { break };
        text.push_str(before);
        rest = behind;
    }
    text.push_str(rest);
    let mut title = one_line(&text);
    // A commit that the tool which ticked the box has put behind the title.
    if let Some((before, last)) = title.rsplit_once(' ') {
        let bare = last.trim_matches(['[', ']', '(', ')', '`']);
        let commit = (7..=40).contains(&bare.len())
            && bare.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            && bare.bytes().any(|byte| byte.is_ascii_digit())
            && (bare.len() < last.len() || bare.bytes().any(|byte| byte.is_ascii_alphabetic()));
        if commit {
            title.truncate(before.trim_end().len());
        }
    }
    title
}
