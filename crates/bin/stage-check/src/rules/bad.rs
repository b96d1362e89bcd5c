//! A line that cannot be used is a stop, never a skip.

use stage::Error;

use crate::bench::Bench;
use crate::input;
use crate::ledger::Ledger;
use crate::live::{End, Outcome};
use crate::rule::{Finding, Rule, Verdict};

const STOP: &str = "Bad input is a stop, never a skip: exit 65.";

pub const RULES: &[Rule] = &[
    Rule {
        name: "bad-json",
        holds: "a line that is not JSON: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "parse each line by itself, and end with 65 when that fails (jq: read with -R and use fromjson)",
        check: |bench| stops(bench, "bad-json"),
    },
    Rule {
        name: "bad-number",
        holds: "a number that JSON does not have: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "Python reads NaN unless parse_constant refuses it; jq reads NaN and 01 and cannot be told not to",
        check: |bench| stops(bench, "bad-number"),
    },
    Rule {
        name: "bad-object",
        holds: "a line that is not an object: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "check that the parsed line is an object before you ask for its fields",
        check: |bench| stops(bench, "bad-object"),
    },
    Rule {
        name: "bad-type",
        holds: "a line without a type: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "check that `type` is there and a string",
        check: |bench| stops(bench, "bad-type"),
    },
    Rule {
        name: "bad-id",
        holds: "a task without an id: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "check that a task's `id` is there and a string, also when the task is not yours",
        check: |bench| stops(bench, "bad-id"),
    },
    Rule {
        name: "bad-duplicate",
        holds: "a task that comes twice: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "remember every (id, batch.attempt) and end with 65 when one comes again",
        check: |bench| stops(bench, "bad-duplicate"),
    },
    Rule {
        name: "bad-cut-off",
        holds: "a last line that is cut off: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "parse what is left at the end of input like any other line",
        check: |bench| stops(bench, "bad-cut-off"),
    },
    Rule {
        name: "bad-utf8",
        holds: "a line that is not UTF-8: exit 65",
        section: "bad-input",
        sentence: STOP,
        mend: "decode strictly (Python: open stdin with encoding utf-8, errors strict); jq and bash cannot tell",
        check: |bench| stops(bench, "bad-utf8"),
    },
    Rule {
        name: "bad-message",
        holds: "a bad line is told as `tool: stdin:LINE: reason`",
        section: "bad-input",
        sentence: "Tell it on stderr in one line, `tool: stdin:LINE: reason`, where LINE counts every line from 1, blank \
                   ones too.",
        mend: "count the lines that you read, blank ones too, and write the message yourself instead of a traceback",
        check: message,
    },
    Rule {
        name: "bad-stop",
        holds: "lines before a bad one come out, lines after it do not",
        section: "bad-input",
        sentence: "What came before the bad line still goes out; nothing that comes after it does.",
        mend: "flush what you have before you exit, and read no further",
        check: stop,
    },
];

/// One way to be bad.
struct Case {
    rule: &'static str,
    before: Vec<String>,
    bad: Vec<u8>,
    after: Vec<String>,
}

impl Case {
    fn input(&self) -> Vec<u8> {
        let mut bytes = input::bytes(&self.before);
        bytes.extend_from_slice(&self.bad);
        if !self.after.is_empty() {
            bytes.push(b'\n');
            bytes.extend(input::bytes(&self.after));
        }
        bytes
    }

    /// What some scripting languages cannot notice.
    fn is_tolerated(&self) -> bool {
        matches!(self.rule, "bad-utf8" | "bad-number")
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.bad).into_owned()
    }
}

fn cases() -> Vec<Case> {
    let before = || vec![input::plan(), input::open("1", ""), input::done("2", ""), input::ticked("3", "")];
    let case =
        |rule, bad: &str| Case { rule, before: before(), bad: bad.into(), after: vec![input::ticked("after", "")] };
    let mut cases = vec![
        case("bad-json", "this is no JSON"),
        case("bad-json", r#"{"type":"task","id":"x",}"#),
        case("bad-json", r#"{"type":"x-one"} {"type":"x-two"}"#),
        case("bad-number", r#"{"type":"x-number","n":NaN}"#),
        case("bad-number", r#"{"type":"x-number","n":01}"#),
        case("bad-object", "[]"),
        case("bad-object", r#""type""#),
        case("bad-object", "7"),
        case("bad-type", r#"{"id":"x","title":"X"}"#),
        case("bad-type", r#"{"type":7}"#),
        case("bad-id", &input::ticked("x", "").replace(r#""id":"x","#, "")),
        case("bad-id", &input::ticked("x", "").replace(r#""id":"x","#, r#""id":7,"#)),
        case("bad-duplicate", &input::open("1", "")),
        case("bad-duplicate", &input::done("2", r#","x":1"#)),
        case("bad-cut-off", &input::open("x", "")[..100]),
        case("bad-utf8", ""),
    ];
    for case in &mut cases {
        match case.rule {
            "bad-cut-off" => case.after.clear(),
            "bad-utf8" => {
                let (start, end) = (r#"{"type":"x-bytes","text":"ab"#, r#""}"#);
                case.bad = [start.as_bytes(), b"\xff\xfe", end.as_bytes()].concat();
            }
            _ => {}
        }
    }
    cases
}

fn stops(bench: &Bench, rule: &str) -> Result<Verdict, Error> {
    for case in cases().into_iter().filter(|case| case.rule == rule) {
        let outcome = bench.run(case.input())?;
        if outcome.end != End::Exit(65) {
            let told = String::from_utf8_lossy(&outcome.stderr);
            let told = told.trim_end().lines().last().unwrap_or("(nothing on stderr)");
            let finding = Finding::new(outcome.end.to_string()).sent(case.shown()).got(told);
            let tolerated = case.is_tolerated() && outcome.end == End::Exit(0);
            return Ok(if tolerated { Verdict::tolerated(bench, finding) } else { Verdict::Broken(finding) });
        }
    }
    Ok(Verdict::Ok)
}

fn message(bench: &Bench) -> Result<Verdict, Error> {
    let mut all = cases();
    // Blank lines count: an editor shows the line under its number in the file.
    let first = all[0].bad.clone();
    all.push(Case { rule: "bad-json", before: vec![String::new(), input::plan()], bad: first, after: Vec::new() });
    for case in all.into_iter().filter(|case| bench.strict || !case.is_tolerated()) {
        let outcome = bench.run(case.input())?;
        let told = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let line = case.before.len() + 1;
        if !told.lines().any(|text| is_message(text, line)) {
            let finding = Finding::new(format!("nothing on stderr says `tool: stdin:{line}: reason`"));
            let told = if told.is_empty() { "(nothing)".to_owned() } else { told };
            return Ok(Verdict::Broken(finding.sent(case.shown()).got(told)));
        }
    }
    Ok(Verdict::Ok)
}

/// Whether `text` is `tool: stdin:LINE: reason`.
fn is_message(text: &str, line: usize) -> bool {
    let place = format!(": stdin:{line}: ");
    text.split_once(&place).is_some_and(|(tool, reason)| !tool.trim().is_empty() && !reason.trim().is_empty())
}

fn stop(bench: &Bench) -> Result<Verdict, Error> {
    for case in cases().into_iter().filter(|case| bench.strict || !case.is_tolerated()) {
        let outcome = bench.run(case.input())?;
        if let Some(finding) = not_stopped(&case, &outcome) {
            return Ok(Verdict::Broken(finding.sent(case.shown())));
        }
    }
    Ok(Verdict::Ok)
}

fn not_stopped(case: &Case, outcome: &Outcome) -> Option<Finding> {
    let tasks: Vec<_> = case.before.iter().filter(|line| line.contains(r#""type":"task""#)).cloned().collect();
    let before = Ledger::new(&tasks, &outcome.stdout);
    if let Some(line) = before.lost.first() {
        return Some(Finding::new(format!(
            "a line before the bad one did not come out ({}): {line}",
            outcome.epitaph()
        )));
    }
    let after = Ledger::new(&case.after, &outcome.stdout);
    after.pairs.first().map(|pair| Finding::new("a line after the bad one came out").got(&pair.got))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    #[test]
    fn a_message_names_tool_line_and_reason() {
        assert!(is_message("route: stdin:4: not JSON", 4) && is_message("x.py: stdin:12: a: b", 12));
        assert!(!is_message("route: stdin:4: not JSON", 5) && !is_message("stdin:4: not JSON", 4));
        assert!(!is_message("Traceback (most recent call last):", 1) && !is_message("x: stdin:4: ", 4));
    }

    #[test]
    fn each_bad_rule_has_a_case_that_is_bad() {
        let names: Vec<_> = cases().iter().map(|case| case.rule).collect();
        assert!(RULES.iter().all(|rule| matches!(rule.name, "bad-message" | "bad-stop") || names.contains(&rule.name)));
        let json = |rule: &str| matches!(rule, "bad-json" | "bad-cut-off" | "bad-number");
        for case in cases().iter().filter(|case| json(case.rule)) {
            assert!(Tree::read(&case.shown()).is_err(), "{}", case.shown());
        }
    }
}
