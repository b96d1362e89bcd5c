//! What `plan-parse --check --strict` finds in a draft.

use std::fmt::Write;

use serde::Deserialize;
use stage::Error;

use crate::stages::{Stages, Stopped};

#[derive(Deserialize)]
struct Defect {
    code: String,
    message: String,
    line: u64,
    #[serde(default)]
    remedy: Option<String>,
}

/// The defects, one line each.
pub(crate) fn of(stages: &mut Stages, text: &str) -> Result<Vec<String>, Stopped> {
    let args = ["--check", "--strict", "--from", "plan-and-execute", "--format", "json", "-"].map(Into::into);
    let checked = stages.run("plan-parse", &args, text.to_owned())?;
    let found = checked.out.lines().filter_map(|line| serde_json::from_str::<Defect>(line).ok());
    let told = found.map(|Defect { code, message, line, remedy }| {
        let remedy = remedy.map(|remedy| format!(": {remedy}")).unwrap_or_default();
        format!("line {line}: {code}: {message}{remedy}")
    });
    let told: Vec<String> = told.collect();
    if checked.code != 0 && told.is_empty() {
        return Err(Error::Document(format!("plan-parse ended with {} and named no defect", checked.code)).into());
    }
    // What is only worth a warning even now has been looked at by nobody who could object.
    Ok(if checked.code == 0 { Vec::new() } else { told })
}

/// What whoever wrote the draft is told. Without a conversation they do not know it any more.
pub(crate) fn feedback(defects: &[String], text: &str, is_known: bool) -> String {
    let mut told = "The plan has defects:\n\n".to_owned();
    for defect in defects {
        let _ = writeln!(told, "- {defect}");
    }
    told.push_str("\nAnswer with the whole plan, corrected, as Markdown, and with nothing before or after it.\n");
    if !is_known {
        let _ = write!(told, "\nThe plan so far:\n\n{text}");
    }
    told
}
