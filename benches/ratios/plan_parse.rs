//! plan-parse over plans of 10 and 20 MB: does the time grow with the size, and how does it compare with cmark, which
//! reads the same Markdown and writes HTML?

use std::process::Command;

use crate::data::{Layout, plan};
use crate::figure::{Figure, Spread, Target, seconds, speed};
use crate::run::{Contestant, plain, take_turns, timed, tool};
use crate::scratch::Scratch;
use crate::{Extent, Result};

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (layout, name) in [(Layout::Superpowers, "superpowers"), (Layout::Own, "plan-and-execute")] {
        figures.extend(of_layout(scratch, extent, layout, name)?);
    }
    Ok(figures)
}

fn of_layout(scratch: &Scratch, extent: Extent, layout: Layout, name: &str) -> Result<Vec<Figure>> {
    let folder = scratch.repository()?;
    let once = scratch.file(&format!("{name}.md"), plan(layout, extent.plan))?;
    let twice = scratch.file(&format!("{name}-twice.md"), plan(layout, 2 * extent.plan))?;
    let empty = scratch.file("empty", "")?;
    let run = |mut command: Command, file| -> Contestant<'_> {
        command.arg(file);
        plain(&mut command, folder);
        let empty = empty.clone();
        Box::new(move || timed(&mut command, &empty))
    };
    let mut contestants = vec![run(tool("plan-parse"), &once), run(tool("plan-parse"), &twice)];
    let cmark = scratch.peers().and_then(|peers| Ok((peers.command("cmark")?, peers.version("cmark")?)));
    let cmark = cmark.map(|(command, version)| {
        contestants.push(run(command, &once));
        version
    });
    let times = take_turns(&format!("plan-parse ({name})"), extent.rounds, &mut contestants)?;
    let bytes = std::fs::metadata(&once)?.len();
    let told = |times: &[f64]| {
        let time = Spread::of(times.iter().copied()).median;
        format!("{} {}", seconds(time), speed(bytes, time))
    };
    let called = format!("cmark : plan-parse, {name}");
    let beside = match cmark {
        Ok(version) => Figure::ratio(called, Spread::of_ratios(&times[2], &times[0]), Target::AtLeast(1.0))
            .ours(told(&times[0]))
            .peer(format!("{version}: {}", told(&times[2]))),
        Err(error) => Figure::not_measured(called, &*error),
    };
    let growth = Figure::ratio(
        format!("plan-parse, twice as much, {name}"),
        Spread::of_ratios(&times[1], &times[0]),
        Target::AtMost(2.2),
    )
    .ours(format!("{} : {}", seconds(Spread::of(times[1].iter().copied()).median), told(&times[0])));
    Ok(vec![beside, growth])
}
