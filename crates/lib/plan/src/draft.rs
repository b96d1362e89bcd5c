//! What a dialect reads in a plan, before ids are made unique and needs are looked up.

use std::ops::Range;

use record::{Done, FileRef, WorkType};

/// A value, and the bytes of the plan where it is written.
#[derive(Clone, Debug)]
pub struct Written<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Range<usize>,
}

impl<T> Written<T> {
    /// A value with its place.
    pub fn new(value: T, place: Range<usize>) -> Self {
        Self { value, place }
    }
}

/// A task as it was written.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The number, as written.
    pub id: String,
    /// Where the number stands.
    pub id_place: Range<usize>,
    /// The section that the number is counted in, where the plan has sections.
    pub section: Option<String>,
    /// One line.
    pub title: String,
    /// Nothing stands behind the number: the title is only the opening line again.
    pub untitled: bool,
    /// The opening line.
    pub opening: Range<usize>,
    /// All its bytes, from the beginning of its first line to the end of its last.
    pub body: Range<usize>,
    /// What it is for.
    pub objective: Option<Written<String>>,
    /// The files it names.
    pub files: Vec<Written<FileRef>>,
    /// The plan says that it has no files, or no commands: then none are missing.
    pub none: Vec<&'static str>,
    /// Its commands.
    pub commands: Vec<Written<String>>,
    /// Its done criteria.
    pub done: Vec<Written<Done>>,
    /// What it waits for.
    pub needs: Vec<Written<Need>>,
    /// Who is to do it.
    pub backend: Option<Written<String>>,
    /// The kind of work.
    pub work_type: Option<Written<WorkType>>,
    /// The estimate.
    pub minutes: Option<Written<f64>>,
    /// What must hold.
    pub constraints: Vec<String>,
    /// The form of the answer.
    pub output: Option<String>,
    /// It is ticked off.
    pub checked: bool,
    /// It is a box itself: the first one of its text says whether it is ticked off.
    pub is_box: bool,
    /// It may be done beside the tasks next to it: the plan says so.
    pub parallel: bool,
    /// Its text, where that is no part of a Markdown file.
    pub text: Option<String>,
    /// Where its state is a word and no box: the word's place, and the word for "done".
    pub status: Option<(Range<usize>, &'static str)>,
    /// Fields that were inferred.
    pub inferred: Vec<&'static str>,
    /// Values that are there but could not be understood.
    pub unclear: Vec<Unclear>,
    /// Labels that give a value where an earlier one gave it already.
    pub twice: Vec<Twice>,
}

impl Draft {
    /// Notes that a field was inferred.
    pub fn infer(&mut self, field: &'static str) {
        if !self.inferred.contains(&field) {
            self.inferred.push(field);
        }
    }
}

/// A reference to other tasks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Need {
    /// One task, by its number.
    One(String),
    /// All tasks from one number to another.
    Range(String, String),
}

/// A value that is written in a way that nobody can act on.
#[derive(Clone, Debug)]
pub struct Unclear {
    /// The field.
    pub field: Field,
    /// Where the value stands.
    pub place: Range<usize>,
}

/// A second value for a field that has only one.
#[derive(Clone, Debug)]
pub struct Twice {
    /// The first label.
    pub first: Range<usize>,
    /// The later one.
    pub again: Range<usize>,
}

/// The fields whose values can be unclear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// `Backend`.
    Backend,
    /// `Work type`.
    WorkType,
    /// `Depends on`.
    Needs,
    /// `Estimate`.
    Estimate,
    /// `Files`.
    Files,
    /// `Commands`.
    Commands,
    /// `Record`.
    Record,
}

/// What a dialect made of a document.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The tasks in their order.
    pub drafts: Vec<Draft>,
    /// The title, where the plan says it exactly.
    pub title: Option<String>,
    /// The goal, where the plan says it exactly; empty where it says that there is none.
    pub goal: Option<String>,
}

impl Reading {
    /// Tasks, and nothing else that is said exactly.
    pub fn of(drafts: Vec<Draft>) -> Self {
        Self { drafts, ..Self::default() }
    }
}
