//! What people see, and what is left when it is over.

use stage::Error;

use crate::bench::Bench;
use crate::input;
use crate::rule::{Finding, Rule, Verdict};

pub const RULES: &[Rule] = &[
    Rule {
        name: "terminal",
        holds: "control characters of a plan do not reach the terminal",
        section: "messages",
        sentence: "Text from a plan or an agent reaches stderr only with its control characters made visible.",
        mend: "show such text escaped (Python: repr or ascii; jq: @json; bash: printf %q)",
        check: terminal,
    },
    Rule {
        name: "left-behind",
        holds: "no process outlives it",
        section: "when-the-reader-goes-away",
        sentence: "However you end, leave no process behind.",
        mend: "wait for your children, and end the ones that you no longer need with their whole process group",
        check: left_behind,
    },
];

fn terminal(bench: &Bench) -> Result<Verdict, Error> {
    const HOSTILE: &str = r"\u001b[2J\u001b]0;owned\u0007\r\u009b31m";
    let title = |id: &str| input::open(id, "").replace("Nothing to do", HOSTILE);
    let good = title("1");
    let repeated = title(HOSTILE);
    let raw = "\x1b[2J\x1b]0;owned\x07 is no JSON";
    for text in [format!("{good}\n"), format!("{repeated}\n{repeated}\n"), format!("{raw}\n")] {
        let outcome = bench.run(text.clone())?;
        let told = String::from_utf8_lossy(&outcome.stderr).into_owned();
        if told.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
            return Ok(Verdict::Broken(Finding::new("control characters on stderr").sent(text.trim_end()).got(told)));
        }
    }
    Ok(Verdict::Ok)
}

fn left_behind(bench: &Bench) -> Result<Verdict, Error> {
    let good = input::bytes(&input::mixed(""));
    let bad = [&good[..], b"this is no JSON\n"].concat();
    for text in [good, bad] {
        let outcome = bench.run(text)?;
        if !outcome.left.is_empty() {
            return Ok(Verdict::broken(format!("still there after its end: {}", outcome.left.join(", "))));
        }
    }
    Ok(Verdict::Ok)
}
