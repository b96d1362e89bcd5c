//! A task as it came from the plan.

use jiff::Timestamp;
use record::{Access, Action, Batch, DecisionStatus, FileRef, Gate, Record, Sandbox};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ledger::{Known, Said};
use crate::queue::Claim;

/// A task of the plan. Only its text is kept: there may be very many.
#[derive(Debug)]
pub(crate) struct Item {
    text: Box<str>,
    /// Its line on stdin.
    pub line: u64,
    /// The plan has ticked it off.
    pub is_checked: bool,
    /// What it says itself about the plan: the newest answer, or that there is none yet.
    plan: Option<(DecisionStatus, String)>,
}

/// What is read of a task when it comes.
#[derive(Deserialize)]
struct Arrival {
    id: String,
    digest: String,
    #[serde(default)]
    checked: Option<bool>,
    #[serde(default)]
    needs: Option<Vec<String>>,
    #[serde(default)]
    files: Option<Vec<FileRef>>,
    #[serde(default)]
    route: Option<Route>,
    #[serde(default)]
    decisions: Option<Vec<Decision>>,
}

#[derive(Deserialize)]
struct Route {
    #[serde(default)]
    sandbox: Option<Sandbox>,
}

#[derive(Deserialize)]
struct Decision {
    gate: Gate,
    status: DecisionStatus,
    #[serde(default)]
    by: String,
    #[serde(default)]
    at: String,
    task_digest: Option<String>,
}

/// Id, digest and needs, which are kept elsewhere.
pub(crate) struct Names {
    pub id: String,
    pub digest: String,
    pub needs: Vec<String>,
}

impl Item {
    pub fn read(record: &Record, line: u64) -> Result<(Self, Names), String> {
        let arrival: Arrival = record.view().map_err(|error| error.to_string())?;
        let digest = Some(&arrival.digest);
        let at_plan = |decision: &&Decision| {
            decision.gate == Gate::Plan && (decision.task_digest.is_none() || decision.task_digest.as_ref() == digest)
        };
        let plan = arrival.decisions.iter().flatten().rfind(at_plan);
        let item = Self {
            text: record.as_str().into(),
            line,
            is_checked: arrival.checked == Some(true),
            plan: plan.map(|decision| (decision.status, decision.at.clone())),
        };
        let needs = arrival.needs.unwrap_or_default();
        Ok((item, Names { id: arrival.id, digest: arrival.digest, needs }))
    }

    fn record(text: &str) -> Result<Record, String> {
        Record::parse(text).map_err(|error| error.to_string())
    }

    /// What it claims while it is out.
    pub fn claim(&self) -> Claim {
        let arrival = Self::record(&self.text).ok().and_then(|record| record.view::<Arrival>().ok());
        let Some(arrival) = arrival else { return Claim { writes: Access::WritesAnything, names: Access::Reads } };
        let files = arrival.files.unwrap_or_default();
        let sandbox = arrival.route.and_then(|route| route.sandbox);
        let mut written = files.iter().filter(|file| file.action != Action::Read).map(|file| file.path.as_str());
        let writes = match sandbox {
            Some(Sandbox::ReadOnly) => Access::Reads,
            // Executors let nobody write who was not given a sandbox to write in.
            None if files.iter().all(|file| file.action == Action::Read) => Access::Reads,
            _ => Access::writes(&mut written),
        };
        let names =
            if files.is_empty() { Access::Reads } else { Access::writes(files.iter().map(|file| file.path.as_str())) };
        Claim { writes, names }
    }

    /// The answer about the plan that is the newest, and since when it holds.
    pub fn plan<'a>(&'a self, known: &'a Known) -> Option<(DecisionStatus, &'a str)> {
        let own = self.plan.as_ref().map(|(status, at)| (*status, at.as_str()));
        let noted = known.said(Gate::Plan).map(|said| (said.status, said.at.as_str()));
        match (own, noted) {
            // That nobody had answered yet is older than any answer.
            (Some((DecisionStatus::Pending, _)) | None, Some(noted)) => Some(noted),
            (Some(own), Some(noted)) if is_later(noted.1, own.1) => Some(noted),
            (own, noted) => own.or(noted),
        }
    }

    /// The line that goes out: from the plan, or the one that only waits for an answer.
    pub fn released(&self, kept: Option<&str>, batch: &Batch, known: &Known) -> Result<String, String> {
        let mut record = Self::record(kept.unwrap_or(&self.text))?;
        record.set("batch", batch).map_err(|error| error.to_string())?;
        let mut list: Vec<Box<RawValue>> = Vec::new();
        if record.has("decisions") {
            list = serde_json::from_str(record.get("decisions").unwrap_or("[]")).map_err(|error| error.to_string())?;
        }
        let before = list.len();
        for said in &known.decisions {
            if !list.iter().any(|own| is_same(own, said)) {
                list.push(RawValue::from_string(said.json.to_string()).map_err(|error| error.to_string())?);
            }
        }
        if list.len() > before {
            record.set("decisions", &list).map_err(|error| error.to_string())?;
        }
        Ok(record.as_str().to_owned())
    }
}

fn is_same(own: &RawValue, said: &Said) -> bool {
    serde_json::from_str::<Decision>(own.get())
        .is_ok_and(|own| (own.gate, own.status, &own.by, &own.at) == (said.gate, said.status, &said.by, &said.at))
}

/// Whether one moment is later than another; what is no moment is never later.
pub(crate) fn is_later(one: &str, other: &str) -> bool {
    match (one.parse::<Timestamp>(), other.parse::<Timestamp>()) {
        (Ok(one), Ok(other)) => one > other,
        (Ok(_), Err(_)) => true,
        _ => false,
    }
}
