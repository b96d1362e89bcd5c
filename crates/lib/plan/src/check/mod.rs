//! `--check`: every defect of a plan, with its place and its remedy.

mod effects;
mod near;
mod risks;
mod routing_summary;
mod rule;
mod structure;
mod tasks;

use std::ops::Range;

pub use rule::{Rule, Severity};

use crate::parsed::Parsed;

/// One defect.
#[derive(Clone, Debug)]
pub struct Defect {
    /// What kind of defect it is.
    pub rule: &'static Rule,
    /// What is wrong here.
    pub message: String,
    /// Where.
    pub place: Range<usize>,
    /// The task it belongs to.
    pub task: Option<String>,
    /// The number or the label that it is about.
    pub about: Option<String>,
}

impl Defect {
    /// A defect of a rule.
    fn new(rule: &'static Rule, message: impl Into<String>, place: Range<usize>) -> Self {
        Self { rule, message: message.into(), place, task: None, about: None }
    }

    /// Names what it is about.
    #[must_use]
    fn about(mut self, what: &str) -> Self {
        self.about = Some(what.to_owned());
        self
    }

    /// Names the task.
    #[must_use]
    fn of(mut self, task: &str) -> Self {
        self.task = Some(task.to_owned());
        self
    }
}

/// The defects of structure, with which no lines are written.
pub fn structure(parsed: &Parsed) -> Vec<Defect> {
    let mut defects = structure::defects(parsed);
    if !defects.is_empty() {
        effects::drop(parsed, &mut defects);
    }
    defects
}

/// All defects of a plan, in the order of their places, without those that only follow from others.
pub fn all(parsed: &Parsed) -> Vec<Defect> {
    let mut defects = structure::defects(parsed);
    if !parsed.drafts.is_empty() {
        tasks::check(parsed, &mut defects);
        near::check(parsed, &mut defects);
        routing_summary::check(parsed, &mut defects);
        risks::check(parsed, &mut defects);
    }
    structure::open_fences(parsed, &mut defects);
    effects::drop(parsed, &mut defects);
    defects.sort_by_key(|defect| (defect.place.start, defect.rule.code));
    defects
}
