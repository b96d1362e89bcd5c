//! What `make bench` prints: our tools beside others, each pair measured in one run, as ratios.
//!
//! Seconds depend on the machine and on what else it does; ratios do so much less, because the contestants of a figure
//! take turns (A B A B ...) and each round gives a ratio of its own. A figure is the median of these; the spread is
//! printed beside it. docs/performance.md describes every figure.

mod batch;
mod data;
mod executor;
mod figure;
mod isolation;
mod landing;
mod machine;
mod passing;
mod peers;
mod plan_parse;
mod route;
mod run;
mod scratch;
mod startup;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::figure::Figure;
use crate::scratch::Scratch;

/// What everything here returns: no error is anything but told.
type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Measures our tools beside others
///
/// Prints one line per figure. Exit codes: 0 measured, whatever came out; 1 with --check, when a figure missed its
/// target or could not be measured.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench ratios --")]
struct Args {
    /// One JSON object per line instead of a table
    #[arg(long)]
    json: bool,

    /// Exit with 1 unless every figure with a target meets it
    #[arg(long)]
    check: bool,

    /// Little data and few rounds: to see that everything works. The figures mean nothing
    #[arg(long)]
    quick: bool,

    /// Only these groups: startup, route, plan-parse, codex-exec, isolation, passing, plan-batch, landing
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,

    /// Given by `cargo bench`, and not by `cargo test --all-targets`, which gets the quick form
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// Rounds after the one for warming up.
    rounds: usize,
    /// Runs of each program for its start-up.
    starts: usize,
    /// The large stream, in bytes.
    stream: u64,
    /// A plan, in bytes; linearity is measured with one of twice the size.
    plan: usize,
    /// What the slower stages are given to pass on, in bytes.
    passed: u64,
    /// How many tasks plan-batch is given, and how long a run file.
    tasks: usize,
}

impl Extent {
    const FULL: Self =
        Self { rounds: 7, starts: 210, stream: 200_000_000, plan: 10_000_000, passed: 40_000_000, tasks: 1_000_000 };
    const QUICK: Self =
        Self { rounds: 1, starts: 10, stream: 20_000_000, plan: 1_000_000, passed: 2_000_000, tasks: 10_000 };
}

type Group = fn(&Scratch, Extent) -> Result<Vec<Figure>>;

const GROUPS: [(&str, Group); 8] = [
    ("startup", startup::figures),
    ("route", route::figures),
    ("plan-parse", plan_parse::figures),
    ("codex-exec", executor::figures),
    ("isolation", isolation::figures),
    ("passing", passing::figures),
    ("plan-batch", batch::figures),
    ("landing", landing::figures),
];

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(all_met) if args.check && !all_met => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("ratios: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    if let Some(unknown) = args.groups.iter().find(|name| GROUPS.iter().all(|(known, _)| known != name)) {
        return Err(format!("{unknown}: no such group; there are {}", GROUPS.map(|(name, _)| name).join(", ")).into());
    }
    let extent = if args.quick || !args.bench { Extent::QUICK } else { Extent::FULL };
    let scratch = Scratch::new()?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", machine::json())?;
    } else {
        writeln!(out, "{}", machine::text())?;
    }
    let mut all_met = true;
    for (name, group) in GROUPS {
        if !args.groups.is_empty() && args.groups.iter().all(|wanted| wanted != name) {
            continue;
        }
        let figures = group(&scratch, extent).unwrap_or_else(|error| vec![Figure::not_measured(name, &*error)]);
        for figure in figures {
            all_met &= figure.is_met() != Some(false);
            if args.json {
                writeln!(out, "{}", figure.json())?;
            } else {
                writeln!(out, "{figure}")?;
            }
        }
    }
    Ok(all_met)
}

/// Something for the person who waits.
fn tell(text: &str) {
    // Without a stderr there is nobody to be told.
    let _ = writeln!(io::stderr(), "{text}");
}
