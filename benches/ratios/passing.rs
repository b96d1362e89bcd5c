//! The stages behind route, on lines that are none of their concern: how fast do these pass?

use crate::data;
use crate::figure::{Figure, Spread, Target, seconds, speed};
use crate::run::{Contestant, plain, take_turns, timed, tool};
use crate::scratch::Scratch;
use crate::{Extent, Result};

/// Nothing in the stream has a result or a verdict yet.
const STAGES: [&str; 2] = ["verify", "approve"];

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let stream = data::stream(&scratch.path("passed.jsonl"), extent.passed)?;
    let folder = scratch.repository()?;
    let (mut jq, version) = scratch.peers().and_then(|peers| Ok((peers.command("jq")?, peers.version("jq")?)))?;
    jq.args(["-c", "."]);
    plain(&mut jq, folder);
    let path = &stream.path;
    let mut contestants: Vec<Contestant> = vec![Box::new(move || timed(&mut jq, path))];
    for stage in STAGES {
        let mut stage = tool(stage);
        plain(&mut stage, folder);
        contestants.push(Box::new(move || timed(&mut stage, path)));
    }
    let times = take_turns("jq, verify, approve", extent.rounds, &mut contestants)?;
    let told = |times: &[f64]| {
        let time = Spread::of(times.iter().copied()).median;
        format!("{} {}", seconds(time), speed(stream.bytes, time))
    };
    let figure = |(stage, ours): (&&str, &Vec<f64>)| {
        Figure::ratio(format!("{stage}, passing on : jq -c ."), Spread::of_ratios(&times[0], ours), Target::None)
            .ours(told(ours))
            .peer(format!("{version}: {}", told(&times[0])))
    };
    Ok(STAGES.iter().zip(&times[1..]).map(figure).collect())
}
