//! Defects that another one makes: they go when it goes, and until then they only hide it.

use std::collections::HashSet;
use std::ops::Range;

use super::Defect;
use super::near;
use super::rule::{
    CYCLE, DUPLICATE_ID, NEAR_LABEL, NO_SUMMARY, OPEN_QUOTE, PROSE_COMMAND, SUMMARY_BACKEND, SUMMARY_EXTRA,
    SUMMARY_MISSING, SUMMARY_WORK_TYPE, UNKNOWN_NEED,
};
use super::structure::{hidden_id, open_blocks};
use crate::field::label;
use crate::parsed::Parsed;

/// Every defect is held against every open fence: more of them than this are no slip, and would only cost time.
const MAX_FENCES: usize = 32;

/// Drops the effects whose causes are told too.
pub fn drop(parsed: &Parsed, defects: &mut Vec<Defect>) {
    let shared = Shared::new(parsed);
    let fences: Vec<Fence> =
        open_blocks(&parsed.document).take(MAX_FENCES).map(|block| Fence::new(parsed, block)).collect();
    // Labels that are nearly right: the field is there.
    let near: HashSet<(Option<String>, &'static str)> = defects
        .iter()
        .filter(|defect| defect.rule == &NEAR_LABEL)
        .filter_map(|defect| {
            let code = near::missing(label(defect.about.as_deref()?)?)?;
            Some((defect.task.clone(), code))
        })
        .collect();
    if shared.ids.is_empty() && fences.is_empty() && near.is_empty() {
        return;
    }
    defects.retain(|defect| {
        !shared.explains(defect)
            && !fences.iter().any(|fence| fence.explains(defect))
            && (near.is_empty() || !near.contains(&(defect.task.clone(), defect.rule.code)))
    });
}

/// Numbers that two tasks have.
struct Shared<'p> {
    ids: HashSet<&'p str>,
    /// The numbers that the later ones of the tasks were probably meant to have.
    meant: HashSet<u64>,
    parsed: &'p Parsed<'p>,
}

impl<'p> Shared<'p> {
    fn new(parsed: &'p Parsed) -> Self {
        let number = |index: usize| parsed.drafts.get(index).and_then(|draft| last_number(&draft.id));
        let mut meant = HashSet::new();
        for (index, _) in &parsed.names.duplicates {
            meant.insert(*index as u64 + 1);
            meant.extend(index.checked_sub(1).and_then(number).map(|before| before.saturating_add(1)));
            meant.extend(number(index + 1).and_then(|behind| behind.checked_sub(1)));
        }
        let ids = parsed.names.duplicates.iter().map(|(index, _)| parsed.names.ids[*index].as_str()).collect();
        Self { ids, meant, parsed }
    }

    fn explains(&self, defect: &Defect) -> bool {
        let rule = defect.rule;
        if self.ids.is_empty() || rule == &DUPLICATE_ID {
            return false;
        }
        if rule == &UNKNOWN_NEED || rule == &SUMMARY_EXTRA {
            return defect.about.as_deref().and_then(last_number).is_some_and(|number| self.meant.contains(&number));
        }
        if rule == &CYCLE {
            let names = &self.parsed.names;
            let circle = names.cycles.iter().find(|circle| Some(&names.ids[circle[0]]) == defect.task.as_ref());
            return circle.is_some_and(|circle| circle.iter().any(|index| self.has(&names.ids[*index])));
        }
        // Which of the tasks a row is about is not known.
        [&SUMMARY_MISSING, &SUMMARY_BACKEND, &SUMMARY_WORK_TYPE].contains(&rule)
            && defect.task.as_deref().is_some_and(|task| self.has(task))
    }

    fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

/// `3` of `3`, `2.3`, `T003` and `chunk-1/3`.
fn last_number(id: &str) -> Option<u64> {
    let start = id
        .rfind(|character: char| !character.is_ascii_digit())
        .map_or(0, |at| at + id[at..].chars().next().map_or(0, char::len_utf8));
    id[start..].parse().ok()
}

/// A fence that is never closed, and what it swallows.
struct Fence {
    range: Range<usize>,
    /// The numbers of the tasks in it.
    tasks: HashSet<String>,
    /// The task that it begins in.
    task: Option<String>,
    /// The codes that miss the labels in it.
    missing: HashSet<&'static str>,
    summary: bool,
}

impl Fence {
    fn new(parsed: &Parsed, range: Range<usize>) -> Self {
        let mut fence =
            Self { tasks: HashSet::new(), task: None, missing: HashSet::new(), summary: false, range: range.clone() };
        let owner = parsed.drafts.partition_point(|draft| draft.body.start <= range.start).checked_sub(1);
        fence.task = owner
            .filter(|owner| parsed.drafts[*owner].body.end > range.start)
            .map(|owner| parsed.names.ids[owner].clone());
        for line in parsed.document.slice(&range).lines().skip(1) {
            if let Some(id) = hidden_id(parsed, line) {
                fence.tasks.insert(id.to_owned());
            }
            fence.summary |= line.starts_with('#') && line.to_lowercase().contains("routing summary");
            // Labels behind the first hidden task are that one's.
            if fence.tasks.is_empty()
                && let Some((name, _)) = line.trim_start_matches([' ', '-', '*', '#', '\t']).split_once(':')
            {
                fence.missing.extend(label(name).and_then(near::missing));
            }
        }
        fence
    }

    fn explains(&self, defect: &Defect) -> bool {
        let rule = defect.rule;
        if rule == &UNKNOWN_NEED || rule == &SUMMARY_EXTRA {
            return defect.about.as_ref().is_some_and(|number| self.tasks.contains(number));
        }
        (rule == &NO_SUMMARY && self.summary)
            || ([&OPEN_QUOTE, &PROSE_COMMAND].contains(&rule) && self.range.contains(&defect.place.start))
            || (self.task.is_some() && self.task == defect.task && self.missing.contains(rule.code))
    }
}
