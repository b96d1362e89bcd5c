//! What a stage does not know, it passes on.

use stage::Error;

use crate::bench::Bench;
use crate::difference::{Difference, Kind};
use crate::ledger::{Ledger, Pair};
use crate::live::{End, Outcome};
use crate::random::Random;
use crate::rule::{Finding, Rule, Verdict};
use crate::{input, odd};

pub const RULES: &[Rule] = &[
    Rule {
        name: "once",
        holds: "every line comes out exactly once",
        section: "passing-on",
        sentence: "Every line that comes in goes out exactly once.",
        mend: "write every line, whether it is your concern or not: filter what you act on, not what you pass on",
        check: once,
    },
    Rule {
        name: "in-place",
        holds: "lines that are not tasks keep their order, the plan line first",
        section: "passing-on",
        sentence: "Tasks may change places with each other; all other lines keep their order, and the `plan` line \
                   stays first.",
        mend: "write lines in the order in which they came; only a task that takes time may come out later",
        check: in_place,
    },
    Rule {
        name: "unknown-lines",
        holds: "lines of unknown types pass byte for byte",
        section: "passing-on",
        sentence: "A line whose type is not yours goes out byte for byte.",
        mend: "write the text that you read, not the value that you parsed (jq: read with -R, write the string)",
        check: unknown_lines,
    },
    Rule {
        name: "fields",
        holds: "unknown fields keep their values, at every depth",
        section: "passing-on",
        sentence: "A field that you do not know keeps its value, at every depth.",
        mend: "change the object that you read and write it back, instead of building a new one from known fields",
        check: fields,
    },
    Rule {
        name: "key-order",
        holds: "keys keep their order",
        section: "passing-on",
        sentence: "Keys keep their order, numbers their spelling.",
        mend: "do not sort keys (jq: no -S; Python: no sort_keys), and set a field where it stands",
        check: |bench| {
            let more = r#","x-order":{"z":1,"a":{"10":1,"9":2,"":3},"m":[{"y":1,"b":2}]},"x-early":true"#;
            judge(bench, &input::tasks(more), |_, difference| difference.kind == Kind::Order)
        },
    },
    Rule {
        name: "numbers",
        holds: "numbers keep their spelling",
        section: "passing-on",
        sentence: "Keys keep their order, numbers their spelling.",
        mend: "splice your section into the line's text, so that no number is parsed (see the stages in ten lines); \
               Infinity and NaN are not JSON",
        check: numbers,
    },
    Rule {
        name: "strings",
        holds: "strings keep their meaning",
        section: "passing-on",
        sentence: "A string may be escaped in another way, but it stays the same string.",
        mend: "read and write UTF-8 whatever the locale says, and never pass a string through a shell's echo or printf \
               format",
        check: |bench| {
            let more = format!(r#","x-strings":["{}"]"#, odd::STRINGS.join(r#"",""#));
            judge(bench, &input::tasks(&more), |_, difference| difference.path.contains("x-strings"))
        },
    },
    Rule {
        name: "duplicate-keys",
        holds: "a key that stands twice stays, and its last value counts",
        section: "passing-on",
        sentence: "Where a key stands twice, the last one counts, and both go out.",
        mend: "splice your section into the line's text, so that no object is rebuilt",
        check: |bench| {
            let more = r#","x-twice":1,"x-in":{"k":1,"x":2,"k":3},"x-twice":{"last":true}"#;
            judge(bench, &input::tasks(more), |_, difference| {
                difference.kind == Kind::Twice || difference.path.starts_with("x-twice")
            })
        },
    },
    Rule {
        name: "sections",
        holds: "other tools' sections are neither dropped nor rewritten",
        section: "passing-on",
        sentence: "Add your own section; never drop or rewrite another tool's.",
        mend: "leave every field alone that is not yours, also where it looks outdated or empty",
        check: |bench| {
            judge(bench, &input::tasks(""), |_, difference| {
                difference.kind != Kind::Order && !difference.kind.is_tolerated()
            })
        },
    },
    Rule {
        name: "adds",
        holds: "nothing is added but the stage's own section",
        section: "passing-on",
        sentence: "Add your own section; never drop or rewrite another tool's.",
        mend: "put everything that you have to say into one section of your own, or name the section with --adds",
        check: adds,
    },
    Rule {
        name: "attempts",
        holds: "the same id in another attempt is another task",
        section: "lines",
        sentence: "The identity of a task line is `id` together with `batch.attempt` (absent counts as 0).",
        mend: "remember (id, batch.attempt), not id alone",
        check: attempts,
    },
    Rule {
        name: "random",
        holds: "random plans pass unharmed",
        section: "passing-on",
        sentence: "A field that you do not know keeps its value, at every depth.",
        mend: "try again with the same --seed after mending the other rules",
        check: |bench| {
            for round in 0..3 {
                let plan = Random::new(bench.seed.wrapping_add(round)).plan(200);
                let verdict = judge(bench, &plan, |_, _| true)?;
                if !matches!(verdict, Verdict::Ok) {
                    return Ok(verdict);
                }
            }
            Ok(Verdict::Ok)
        },
    },
];

/// A run that has gone wrong as a whole tells nothing about single lines.
fn ended(outcome: &Outcome) -> Result<(), Verdict> {
    match outcome.end {
        End::Exit(_) => Ok(()),
        end => Err(Verdict::Broken(Finding::new(end.to_string()))),
    }
}

/// Runs the stage on `lines` and looks for differences of the kind that the rule is about.
fn judge(bench: &Bench, lines: &[String], about: impl Fn(&Pair, &Difference) -> bool) -> Result<Verdict, Error> {
    let outcome = bench.run(input::bytes(lines))?;
    if let Err(verdict) = ended(&outcome) {
        return Ok(verdict);
    }
    Ok(verdict(bench, lines, &outcome, &Ledger::new(lines, &outcome.stdout), about))
}

/// The worst difference of the kind that the rule is about.
pub fn verdict(
    bench: &Bench,
    lines: &[String],
    outcome: &Outcome,
    ledger: &Ledger,
    about: impl Fn(&Pair, &Difference) -> bool,
) -> Verdict {
    let mut tolerated = None;
    for pair in &ledger.pairs {
        for difference in pair.differences.iter().filter(|found| !allowed(bench, found) && about(pair, found)) {
            let place = if difference.path.is_empty() { "the line" } else { &difference.path };
            let finding = Finding::new(format!("{place}: {}", difference.kind.word()));
            let finding = finding.pair(&pair.sent, &pair.got, &difference.path);
            if !difference.kind.is_tolerated() {
                return Verdict::Broken(finding);
            }
            tolerated.get_or_insert(finding);
        }
    }
    if !ledger.is_complete() {
        let (lost, all) = (ledger.lost.len() + ledger.doubled.len(), lines.len());
        let why = outcome.epitaph();
        let what = format!("{lost} of {all} lines did not come out, or not once ({why}): see the rule `once`");
        return Verdict::Unclear(what);
    }
    tolerated.map_or(Verdict::Ok, |finding| Verdict::tolerated(bench, finding))
}

/// Whether the stage may do that: set its own section, or add a new one when it did not name its own.
fn allowed(bench: &Bench, difference: &Difference) -> bool {
    let is_own = bench.adds.iter().any(|section| section == difference.section());
    is_own || (difference.kind == Kind::Added && difference.is_section())
}

fn once(bench: &Bench) -> Result<Verdict, Error> {
    let lines = input::mixed("");
    let outcome = bench.run(input::bytes(&lines))?;
    if let Err(verdict) = ended(&outcome) {
        return Ok(verdict);
    }
    let ledger = Ledger::new(&lines, &outcome.stdout);
    let count = lines.len();
    Ok(if let Some(line) = ledger.lost.first() {
        let what = format!("{} of {count} lines did not come out ({})", ledger.lost.len(), outcome.epitaph());
        Verdict::Broken(Finding::new(what).sent(line))
    } else if let Some(line) = ledger.doubled.first() {
        let what = format!("{} of {count} lines came out more than once", ledger.doubled.len());
        Verdict::Broken(Finding::new(what).sent(line))
    } else if let Some(line) = ledger.invented.iter().find(|line| is_ours(line)) {
        Verdict::Broken(Finding::new("a line came out that was not sent").got(line))
    } else if let Some(line) = ledger.invented.first() {
        Verdict::Noted(format!("it adds lines of its own: {line}"))
    } else {
        Verdict::Ok
    })
}

/// Whether a line is of a type that the pipe acts on: nobody may make up such a line on the way.
fn is_ours(line: &str) -> bool {
    let kind = crate::tree::Tree::read(line).ok().and_then(|tree| tree.get("type")?.text());
    kind.is_some_and(|kind| ["plan", "task", "decision", "release"].contains(&kind.as_str()))
}

fn in_place(bench: &Bench) -> Result<Verdict, Error> {
    let lines = input::mixed("");
    let outcome = bench.run(input::bytes(&lines))?;
    if let Err(verdict) = ended(&outcome) {
        return Ok(verdict);
    }
    let ledger = Ledger::new(&lines, &outcome.stdout);
    let first = String::from_utf8_lossy(&outcome.stdout).lines().next().unwrap_or_default().to_owned();
    let plan = ledger.pairs.first().filter(|pair| pair.sent == lines[0]);
    Ok(match (ledger.overtaken, plan) {
        (Some(line), _) => Verdict::Broken(Finding::new("a line came out before one that was sent earlier").sent(line)),
        (None, Some(plan)) if plan.got != first => {
            Verdict::Broken(Finding::new("the plan line did not come out first").sent(&lines[0]).got(first))
        }
        _ => Verdict::Ok,
    })
}

fn unknown_lines(bench: &Bench) -> Result<Verdict, Error> {
    let mut lines = input::foreign("one");
    lines.extend(input::foreign("two"));
    let numbers = odd::NUMBERS[..10].join(" , ");
    lines.push(format!("\t{{ \"type\" :\"x-numbers\",\"mark\":\"n\", \"n\":[ {numbers} ],\"a\":1,\"a\":2}} "));
    judge(bench, &lines, |_, _| true)
}

fn fields(bench: &Bench) -> Result<Verdict, Error> {
    let deep = format!("{}null{}", r#"{"d":["#.repeat(50), "]}".repeat(50));
    let more = format!(r#","x-field":{{"b":[1,{{"c":null,"d":[]}},[[],{{}}]],"e":true,"f":"g","h":{deep}}}"#);
    judge(bench, &input::tasks(&more), |_, difference| {
        difference.path.contains("x-field") && !matches!(difference.kind, Kind::Order)
    })
}

fn numbers(bench: &Bench) -> Result<Verdict, Error> {
    let more = format!(r#","x-number":[{}]"#, odd::NUMBERS.join(","));
    let lines = vec![input::open("1", &more), input::ticked("2", &more), input::done("3", &more)];
    let outcome = bench.run(input::bytes(&lines))?;
    if let Err(verdict) = ended(&outcome) {
        return Ok(verdict);
    }
    let ledger = Ledger::new(&lines, &outcome.stdout);
    if let Some((line, why)) = ledger.garbage.first() {
        return Ok(Verdict::Broken(Finding::new(why).sent(&lines[0]).got(line)));
    }
    Ok(verdict(bench, &lines, &outcome, &ledger, |_, difference| difference.path.contains("x-number")))
}

fn adds(bench: &Bench) -> Result<Verdict, Error> {
    let lines = input::mixed("");
    let outcome = bench.run(input::bytes(&lines))?;
    let ledger = Ledger::new(&lines, &outcome.stdout);
    let mut added = Vec::new();
    for pair in &ledger.pairs {
        for difference in pair.differences.iter().filter(|found| found.kind == Kind::Added && found.is_section()) {
            let section = difference.section().to_owned();
            if !bench.adds.is_empty() && !bench.adds.contains(&section) {
                let what = format!("{section}: added, and not named by --adds");
                return Ok(Verdict::Broken(Finding::new(what).pair(&pair.sent, &pair.got, &section)));
            }
            if !added.contains(&section) {
                added.push(section);
            }
        }
    }
    Ok(if added.is_empty() || !bench.adds.is_empty() {
        Verdict::Ok
    } else {
        Verdict::Noted(format!("it adds {}", added.join(", ")))
    })
}

fn attempts(bench: &Bench) -> Result<Verdict, Error> {
    let attempt = |number: u8| format!(r#","batch":{{"number":{number},"attempt":{number}}}"#);
    let lines =
        vec![input::done_in("1", "", ""), input::done_in("1", &attempt(1), ""), input::done_in("1", &attempt(2), "")];
    let outcome = bench.run(input::bytes(&lines))?;
    let ledger = Ledger::new(&lines, &outcome.stdout);
    Ok(match ledger.lost.first() {
        _ if outcome.end == End::Exit(65) => {
            Verdict::Broken(Finding::new("exit 65").got(String::from_utf8_lossy(&outcome.stderr)))
        }
        Some(line) => {
            Verdict::Broken(Finding::new(format!("an attempt did not come out ({})", outcome.epitaph())).sent(line))
        }
        None => Verdict::Ok,
    })
}
