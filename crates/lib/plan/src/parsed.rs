//! A plan, read: the document, the drafts of its tasks, their names, and the records made from them.

use record::{Plan, Source, Task};

use crate::dialect;
use crate::digest;
use crate::draft::{Draft, Reading};
use crate::field::{self, Label, one_line};
use crate::ids::Names;
use crate::input::Input;
use crate::markdown::{Document, Kind};
use crate::order;

/// A plan as far as it could be read.
pub struct Parsed<'a> {
    /// The file.
    pub input: &'a Input,
    /// What CommonMark makes of it.
    pub document: Document<'a>,
    /// The dialect, when one was recognised.
    pub format: Option<&'static str>,
    /// The tasks.
    pub drafts: Vec<Draft>,
    /// Their names.
    pub names: Names,
    /// Title and goal, where the plan says them exactly.
    exact: (Option<String>, Option<String>),
}

impl<'a> Parsed<'a> {
    /// Reads a plan, with the dialect that is named or the first that knows it.
    pub fn read(input: &'a Input, only: Option<&str>) -> Self {
        let document = Document::read(input.text());
        let (dialect, Reading { mut drafts, title, goal }) = match dialect::read(&document, input, only) {
            Some((dialect, reading)) => (Some(dialect), reading),
            None => (None, Reading::default()),
        };
        let mut names = Names::new(&drafts);
        if let Some(dialect) = dialect {
            order::infer(dialect.order(), &mut drafts, &mut names);
        }
        let format = dialect.map(dialect::Dialect::name);
        Self { input, document, format, drafts, names, exact: (title, goal) }
    }

    /// The plan's own record.
    pub fn plan(&self) -> Plan {
        Plan {
            v: 1,
            path: self.input.path.clone(),
            title: self.title(),
            goal: self.goal(),
            digest: self.input.digest(),
            tasks: self.drafts.len() as u64,
            format: self.format.unwrap_or("").to_owned(),
        }
    }

    /// The first heading.
    fn title(&self) -> String {
        if let Some(title) = &self.exact.0 {
            return title.clone();
        }
        let heading =
            self.document.blocks.iter().find(|block| matches!(block.kind, Kind::Heading(_)) && !block.inner.is_empty());
        heading.map(|block| one_line(self.document.inner(block))).unwrap_or_default()
    }

    /// `**Goal:** …` or a section of that name, before the first task.
    pub fn goal(&self) -> Option<String> {
        if let Some(goal) = &self.exact.1 {
            return Some(goal.clone()).filter(|goal| !goal.is_empty());
        }
        let document = &self.document;
        let first = self.drafts.first().map_or(document.text.len(), |draft| draft.body.start);
        let end = document.blocks.partition_point(|block| block.range.start < first);
        let fields = field::read(document, 0..end);
        let goal = fields.iter().find(|field| field.label == Label::Objective)?;
        let value = one_line(document.slice(&goal.value));
        if !value.is_empty() {
            return Some(value);
        }
        let below = document.blocks[goal.blocks.clone()].iter().find(|block| block.kind == Kind::Paragraph)?;
        Some(one_line(document.inner(below))).filter(|goal| !goal.is_empty())
    }

    /// The record of a task.
    pub fn task(&self, index: usize) -> Task {
        let draft = &self.drafts[index];
        let document = &self.document;
        let mut inferred: Vec<String> = draft.inferred.iter().map(|field| (*field).to_owned()).collect();
        inferred.retain(|field| field != "objective");
        if draft.objective.is_none() {
            inferred.insert(0, "objective".to_owned());
        }
        if (self.names.by_section && draft.section.is_some()) || draft.inferred.contains(&"id") {
            inferred.retain(|field| field != "id");
            inferred.insert(0, "id".to_owned());
        }
        let last = draft.body.end.saturating_sub(1).max(draft.body.start);
        let mut task = Task {
            id: self.names.ids[index].clone(),
            title: draft.title.clone(),
            objective: draft
                .objective
                .as_ref()
                .map_or_else(|| draft.title.clone(), |objective| objective.value.clone()),
            files: draft.files.iter().map(|file| file.value.clone()).collect(),
            commands: draft.commands.iter().map(|command| command.value.clone()).collect(),
            done: draft.done.iter().map(|done| done.value.clone()).collect(),
            needs: self.names.needs[index].iter().map(|need| self.names.ids[*need].clone()).collect(),
            backend: draft.backend.as_ref().map(|backend| backend.value.clone()),
            work_type: draft.work_type.as_ref().map(|kind| kind.value),
            minutes: draft.minutes.as_ref().map(|minutes| minutes.value),
            checked: draft.checked,
            constraints: draft.constraints.clone(),
            output: draft.output.clone(),
            body: draft.text.clone().unwrap_or_else(|| document.slice(&draft.body).to_owned()),
            source: Source {
                path: self.input.path.clone(),
                line: document.line(draft.body.start) as u64,
                end_line: document.line(last) as u64,
            },
            digest: String::new(),
            inferred,
        };
        task.digest = digest::of(document, draft, &task);
        task
    }
}
