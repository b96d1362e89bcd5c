//! Which tasks are released together. Pure: it knows neither clocks nor files nor the run file.
//!
//! Tasks that could go out are candidates, in the order of the plan. One that meets a task that is out stands in a line
//! from then on: the line of all that meet it for the same reason. A line moves when what blocks it is back, and then
//! only its first task is a candidate again, since the others would meet that one. So a task is looked at when
//! something has changed for it, and not each time when room is found.

use std::collections::{BTreeSet, HashMap, HashSet};

use record::{Access, Meeting};

use crate::graph::Graph;

/// What a task claims of the tree while it is out.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub writes: Access,
    /// Every file that it names.
    pub names: Access,
}

impl Claim {
    fn is_alone(&self) -> bool {
        self.writes == Access::WritesAnything
    }

    /// Why this task cannot go out together with another one; `None` when it can.
    fn reason(&self, out: &Self) -> Option<Reason> {
        // Who writes nobody knows what is alone.
        if self.is_alone() || out.is_alone() {
            return Some(Reason { path: None, writes: true });
        }
        let place = |meeting| match meeting {
            Meeting::Anywhere => None,
            Meeting::At(path) => Some(Box::from(path)),
        };
        let written = self.writes.meeting(&out.names).or_else(|| self.writes.meeting(&out.writes));
        if let Some(meeting) = written {
            return Some(Reason { path: place(meeting), writes: true });
        }
        let named = self.names.meeting(&out.writes)?;
        Some(Reason { path: place(named), writes: false })
    }
}

/// What tasks in one line have in common: whoever blocks one of them blocks them all.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Reason {
    /// The path that they name; without one, they write or read what nobody knows.
    path: Option<Box<str>>,
    /// They write there.
    writes: bool,
}

/// Tasks that wait for the same.
#[derive(Debug, Default)]
struct Waiting {
    tasks: BTreeSet<u32>,
    /// The task that is out and that all of them meet. Without one, the first of them is a candidate.
    blocked_by: Option<u32>,
}

/// The tasks that could go out now, kept up to date by counters, not by looking at every task again.
#[derive(Debug)]
pub(crate) struct Queue {
    /// How many needs of each task are not finished.
    waits_for: Vec<u32>,
    finished: Vec<bool>,
    /// Tasks that wait for a person.
    withheld: HashSet<u32>,
    candidates: BTreeSet<u32>,
    lines: HashMap<Reason, Waiting>,
    /// In which line a task stands.
    places: HashMap<u32, Reason>,
    /// Which lines a task that is out blocks.
    blocks: HashMap<u32, Vec<Reason>>,
}

impl Queue {
    /// Nothing is finished yet.
    pub fn new(graph: &Graph) -> Self {
        let count = u32::try_from(graph.len()).unwrap_or(u32::MAX);
        let waits_for: Vec<u32> =
            (0..count).map(|task| u32::try_from(graph.needs(task).len()).unwrap_or(u32::MAX)).collect();
        let candidates = (0..count).filter(|task| waits_for[*task as usize] == 0).collect();
        Self {
            waits_for,
            finished: vec![false; graph.len()],
            withheld: HashSet::new(),
            candidates,
            lines: HashMap::new(),
            places: HashMap::new(),
            blocks: HashMap::new(),
        }
    }

    /// A task is finished.
    pub fn finish(&mut self, graph: &Graph, task: u32) {
        if std::mem::replace(&mut self.finished[task as usize], true) {
            return;
        }
        self.remove(task);
        for dependent in graph.dependents(task) {
            self.waits_for[*dependent as usize] -= 1;
            self.offer(*dependent);
        }
    }

    /// How many tasks are not finished.
    pub fn unfinished(&self) -> usize {
        self.finished.iter().filter(|is_finished| !**is_finished).count()
    }

    /// A task that waits for a person is no candidate, whatever it needs.
    pub fn withhold(&mut self, task: u32) {
        self.withheld.insert(task);
        self.remove(task);
    }

    /// It is a candidate, once its needs are finished.
    pub fn put_back(&mut self, task: u32) {
        self.withheld.remove(&task);
        self.offer(task);
    }

    fn remove(&mut self, task: u32) {
        self.candidates.remove(&task);
        self.leave_line(task, None);
    }

    fn offer(&mut self, task: u32) {
        let is_ready = !self.finished[task as usize] && self.waits_for[task as usize] == 0;
        if is_ready && !self.withheld.contains(&task) && !self.places.contains_key(&task) {
            self.candidates.insert(task);
        }
    }

    /// A task is no longer out.
    pub fn is_back(&mut self, task: u32) {
        for reason in self.blocks.remove(&task).unwrap_or_default() {
            let Some(line) = self.lines.get_mut(&reason) else { continue };
            line.blocked_by = None;
            self.candidates.extend(line.tasks.first());
            if line.tasks.is_empty() {
                self.lines.remove(&reason);
            }
        }
    }

    /// Up to `size` tasks, together with those that are `out` already. They are out from now on.
    pub fn batch(&mut self, size: usize, out: &mut Vec<(u32, Claim)>, claim: impl Fn(u32) -> Claim) -> Vec<u32> {
        let mut batch = Vec::new();
        let mut from = 0;
        while out.len() < size && !out.iter().any(|(_, claim)| claim.is_alone()) {
            // What did not go with fewer does not go with more, so nothing is looked at twice.
            let Some(task) = self.candidates.range(from..).next().copied() else { break };
            from = task + 1;
            let claim = claim(task);
            let blocked = out.iter().find_map(|(other, of)| Some((*other, claim.reason(of)?)));
            if let Some((by, reason)) = blocked {
                self.stand_in_line(task, reason, by);
                continue;
            }
            self.candidates.remove(&task);
            self.leave_line(task, Some(task));
            out.push((task, claim));
            batch.push(task);
        }
        batch
    }

    fn stand_in_line(&mut self, task: u32, reason: Reason, by: u32) {
        self.candidates.remove(&task);
        self.leave_line(task, None);
        let line = self.lines.entry(reason.clone()).or_default();
        if line.blocked_by.is_none() {
            // Its first task was a candidate, and is blocked too.
            line.tasks.first().map(|first| self.candidates.remove(first));
            line.blocked_by = Some(by);
            self.blocks.entry(by).or_default().push(reason.clone());
        }
        line.tasks.insert(task);
        self.places.insert(task, reason);
    }

    /// A task leaves its line; `goes_out` is the task itself when it goes out.
    fn leave_line(&mut self, task: u32, goes_out: Option<u32>) {
        let Some(reason) = self.places.remove(&task) else { return };
        let Some(line) = self.lines.get_mut(&reason) else { return };
        line.tasks.remove(&task);
        if line.tasks.is_empty() && line.blocked_by.is_none() {
            self.lines.remove(&reason);
            return;
        }
        if line.blocked_by.is_some() {
            return;
        }
        match goes_out {
            // All who write there meet each other.
            Some(by) if reason.writes => {
                line.blocked_by = Some(by);
                self.blocks.entry(by).or_default().push(reason);
            }
            _ => self.candidates.extend(line.tasks.first()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::Builder;

    /// What a task of the tests names, so that files, folders, patterns and strangers meet in every way.
    const NAMES: [&str; 8] = ["a", "b", "src/x.rs", "src/y.rs", "src", "src/*.rs", "*", "../c"];

    fn claim(files: &[(usize, bool)], is_reader: bool) -> Claim {
        let all = || files.iter().map(|(file, _)| NAMES[*file]);
        let written = files.iter().filter(|(_, writes)| *writes).map(|(file, _)| NAMES[*file]);
        Claim {
            writes: if is_reader { Access::Reads } else { Access::writes(written) },
            names: if files.is_empty() { Access::Reads } else { Access::writes(all()) },
        }
    }

    /// Whether two tasks must not be out together, in the plain words of the rule.
    fn meet(one: &Claim, other: &Claim) -> bool {
        one.writes == Access::WritesAnything
            || other.writes == Access::WritesAnything
            || one.writes.meets(&other.names)
            || other.writes.meets(&one.names)
            || one.writes.meets(&other.writes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Whole plans, worked through batch by batch: each batch is the one that a search over all tasks finds.
        #[test]
        fn every_batch_is_the_first_that_fits(
            tasks in prop::collection::vec(
                (prop::collection::vec(0_usize..20, 0..3), prop::collection::vec((0_usize..NAMES.len(), any::<bool>()), 0..4), prop::bool::weighted(0.2)),
                1..20,
            ),
            size in 1_usize..6,
            ends in prop::collection::vec((0_usize..6, 0_u8..8), 120),
            rolling in any::<bool>(),
        ) {
            let mut builder = Builder::default();
            let needs: Vec<Vec<usize>> = tasks.iter().enumerate()
                .map(|(at, (needs, ..))| needs.iter().copied().filter(|need| *need < at).collect()).collect();
            for (at, needs) in needs.iter().enumerate() {
                let names: Vec<String> = needs.iter().map(ToString::to_string).collect();
                builder.add(&at.to_string(), names.iter().map(String::as_str));
            }
            let (graph, _) = builder.finish().unwrap();
            let claims: Vec<Claim> = tasks.iter().map(|(_, files, is_reader)| claim(files, *is_reader)).collect();
            let mut queue = Queue::new(&graph);
            let mut out: Vec<(u32, Claim)> = Vec::new();
            let (mut finished, mut stuck) = (vec![false; tasks.len()], vec![false; tasks.len()]);
            for (which, end) in ends {
                if rolling || out.is_empty() {
                    // Without any cleverness: each task in the order of the plan, if it fits.
                    let mut expected: Vec<usize> = Vec::new();
                    let mut with: Vec<usize> = out.iter().map(|(task, _)| *task as usize).collect();
                    for task in 0..tasks.len() {
                        let fits = with.len() < size
                            && !finished[task]
                            && !stuck[task]
                            && !with.contains(&task)
                            && needs[task].iter().all(|need| finished[*need])
                            && !with.iter().any(|other| meet(&claims[*other], &claims[task]));
                        if fits {
                            expected.push(task);
                            with.push(task);
                        }
                    }
                    let batch = queue.batch(size, &mut out, |task| claims[task as usize].clone());
                    prop_assert_eq!(batch.iter().map(|task| *task as usize).collect::<Vec<_>>(), expected);
                }
                if end == 7 {
                    // Whatever waits for a person may be anywhere: a candidate, or one of those that stand in line.
                    let task = which % tasks.len();
                    if !finished[task] && !out.iter().any(|(other, _)| *other as usize == task) {
                        stuck[task] = !stuck[task];
                        let task = u32::try_from(task).unwrap();
                        if stuck[task as usize] { queue.withhold(task) } else { queue.put_back(task) }
                    }
                    continue;
                }
                if out.is_empty() {
                    continue;
                }
                let (task, _) = out.remove(which % out.len());
                queue.is_back(task);
                match end {
                    0 => queue.put_back(task),
                    1 => {
                        stuck[task as usize] = true;
                        queue.withhold(task);
                    }
                    _ => {
                        finished[task as usize] = true;
                        queue.finish(&graph, task);
                    }
                }
            }
        }
    }

    fn independent(count: u32) -> Graph {
        let mut builder = Builder::default();
        for task in 0..count {
            builder.add(&task.to_string(), [].into_iter());
        }
        builder.finish().unwrap().0
    }

    /// Works through all tasks, three at a time; how often a task was looked at.
    fn looks(count: u32, files: impl Fn(u32) -> Vec<String>) -> usize {
        let graph = independent(count);
        let mut queue = Queue::new(&graph);
        let looks = std::cell::Cell::new(0);
        let mut left = count;
        while left > 0 {
            let mut out = Vec::new();
            let batch = queue.batch(3, &mut out, |task| {
                looks.set(looks.get() + 1);
                let files = files(task);
                let access = || Access::writes(files.iter().map(String::as_str));
                Claim { writes: access(), names: access() }
            });
            assert!(!batch.is_empty());
            for task in batch {
                queue.is_back(task);
                queue.finish(&graph, task);
                left -= 1;
            }
        }
        looks.get()
    }

    #[test]
    fn what_meets_is_not_looked_at_each_time_when_room_is_found() {
        let one = looks(2000, |_| vec!["one".into()]);
        assert!(one <= 2000 * 2, "{one}");
        let shared = looks(2000, |task| vec!["one".into(), format!("own/{task}")]);
        assert!(shared <= 2000 * 2, "{shared}");
        let folders = looks(2000, |task| vec![if task % 10 == 0 { "src".into() } else { format!("src/{}", task % 7) }]);
        assert!(folders <= 2000 * 12, "{folders}");
        let unknown = looks(2000, |_| Vec::new());
        assert!(unknown <= 2000 * 2, "{unknown}");
    }

    #[test]
    fn a_million_tasks_are_quick() {
        let mut builder = Builder::default();
        let ids: Vec<String> = (0..1_000_000).map(|id| id.to_string()).collect();
        for at in 0..ids.len() {
            let needs = [1, 7, 1000].into_iter().filter_map(|back| at.checked_sub(back)).map(|need| ids[need].as_str());
            builder.add(&ids[at], needs);
        }
        let (graph, _) = builder.finish().unwrap();
        let mut queue = Queue::new(&graph);
        let start = std::time::Instant::now();
        let reads = || Claim { writes: Access::Reads, names: Access::Reads };
        for done in 0..1_000_000 {
            let batch = queue.batch(3, &mut Vec::new(), |_| reads());
            assert_eq!(batch, [done]);
            queue.finish(&graph, done);
        }
        assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    }
}
