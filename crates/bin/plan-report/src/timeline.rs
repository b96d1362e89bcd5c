//! When who worked on what, side by side.

use jiff::Timestamp;

use crate::figures::Report;
use crate::read::later;

/// One call of an agent, on the line of a worker.
#[derive(Debug)]
pub(crate) struct Bar {
    /// Which task of the run.
    pub task: usize,
    pub model: Option<String>,
    /// The line, from 0.
    pub slot: usize,
    pub from: Timestamp,
    pub to: Timestamp,
    pub has_failed: bool,
    pub attempt: u64,
}

/// A time in which a task waited for an answer, or the time of a batch.
#[derive(Debug)]
pub(crate) struct Span {
    /// Which task of the run, or the number of the batch.
    pub of: u64,
    pub from: Timestamp,
    pub to: Timestamp,
    /// It is not over.
    pub is_open: bool,
}

/// The picture, without any measures of paper.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub bars: Vec<Bar>,
    pub slots: usize,
    /// From the first release or call of a batch to the last.
    pub batches: Vec<Span>,
    /// From the question, or the end of the work, to the answer of a person.
    pub waits: Vec<Span>,
    pub axis: Axis,
}

impl Timeline {
    /// `None` when nothing has a time.
    pub fn new(report: &Report) -> Option<Self> {
        let end = if report.is_owned { report.made } else { report.span?.1 };
        let mut bars = bars(report);
        let slots = place(&mut bars);
        let (batches, waits) = (batches(report), waits(report, end));
        let spans = || batches.iter().chain(&waits).map(|span| (span.from, span.to));
        let busy: Vec<_> = bars.iter().map(|bar| (bar.from, bar.to)).collect();
        let all = || busy.iter().copied().chain(spans());
        let from = all().map(|(from, _)| from).min()?;
        let to = all().map(|(_, to)| to).max()?;
        let axis = Axis::new(from, to, &busy);
        Some(Self { bars, slots, batches, waits, axis })
    }
}

fn bars(report: &Report) -> Vec<Bar> {
    let mut bars = Vec::new();
    for (task, (of, ..)) in report.tasks().enumerate() {
        for round in &of.rounds {
            for call in &round.calls {
                let (Some(from), Some(to)) = (call.started, call.ended()) else { continue };
                let has_failed = call.class.is_some();
                bars.push(Bar {
                    task,
                    model: call.model.clone(),
                    slot: 0,
                    from,
                    to,
                    has_failed,
                    attempt: round.attempt,
                });
            }
        }
    }
    bars.sort_by_key(|bar| (bar.from, bar.to));
    bars
}

/// Gives each bar the first line that is free when it begins; how many lines that takes.
fn place(bars: &mut [Bar]) -> usize {
    let mut free: Vec<Timestamp> = Vec::new();
    for bar in bars {
        bar.slot = free.iter().position(|at| *at <= bar.from).unwrap_or_else(|| {
            free.push(bar.from);
            free.len() - 1
        });
        free[bar.slot] = bar.to.max(bar.from);
    }
    free.len()
}

fn batches(report: &Report) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (task, ..) in report.tasks() {
        for round in &task.rounds {
            let Some(number) = round.batch else { continue };
            let released = task.releases.iter().filter(|release| release.attempt == round.attempt);
            let moments = released.filter_map(|release| release.at);
            let moments = moments.chain(round.calls.iter().flat_map(|call| [call.started, call.ended()]).flatten());
            for at in moments {
                match spans.iter_mut().find(|span| span.of == number) {
                    Some(span) => (span.from, span.to) = (span.from.min(at), span.to.max(at)),
                    None => spans.push(Span { of: number, from: at, to: at, is_open: false }),
                }
            }
        }
    }
    spans.sort_by_key(|span| span.from);
    spans
}

fn waits(report: &Report, end: Timestamp) -> Vec<Span> {
    let mut spans = Vec::new();
    for (at, (task, standing, _)) in report.tasks().enumerate() {
        let worked: Vec<Timestamp> = task.calls().filter_map(crate::read::Call::ended).collect();
        let mut asked: Option<(Timestamp, String)> = None;
        for decision in &task.decisions {
            let Some(when) = decision.at else { continue };
            if decision.status == "pending" {
                asked.get_or_insert((when, decision.gate.clone()));
                continue;
            }
            // Without a question on record, the wait began when the work was done; a policy does not keep one waiting.
            let from = match asked.take() {
                Some((from, gate)) if gate == decision.gate => Some(from),
                _ if decision.gate != "plan" && decision.by.starts_with("person:") => {
                    worked.iter().filter(|ended| **ended <= when).max().copied()
                }
                _ => None,
            };
            if let Some(from) = from.filter(|from| *from < when) {
                spans.push(Span { of: at as u64, from, to: when, is_open: false });
            }
        }
        if standing.gate.is_some() {
            let from = asked.map(|(from, _)| from).or_else(|| worked.iter().max().copied());
            if let Some(from) = from {
                spans.push(Span { of: at as u64, from, to: end.max(from), is_open: true });
            }
        }
    }
    spans.sort_by_key(|span| (span.from, span.to));
    spans
}

/// Time as it is drawn: long times in which nobody worked are shortened.
#[derive(Debug)]
pub(crate) struct Axis {
    pub from: Timestamp,
    /// Seconds since `from`, and as how many seconds from there on they are drawn; in order, the first one at 0.
    knots: Vec<(f64, f64)>,
    /// What was shortened: where it is drawn and how long it really was, in seconds.
    pub cuts: Vec<(f64, f64)>,
    /// How long all of it is drawn, in seconds.
    pub length: f64,
}

/// A time without work is drawn no longer than this part of all work.
const LONGEST_GAP: f64 = 0.12;

impl Axis {
    fn new(from: Timestamp, to: Timestamp, busy: &[(Timestamp, Timestamp)]) -> Self {
        let since = |at: Timestamp| at.duration_since(from).as_secs_f64();
        let end = since(to).max(0.001);
        // The times of work, joined where they meet; `busy` is in the order of its beginnings.
        let mut joined: Vec<(f64, f64)> = Vec::new();
        for (start, stop) in busy {
            let (start, stop) = (since(*start), since(*stop));
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(stop),
                _ => joined.push((start, stop)),
            }
        }
        let worked: f64 = joined.iter().map(|(start, stop)| stop - start).sum();
        let longest = if worked > 0.0 { (worked * LONGEST_GAP).max(1.0) } else { f64::INFINITY };
        let (mut knots, mut cuts) = (vec![(0.0, 0.0)], Vec::new());
        let (mut real, mut drawn) = (0.0, 0.0);
        for (start, stop) in joined.into_iter().chain([(end, end)]) {
            let gap: f64 = (start - real).max(0.0);
            let shown = gap.min(longest);
            if shown < gap {
                cuts.push((drawn + shown / 2.0, gap));
            }
            drawn += shown;
            knots.push((start.max(real), drawn));
            drawn += (stop - start.max(real)).max(0.0);
            real = stop.max(real);
            knots.push((real, drawn));
        }
        Self { from, knots, cuts, length: drawn.max(0.001) }
    }

    /// Where a moment is drawn, from 0 to 1.
    pub fn place(&self, at: Timestamp) -> f64 {
        let real = at.duration_since(self.from).as_secs_f64();
        let after = self.knots.partition_point(|(knot, _)| *knot <= real).clamp(1, self.knots.len().max(2) - 1);
        let (Some(one), Some(two)) = (self.knots.get(after - 1), self.knots.get(after)) else { return 0.0 };
        let part = if two.0 > one.0 { ((real - one.0) / (two.0 - one.0)).clamp(0.0, 1.0) } else { 0.0 };
        ((one.1 + part * (two.1 - one.1)) / self.length).clamp(0.0, 1.0)
    }

    /// Up to `most` moments at round distances from the beginning, with their seconds since then; none in a time that is shortened.
    pub fn ticks(&self, most: usize) -> Vec<(f64, f64)> {
        const STEPS: [f64; 16] = [
            0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0,
            604_800.0,
        ];
        let step = STEPS.into_iter().find(|step| self.length / step <= most as f64).unwrap_or(self.length);
        let mut ticks = Vec::new();
        for pair in self.knots.windows(2) {
            let [one, two] = pair else { continue };
            if two.0 - one.0 > (two.1 - one.1) * 1.001 {
                continue;
            }
            let mut seconds = (one.0 / step).ceil() * step;
            while seconds < two.0 && ticks.len() <= most * 2 {
                if let Some(at) = later(self.from, seconds) {
                    ticks.push((self.place(at), seconds));
                }
                seconds += step;
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_261_600 + seconds).unwrap()
    }

    fn bar(from: i64, to: i64) -> Bar {
        Bar { task: 0, model: None, slot: 9, from: at(from), to: at(to), has_failed: false, attempt: 1 }
    }

    #[test]
    fn two_calls_at_once_are_on_two_lines_and_a_free_line_is_used_again() {
        let mut bars = [bar(0, 10), bar(2, 4), bar(4, 8), bar(10, 12)];
        assert_eq!(place(&mut bars), 2);
        assert_eq!(bars.map(|bar| bar.slot), [0, 1, 1, 0]);
    }

    #[test]
    fn a_night_without_work_takes_little_room() {
        let busy = [(at(0), at(100)), (at(100), at(200)), (at(36_000), at(36_100))];
        let axis = Axis::new(at(0), at(36_100), &busy);
        assert_eq!(axis.cuts.len(), 1);
        assert!((axis.length - 336.0).abs() < 1e-6, "{axis:?}");
        assert!((axis.place(at(200)) - 200.0 / 336.0).abs() < 1e-6);
        assert!((axis.place(at(36_000)) - 236.0 / 336.0).abs() < 1e-6);
        let ticks = axis.ticks(10);
        assert!(ticks.iter().all(|(_, seconds)| *seconds < 200.0 || *seconds >= 36_000.0), "{ticks:?}");
    }

    proptest! {
        #[test]
        fn lines_never_overlap_and_time_never_runs_backwards(mut calls in prop::collection::vec((0..5000_i64, 0..300_i64), 1..60)) {
            calls.sort_unstable();
            let mut bars: Vec<Bar> = calls.iter().map(|(from, length)| bar(*from, from + length)).collect();
            let slots = place(&mut bars);
            for (at, one) in bars.iter().enumerate() {
                prop_assert!(one.slot < slots);
                for other in &bars[..at] {
                    prop_assert!(one.slot != other.slot || other.to <= one.from || one.to <= other.from);
                }
            }
            let busy: Vec<_> = bars.iter().map(|bar| (bar.from, bar.to)).collect();
            let end = busy.iter().map(|(_, to)| *to).max().unwrap();
            let axis = Axis::new(at(0), end, &busy);
            let mut places: Vec<_> = busy.iter().flat_map(|(from, to)| [*from, *to]).collect();
            places.sort();
            let drawn: Vec<f64> = places.iter().map(|moment| axis.place(*moment)).collect();
            prop_assert!(drawn.iter().all(|place| (0.0..=1.0).contains(place)));
            prop_assert!(drawn.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9), "{drawn:?}");
            prop_assert!((axis.place(end) - 1.0).abs() < 1e-6);
        }
    }
}
