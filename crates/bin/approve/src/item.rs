//! A task at the gate.

use std::sync::Arc;

use change::Change;
use record::{Decision, Record};
use serde_json::value::RawValue;

use crate::interrupted::Interrupted;
use crate::sheet::Sheet;

/// A task at the gate, as it came and as it is read.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    record: Record,
    pub sheet: Arc<Sheet>,
    pub change: Change,
    /// At gate `plan`: it was begun already, and nobody knows what it has left behind.
    pub interrupted: Option<Interrupted>,
}

impl Item {
    /// Reads a task, without its change; an error names the field that is missing or wrong.
    pub fn read(record: Record) -> Result<Self, String> {
        let sheet: Sheet = record.view().map_err(|error| error.to_string())?;
        Ok(Self { record, sheet: Arc::new(sheet), change: Change::None, interrupted: None })
    }

    /// Nothing of it will run, because the plan has ticked it off: an answer on the whole plan is recorded on it too, but
    /// it is no reason to ask.
    pub fn needs_nobody(&self) -> bool {
        self.sheet.checked == Some(true)
    }

    /// The task with one more decision; the others stay as they are, to the byte.
    pub fn with(mut self, decision: &Decision) -> Result<Record, String> {
        let new = serde_json::to_string(decision).map_err(|error| error.to_string())?;
        let list = match self.record.get("decisions").map(str::trim_end) {
            Some(old) if old.starts_with('[') => {
                let inner = old[1..].trim_end_matches(']').trim();
                if inner.is_empty() { format!("[{new}]") } else { format!("{},{new}]", &old[..old.len() - 1]) }
            }
            _ => format!("[{new}]"),
        };
        let list = RawValue::from_string(list).map_err(|error| error.to_string())?;
        self.record.set("decisions", &list).map_err(|error| error.to_string())?;
        Ok(self.record)
    }

    /// The line as it came.
    pub fn as_str(&self) -> &str {
        self.record.as_str()
    }

    /// The task as it came.
    pub fn unchanged(self) -> Record {
        self.record
    }
}

#[cfg(test)]
mod tests {
    use record::{DecisionStatus, Gate};

    use super::*;

    #[test]
    fn a_decision_is_added_and_nothing_else_changes() {
        let decision = Decision {
            gate: Gate::Plan,
            status: DecisionStatus::Approved,
            by: "person:a".into(),
            at: "now".into(),
            note: None,
            task_digest: None,
            diff_digest: None,
            backend: None,
            model: None,
            choice: None,
        };
        let new = r#"{"gate":"plan","status":"approved","by":"person:a","at":"now"}"#;
        let line = |decisions: &str| format!(r#"{{ "type":"task","id":"1","digest":"d"{decisions},"n":0.10 }}"#);
        let old = r#"{"gate":"plan","status":"pending", "by":"x","at":"then","more":1.0}"#;
        for (before, after) in [
            (r#","decisions":null"#.to_owned(), format!(r#","decisions":[{new}]"#)),
            (r#","decisions":[ ]"#.to_owned(), format!(r#","decisions":[{new}]"#)),
            (format!(r#","decisions":[{old} ]"#), format!(r#","decisions":[{old} ,{new}]"#)),
        ] {
            let item = Item::read(Record::parse(&line(&before)).unwrap()).unwrap();
            assert_eq!(item.with(&decision).unwrap().as_str(), line(&after));
        }
        let item = Item::read(Record::parse(&line("")).unwrap()).unwrap();
        assert!(item.with(&decision).unwrap().as_str().ends_with(&format!(r#""n":0.10,"decisions":[{new}] }}"#)));
    }
}
