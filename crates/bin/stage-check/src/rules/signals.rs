//! SIGINT and SIGTERM reach the whole pipe; nothing that is on its way may be lost.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use stage::Error;

use crate::bench::Bench;
use crate::input;
use crate::ledger::Ledger;
use crate::live::End;
use crate::rule::{Finding, Rule, Verdict};

const FIRST: &str = "The first SIGINT or SIGTERM ends sources and executors; every other stage goes on to the end of its \
                     input and then exits 130 or 143.";

pub const RULES: &[Rule] = &[
    Rule {
        name: "sigint",
        holds: "the first SIGINT loses nothing, and then exit 130",
        section: "signals",
        sentence: FIRST,
        mend: "catch it, note it, go on reading, and exit 130 at the end of input (--executor if this stage runs agents)",
        check: |bench| first(bench, Signal::INT, 130),
    },
    Rule {
        name: "sigterm",
        holds: "the first SIGTERM loses nothing, and then exit 143",
        section: "signals",
        sentence: FIRST,
        mend: "catch it, note it, go on reading, and exit 143 at the end of input (--executor if this stage runs agents)",
        check: |bench| first(bench, Signal::TERM, 143),
    },
    Rule {
        name: "second-signal",
        holds: "a second signal ends it at once",
        section: "signals",
        sentence: "A second signal ends every stage at once.",
        mend: "put the default action back when the first signal has come",
        check: second,
    },
];

/// How long a stage has to show that the first signal ends it.
const PAUSE: Duration = Duration::from_millis(300);

fn first(bench: &Bench, signal: Signal, code: i32) -> Result<Verdict, Error> {
    let mut live = bench.start()?;
    let lines = [input::open("1", ""), input::ticked("2", "")];
    live.send(format!("{}\n", lines[0]));
    live.lines_come(1, bench.patience);
    live.signal(signal);
    let patience = if bench.executor { bench.patience } else { PAUSE };
    if let Some(end) = live.ends(patience)? {
        let outcome = live.outcome(end);
        let lost = !Ledger::new(&lines[..1], &outcome.stdout).is_complete();
        return Ok(if lost {
            Verdict::Broken(Finding::new("the line that it had read did not come out").sent(&lines[0]))
        } else if !bench.executor {
            let what = format!("it ended at once ({end}), and lines that were still to come are lost");
            Verdict::tolerated(bench, Finding::new(what))
        } else if end.code() == Some(code) {
            Verdict::Ok
        } else {
            Verdict::broken(format!("{end}, not {code}"))
        });
    }
    if bench.executor {
        return Ok(Verdict::broken(format!("an executor goes on reading {patience:?} after the first signal")));
    }
    live.send(format!("{}\n", lines[1]));
    let outcome = live.finish()?;
    let ledger = Ledger::new(&lines, &outcome.stdout);
    Ok(if let Some(line) = ledger.lost.first() {
        Verdict::Broken(Finding::new("a line that came after the signal is lost").sent(line))
    } else if outcome.end == End::TimedOut {
        Verdict::broken("it did not end at the end of input")
    } else if outcome.end.code() == Some(code) {
        Verdict::Ok
    } else {
        Verdict::tolerated(bench, Finding::new(format!("{}, not {code}", outcome.end)))
    })
}

fn second(bench: &Bench) -> Result<Verdict, Error> {
    let mut live = bench.start()?;
    live.send(format!("{}\n", input::open("1", "")));
    live.lines_come(1, bench.patience);
    let deadline = Instant::now() + bench.patience;
    // Two of the same kind that arrive together are one; so there is a pause, and more than two on a busy machine.
    while Instant::now() < deadline {
        live.signal(Signal::TERM);
        if let Some(end) = live.ends(PAUSE)? {
            let left = live.outcome(end).left;
            return Ok(if left.is_empty() {
                Verdict::Ok
            } else {
                Verdict::broken(format!("it left processes behind: {}", left.join(", ")))
            });
        }
    }
    Ok(Verdict::broken(format!("it still runs {:?} after several SIGTERM", bench.patience)))
}
