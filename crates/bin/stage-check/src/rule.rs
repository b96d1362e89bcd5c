//! What a rule is, and what comes of trying it.

use stage::Error;

use crate::bench::Bench;
use crate::rules;
use crate::tree;

/// One promise of the contract and how it is tried.
pub struct Rule {
    /// Its name on the command line.
    pub name: &'static str,
    /// What holds when it holds.
    pub holds: &'static str,
    /// The section of docs/contract.md that promises it.
    pub section: &'static str,
    /// The promise, as it stands there.
    pub sentence: &'static str,
    /// What to change in a stage that breaks it.
    pub mend: &'static str,
    /// Tries it.
    pub check: fn(&Bench) -> Result<Verdict, Error>,
}

/// How a rule came out.
#[derive(Debug)]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It holds, and something is worth knowing.
    Noted(String),
    /// It was not tried, because nothing was given to try it with.
    Skipped(String),
    /// It is broken in a way that the contract tolerates.
    Tolerated(Finding),
    /// It is broken.
    Broken(Finding),
    /// Another rule is broken, and so nothing can be said about this one.
    Unclear(String),
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Finding {
    /// In one line.
    pub what: String,
    /// The line that was sent.
    pub sent: Option<String>,
    /// What came back for it, or what was told.
    pub got: Option<String>,
    /// Where the difference stands: the byte of what was sent, and of what came back.
    pub differs_at: Option<(usize, usize)>,
    /// The remedy, where it is not the rule's.
    pub mend: Option<&'static str>,
}

impl Finding {
    /// Something to be told in one line.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// With the line that was sent.
    #[must_use]
    pub fn sent(mut self, line: impl Into<String>) -> Self {
        self.sent = Some(line.into());
        self
    }

    /// With a line before and after, and the path at which they differ: other spaces may stand before it.
    #[must_use]
    pub fn pair(mut self, sent: &str, got: &str, path: &str) -> Self {
        let same = sent.bytes().zip(got.bytes()).take_while(|(one, other)| one == other).count();
        self.differs_at = Some((tree::place(sent, path).unwrap_or(same), tree::place(got, path).unwrap_or(same)));
        self.sent(sent).got(got)
    }

    /// With what came back.
    #[must_use]
    pub fn got(mut self, line: impl Into<String>) -> Self {
        self.got = Some(line.into());
        self
    }
}

impl Verdict {
    /// Broken, with one line about it.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(Finding::new(what))
    }

    /// What the contract tolerates in a script, unless the user wants to know it exactly.
    pub fn tolerated(bench: &Bench, finding: Finding) -> Self {
        if bench.strict { Self::Broken(finding) } else { Self::Tolerated(finding) }
    }

    /// Whether the stage does not keep the contract, or cannot be shown to.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Unclear(_))
    }

    /// The word at the beginning of a line of the report.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Noted(_) => "note",
            Self::Skipped(_) => "skipped",
            Self::Tolerated(_) => "warn",
            Self::Broken(_) => "BROKEN",
            Self::Unclear(_) => "unclear",
        }
    }
}

/// The rules of these names, in the order of the list; all of them when no name is given.
pub fn selected(names: &[String]) -> Result<Vec<&'static Rule>, Error> {
    let all = rules::all();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|rule| rule.name != **name)) {
        return Err(Error::Usage(format!("--only {unknown}: no such rule (--list shows them)")));
    }
    Ok(all.into_iter().filter(|rule| names.is_empty() || names.iter().any(|name| name == rule.name)).collect())
}

/// What is said of rules that were not tried, because the command gives up for the reason `cause` whatever it is asked:
/// one finding, at the rule that it breaks first of all.
pub fn untried(rules: &[&'static Rule], cause: String) -> Vec<(&'static Rule, Verdict)> {
    let first = rules.iter().position(|rule| rule.name == "once").unwrap_or_default();
    let mut cause = Some(cause);
    let verdict = |at| match cause.take_if(|_| at == first) {
        Some(cause) => {
            let remedy = "run the command by hand on a plan, and mend what it complains about";
            Verdict::Broken(Finding { mend: Some(remedy), ..Finding::new(cause) })
        }
        None => Verdict::Unclear(format!("not tried: see the rule `{}`", rules[first].name)),
    };
    let verdicts = (0..rules.len()).map(verdict).collect::<Vec<_>>();
    rules.iter().copied().zip(verdicts).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::rules;

    /// A report that points at a sentence which is not there helps nobody.
    #[test]
    fn every_rule_quotes_the_contract() {
        let page = include_str!("../../../../docs/contract.md");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page_words = words(page);
        let anchors: HashSet<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")))
            .map(|heading| {
                let heading = heading.to_lowercase().replace(' ', "-");
                heading.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
            })
            .collect();
        let mut names = HashSet::new();
        for rule in rules::all() {
            assert!(names.insert(rule.name), "{} stands twice", rule.name);
            assert!(anchors.contains(rule.section), "{}: no section {}", rule.name, rule.section);
            assert!(page_words.contains(&words(rule.sentence)), "{}: not in the page: {}", rule.name, rule.sentence);
            assert!(page.contains(&format!("`{}`", rule.name)), "{} is not in the page's list of rules", rule.name);
        }
    }
}
