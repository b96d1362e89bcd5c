//! What a reviewer answered, and what that makes of the review.

use std::collections::BTreeSet;

use record::{CheckStatus, Finding, Severity};
use serde::Deserialize;

/// The form of the answer, for the reviewer.
pub const SCHEMA: &str = include_str!("schema.json");

/// An answer of the right form.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    spec: Opinion<Spec>,
    quality: Opinion<Quality>,
    findings: Vec<Found>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Opinion<T> {
    verdict: T,
    reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Spec {
    Met,
    NotMet,
    Unclear,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Quality {
    Good,
    Acceptable,
    Poor,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Found {
    severity: Severity,
    file: String,
    line: Option<u64>,
    text: String,
}

impl Answer {
    /// Reads an answer; an error says what is wrong with its form. An agent does not check that by itself.
    pub fn read(message: &str) -> Result<Self, String> {
        serde_json::from_str(message.trim()).map_err(|error| error.to_string())
    }

    /// What the answer makes of the review: its status, in words, and the findings. A finding about a file that was not
    /// changed is not about the change; such files are listed in a remark.
    pub fn judge(self, changed: &BTreeSet<String>) -> (CheckStatus, String, Vec<Finding>) {
        let (about, beside): (Vec<Found>, Vec<Found>) =
            self.findings.into_iter().partition(|found| changed.contains(plain(&found.file)));
        let mut findings: Vec<Finding> = about
            .into_iter()
            .map(|Found { severity, file, line, text }| Finding {
                severity,
                file: Some(plain(&file).to_owned()),
                line: line.filter(|line| *line > 0),
                text,
            })
            .collect();
        if !beside.is_empty() {
            let files: BTreeSet<&str> = beside.iter().map(|found| found.file.as_str()).collect();
            let files = files.into_iter().take(10).collect::<Vec<_>>().join(", ");
            let text = format!("{} left out, about files that were not changed: {files}", count(beside.len()));
            findings.push(Finding { severity: Severity::Note, file: None, line: None, text });
        }
        findings.sort_by_key(|finding| finding.severity);
        let bad = findings.iter().any(|finding| finding.severity == Severity::Error);
        let status = match (self.spec.verdict, self.quality.verdict) {
            (Spec::NotMet, _) | (_, Quality::Poor) => CheckStatus::Fail,
            _ if bad => CheckStatus::Fail,
            (Spec::Unclear, _) => CheckStatus::Skipped,
            (Spec::Met, Quality::Good | Quality::Acceptable) => CheckStatus::Pass,
        };
        let spec = match self.spec.verdict {
            Spec::Met => "met",
            Spec::NotMet => "not met",
            Spec::Unclear => "unclear",
        };
        let quality = match self.quality.verdict {
            Quality::Good => "good",
            Quality::Acceptable => "acceptable",
            Quality::Poor => "poor",
        };
        let said = format!("spec {spec}: {}\nquality {quality}: {}\n", self.spec.reason, self.quality.reason);
        (status, said, findings)
    }
}

fn count(number: usize) -> String {
    if number == 1 { "1 finding was".into() } else { format!("{number} findings were") }
}

/// Some write the path with what a diff puts in front of it.
fn plain(file: &str) -> &str {
    let file = file.strip_prefix("./").unwrap_or(file);
    file.strip_prefix("b/").or_else(|| file.strip_prefix("a/")).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(spec: &str, quality: &str, findings: &str) -> String {
        format!(
            r#"{{"spec":{{"verdict":"{spec}","reason":"r"}},"quality":{{"verdict":"{quality}","reason":"q"}},"findings":[{findings}]}}"#
        )
    }

    fn judged(text: &str) -> (CheckStatus, Vec<Finding>) {
        let changed = ["src/a.rs".to_owned(), "b/x".to_owned()].into();
        let (status, _, findings) = Answer::read(text).unwrap().judge(&changed);
        (status, findings)
    }

    #[test]
    fn only_a_good_answer_without_errors_passes() {
        let error = r#"{"severity":"error","file":"src/a.rs","line":3,"text":"t"}"#;
        let warning = r#"{"severity":"warning","file":"src/a.rs","line":null,"text":"t"}"#;
        for (spec, quality, findings, wanted) in [
            ("met", "good", "", CheckStatus::Pass),
            ("met", "acceptable", warning, CheckStatus::Pass),
            ("met", "good", error, CheckStatus::Fail),
            ("met", "poor", "", CheckStatus::Fail),
            ("not_met", "good", "", CheckStatus::Fail),
            ("unclear", "good", "", CheckStatus::Skipped),
            ("unclear", "poor", "", CheckStatus::Fail),
        ] {
            assert_eq!(judged(&answer(spec, quality, findings)).0, wanted, "{spec} {quality} {findings}");
        }
    }

    #[test]
    fn what_is_not_about_the_change_is_left_out_and_told() {
        let beside = r#"{"severity":"error","file":"src/other.rs","line":1,"text":"t"}"#;
        let about = r#"{"severity":"warning","file":"b/src/a.rs","line":0,"text":"t"}"#;
        let (status, findings) = judged(&answer("met", "good", &format!("{beside},{about}")));
        assert_eq!(status, CheckStatus::Pass);
        assert_eq!((findings[0].file.as_deref(), findings[0].line), (Some("src/a.rs"), None));
        assert!(findings[1].text.contains("1 finding was left out") && findings[1].text.contains("src/other.rs"));
    }

    #[test]
    fn an_answer_of_another_form_is_none() {
        let good = answer("met", "good", "");
        assert!(Answer::read(&format!("\n{good}\n")).is_ok());
        for bad in [
            String::new(),
            "It is fine.".into(),
            "null".into(),
            "{}".into(),
            format!("```json\n{good}\n```"),
            format!("{good} {good}"),
            good.replace("met", "MET"),
            good.replace("\"findings\":[]", "\"findings\":[],\"more\":1"),
            good.replace(",\"findings\":[]", ""),
            answer("met", "good", r#"{"severity":"fatal","file":"a","line":1,"text":"t"}"#),
            answer("met", "good", r#"{"severity":"note","file":"a","line":-1,"text":"t"}"#),
        ] {
            assert!(Answer::read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_asks_for_what_is_read() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["spec", "quality", "findings"]));
        for text in schema["properties"]["spec"]["properties"]["verdict"]["enum"].as_array().unwrap() {
            assert!(Answer::read(&answer(text.as_str().unwrap(), "good", "")).is_ok());
        }
        for text in schema["properties"]["quality"]["properties"]["verdict"]["enum"].as_array().unwrap() {
            assert!(Answer::read(&answer("met", text.as_str().unwrap(), "")).is_ok());
        }
    }
}
