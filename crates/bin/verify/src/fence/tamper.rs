//! Whether something was done to what proves the work, or to the record of it.

use record::Severity;

use super::changes::Change;
use super::content::Seen;
use super::declared::{Declared, Deed};
use super::findings::Findings;
use super::protected::Protected;

/// What the changes are held against.
pub struct Tamper<'a> {
    /// The paths that nobody changes in passing.
    pub protected: &'a Protected,
    /// What the task may change.
    pub declared: &'a Declared,
    /// Whether the task says at all what it changes.
    pub knows: bool,
    /// The plan, as git writes its path.
    pub plan: Option<&'a str>,
}

/// A change, and what was seen in the text before and after it.
pub struct Looked<'a> {
    /// The change.
    pub change: &'a Change,
    /// The text before; empty when there was none.
    pub before: Seen,
    /// The text now; empty when there is none.
    pub after: Seen,
}

impl Tamper<'_> {
    /// Adds what is wrong with the paths alone.
    pub fn paths(&self, changes: &[Change], findings: &mut Findings) {
        for change in changes {
            let path = change.path.trim_end_matches('/');
            if let Some(why) = self.protected.why(path, self.declared, self.knows, self.plan) {
                let how = match change.deed {
                    Deed::Added => "was made",
                    Deed::Deleted => "was deleted",
                    _ => "was changed",
                };
                findings.error(Some(&change.path), format!("{how}: {why}"));
            }
        }
    }

    /// Adds what is wrong with the texts.
    pub fn texts(&self, looked: &[Looked], findings: &mut Findings) {
        for Looked { change, before, after } in looked {
            if after.conflicts > before.conflicts && !self.protected.excepts(&change.path) {
                let text = "the marks of a merge conflict were left in it";
                findings.add(Severity::Error, Some(&change.path), after.conflict, text);
            }
        }
        let tests: Vec<&Looked> = looked.iter().filter(|looked| self.is_test(looked)).collect();
        let fewer = |of: fn(&Seen) -> u64| {
            let before: u64 = tests.iter().map(|looked| of(&looked.before)).sum();
            tests.iter().map(|looked| of(&looked.after)).sum::<u64>() < before
        };
        let (fewer_tests, fewer_assertions) = (fewer(|seen| seen.tests), fewer(|seen| seen.assertions));
        for looked in &tests {
            weakened(looked, fewer_tests, fewer_assertions, findings);
        }
    }

    /// A file of tests, by its path or by what was in it.
    fn is_test(&self, looked: &Looked) -> bool {
        self.protected.is_test(&looked.change.path) || looked.before.tests > 0
    }
}

/// A test that the task does not declare is protected anyway; one that it does declare may have good reasons.
fn weakened(looked: &Looked, fewer_tests: bool, fewer_assertions: bool, findings: &mut Findings) {
    let Looked { change, before, after } = looked;
    let path = Some(change.path.as_str());
    let is_gone = change.new.is_none();
    let mut lost = |what: &str, before: u64, after: u64, in_all: bool| {
        if after < before {
            let how = match (is_gone, in_all) {
                (_, false) => "other files of the change have gained as many",
                (true, true) => "the file was deleted",
                (false, true) => "a test may have been weakened",
            };
            let severity = if in_all { Severity::Warning } else { Severity::Note };
            findings.add(severity, path, None, format!("{before} {what} before, {after} now: {how}"));
        }
    };
    lost("tests", before.tests, after.tests, fewer_tests);
    lost("assertions", before.assertions, after.assertions, fewer_assertions);
    if after.skips > before.skips
        && let Some((line, text)) = after.new_skip(before)
    {
        let text = format!("keeps a test from running or from failing: {}", shorten(text));
        findings.add(Severity::Warning, path, Some(line), text);
    }
}

fn shorten(text: &str) -> String {
    const SHOWN: usize = 100;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain("...".chars()).collect()
}
