//! route over a large stream: how fast, in how much memory, and when it writes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::data::{self, Stream};
use crate::figure::{Figure, Spread, Target, seconds, speed};
use crate::run::{Contestant, line_ends, plain, take_turns, timed, tool};
use crate::scratch::Scratch;
use crate::{Extent, Result, tell};

pub(crate) fn figures(scratch: &Scratch, extent: Extent) -> Result<Vec<Figure>> {
    let stream = scratch.stream(extent)?;
    let folder = scratch.repository()?;
    let mut figures = throughput(scratch, stream, extent)?;
    for (name, measured) in [
        ("route memory a task", memory(scratch, stream, folder, extent)),
        ("route bytes a write", by_block(stream, folder)),
        ("route answer while input pauses", pauses(stream, folder)),
    ] {
        figures.push(measured.unwrap_or_else(|error| Figure::not_measured(name, &*error)));
    }
    Ok(figures)
}

/// The stream from a file to /dev/null, for route, `jaq -c .` and `jq -c .` in turn.
fn throughput(scratch: &Scratch, stream: &Stream, extent: Extent) -> Result<Vec<Figure>> {
    let folder = scratch.repository()?;
    let mut ours = tool("route");
    plain(&mut ours, folder);
    let mut contestants: Vec<Contestant> = vec![Box::new(move || timed(&mut ours, &stream.path))];
    let mut there = Vec::new();
    let mut figures = Vec::new();
    for (name, least) in [("jaq", 5.0), ("jq", 10.0)] {
        let called = format!("route : {name} -c .");
        match scratch.peers().and_then(|peers| Ok((peers.command(name)?, peers.version(name)?))) {
            Ok((mut peer, version)) => {
                peer.args(["-c", "."]);
                plain(&mut peer, folder);
                there.push((called, version, least));
                contestants.push(Box::new(move || timed(&mut peer, &stream.path)));
            }
            Err(error) => figures.push(Figure::not_measured(called, &*error)),
        }
    }
    let times = take_turns("route, jaq, jq", extent.rounds, &mut contestants)?;
    let told = |times: &[f64]| {
        let time = Spread::of(times.iter().copied()).median;
        format!("{} {}", seconds(time), speed(stream.bytes, time))
    };
    for ((called, version, least), peer) in there.into_iter().zip(&times[1..]) {
        figures.push(
            Figure::ratio(called, Spread::of_ratios(peer, &times[0]), Target::AtLeast(least))
                .ours(format!("{}, {}", told(&times[0]), stream.described()))
                .peer(format!("{version}: {}", told(peer))),
        );
    }
    Ok(figures)
}

/// The most memory that route has had after the whole stream, and after a tenth of it, per task in between.
///
/// Its stdin stays open until everything has come back, so that the kernel's account of it can be read.
fn memory(scratch: &Scratch, stream: &Stream, folder: &Path, extent: Extent) -> Result<Figure> {
    let small = data::stream(&scratch.path("tenth.jsonl"), stream.bytes / 10)?;
    let mut each = Vec::new();
    let mut told = (0.0, 0.0);
    for round in 1..=extent.rounds.min(3) {
        tell(&format!("route, memory: round {round}"));
        let (few, many) = (peak(&small, folder)?, peak(stream, folder)?);
        each.push((many - few) * 1024.0 / (stream.tasks - small.tasks) as f64);
        told = (few, many);
    }
    let (few, many) = told;
    let what = format!("{few:.0} KiB after {} tasks, {many:.0} KiB after {}", small.tasks, stream.tasks);
    Ok(Figure::absolute("route memory a task", Spread::of(each), "bytes", Target::AtMost(32.0)).ours(what))
}

/// `VmHWM`, in KiB.
fn peak(stream: &Stream, folder: &Path) -> Result<f64> {
    let mut route = Open::start(folder, Stdio::piped())?;
    let mut input = route.input.take().ok_or("no stdin")?;
    let path = stream.path.clone();
    let feeder = thread::spawn(move || -> std::io::Result<ChildStdin> {
        std::io::copy(&mut File::open(path)?, &mut input)?;
        Ok(input)
    });
    let mut left = stream.tasks + 1;
    let mut block = vec![0; 1 << 20];
    while left > 0 {
        let count = route.output.read(&mut block)?;
        if count == 0 {
            return Err("route ended before its input did".into());
        }
        let lines = line_ends(&block[..count]) as u64;
        left = left.checked_sub(lines).ok_or("route writes more lines than it gets")?;
    }
    let status = fs::read_to_string(format!("/proc/{}/status", route.child.id()))?;
    let input = feeder.join().map_err(|_| "the feeding thread ended early")??;
    drop(input);
    route.ends()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse().ok());
    peak.ok_or_else(|| "the kernel does not tell how much memory route has had".into())
}

/// How much route writes at once while input is waiting: the stream comes from a file, three quarters of the output are
/// read, and then the kernel's count of its writes. (How much comes with one read would say nothing: a reader that is
/// late finds many small writes joined.)
fn by_block(stream: &Stream, folder: &Path) -> Result<Figure> {
    let mut route = Open::start(folder, File::open(&stream.path)?.into())?;
    let mut left = stream.bytes / 4 * 3;
    let mut block = vec![0; 1 << 20];
    while left > 0 {
        let count = route.output.read(&mut block)? as u64;
        if count == 0 {
            return Err("route ended early".into());
        }
        left = left.saturating_sub(count);
    }
    let account = fs::read_to_string(format!("/proc/{}/io", route.child.id()))?;
    let field = |name: &str| account.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    let (Some(bytes), Some(writes)) = (field("wchar:"), field("syscw:")) else {
        return Err("the kernel does not count the writes of a process".into());
    };
    drop(route);
    let mean = bytes / writes;
    Ok(Figure::absolute("route bytes a write", Spread::of([mean]), "bytes", Target::AtLeast(32768.0))
        .ours(format!("{:.1} MB in {writes} writes, input not pausing", bytes / 1e6)))
}

/// How long a line takes through route while nothing follows it.
fn pauses(stream: &Stream, folder: &Path) -> Result<Figure> {
    const LINES: usize = 101;
    let mut head = vec![0; 2 << 20];
    let count = File::open(&stream.path)?.read_at(&mut head, 0)?;
    let lines = head[..count].split_inclusive(|byte| *byte == b'\n').take(LINES);
    let mut route = Open::start(folder, Stdio::piped())?;
    let mut input = route.input.take().ok_or("no stdin")?;
    let (came, arrivals) = mpsc::channel();
    let mut output = route.output;
    thread::spawn(move || {
        let mut block = vec![0; 1 << 20];
        while let Ok(count @ 1..) = output.read(&mut block) {
            // The receiver is gone when it has seen enough.
            if block[..count].ends_with(b"\n") && came.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    let mut times = Vec::new();
    for line in lines {
        let sent = Instant::now();
        input.write_all(line)?;
        let Ok(back) = arrivals.recv_timeout(Duration::from_secs(10)) else {
            return Err("a line does not come back while the input is open".into());
        };
        times.push(back.duration_since(sent).as_secs_f64() * 1e3);
    }
    drop(input);
    route.child.wait()?;
    // Those that find the policy not yet compiled are not the rule.
    let times = Spread::of(times.into_iter().skip(2));
    let what = format!("{LINES} lines, each sent when the one before was back");
    Ok(Figure::absolute("route answer while input pauses", times, "ms", Target::AtMost(10.0)).ours(what))
}

/// A route that runs.
struct Open {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Open {
    fn start(folder: &Path, input: Stdio) -> Result<Self> {
        let mut command = tool("route");
        plain(&mut command, folder);
        let mut child = command.stdin(input).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, input, output })
    }

    /// Its stdin is closed; does it end well?
    fn ends(mut self) -> Result<()> {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("route: {status}").into()) }
    }
}
