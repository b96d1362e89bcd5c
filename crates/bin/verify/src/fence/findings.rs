//! What the fence found, as it stands in a verdict.

use std::fmt::Write;

use record::{Check, CheckStatus, Finding, Severity};
use stage::Shown;

/// As many findings as a verdict lists; a person needs no more to see what has happened.
const MOST: usize = 50;

/// The findings of one check.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    left_out: usize,
    failed: bool,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, severity: Severity, file: Option<&str>, line: Option<u64>, text: impl Into<String>) {
        self.failed |= severity == Severity::Error;
        let finding = Finding { severity, file: file.map(str::to_owned), line, text: text.into() };
        // What makes it fail must not be crowded out by remarks.
        if self.all.len() < MOST {
            self.all.push(finding);
        } else {
            self.left_out += 1;
            if severity == Severity::Error
                && let Some(weaker) = self.all.iter_mut().find(|other| other.severity != Severity::Error)
            {
                *weaker = finding;
            }
        }
    }

    /// Something that makes the check fail.
    pub fn error(&mut self, file: Option<&str>, text: impl Into<String>) {
        self.add(Severity::Error, file, None, text);
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The check of this kind, with a last line of its own.
    pub fn check(mut self, kind: &str, summary: &str, seconds: f64) -> Check {
        self.all.sort_by_key(|finding| finding.severity);
        let mut tail = String::new();
        for finding in &self.all {
            tail.push_str(&line(finding));
            tail.push('\n');
        }
        if self.left_out > 0 {
            // Writing to a String cannot fail.
            let _ = writeln!(tail, "and {} more", self.left_out);
        }
        tail.push_str(summary);
        Check {
            kind: kind.into(),
            name: kind.into(),
            status: if self.failed { CheckStatus::Fail } else { CheckStatus::Pass },
            exit: None,
            seconds,
            tail,
            log: None,
            baseline: None,
            findings: self.all,
            usage: None,
        }
    }
}

/// `error: FILE:LINE: TEXT`, with nothing in it that a terminal would take for more than text.
pub fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!(" {}:{line}:", Shown(file)),
        (Some(file), None) => format!(" {}:", Shown(file)),
        (None, _) => String::new(),
    };
    format!("{severity}:{place} {}", Shown(&finding.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_first_and_are_never_crowded_out() {
        let mut findings = Findings::default();
        for at in 0..60 {
            findings.add(Severity::Note, Some(&format!("f{at}")), None, "x");
        }
        findings.error(Some("a\nb"), "bad");
        let check = findings.check("scope", "", 0.0);
        assert_eq!((check.status, check.findings.len()), (CheckStatus::Fail, MOST));
        assert!(check.tail.starts_with("error: a␊b: bad\nnote: f"), "{}", check.tail);
        assert!(check.tail.ends_with("and 11 more\n"), "{}", check.tail);
    }
}
