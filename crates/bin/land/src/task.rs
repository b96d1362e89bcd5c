//! What is read of a task, and whether it may land.

use jiff::Timestamp;
use record::Record;
use serde::Deserialize;

/// The fields that matter; words that only others know stop nobody.
#[derive(Debug, Deserialize)]
struct Sheet {
    id: String,
    digest: Option<String>,
    checked: Option<bool>,
    title: Option<String>,
    objective: Option<String>,
    needs: Option<Vec<String>>,
    source: Option<Source>,
    batch: Option<Batch>,
    result: Option<Outcome>,
    verdict: Option<Verdict>,
    decisions: Option<Vec<Decision>>,
    landed: Option<Landed>,
}

#[derive(Debug, Deserialize)]
struct Source {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    line: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(default, deserialize_with = "record::whole_or_none")]
    number: Option<u64>,
    #[serde(default, deserialize_with = "record::whole_or_none")]
    attempts_left: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    status: Option<String>,
    backend: Option<String>,
    model: Option<String>,
    message: Option<String>,
    base: Option<String>,
    head: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    status: Option<String>,
    checks: Option<Vec<Check>>,
}

#[derive(Debug, Deserialize)]
struct Check {
    kind: Option<String>,
    name: Option<String>,
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Decision {
    gate: Option<String>,
    status: Option<String>,
    at: Option<String>,
    task_digest: Option<String>,
    diff_digest: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Landed {
    status: Option<String>,
}

/// What is to be done with a task.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It passes as it is.
    Pass,
    /// It has a change that nobody has approved: it passes, and a person has to know.
    Unapproved { id: String, why: String },
    /// It lands.
    Land(Box<Work>),
}

/// A change that was approved.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub id: String,
    pub digest: String,
    pub title: String,
    pub objective: String,
    pub message: String,
    pub backend: Option<String>,
    pub model: Option<String>,
    pub base: String,
    pub head: String,
    /// The change that was approved, when the decision names one.
    pub approved: Option<String>,
    /// Whether an attempt is left and the work is not proven: then what was approved may be an earlier one.
    pub may_be_tried_again: bool,
    pub needs: Vec<String>,
    /// The checks that failed on the work alone, by kind and name, which the approval has put up with.
    pub failing: Vec<(String, String)>,
    /// Batch and place in the plan.
    pub place: (u64, u64),
}

impl Turn {
    /// What is to be done; an error names the field that is missing or wrong.
    pub fn of(record: &Record) -> Result<Self, String> {
        let sheet: Sheet = record.view().map_err(|error| error.to_string())?;
        let id = sheet.id.clone();
        let outcome = sheet.result.as_ref().filter(|result| result.status.as_deref() == Some("ok"));
        let Some((outcome, head)) = outcome.and_then(|outcome| Some((outcome, outcome.head.clone()?))) else {
            return Ok(Self::Pass);
        };
        let is_in = sheet.landed.as_ref().and_then(|landed| landed.status.as_deref());
        if sheet.checked == Some(true) || matches!(is_in, Some("merged" | "nothing")) {
            return Ok(Self::Pass);
        }
        let digest = sheet.digest.clone().ok_or("digest: missing, and a result with a head needs it")?;
        let may_be_tried_again = sheet.may_be_tried_again();
        let unapproved = |why: &str| {
            if may_be_tried_again {
                return Ok(Self::Pass);
            }
            Ok(Self::Unapproved { id: id.clone(), why: why.to_owned() })
        };
        let Some(decision) = newest(sheet.decisions.as_deref().unwrap_or_default()) else {
            return unapproved("nobody has approved its result");
        };
        match decision.status.as_deref() {
            Some("approved") => {}
            // A person has said so.
            Some("denied" | "retry") => return Ok(Self::Pass),
            Some("pending") => return unapproved("its result waits to be approved"),
            _ => return unapproved("the newest decision about its result cannot be read"),
        }
        if decision.task_digest.as_deref() != Some(&*digest) {
            return unapproved("what was approved is an earlier text of the task");
        }
        let base = outcome.base.clone().ok_or("result.base: missing, and result.head needs it")?;
        for (name, commit) in [("base", &base), ("head", &head)] {
            if !worktree::is_commit_id(commit) {
                return Err(format!("result.{name}: \"{commit}\" is not a full commit id"));
            }
        }
        if may_be_tried_again && decision.diff_digest.is_none() {
            return Ok(Self::Pass);
        }
        let number = sheet.batch.as_ref().and_then(|batch| batch.number).unwrap_or(0);
        let line = sheet.source.as_ref().and_then(|source| source.line).unwrap_or(u64::MAX);
        Ok(Self::Land(Box::new(Work {
            digest,
            title: sheet.title.clone().unwrap_or_default(),
            objective: sheet.objective.clone().unwrap_or_default(),
            message: outcome.message.clone().unwrap_or_default(),
            backend: outcome.backend.clone(),
            model: outcome.model.clone(),
            base,
            head,
            approved: decision.diff_digest.clone(),
            may_be_tried_again,
            needs: sheet.needs.clone().unwrap_or_default(),
            failing: sheet.failing(),
            place: (number, line),
            id,
        })))
    }
}

impl Sheet {
    fn may_be_tried_again(&self) -> bool {
        let is_proven = self.verdict.as_ref().and_then(|verdict| verdict.status.as_deref()) == Some("pass");
        let left = self.batch.as_ref().and_then(|batch| batch.attempts_left).unwrap_or(0);
        self.verdict.is_some() && !is_proven && left > 0
    }

    fn failing(&self) -> Vec<(String, String)> {
        let checks = self.verdict.iter().flat_map(|verdict| verdict.checks.iter().flatten());
        let failing = checks.filter(|check| check.status.as_deref() == Some("fail"));
        failing.map(|check| (check.kind.clone().unwrap_or_default(), check.name.clone().unwrap_or_default())).collect()
    }
}

/// The newest decision about the result: the last one, unless another claims to be later and says something else, which
/// nobody can make sense of.
fn newest(decisions: &[Decision]) -> Option<&Decision> {
    let mut about = decisions.iter().filter(|decision| decision.gate.as_deref() == Some("result"));
    let last = about.next_back()?;
    let moment = |decision: &Decision| decision.at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    let later = about.filter(|other| other.status != last.status && moment(other) > moment(last));
    Some(later.max_by_key(|other| moment(other)).unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#""digest":"d","result":{"status":"ok","base":"1111111111111111111111111111111111111111","head":"2222222222222222222222222222222222222222"}"#;

    fn turn(fields: &str) -> String {
        let line = format!(r#"{{"type":"task","id":"1",{RESULT}{fields}}}"#);
        match Turn::of(&Record::parse(&line).unwrap()) {
            Ok(Turn::Pass) => "passes".into(),
            Ok(Turn::Unapproved { why, .. }) => why,
            Ok(Turn::Land(work)) => format!("lands {}", work.approved.as_deref().unwrap_or("whatever")),
            Err(error) => error,
        }
    }

    fn said(status: &str, at: u8, more: &str) -> String {
        format!(
            r#"{{"gate":"result","status":"{status}","by":"x","at":"2026-01-01T00:00:0{at}Z","task_digest":"d"{more}}}"#
        )
    }

    fn decided(decisions: &[String]) -> String {
        turn(&format!(r#","decisions":[{}]"#, decisions.join(",")))
    }

    #[test]
    fn only_the_newest_yes_counts() {
        let bound = r#","diff_digest":"dd""#;
        assert_eq!(decided(&[said("approved", 1, bound)]), "lands dd");
        assert_eq!(decided(&[said("approved", 1, "")]), "lands whatever");
        assert_eq!(decided(&[]), "nobody has approved its result");
        assert_eq!(decided(&[said("approved", 1, ""), said("denied", 2, "")]), "passes");
        assert_eq!(decided(&[said("approved", 1, ""), said("retry", 2, "")]), "passes");
        assert_eq!(decided(&[said("approved", 1, ""), said("pending", 2, "")]), "its result waits to be approved");
        assert_eq!(decided(&[said("denied", 1, ""), said("approved", 2, "")]), "lands whatever");
        assert_eq!(decided(&[said("denied", 2, ""), said("approved", 1, "")]), "passes", "the order is wrong");
        assert!(decided(&[said("granted", 1, "")]).contains("cannot be read"));
        let other = said("approved", 1, "").replace("\"d\"", "\"old\"");
        assert_eq!(decided(&[other]), "what was approved is an earlier text of the task");
        let elsewhere = said("approved", 1, "").replace("\"result\"", "\"plan\"");
        assert_eq!(decided(&[elsewhere]), "nobody has approved its result");
        let undated = said("approved", 1, "").replace("2026", "in");
        assert_eq!(decided(&[said("denied", 1, ""), undated]), "passes", "a moment beats none");
    }

    #[test]
    fn work_that_goes_back_for_another_try_passes() {
        let again = r#","verdict":{"status":"fail"},"batch":{"number":1,"attempts_left":1}"#;
        assert_eq!(turn(again), "passes");
        let yes = said("approved", 1, "");
        assert_eq!(turn(&format!(r#"{again},"decisions":[{yes}]"#)), "passes", "that was an earlier attempt");
        let none_left = r#","verdict":{"status":"fail"},"batch":{"number":1,"attempts_left":0}"#;
        assert_eq!(turn(none_left), "nobody has approved its result");
        assert_eq!(turn(&format!(r#"{none_left},"decisions":[{yes}]"#)), "lands whatever");
    }

    #[test]
    fn what_is_in_or_has_no_change_passes_and_what_is_wrong_is_named() {
        let yes = format!(r#","decisions":[{}]"#, said("approved", 1, ""));
        for fields in [r#","landed":{"status":"merged"}"#, r#","landed":{"status":"nothing"}"#, r#","checked":true"#] {
            assert_eq!(turn(&format!("{yes}{fields}")), "passes");
        }
        assert_eq!(turn(&format!(r#"{yes},"landed":{{"status":"conflict"}}"#)), "lands whatever");
        for result in [r#"{"status":"failed","head":"x"}"#, r#"{"status":"ok"}"#, r#"{"status":"parked"}"#, "null"] {
            assert_eq!(turn(&format!(r#","result":{result}{yes}"#)), "passes");
        }
        let short = r#","result":{"status":"ok","head":"--help","base":"1111111111111111111111111111111111111111"}"#;
        assert!(turn(&format!("{short}{yes}")).starts_with("result.head: \"--help\" is not"));
        assert!(turn(&format!(r#","result":{{"status":"ok","head":"x"}}{yes}"#)).starts_with("result.base: missing"));
        assert!(turn(&format!(r#","digest":null{yes}"#)).starts_with("digest: missing"));
    }
}
