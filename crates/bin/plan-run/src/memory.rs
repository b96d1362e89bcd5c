//! What the run file says about the tasks of the plan: which ones are finished, and what the others wait for.

use std::collections::HashMap;
use std::path::Path;

use run::Follower;

use crate::board::Row;
use crate::glimpse::{Decision, Glimpse};

/// What the run file says about a task.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    attempt: u64,
    /// It was released and has not come out.
    pub is_out: bool,
    pub result: String,
    pub class: Option<String>,
    pub verdict: String,
    has_commit: bool,
    has_landed: bool,
    /// The newest answer, or question, about the result.
    approval: Option<String>,
    /// The newest decision at any gate.
    pub newest: Option<(String, String)>,
}

impl Entry {
    /// Whether nothing is left to do, apart from what the plan has ticked off.
    fn is_finished(&self) -> bool {
        let is_work = !matches!(self.result.as_str(), "failed" | "held");
        let is_approved = self.approval.as_deref() == Some("approved");
        is_work && is_approved && !self.is_out && (!self.has_commit || self.has_landed)
    }

    /// The gate at which somebody has to say something.
    pub fn waits_at(&self) -> Option<&str> {
        self.newest.as_ref().filter(|(_, status)| status == "pending").map(|(gate, _)| gate.as_str())
    }

    fn decision(&mut self, decision: Decision) {
        if decision.gate == "result" {
            self.approval = Some(decision.status.clone());
        }
        self.newest = Some((decision.gate, decision.status));
    }
}

/// The memory of a plan's run.
#[derive(Debug, Default)]
pub(crate) struct Memory(HashMap<Box<str>, Entry>);

impl Memory {
    /// Reads the run file for these tasks; what cannot be read says nothing.
    pub fn read(run: &Path, rows: &[Row]) -> Result<Self, run::Error> {
        let digests: HashMap<&str, Option<&str>> = rows.iter().map(|row| (&*row.id, row.digest.as_deref())).collect();
        let mut memory = Self::default();
        Follower::new(run).new_lines(|_, line| memory.note(Glimpse::of(line.as_bytes()), &digests))?;
        Ok(memory)
    }

    fn note(&mut self, line: Glimpse, digests: &HashMap<&str, Option<&str>>) {
        let Some(id) = line.id.as_deref() else { return };
        let Some(digest) = digests.get(id).copied() else { return };
        let is_present = |said: Option<&str>| said.is_none() || digest.is_none() || said == digest;
        let attempt = line.attempt();
        match line.kind.as_str() {
            "release" => {
                let entry = self.0.entry(id.into()).or_default();
                // The attempt of a release stands outside; it is always a new one.
                entry.is_out = is_present(line.digest.as_deref());
            }
            "decision" if is_present(line.decision.task_digest.as_deref()) => {
                self.0.entry(id.into()).or_default().decision(line.decision);
            }
            "task" => {
                let entry = self.0.entry(id.into()).or_default();
                if attempt < entry.attempt {
                    return;
                }
                *entry = Entry { attempt, ..Entry::default() };
                if !is_present(line.digest.as_deref()) {
                    return;
                }
                if let Some(result) = line.result {
                    entry.has_commit = result.head.is_some();
                    (entry.result, entry.class) = (result.status, result.class);
                }
                entry.verdict = line.verdict.map(|verdict| verdict.status).unwrap_or_default();
                entry.has_landed =
                    line.landed.is_some_and(|landed| matches!(landed.status.as_str(), "merged" | "nothing"));
                for decision in line.decisions {
                    if is_present(decision.task_digest.as_deref()) {
                        entry.decision(decision);
                    }
                }
            }
            _ => {}
        }
    }

    /// What is known of a task.
    pub fn of(&self, row: &Row) -> Option<&Entry> {
        self.0.get(&row.id)
    }

    /// Whether a task is finished.
    pub fn is_finished(&self, row: &Row) -> bool {
        row.checked || self.of(row).is_some_and(Entry::is_finished)
    }
}
