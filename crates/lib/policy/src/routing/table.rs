//! The policy file as types: what may stand in it, and what one file says over another.

use std::collections::{BTreeMap, HashMap};

use record::{Sandbox, WorkType};
use serde::Deserialize;
use toml::Spanned;

use super::PolicyError;

/// One policy file. Everything is optional: a file may say one thing only and leave the rest to the built-in table.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub extends: Option<bool>,
    #[serde(default)]
    pub model: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub rank: BTreeMap<String, Spanned<u32>>,
    #[serde(default)]
    pub backend: BTreeMap<String, Backend>,
    #[serde(default)]
    pub work_type: HashMap<WorkType, Row>,
    pub fallback: Option<FallbackRow>,
    #[serde(default)]
    pub retired: Vec<Retired>,
    #[serde(default)]
    pub rule: Vec<RuleRow>,
}

/// `[backend.NAME]`: somebody who can do a task.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backend {
    pub models: Option<Vec<Spanned<String>>>,
    pub effort: Option<Spanned<String>>,
    pub command: Option<Spanned<Vec<String>>>,
}

/// `[work_type.NAME]`: who does this kind of work, and with what.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub backend: Option<Spanned<String>>,
    pub models: Option<Vec<Spanned<String>>>,
    pub sandbox: Option<Spanned<Sandbox>>,
    pub effort: Option<Spanned<String>>,
    pub allow: Option<Vec<Spanned<String>>>,
}

/// `[fallback]`: who may take over a failed task once somebody has agreed.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FallbackRow {
    pub backend: Option<Spanned<String>>,
    pub model: Option<Spanned<String>>,
    pub rank: Option<u32>,
    pub work_types: Option<Vec<WorkType>>,
}

/// `[[retired]]`: a model that some logins no longer reach.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// The model as its service spells it.
    pub model: String,
    /// The kind of login that no longer reaches it.
    pub login: String,
    /// Since when, a date.
    pub since: String,
    /// Who still reaches it.
    #[serde(default)]
    pub reached_by: Option<String>,
}

/// `[[rule]]`: what decides a task of which the plan does not say the work type.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleRow {
    pub name: Spanned<String>,
    pub work_type: WorkType,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub starts: Vec<Spanned<String>>,
    #[serde(default)]
    pub title: Vec<Spanned<String>>,
    #[serde(default)]
    pub text: Vec<Spanned<String>>,
    #[serde(default)]
    pub not_starts: Vec<Spanned<String>>,
    #[serde(default)]
    pub not_title: Vec<Spanned<String>>,
    #[serde(default)]
    pub not_text: Vec<Spanned<String>>,
    #[serde(default)]
    pub files: Vec<FileClass>,
    #[serde(default)]
    pub only_files: Vec<FileClass>,
    #[serde(default)]
    pub not_files: Vec<FileClass>,
    pub names_files: Option<bool>,
    pub writes: Option<bool>,
    #[serde(default)]
    pub commands: Vec<Spanned<String>>,
    #[serde(default)]
    pub output: Vec<String>,
}

impl RuleRow {
    /// Whether the rule applies to every task.
    pub fn is_unconditional(&self) -> bool {
        let lists = [&self.starts, &self.title, &self.text, &self.not_starts, &self.not_title, &self.not_text];
        lists.iter().all(|list| list.is_empty())
            && self.files.is_empty()
            && self.only_files.is_empty()
            && self.not_files.is_empty()
            && self.names_files.is_none()
            && self.writes.is_none()
            && self.commands.is_empty()
            && self.output.is_empty()
    }
}

/// The kinds of files that a rule can tell apart, by their paths.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileClass {
    Code,
    Test,
    Docs,
    Config,
    Other,
}

/// A policy file with its text, so that what is wrong in it can be shown with its place.
pub(super) struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// An error at a byte of the text.
    pub fn error(&self, at: usize, reason: impl Into<String>) -> PolicyError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        PolicyError { place: format!("{}:{line}:{column}", self.name), reason: reason.into() }
    }

    /// An error of the file as a whole.
    pub fn whole(&self, reason: impl Into<String>) -> PolicyError {
        PolicyError { place: self.name.to_owned(), reason: reason.into() }
    }

    pub fn read(&self) -> Result<Table, PolicyError> {
        toml::from_str(self.text).map_err(|error| {
            let reason = error.message().replace('\n', " ");
            match error.span() {
                Some(span) => self.error(span.start, reason),
                None => self.whole(reason),
            }
        })
    }
}

impl Table {
    /// Lays `self` over `below`: a rule takes the place of the one with its name, new rules come first, other entries
    /// win key by key.
    pub fn over(self, mut below: Self) -> Self {
        below.retired.retain(|old| self.retired.iter().all(|new| new.model != old.model));
        for (name, new) in self.backend {
            let old = below.backend.entry(name).or_default();
            replace(&mut old.models, new.models);
            replace(&mut old.effort, new.effort);
            replace(&mut old.command, new.command);
        }
        for (work_type, new) in self.work_type {
            let old = below.work_type.entry(work_type).or_default();
            replace(&mut old.backend, new.backend);
            replace(&mut old.models, new.models);
            replace(&mut old.sandbox, new.sandbox);
            replace(&mut old.effort, new.effort);
            replace(&mut old.allow, new.allow);
        }
        if let Some(new) = self.fallback {
            let old = below.fallback.get_or_insert_default();
            // The rank of the old backend or model says nothing about a new one.
            if new.backend.is_some() || new.model.is_some() {
                old.rank = None;
            }
            replace(&mut old.backend, new.backend);
            replace(&mut old.model, new.model);
            replace(&mut old.rank, new.rank);
            replace(&mut old.work_types, new.work_types);
        }
        below.model.extend(self.model);
        below.rank.extend(self.rank);
        let mut first = Vec::new();
        for new in self.rule {
            match below.rule.iter_mut().find(|old| old.name.as_ref() == new.name.as_ref()) {
                Some(old) => *old = new,
                None => first.push(new),
            }
        }
        below.rule.splice(..0, first);
        below.retired.splice(..0, self.retired);
        below.extends = None;
        below
    }
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}
