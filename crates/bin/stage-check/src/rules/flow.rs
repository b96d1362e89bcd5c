//! Lines come out when they are ready, and nobody talks to a reader that has gone.

use std::time::{Duration, Instant};

use stage::Error;

use crate::bench::Bench;
use crate::input;
use crate::live::{End, Live, Outcome, line_ends};
use crate::rule::{Finding, Rule, Verdict};

pub const RULES: &[Rule] = &[
    Rule {
        name: "flush",
        holds: "a line comes out while the input stays open",
        section: "flushing",
        sentence: "When no further input is waiting, everything that is ready has been written.",
        mend: "flush after each line (Python: print(..., flush=True); jq: --unbuffered; sed: -u; grep: --line-buffered; \
               awk: fflush())",
        check: flush,
    },
    Rule {
        name: "closed-writing",
        holds: "a closed stdout ends it quietly",
        section: "when-the-reader-goes-away",
        sentence: "When your stdout is closed, end at once and quietly, and end your children too.",
        mend: "let SIGPIPE end you (Python: signal.signal(signal.SIGPIPE, signal.SIG_DFL)), and do not ignore failed \
               writes",
        check: closed_writing,
    },
    Rule {
        name: "closed-idle",
        holds: "a closed stdout ends it while it waits for input",
        section: "when-the-reader-goes-away",
        sentence: "That holds while you wait for input too: poll stdout for its reader's end.",
        mend: "wait with poll() for stdin and for POLLERR on stdout at once; executors need it most, for an agent that \
               nobody waits for costs money",
        check: closed_idle,
    },
];

fn flush(bench: &Bench) -> Result<Verdict, Error> {
    let live = bench.start()?;
    let lines = [input::open("1", ""), input::ticked("2", ""), input::done("3", "")];
    for (at, line) in lines.iter().enumerate() {
        live.send(format!("{line}\n"));
        if live.lines_come(at + 1, bench.patience) {
            continue;
        }
        let outcome = live.finish()?;
        let came = line_ends(&outcome.stdout);
        return Ok(if came > at {
            let what = format!("not within {:?}; it came when the input was closed", bench.patience);
            Verdict::Broken(Finding::new(what).sent(line))
        } else {
            let why = outcome.epitaph();
            Verdict::Unclear(format!("the line did not come out at all ({why}): see the rule `once`"))
        });
    }
    Ok(Verdict::Ok)
}

fn closed_writing(bench: &Bench) -> Result<Verdict, Error> {
    let mut live = bench.start()?;
    let told = until_closed(bench, &mut live);
    let deadline = Instant::now() + bench.patience;
    let mut number = 0_u32;
    while live.ends(Duration::ZERO)?.is_none() && Instant::now() < deadline {
        let block: Vec<String> = (0..50).map(|line| input::ticked(&format!("{number}.{line}"), "")).collect();
        if live.send(input::bytes(&block)) {
            number += 1;
        } else {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    match live.ends(Duration::ZERO)? {
        Some(end) => Ok(quiet_end(live, end, told)),
        None => Ok(Verdict::broken(format!("it still reads {:?} after its stdout was closed", bench.patience))),
    }
}

fn closed_idle(bench: &Bench) -> Result<Verdict, Error> {
    let mut live = bench.start()?;
    let told = until_closed(bench, &mut live);
    if let Some(end) = live.ends(bench.patience)? {
        return Ok(quiet_end(live, end, told));
    }
    let what = format!("it still waits for input {:?} after its stdout was closed", bench.patience);
    Ok(Verdict::tolerated(bench, Finding::new(what)))
}

/// Sends a line, waits until it has come out, and closes the output. Returns how much was told by then.
fn until_closed(bench: &Bench, live: &mut Live) -> usize {
    live.send(format!("{}\n", input::ticked("first", "")));
    live.lines_come(1, bench.patience);
    let told = live.told();
    live.close_output();
    told
}

fn quiet_end(live: Live, end: End, told: usize) -> Verdict {
    let Outcome { stderr, left, .. } = live.outcome(end);
    // What it had to say about the line that it has read is its right.
    let stderr = &stderr[told.min(stderr.len())..];
    if !stderr.is_empty() {
        Verdict::Broken(Finding::new(format!("{end}, and not quietly")).got(String::from_utf8_lossy(stderr)))
    } else if left.is_empty() {
        Verdict::Ok
    } else {
        Verdict::broken(format!("it left processes behind: {}", left.join(", ")))
    }
}
