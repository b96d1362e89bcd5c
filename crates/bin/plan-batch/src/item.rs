//! A task as it came from the plan.

use jiff::Timestamp;
use record::{Access, Batch, DecisionStatus, Gate, Noted, Record, may_write};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ledger::{Known, identity};
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
    plan: Option<(DecisionStatus, Box<str>)>,
}

/// What is read of a task when it comes. Words of others stop nobody here.
#[derive(Deserialize)]
struct Arrival {
    id: String,
    digest: String,
    #[serde(default)]
    checked: Option<bool>,
    #[serde(default)]
    needs: Option<Vec<String>>,
    #[serde(default)]
    files: Option<Vec<File>>,
    #[serde(default)]
    backend: Option<String>,
    #[serde(default)]
    route: Option<Route>,
    #[serde(default)]
    decisions: Option<Vec<Noted>>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    action: Option<String>,
}

#[derive(Deserialize)]
struct Route {
    sandbox: Option<String>,
    backend: Option<String>,
    models: Option<Vec<String>>,
}

/// Id, digest and needs, which are kept elsewhere.
pub(crate) struct Names {
    pub id: String,
    pub digest: String,
    pub needs: Vec<String>,
}

/// What going out means for a task.
pub(crate) struct Outing {
    /// The sandbox that the route gives it.
    pub sandbox: Option<String>,
    /// How many calls of an agent it takes, if all goes well.
    pub calls: u64,
    /// Whether an agent may write while it is at it.
    pub may_write: bool,
}

impl Item {
    pub fn read(record: &Record, line: u64) -> Result<(Self, Names), String> {
        let arrival: Arrival = record.view().map_err(|error| error.to_string())?;
        let digest = Some(&arrival.digest);
        let at_plan = |noted: &&Noted| {
            noted.gate == Some(Gate::Plan) && (noted.task_digest.is_none() || noted.task_digest.as_ref() == digest)
        };
        let plan = arrival.decisions.iter().flatten().rfind(at_plan);
        let item = Self {
            text: record.as_str().into(),
            line,
            is_checked: arrival.checked == Some(true),
            // A word that we do not know is no answer.
            plan: plan.map(|noted| match noted.decision() {
                Some(decision) => (decision.status, decision.at.into()),
                None => (DecisionStatus::Pending, Box::default()),
            }),
        };
        let needs = arrival.needs.unwrap_or_default();
        Ok((item, Names { id: arrival.id, digest: arrival.digest, needs }))
    }

    fn record(text: &str) -> Result<Record, String> {
        Record::parse(text).map_err(|error| error.to_string())
    }

    fn arrival(&self) -> Option<Arrival> {
        Self::record(&self.text).ok()?.view().ok()
    }

    /// What it claims while it is out.
    pub fn claim(&self) -> Claim {
        let Some(arrival) = self.arrival() else {
            return Claim { writes: Access::WritesAnything, names: Access::Reads };
        };
        let mut written = arrival.written().map(|file| file.path.as_str());
        let writes = if arrival.may_write() { Access::writes(&mut written) } else { Access::Reads };
        let files = arrival.files.as_deref().unwrap_or_default();
        let names =
            if files.is_empty() { Access::Reads } else { Access::writes(files.iter().map(|file| file.path.as_str())) };
        Claim { writes, names }
    }

    /// What it means to let it go out.
    pub fn outing(&self) -> Outing {
        let Some(arrival) = self.arrival() else { return Outing { sandbox: None, calls: 1, may_write: true } };
        // Where only a person acts, no agent can have left anything half done.
        let is_manual = arrival.is_manual();
        let may_write = !is_manual && arrival.may_write();
        let route = arrival.route.unwrap_or(Route { sandbox: None, backend: None, models: None });
        let models = route.models.map_or(1, |models| models.len().max(1) as u64);
        Outing { sandbox: route.sandbox, calls: if is_manual { 0 } else { models }, may_write }
    }

    /// The answer about the plan that is the newest, and since when it holds.
    pub fn plan(&self, known: &Known) -> Option<(DecisionStatus, Box<str>)> {
        let own = self.plan.clone();
        let noted = known.said(Gate::Plan).map(|decision| (decision.status, decision.at.into_boxed_str()));
        match (own, noted) {
            // That nobody had answered yet is older than any answer.
            (Some((DecisionStatus::Pending, _)) | None, Some(noted)) => Some(noted),
            (Some(own), Some(noted)) if is_later(&noted.1, &own.1) => Some(noted),
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
        let own: Vec<u64> =
            list.iter().filter_map(|own| Some(identity(&serde_json::from_str(own.get()).ok()?))).collect();
        let before = list.len();
        for said in known.decisions.iter().filter(|said| !own.contains(&said.identity)) {
            list.push(RawValue::from_string(said.json.to_string()).map_err(|error| error.to_string())?);
        }
        if list.len() > before {
            record.set("decisions", &list).map_err(|error| error.to_string())?;
        }
        Ok(record.as_str().to_owned())
    }
}

impl Arrival {
    fn written(&self) -> impl Iterator<Item = &File> {
        self.files.iter().flatten().filter(|file| file.action.as_deref() != Some("read"))
    }

    fn may_write(&self) -> bool {
        let sandbox = self.route.as_ref().and_then(|route| route.sandbox.as_deref());
        may_write(sandbox, self.written().next().is_some())
    }

    fn is_manual(&self) -> bool {
        let routed = self.route.as_ref().and_then(|route| route.backend.as_deref());
        routed.or(self.backend.as_deref()) == Some("manual")
    }
}

/// Whether one moment is later than another; what is no moment is never later.
pub(crate) fn is_later(one: &str, other: &str) -> bool {
    match (one.parse::<Timestamp>(), other.parse::<Timestamp>()) {
        (Ok(one), Ok(other)) => one > other,
        (Ok(_), Err(_)) => true,
        _ => false,
    }
}
