//! Whether a task stands at the gate.

use record::{Gate, Record, Status, VerdictStatus, WorkType};
use serde::Deserialize;

/// The few fields that tell.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    checked: Option<bool>,
    backend: Option<String>,
    work_type: Option<WorkType>,
    route: Option<Route>,
    result: Option<Outcome>,
    verdict: Option<Verdict>,
    batch: Option<Batch>,
}

#[derive(Debug, Deserialize)]
struct Route {
    backend: Option<String>,
    work_type: Option<WorkType>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    status: VerdictStatus,
}

#[derive(Debug, Deserialize)]
struct Batch {
    attempts_left: Option<u64>,
}

/// Whether the task of `record` has to be decided at `gate`; an error names the field that is wrong.
pub(crate) fn is_at(gate: Gate, record: &Record) -> Result<bool, String> {
    let place: Place = record.view().map_err(|error| error.to_string())?;
    let status = place.result.as_ref().map(|result| result.status);
    Ok(match gate {
        _ if status == Some(Status::Held) => false,
        Gate::Plan => true,
        _ if place.checked == Some(true) => false,
        Gate::Fallback => status == Some(Status::Failed),
        Gate::Result => match &place.verdict {
            Some(verdict) => verdict.status == VerdictStatus::Pass || !place.may_be_tried_again(),
            None => place.is_manual(),
        },
    })
}

impl Place {
    fn may_be_tried_again(&self) -> bool {
        self.batch.as_ref().and_then(|batch| batch.attempts_left).is_some_and(|left| left > 0)
    }

    fn is_manual(&self) -> bool {
        let route = self.route.as_ref();
        let backend = route.and_then(|route| route.backend.as_ref()).or(self.backend.as_ref());
        let work_type = route.and_then(|route| route.work_type).or(self.work_type);
        backend.is_some_and(|backend| backend == "manual") || work_type == Some(WorkType::Manual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(gate: Gate, fields: &str) -> bool {
        is_at(gate, &Record::parse(&format!(r#"{{"type":"task","id":"1",{fields}}}"#)).unwrap()).unwrap()
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
    fn a_wrong_field_is_named() {
        let record = Record::parse(r#"{"type":"task","id":"1","verdict":{"status":"good"}}"#).unwrap();
        let error = is_at(Gate::Result, &record).unwrap_err();
        assert!(error.starts_with("verdict.status: unknown variant `good`"), "{error}");
    }
}
