//! A policy that is ready to decide.

use std::collections::HashMap;
use std::path::Path;

use record::{Sandbox, WorkType};

use super::rules::Rules;
use super::table::{Row, Source, Table};
use super::{BUILT_IN, Choice, Overrides, PolicyError, Retired, Task, check};

/// A routing policy, checked and compiled.
pub struct Policy {
    pub(super) rules: Rules,
    pub(super) rows: HashMap<WorkType, Work>,
    pub(super) backends: HashMap<String, Backend>,
    pub(super) models: HashMap<String, String>,
    pub(super) ranks: HashMap<String, u32>,
    pub(super) overrides: Overrides,
    fallback: Option<(Fallback, Vec<WorkType>)>,
    retired: Vec<Retired>,
}

/// Who does a kind of work.
pub(super) struct Work {
    pub backend: String,
    pub models: Vec<Model>,
    pub sandbox: Option<Sandbox>,
    pub effort: Option<String>,
    pub allow: Vec<String>,
}

/// Somebody who can do a task.
pub(super) struct Backend {
    pub models: Vec<Model>,
    pub effort: Option<String>,
}

/// A model by its full name, and what it costs.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub name: String,
    pub rank: Option<u32>,
}

/// Who may take over a failed task once somebody has agreed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fallback {
    /// The backend.
    pub backend: String,
    /// Its model, by its full name.
    pub model: String,
    /// What it costs in the order of all routes.
    pub rank: u32,
}

impl Policy {
    /// The policy that comes with the tool.
    pub fn built_in(overrides: Overrides) -> Result<Self, PolicyError> {
        let source = Source { name: "built-in policy", text: BUILT_IN };
        let table = source.read()?;
        Self::compile(&table, &source, overrides)
    }

    /// The policy in a file, laid over the built-in one unless it says `extends = false`.
    pub fn load(path: &Path, overrides: Overrides) -> Result<Self, PolicyError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| PolicyError { place: name.clone(), reason: error.to_string() })?;
        Self::parse(&name, &text, overrides)
    }

    /// As [`Policy::load`], for a text that is there already; `name` is for messages.
    pub fn parse(name: &str, text: &str, overrides: Overrides) -> Result<Self, PolicyError> {
        let source = Source { name, text };
        let own = source.read()?;
        let below = match own.extends {
            Some(false) => Table::default(),
            _ => Source { name: "built-in policy", text: BUILT_IN }.read()?,
        };
        let mut backends: Vec<&str> = own.backend.keys().chain(below.backend.keys()).map(String::as_str).collect();
        backends.sort_unstable();
        backends.dedup();
        check::own(&own, &backends, &source)?;
        Self::compile(&own.over(below), &source, overrides)
    }

    fn compile(table: &Table, source: &Source, overrides: Overrides) -> Result<Self, PolicyError> {
        check::whole(table, source)?;
        let mut models: HashMap<String, String> =
            table.model.iter().map(|(name, model)| (name.clone(), model.as_ref().clone())).collect();
        for (name, model) in [("code", &overrides.code), ("logic", &overrides.logic)] {
            if let Some(model) = model {
                models.insert(name.to_owned(), model.clone());
            }
        }
        let ranks: HashMap<String, u32> =
            table.rank.iter().map(|(name, rank)| (name.clone(), *rank.as_ref())).collect();
        let model = |name: &str| Model {
            name: models.get(name).map_or(name, String::as_str).to_owned(),
            rank: ranks.get(name).copied(),
        };
        let all = |list: Option<&Vec<toml::Spanned<String>>>| {
            list.into_iter().flatten().map(|name| model(name.as_ref())).collect::<Vec<_>>()
        };
        let backends: HashMap<String, Backend> = table
            .backend
            .iter()
            .map(|(name, row)| {
                let effort = row.effort.as_ref().map(|effort| effort.as_ref().clone());
                (name.clone(), Backend { models: all(row.models.as_ref()), effort })
            })
            .collect();
        let work = |row: &Row| Work {
            backend: row.backend.as_ref().map(|backend| backend.as_ref().clone()).unwrap_or_default(),
            models: all(row.models.as_ref()),
            sandbox: row.sandbox.as_ref().map(|sandbox| *sandbox.as_ref()),
            effort: row.effort.as_ref().map(|effort| effort.as_ref().clone()),
            allow: row.allow.iter().flatten().map(|backend| backend.as_ref().clone()).collect(),
        };
        let rows = table.work_type.iter().map(|(work_type, row)| (*work_type, work(row))).collect();
        let fallback = table.fallback.as_ref().and_then(|row| {
            let backend = row.backend.as_ref()?.as_ref().clone();
            let chosen = row.model.as_ref().map(|name| model(name.as_ref()));
            let chosen = chosen.or_else(|| backends.get(&backend)?.models.first().cloned())?;
            let rank = row.rank.or(chosen.rank).or_else(|| ranks.get(&backend).copied()).unwrap_or_default();
            let fallback = Fallback { backend, model: chosen.name, rank };
            Some((fallback, row.work_types.clone().unwrap_or_default()))
        });
        let retired = table.retired.clone();
        let rules = Rules::compile(&table.rule, source)?;
        Ok(Self { rules, rows, backends, models, ranks, overrides, fallback, retired })
    }

    /// The one route of a task.
    pub fn decide<'a>(&'a self, task: &'a Task) -> Choice<'a> {
        Choice::of(self, task)
    }

    /// Who may take over a failed task of this kind; nobody does so without a decision.
    pub fn fallback(&self, work_type: WorkType) -> Option<&Fallback> {
        let (fallback, work_types) = self.fallback.as_ref()?;
        work_types.contains(&work_type).then_some(fallback)
    }

    /// The models that have a name in the policy, by that name, after all overrides; in order.
    pub fn models(&self) -> Vec<(&str, &str)> {
        let mut models: Vec<_> = self.models.iter().map(|(name, model)| (name.as_str(), model.as_str())).collect();
        models.sort_unstable();
        models
    }

    /// What flags and variables say over the policy.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Those of the models in use that some logins no longer reach, with their names in the policy.
    pub fn retired(&self) -> Vec<(&str, &Retired)> {
        let retired = |model: &str| self.retired.iter().find(|retired| retired.model == model);
        let mut found: Vec<_> =
            self.models().into_iter().filter_map(|(name, model)| Some((name, retired(model)?))).collect();
        if let Some(known) = self.overrides.model.as_deref().and_then(retired) {
            found.push(("model", known));
        }
        found
    }
}
