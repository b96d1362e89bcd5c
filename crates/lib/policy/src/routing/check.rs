//! What can be wrong in a policy file beyond its TOML, so that a slip is found when the file is read and not when
//! a task meets it.

use record::{Sandbox, WorkType};
use toml::Spanned;

use super::table::{RuleRow, Source, Table};
use super::{EFFORTS, PolicyError, is_effort};

/// All kinds of work, with the names that the file uses.
pub(super) const WORK_TYPES: [(WorkType, &str); 9] = [
    (WorkType::Explore, "explore"),
    (WorkType::Implement, "implement"),
    (WorkType::CodeReview, "code_review"),
    (WorkType::LogicReview, "logic_review"),
    (WorkType::Analysis, "analysis"),
    (WorkType::Research, "research"),
    (WorkType::Options, "options"),
    (WorkType::Orchestrate, "orchestrate"),
    (WorkType::Manual, "manual"),
];

/// The name of a kind of work, as the wire and the file spell it.
pub(super) fn name(work_type: WorkType) -> &'static str {
    WORK_TYPES.iter().find(|(known, _)| *known == work_type).map_or("", |(_, name)| name)
}

/// Checks what `table` says by itself. `backends` are all that there are, those of the table below included.
pub(super) fn own(table: &Table, backends: &[&str], source: &Source) -> Result<(), PolicyError> {
    let backend = |name: &Spanned<String>| {
        if backends.contains(&name.as_ref().as_str()) {
            return Ok(());
        }
        Err(source.error(
            name.span().start,
            format!(
                "no backend \"{}\": there are {}; add [backend.{0}] for another one",
                name.as_ref(),
                backends.join(", ")
            ),
        ))
    };
    let effort = |effort: Option<&Spanned<String>>| match effort {
        Some(effort) if !is_effort(effort.as_ref()) => Err(source
            .error(effort.span().start, format!("effort \"{}\" is none of {}", effort.as_ref(), EFFORTS.join(", ")))),
        _ => Ok(()),
    };
    for model in table.model.values() {
        not_blank(model, "a model's name", source)?;
    }
    for backend in table.backend.values() {
        effort(backend.effort.as_ref())?;
        for model in backend.models.iter().flatten() {
            not_blank(model, "a model", source)?;
        }
        if let Some(command) = backend.command.as_ref().filter(|command| command.as_ref().is_empty()) {
            return Err(source.error(command.span().start, "an empty command: give the program and its arguments"));
        }
    }
    for row in table.work_type.values() {
        row.backend.as_ref().map_or(Ok(()), backend)?;
        row.allow.iter().flatten().try_for_each(backend)?;
        effort(row.effort.as_ref())?;
        for model in row.models.iter().flatten() {
            not_blank(model, "a model", source)?;
        }
        if let Some(sandbox) = row.sandbox.as_ref().filter(|sandbox| *sandbox.as_ref() == Sandbox::DangerFullAccess) {
            return Err(source.error(
                sandbox.span().start,
                "a policy cannot take the sandbox away: use \"read-only\" or \"workspace-write\"",
            ));
        }
    }
    if let Some(fallback) = &table.fallback {
        fallback.backend.as_ref().map_or(Ok(()), backend)?;
        if let Some(model) = &fallback.model {
            not_blank(model, "a model", source)?;
        }
    }
    rules(table, source)
}

fn rules(table: &Table, source: &Source) -> Result<(), PolicyError> {
    for (number, rule) in table.rule.iter().enumerate() {
        not_blank(&rule.name, "a rule's name", source)?;
        let at = rule.name.span().start;
        if table.rule[..number].iter().any(|other| other.name.as_ref() == rule.name.as_ref()) {
            return Err(source.error(at, format!("there are two rules \"{}\": rename one", rule.name.as_ref())));
        }
        let phrases = [&rule.starts, &rule.title, &rule.text, &rule.not_starts, &rule.not_title, &rule.not_text];
        for phrase in phrases.into_iter().flatten().chain(&rule.commands) {
            not_blank(phrase, "a phrase", source)?;
            if phrase.as_ref().trim_end_matches('*').contains('*') || phrase.as_ref() == "*" {
                return Err(source.error(phrase.span().start, "a * may only stand at the end of a phrase"));
            }
        }
    }
    Ok(())
}

fn not_blank(text: &Spanned<String>, what: &str, source: &Source) -> Result<(), PolicyError> {
    if text.as_ref().trim().is_empty() {
        return Err(source.error(text.span().start, format!("{what} is empty: write it or leave the line out")));
    }
    Ok(())
}

/// Checks that the table as a whole can decide every task. `backends` of `table` are all that there are.
pub(super) fn whole(table: &Table, source: &Source) -> Result<(), PolicyError> {
    for (work_type, name) in WORK_TYPES {
        let Some(row) = table.work_type.get(&work_type) else {
            return Err(source.whole(format!(
                "[work_type.{name}] is missing: a policy that does not extend the built-in one needs it"
            )));
        };
        if row.backend.is_none() {
            return Err(source.whole(format!("[work_type.{name}] has no backend: add backend = \"codex\"")));
        }
    }
    for backend in table.backend.keys() {
        if !table.rank.contains_key(backend) {
            return Err(source.whole(format!("[rank] has no {backend}: say what the backend costs, {backend} = 30")));
        }
    }
    let all = table.rule.iter().position(RuleRow::is_unconditional).unwrap_or(table.rule.len());
    if all + 1 < table.rule.len() {
        let rule = &table.rule[all].name;
        return Err(source.error(
            rule.span().start,
            format!(
                "rule \"{}\" has no condition and takes every task from the rules behind it, such as \"{}\": give it one, or the name of the last rule",
                rule.as_ref(),
                table.rule[all + 1].name.as_ref()
            ),
        ));
    }
    match table.rule.last() {
        Some(rule) if rule.is_unconditional() => Ok(()),
        _ => Err(source.whole("the last [[rule]] must have no condition: it decides what no other one does")),
    }
}
