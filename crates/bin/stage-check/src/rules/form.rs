//! What input may look like, and what output has to look like.

use stage::Error;

use crate::bench::Bench;
use crate::input;
use crate::ledger::Ledger;
use crate::live::{End, Outcome};
use crate::rule::{Finding, Rule, Verdict};

pub const RULES: &[Rule] = &[
    Rule {
        name: "empty",
        holds: "empty input is fine",
        section: "lines",
        sentence: "Empty input is fine: write nothing and exit 0.",
        mend: "let the loop over stdin run zero times, and read the plan line in the loop, not before it",
        check: empty,
    },
    Rule {
        name: "no-plan",
        holds: "the plan line may be missing",
        section: "lines",
        sentence: "The `plan` line may be missing.",
        mend: "take what you need from the task itself, and the plan line only when it comes",
        check: |bench| accepted(bench, &input::tasks(""), input::bytes),
    },
    Rule {
        name: "blank-lines",
        holds: "blank lines are accepted",
        section: "lines",
        sentence: "Blank lines are skipped, and a `\\r` before the `\\n` is accepted.",
        mend: "skip a line that is empty after trimming, before you parse it (it still counts for line numbers)",
        check: |bench| {
            accepted(bench, &input::tasks(""), |lines| format!("\n{}\n \n\n", lines.join("\n\n")).into_bytes())
        },
    },
    Rule {
        name: "crlf",
        holds: "lines may end with \\r\\n",
        section: "lines",
        sentence: "Blank lines are skipped, and a `\\r` before the `\\n` is accepted.",
        mend: "trim the line's end before you look at it; white space is no part of a JSON value",
        check: |bench| accepted(bench, &input::tasks(""), |lines| format!("{}\r\n", lines.join("\r\n")).into_bytes()),
    },
    Rule {
        name: "last-line",
        holds: "the last line needs no line end",
        section: "lines",
        sentence: "A complete last line without `\\n` is accepted, and goes out with one.",
        mend: "treat what is left at the end of input as a line (in bash: `while read -r line || [[ $line ]]`), \
               and end it with \\n",
        check: |bench| accepted(bench, &input::tasks(""), |lines| lines.join("\n").into_bytes()),
    },
    Rule {
        name: "stdout",
        holds: "stdout carries lines and nothing else",
        section: "lines",
        sentence: "Output is lines too: one JSON object with a `type` on each, `\\n` after each, and nothing else on \
                   stdout.",
        mend: "send messages, progress and the output of programs that you run to stderr, and write JSON compactly \
               (jq: -c)",
        check: stdout,
    },
    Rule {
        name: "exit",
        holds: "nothing wrong, exit 0",
        section: "exit-codes",
        sentence: "Exit 0 means that everything that reached you went well.",
        mend: "tasks that are not yours, ticked off or done already are no failure; should this stage end with \
               another code here, say --exit CODE",
        check: exit,
    },
    Rule {
        name: "huge-line",
        holds: "a line of 5 MB passes",
        section: "lines",
        sentence: "A line may be long, and there may be many: 5 MB and 10,000 lines are nothing special.",
        mend: "read by lines, not by fixed buffers, and do not put a line on a command line",
        check: |bench| {
            let more = format!(r#","x-huge":"{}""#, "0123456789abcdef".repeat(5 << 16));
            let lines = vec![input::open("1", ""), input::open("2", &more), input::ticked("3", "")];
            accepted(bench, &lines, input::bytes)
        },
    },
    Rule {
        name: "many-lines",
        holds: "10,000 lines pass",
        section: "lines",
        sentence: "A line may be long, and there may be many: 5 MB and 10,000 lines are nothing special.",
        mend: "do not start a program per line; start one for all of them (see the bash stage)",
        check: |bench| {
            let lines = (0..10_000).map(|number| {
                let id = number.to_string();
                if number % 2 == 0 { input::open(&id, "") } else { input::done(&id, "") }
            });
            accepted(bench, &lines.collect::<Vec<_>>(), input::bytes)
        },
    },
];

/// How a run failed as a whole, if it did.
pub fn failed(outcome: &Outcome) -> Option<Finding> {
    let told = String::from_utf8_lossy(&outcome.stderr);
    match outcome.end {
        End::Exit(code) if code != 65 => None,
        end => Some(Finding::new(end.to_string()).got(told.lines().next().unwrap_or_default())),
    }
}

/// All of `lines` have to come out, however they were put together.
fn accepted(bench: &Bench, lines: &[String], together: impl Fn(&[String]) -> Vec<u8>) -> Result<Verdict, Error> {
    let outcome = bench.run(together(lines))?;
    if let Some(finding) = failed(&outcome) {
        return Ok(Verdict::Broken(finding));
    }
    let ledger = Ledger::new(lines, &outcome.stdout);
    Ok(match ledger.lost.first() {
        Some(line) => {
            let what = format!("{} of {} lines did not come out", ledger.lost.len(), lines.len());
            Verdict::Broken(Finding::new(what).sent(line))
        }
        None if !ledger.is_terminated => Verdict::broken("the last line came out without a line end"),
        None => Verdict::Ok,
    })
}

fn empty(bench: &Bench) -> Result<Verdict, Error> {
    let outcome = bench.run("")?;
    let finding = if outcome.end != End::Exit(0) {
        Finding::new(outcome.end.to_string()).got(String::from_utf8_lossy(&outcome.stderr))
    } else if !outcome.stdout.is_empty() {
        Finding::new("something was written").got(String::from_utf8_lossy(&outcome.stdout))
    } else {
        return Ok(Verdict::Ok);
    };
    Ok(Verdict::Broken(finding))
}

fn stdout(bench: &Bench) -> Result<Verdict, Error> {
    let lines = input::mixed("");
    let outcome = bench.run(input::bytes(&lines))?;
    let ledger = Ledger::new(&lines, &outcome.stdout);
    Ok(match ledger.garbage.first() {
        Some((line, why)) => Verdict::Broken(Finding::new(why).got(line)),
        None if !ledger.is_terminated => Verdict::broken("the last line has no line end"),
        None if std::str::from_utf8(&outcome.stdout).is_err() => Verdict::broken("not UTF-8"),
        None => Verdict::Ok,
    })
}

fn exit(bench: &Bench) -> Result<Verdict, Error> {
    let outcome = bench.run(input::bytes(&input::mixed("")))?;
    Ok(match outcome.end {
        End::Exit(code) if bench.exits.contains(&code) => Verdict::Ok,
        end => Verdict::Broken(Finding::new(end.to_string()).got(String::from_utf8_lossy(&outcome.stderr))),
    })
}
