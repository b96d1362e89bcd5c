//! The report, for people and for machines.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;
use stage::{Error, Shown};

use crate::args::{Args, Format};
use crate::bench::Bench;
use crate::rule::{Rule, Verdict};

/// So much of a line is shown around its first difference.
const SHOWN: usize = 160;

/// Writes what came out.
pub fn write(args: &Args, bench: &Bench, outcomes: &[(&Rule, Verdict)]) -> Result<(), Error> {
    let mut text = String::new();
    match args.format {
        Format::Text => for_people(&mut text, bench, outcomes),
        Format::Json => for_machines(&mut text, bench, outcomes)?,
    }
    print(&text)
}

/// Writes the names of the rules and what they are about.
pub fn list(rules: &[&Rule]) -> Result<(), Error> {
    let lines = rules.iter().map(|rule| format!("{:<15} {}\n", rule.name, rule.holds));
    print(&lines.collect::<String>())
}

fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Error::ReaderGone),
        Err(error) => Err(Error::system("stdout", error)),
        Ok(()) => Ok(()),
    }
}

fn for_people(out: &mut String, bench: &Bench, outcomes: &[(&Rule, Verdict)]) {
    for (rule, verdict) in outcomes {
        line(out, &format!("{:<8}{:<15} {}", verdict.word(), rule.name, rule.holds));
        match verdict {
            Verdict::Ok => {}
            Verdict::Noted(text) | Verdict::Skipped(text) | Verdict::Unclear(text) => detail(out, "", text),
            Verdict::Tolerated(finding) | Verdict::Broken(finding) => {
                detail(out, "seen", &finding.what);
                let (sent_at, got_at) = finding.differs_at.unzip();
                for (name, text, at) in [("sent", &finding.sent, sent_at), ("got", &finding.got, got_at)] {
                    if let Some(text) = text {
                        detail(out, name, &around(text, at));
                    }
                }
                if let Some((sent, got)) = finding.differs_at {
                    let behind = if sent == got { String::new() } else { format!(", byte {got} of what came back") };
                    detail(out, "differs", &format!("from byte {sent} on{behind}"));
                }
                detail(out, "rule", &format!("docs/contract.md#{}: {}", rule.section, rule.sentence));
                detail(out, "mend", finding.mend.unwrap_or(rule.mend));
            }
        }
    }
    let summary = Summary::new(bench, outcomes);
    let Summary { broken, unclear, tolerated, rules, .. } = summary;
    line(
        out,
        &format!(
            "{}: {rules} rules, {broken} broken, {unclear} unclear, {tolerated} tolerated (--seed {})",
            bench.name, bench.seed
        ),
    );
}

fn line(out: &mut String, text: &str) {
    out.push_str(&Shown(text).to_string());
    out.push('\n');
}

fn detail(out: &mut String, name: &str, text: &str) {
    line(out, &format!("        {name:<8}{text}"));
}

/// A part of a long text, around byte `at`, with the spaces at its end made visible.
fn around(text: &str, at: Option<usize>) -> String {
    let text = text.trim_end_matches(['\n', '\r']);
    if text.len() <= SHOWN {
        return ending(text);
    }
    let border = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = border(at.unwrap_or(0).min(text.len()).saturating_sub(SHOWN / 3).min(text.len() - SHOWN));
    let end = border((start + SHOWN).min(text.len()));
    let (before, after) = (if start > 0 { "..." } else { "" }, if end < text.len() { "..." } else { "" });
    format!("{before}{}{after}", ending(&text[start..end]))
}

/// A text whose last spaces can be seen.
fn ending(text: &str) -> String {
    let bare = text.trim_end_matches([' ', '\t']);
    let spaces = text[bare.len()..].chars().map(|space| if space == ' ' { '·' } else { '⇥' });
    bare.chars().chain(spaces).collect()
}

/// One rule, for machines.
#[derive(Serialize)]
struct RuleLine<'a> {
    r#type: &'static str,
    name: &'a str,
    status: String,
    holds: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differs_at: Option<usize>,
    contract: String,
    sentence: &'a str,
    mend: &'a str,
}

/// The end of the report.
#[derive(Serialize)]
struct Summary<'a> {
    r#type: &'static str,
    command: &'a str,
    rules: usize,
    broken: usize,
    unclear: usize,
    tolerated: usize,
    seed: u64,
}

impl<'a> Summary<'a> {
    fn new(bench: &'a Bench, outcomes: &[(&Rule, Verdict)]) -> Self {
        let count = |which: fn(&Verdict) -> bool| outcomes.iter().filter(|(_, verdict)| which(verdict)).count();
        Self {
            r#type: "summary",
            command: &bench.name,
            rules: outcomes.len(),
            broken: count(|verdict| matches!(verdict, Verdict::Broken(_))),
            unclear: count(|verdict| matches!(verdict, Verdict::Unclear(_))),
            tolerated: count(|verdict| matches!(verdict, Verdict::Tolerated(_))),
            seed: bench.seed,
        }
    }
}

fn for_machines(out: &mut String, bench: &Bench, outcomes: &[(&Rule, Verdict)]) -> Result<(), Error> {
    let written = |error: serde_json::Error| Error::system("the report", error.into());
    for (rule, verdict) in outcomes {
        let (seen, finding) = match verdict {
            Verdict::Ok => (None, None),
            Verdict::Noted(text) | Verdict::Skipped(text) | Verdict::Unclear(text) => (Some(text.as_str()), None),
            Verdict::Tolerated(finding) | Verdict::Broken(finding) => (Some(finding.what.as_str()), Some(finding)),
        };
        let line = RuleLine {
            r#type: "rule",
            name: rule.name,
            status: verdict.word().to_lowercase(),
            holds: rule.holds,
            seen,
            sent: finding.and_then(|finding| finding.sent.as_deref()),
            got: finding.and_then(|finding| finding.got.as_deref()),
            differs_at: finding.and_then(|finding| finding.differs_at).map(|(sent, _)| sent),
            contract: format!("docs/contract.md#{}", rule.section),
            sentence: rule.sentence,
            mend: finding.and_then(|finding| finding.mend).unwrap_or(rule.mend),
        };
        out.push_str(&serde_json::to_string(&line).map_err(written)?);
        out.push('\n');
    }
    out.push_str(&serde_json::to_string(&Summary::new(bench, outcomes)).map_err(written)?);
    out.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_difference_is_shown_and_the_spaces_at_the_end() {
        assert_eq!(around("{} \t\n", None), "{}·⇥");
        let long = format!("{}HERE{}", "a".repeat(1000), "ä".repeat(1000));
        let shown = around(&long, Some(1000));
        assert!(shown.contains("HERE") && shown.starts_with("...a") && shown.ends_with("ä..."), "{shown}");
        let end = around(&format!("{} ", "a".repeat(1000)), Some(1000));
        assert!(end.ends_with("a·") && end.len() > SHOWN, "{end}");
    }
}
