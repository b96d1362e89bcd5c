//! What a stage costs that has nothing to do: the time from its start to its end.
//!
//! The stages get an empty stdin, as in a pipe whose first tool has refused its input; plan-parse gets a plan of one
//! task, because an empty one is an error. The peer is examples/bare-clap.rs: clap's derive API, three arguments, stdin
//! read to its end. Behind that, the same with `--version`, which shows what loading the program alone costs.

use std::path::Path;
use std::process::Command;

use crate::figure::{Figure, Spread, Target, seconds};
use crate::run::{Contestant, plain, take_turns, timed, tool};
use crate::scratch::Scratch;
use crate::{Extent, Result};

const STAGES: [&str; 5] = ["plan-parse", "route", "codex-exec", "verify", "approve"];

/// Single runs of a millisecond vary by more than what we want to see: medians of so many are compared.
const BLOCK: usize = 30;

const PLAN: &str = "# One\n\n### Task 1: Read the configuration\n\n**Files:**\n- Create: `src/config.rs`\n\n**Commands:**\n\
                    - `cargo test config`\n";

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let (empty, plan) = (scratch.file("empty", "")?, scratch.file("one-task.md", PLAN)?);
    let bare = scratch.example("bare-clap")?;
    let folder = scratch.repository()?;
    let starts = |args: &'static [&'static str]| -> Vec<Contestant<'_>> {
        let start = |mut command: Command, input: &Path| -> Contestant<'_> {
            command.args(args);
            plain(&mut command, folder);
            let input = input.to_owned();
            Box::new(move || timed(&mut command, &input))
        };
        let mut all = vec![start(Command::new(&bare), &empty)];
        for stage in STAGES {
            all.push(start(tool(stage), if stage == "plan-parse" { &plan } else { &empty }));
        }
        all
    };
    let mut figures = Vec::new();
    for (args, suffix) in [(&[][..], ""), (&["--version"][..], " --version")] {
        let times = take_turns("start-up", extent.starts, &mut starts(args))?;
        let medians: Vec<Vec<f64>> = times
            .iter()
            .map(|times| times.chunks(BLOCK).map(|block| Spread::of(block.iter().copied()).median).collect())
            .collect();
        for (stage, ours) in STAGES.iter().zip(&medians[1..]) {
            let told = |medians: &[f64]| seconds(Spread::of(medians.iter().copied()).median);
            figures.push(
                Figure::ratio(
                    format!("start-up {stage}{suffix}"),
                    Spread::of_ratios(ours, &medians[0]),
                    Target::AtMost(1.3),
                )
                .ours(told(ours))
                .peer(format!("bare clap {}", told(&medians[0]))),
            );
        }
    }
    Ok(figures)
}
