//! What the stage does when it has something to do, and when it has done it.

use stage::Error;

use crate::bench::Bench;
use crate::input;
use crate::ledger::Ledger;
use crate::live::End;
use crate::rule::{Finding, Rule, Verdict};
use crate::rules::passing::verdict;

pub const RULES: &[Rule] = &[
    Rule {
        name: "sample",
        holds: "work on the lines of --sample changes nothing but the stage's own section",
        section: "passing-on",
        sentence: "Add your own section; never drop or rewrite another tool's.",
        mend: "set only your own section on the tasks that you work on (name it with --adds)",
        check: sample,
    },
    Rule {
        name: "twice",
        holds: "a second run over its own output changes nothing",
        section: "who-acts-on-what",
        sentence: "A second run over your own output should change nothing.",
        mend: "leave a task alone that has your section already",
        check: twice,
    },
];

fn sample(bench: &Bench) -> Result<Verdict, Error> {
    let Some(plain) = &bench.sample else {
        return Ok(Verdict::Skipped("no --sample FILE".into()));
    };
    let spiced = plain.iter().map(|line| match line.trim_end().strip_suffix('}') {
        Some(open) => format!(r#"{open},"x-sample":{{"n":[0.10,1E+5],"b":null,"a":"\u00e4"}}}}"#),
        None => line.clone(),
    });
    for lines in [plain.clone(), spiced.collect()] {
        let outcome = bench.run(input::bytes(&lines))?;
        match outcome.end {
            End::Exit(code) if bench.exits.contains(&code) => {}
            end => {
                let told = String::from_utf8_lossy(&outcome.stderr).into_owned();
                return Ok(Verdict::Broken(Finding::new(end.to_string()).got(told)));
            }
        }
        let verdict = verdict(bench, &lines, &outcome, &Ledger::new(&lines, &outcome.stdout), |_, _| true);
        if !matches!(verdict, Verdict::Ok) {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Ok)
}

fn twice(bench: &Bench) -> Result<Verdict, Error> {
    let first = bench.run(input::bytes(&input::mixed("")))?;
    let Ok(text) = String::from_utf8(first.stdout) else {
        return Ok(Verdict::Unclear("the output is not UTF-8: see the rule `stdout`".into()));
    };
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let second = bench.run(input::bytes(&lines))?;
    let ledger = Ledger::new(&lines, &second.stdout);
    let changed = ledger.pairs.iter().find(|pair| !pair.differences.is_empty());
    Ok(match changed.and_then(|pair| pair.differences.first()) {
        Some(difference) => Verdict::Noted(format!("not so here: {}: {}", difference.path, difference.kind.word())),
        None => Verdict::Ok,
    })
}
