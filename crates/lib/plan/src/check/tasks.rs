//! What each task must say: objective, files, commands, done criteria, backend, and 2 to 5 minutes.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Defect;
use super::rule::{
    ESTIMATE_SIZE, GIVEN_TWICE, NO_BACKEND, NO_COMMANDS, NO_DONE, NO_ESTIMATE, NO_FILES, NO_GOAL, NO_OBJECTIVE,
    NO_TITLE, OPEN_QUOTE, PATH_OUTSIDE, PROSE_COMMAND, Rule, UNCLEAR_BACKEND, UNCLEAR_ESTIMATE, UNCLEAR_FILES,
    UNCLEAR_NEEDS, UNCLEAR_WORK_TYPE,
};
use crate::draft::Field;
use crate::parsed::Parsed;
use crate::path;
use crate::shell;

/// Adds the defects of every task, and that the plan does not say what they are for.
pub fn check(parsed: &Parsed, defects: &mut Vec<Defect>) {
    if parsed.goal().is_none() {
        let end = parsed.document.line_range(1).end;
        defects.push(Defect::new(&NO_GOAL, "the plan has no goal", 0..end));
    }
    for (draft, id) in parsed.drafts.iter().zip(&parsed.names.ids) {
        let mut add = |rule: &'static Rule, message: String, place: Range<usize>| {
            defects.push(Defect::new(rule, message, place).of(id));
        };
        let unclear = |field: Field| draft.unclear.iter().any(|unclear| unclear.field == field);
        let missing = [
            (draft.untitled, &NO_TITLE, "title"),
            (draft.objective.is_none(), &NO_OBJECTIVE, "objective"),
            (draft.files.is_empty() && !draft.none.contains(&"files") && !unclear(Field::Files), &NO_FILES, "files"),
            (
                draft.commands.is_empty() && !draft.none.contains(&"commands") && !unclear(Field::Commands),
                &NO_COMMANDS,
                "commands",
            ),
            (draft.done.is_empty(), &NO_DONE, "done criteria"),
            (draft.backend.is_none() && !unclear(Field::Backend), &NO_BACKEND, "backend"),
            (draft.minutes.is_none() && !unclear(Field::Estimate), &NO_ESTIMATE, "estimate"),
        ];
        for (is_missing, rule, name) in missing {
            if is_missing {
                add(rule, format!("task {id} has no {name}"), draft.opening.clone());
            }
        }
        if let Some(minutes) = &draft.minutes
            && !(2.0..=5.0).contains(&minutes.value)
        {
            add(&ESTIMATE_SIZE, format!("task {id} is estimated at {} minutes", minutes.value), minutes.place.clone());
        }
        for file in &draft.files {
            if path::leaves_repository(&file.value.path) {
                add(&PATH_OUTSIDE, format!("`{}` leaves the repository", file.value.path), file.place.clone());
            } else if path::is_placeholder(&file.value.path) {
                add(&UNCLEAR_FILES, format!("`{}` is not a concrete path", file.value.path), file.place.clone());
            }
        }
        let criteria = draft.done.iter().filter_map(|done| done.value.command.as_deref().map(|it| (it, &done.place)));
        let commands = draft.commands.iter().map(|command| (command.value.as_str(), &command.place));
        let unbalanced: BTreeMap<usize, &Range<usize>> = commands
            .chain(criteria)
            .filter(|(command, _)| shell::is_unbalanced(command))
            .map(|(_, place)| (place.start, place))
            .collect();
        for place in unbalanced.into_values() {
            add(&OPEN_QUOTE, format!("task {id}: a quote in this command is never closed"), place.clone());
        }
        for twice in &draft.twice {
            let line = parsed.document.line(twice.first.start);
            let message = format!("task {id}: line {line} says this already; only one of them counts");
            add(&GIVEN_TWICE, message, twice.again.clone());
        }
        for unclear in &draft.unclear {
            let place = unclear.place.clone();
            match unclear.field {
                Field::Backend => add(&UNCLEAR_BACKEND, format!("task {id}: which backend is not clear"), place),
                Field::WorkType => add(&UNCLEAR_WORK_TYPE, format!("task {id}: this is not a work type"), place),
                Field::Needs => add(&UNCLEAR_NEEDS, format!("task {id}: this names no task"), place),
                Field::Estimate => add(&UNCLEAR_ESTIMATE, format!("task {id}: this is not a time"), place),
                Field::Files => add(&UNCLEAR_FILES, format!("task {id}: no path is named here"), place),
                // Told with what stops the plan.
                Field::Record => {}
                Field::Commands => add(&PROSE_COMMAND, format!("task {id}: this is not a command"), place),
            }
        }
    }
}
