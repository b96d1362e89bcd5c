//! Whether a task stands at the gate.

use record::{Gate, Record, VerdictStatus};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

/// The few fields that tell.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    #[serde(default)]
    pub id: String,
    checked: Option<bool>,
    backend: Option<String>,
    work_type: Option<String>,
    route: Option<Route>,
    result: Option<Outcome>,
    verdict: Option<Verdict>,
    batch: Option<Batch>,
}

#[derive(Debug, Deserialize)]
struct Route {
    backend: Option<String>,
    work_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    /// A word of others may stand here too.
    status: String,
    held_by: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    status: String,
}

impl Verdict {
    fn read(&self) -> Result<VerdictStatus, String> {
        let word: StrDeserializer<serde::de::value::Error> = self.status.as_str().into_deserializer();
        VerdictStatus::deserialize(word).map_err(|error| format!("verdict.status: {error}"))
    }
}

#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    attempts_left: Option<u64>,
}

impl Place {
    /// Reads the fields; an error names the one that is wrong.
    pub fn of(record: &Record) -> Result<Self, String> {
        record.view().map_err(|error| error.to_string())
    }

    /// Whether the task has to be decided at `gate`; an error names the field whose word this gate must know.
    pub fn is_at(&self, gate: Gate) -> Result<bool, String> {
        let status = self.result.as_ref().map(|result| result.status.as_str());
        Ok(match gate {
            _ if status == Some("held") => false,
            Gate::Plan => true,
            _ if self.checked == Some(true) => false,
            Gate::Fallback => status == Some("failed"),
            Gate::Result => match &self.verdict {
                Some(verdict) => verdict.read()? == VerdictStatus::Pass || !self.may_be_tried_again(),
                None => self.is_manual(),
            },
        })
    }

    /// Why the task has no result that could be looked at, when the plan has not ticked it off.
    pub fn undone(&self) -> Option<String> {
        if self.checked == Some(true) {
            return None;
        }
        match &self.result {
            None => Some(match self.backend() {
                Some(backend) => format!("for {backend}, and nobody has done it yet"),
                None => "for no backend yet, so nobody has done it".into(),
            }),
            Some(result) if result.status == "held" => Some(match &result.held_by {
                Some(other) => format!("held because of task {other}"),
                None => "held".into(),
            }),
            Some(_) => None,
        }
    }

    fn backend(&self) -> Option<&str> {
        let routed = self.route.as_ref().and_then(|route| route.backend.as_deref());
        routed.or_else(|| self.backend.as_deref().and_then(|backend| backend.split(':').next()))
    }

    fn may_be_tried_again(&self) -> bool {
        self.batch.as_ref().and_then(|batch| batch.attempts_left).is_some_and(|left| left > 0)
    }

    fn is_manual(&self) -> bool {
        let route = self.route.as_ref();
        let work_type = route.and_then(|route| route.work_type.as_deref()).or(self.work_type.as_deref());
        self.backend() == Some("manual") || work_type == Some("manual")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(gate: Gate, fields: &str) -> bool {
        place(fields).is_at(gate).unwrap()
    }

    fn place(fields: &str) -> Place {
        Place::of(&Record::parse(&format!(r#"{{"type":"task","id":"1",{fields}}}"#)).unwrap()).unwrap()
    }

    #[test]
    fn what_nobody_has_done_is_told_with_its_cause() {
        let undone = |fields: &str| place(fields).undone();
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(undone(r#""route":{"backend":"claude"}"#), told("for claude, and nobody has done it yet"));
        assert_eq!(undone(r#""backend":"codex:m""#), told("for codex, and nobody has done it yet"));
        assert_eq!(undone(r#""title":"t""#), told("for no backend yet, so nobody has done it"));
        assert_eq!(undone(r#""result":{"status":"held","held_by":"7"}"#), told("held because of task 7"));
        assert_eq!(undone(r#""result":{"status":"failed"}"#), None);
        assert_eq!(undone(r#""checked":true"#), None);
    }

    #[test]
    fn results_with_a_verdict_and_work_for_a_person_are_at_gate_result() {
        let result = |fields: &str| at(Gate::Result, fields);
        assert!(result(r#""verdict":{"status":"pass"}"#));
        assert!(result(r#""verdict":{"status":"fail"}"#));
        assert!(result(r#""verdict":{"status":"fail"},"batch":{"attempts_left":0}"#));
        assert!(!result(r#""verdict":{"status":"fail"},"batch":{"attempts_left":1}"#));
        assert!(!result(r#""verdict":{"status":"unproven"},"batch":{"attempts_left":1}"#));
        assert!(result(r#""verdict":{"status":"pass"},"batch":{"attempts_left":1}"#));
        assert!(!result(r#""verdict":{"status":"pass"},"checked":true"#));
        assert!(!result(r#""result":{"status":"ok"},"verdict":null"#));
        assert!(result(r#""backend":"manual""#));
        assert!(result(r#""work_type":"manual","route":null"#));
        assert!(!result(r#""backend":"manual","route":{"backend":"codex"}"#));
        assert!(result(r#""route":{"backend":"manual"}"#));
        assert!(!result(r#""route":{"backend":"manual"},"result":{"status":"held"}"#));
    }

    #[test]
    fn failed_tasks_are_at_gate_fallback_and_all_are_at_gate_plan() {
        assert!(at(Gate::Fallback, r#""result":{"status":"failed"}"#));
        assert!(!at(Gate::Fallback, r#""result":{"status":"ok"}"#));
        assert!(!at(Gate::Fallback, r#""result":{"status":"held"}"#));
        assert!(!at(Gate::Fallback, r#""result":{"status":"failed"},"checked":true"#));
        assert!(!at(Gate::Fallback, r#""title":"t""#));
        assert!(at(Gate::Plan, r#""title":"t","checked":true"#));
        assert!(!at(Gate::Plan, r#""result":{"status":"held"}"#));
    }

    #[test]
    fn words_that_only_others_know_stop_nobody() {
        let parked = r#""work_type":"x","route":{"work_type":"y","sandbox":"none"},"result":{"status":"parked"}"#;
        assert!(at(Gate::Plan, parked));
        assert!(!at(Gate::Fallback, parked));
        assert!(!at(Gate::Result, parked));
        let judged = r#""verdict":{"status":"good"},"result":{"status":"failed"}"#;
        assert!(at(Gate::Plan, judged) && at(Gate::Fallback, judged));
        assert!(!at(Gate::Result, r#""verdict":{"status":"good"},"checked":true"#));
        assert!(!at(Gate::Result, r#""verdict":{"status":"fail"},"batch":{"attempts_left":1.0}"#));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let error = place(r#""verdict":{"status":"good"}"#).is_at(Gate::Result).unwrap_err();
        assert!(error.starts_with("verdict.status: unknown variant `good`"), "{error}");
    }
}
