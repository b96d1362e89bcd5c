//! Work that was begun and never came out of the pipe, as the run file tells it.

use std::collections::HashMap;

use jiff::Timestamp;
use record::{DecisionStatus, Gate, Noted, Release};

use crate::sheet::Sheet;

/// A task that was begun, may have written in the user's tree, and never came out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Interrupted {
    /// When it was begun, as the run file has it.
    pub at: String,
    /// Which try it was.
    pub attempt: u64,
    /// What the agent could touch, where the run file tells.
    pub sandbox: Option<String>,
    /// Decisions in the run file up to this one are older.
    pub mark: u64,
}

impl Interrupted {
    /// Whether it was begun before this moment; one that cannot be read is before nothing.
    pub fn was_before(&self, moment: Option<Timestamp>) -> bool {
        let begun = self.at.parse::<Timestamp>().ok();
        moment.is_some_and(|moment| begun.is_none_or(|begun| begun < moment))
    }
}

/// The tasks that are out, according to the run file.
#[derive(Debug, Default)]
pub(crate) struct Releases {
    out: HashMap<String, Out>,
}

#[derive(Debug)]
struct Out {
    release: Release,
    mark: u64,
    /// Somebody has said since that it is to be tried again: the decision's number, and the text of the task that it was
    /// said about.
    again: Option<(u64, Option<String>)>,
    /// The work on it was done and asked about: the digest of the task then. plan-batch sends that work round again.
    done: Option<String>,
}

impl Releases {
    /// A task goes out; `mark` is the number of the last decision before.
    pub fn goes_out(&mut self, release: Release, mark: u64) {
        let done = self.out.remove(&release.id).and_then(|out| out.done).filter(|digest| *digest == release.digest);
        self.out.insert(release.id.clone(), Out { release, mark, again: None, done });
    }

    /// An attempt at a task has come out.
    pub fn comes_out(&mut self, id: &str, attempt: u64) {
        // An earlier attempt that comes late says nothing about the one that is out.
        if self.out.get(id).is_some_and(|out| out.release.attempt <= attempt) {
            self.out.remove(id);
        }
    }

    /// Somebody has decided something about a task, as the decision with this number.
    pub fn decided(&mut self, id: &str, number: u64, noted: &Noted) {
        let Some(out) = self.out.get_mut(id) else { return };
        match noted.decision().map(|decision| (decision.status, decision.gate)) {
            Some((DecisionStatus::Retry, _)) => {
                out.again = Some((number, noted.task_digest.clone()));
                out.done = None;
            }
            Some((DecisionStatus::Approved | DecisionStatus::Denied, Gate::Plan)) => out.again = None,
            _ => {}
        }
    }

    /// Somebody was asked about the work of this attempt, so it was done.
    pub fn was_asked_about(&mut self, id: &str, attempt: u64, digest: String) {
        if let Some(out) = self.out.get_mut(id)
            && out.release.attempt == attempt
        {
            out.done = Some(digest);
        }
    }

    /// Whether a task has to be asked about because of what it may have left behind.
    pub fn interrupted(&self, sheet: &Sheet) -> Option<Interrupted> {
        let Out { release, mark, again, done } = self.out.get(&sheet.id)?;
        if done.as_deref() == Some(&*sheet.digest) {
            return None;
        }
        let is_agreed = again.as_ref().is_some_and(|(_, digest)| digest.as_deref() == Some(&*sheet.digest));
        let may_have_written = || release.may_have_written().unwrap_or_else(|| sheet.may_write());
        let is_asked = sheet.checked != Some(true) && !is_agreed && may_have_written();
        is_asked.then(|| Interrupted {
            at: release.at.clone(),
            attempt: release.attempt,
            sandbox: release.sandbox.clone(),
            mark: *mark,
        })
    }
}
