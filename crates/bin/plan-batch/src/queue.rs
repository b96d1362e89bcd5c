//! Which tasks are released together. Pure: it knows neither clocks nor files nor the run file.

use std::collections::BTreeSet;

use record::Access;

use crate::graph::Graph;

/// What a task claims of the tree while it is out.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub writes: Access,
    /// Every file that it names.
    pub names: Access,
}

impl Claim {
    /// Whether two tasks must not be out together.
    pub fn meets(&self, other: &Self) -> bool {
        // Who writes nobody knows what is alone.
        self.writes == Access::WritesAnything
            || other.writes == Access::WritesAnything
            || self.writes.meets(&other.names)
            || other.writes.meets(&self.names)
            || self.writes.meets(&other.writes)
    }
}

/// The tasks that could go out now, kept up to date by counters, not by looking at every task again.
#[derive(Debug)]
pub(crate) struct Queue {
    /// How many needs of each task are not finished.
    waits_for: Vec<u32>,
    finished: Vec<bool>,
    ready: BTreeSet<u32>,
}

impl Queue {
    /// Nothing is finished yet.
    pub fn new(graph: &Graph) -> Self {
        let count = u32::try_from(graph.len()).unwrap_or(u32::MAX);
        let waits_for: Vec<u32> =
            (0..count).map(|task| u32::try_from(graph.needs(task).len()).unwrap_or(u32::MAX)).collect();
        let ready = (0..count).filter(|task| waits_for[*task as usize] == 0).collect();
        Self { waits_for, finished: vec![false; graph.len()], ready }
    }

    /// A task is finished.
    pub fn finish(&mut self, graph: &Graph, task: u32) {
        if std::mem::replace(&mut self.finished[task as usize], true) {
            return;
        }
        self.ready.remove(&task);
        for dependent in graph.dependents(task) {
            self.waits_for[*dependent as usize] -= 1;
            if self.waits_for[*dependent as usize] == 0 && !self.finished[*dependent as usize] {
                self.ready.insert(*dependent);
            }
        }
    }

    /// A task that went out, or that waits for a person, is not a candidate.
    pub fn take(&mut self, task: u32) {
        self.ready.remove(&task);
    }

    /// It is a candidate again.
    pub fn put_back(&mut self, task: u32) {
        if !self.finished[task as usize] && self.waits_for[task as usize] == 0 {
            self.ready.insert(task);
        }
    }

    /// The first task in the order of the plan that goes together with all of `out`.
    pub fn first(&self, out: &[(u32, Claim)], from: u32, claim: impl Fn(u32) -> Claim) -> Option<(u32, Claim)> {
        self.ready
            .range(from..)
            .map(|task| (*task, claim(*task)))
            .find(|(_, claim)| !out.iter().any(|(_, other)| other.meets(claim)))
    }

    /// Up to `size` tasks, together with those that are `out` already.
    pub fn batch(&self, size: usize, mut out: Vec<(u32, Claim)>, claim: impl Fn(u32) -> Claim) -> Vec<u32> {
        let mut batch = Vec::new();
        let mut from = 0;
        while out.len() < size {
            // What did not go with fewer does not go with more, so nothing is looked at twice.
            let Some((task, claim)) = self.first(&out, from, &claim) else { break };
            from = task + 1;
            let is_alone = claim.writes == Access::WritesAnything;
            out.push((task, claim));
            batch.push(task);
            if is_alone {
                break;
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::Builder;

    fn claim(files: &[(u8, bool)], is_reader: bool) -> Claim {
        let all: Vec<String> = files.iter().map(|(file, _)| format!("f{file}")).collect();
        let written = files.iter().zip(&all).filter(|((_, writes), _)| *writes).map(|(_, name)| name.as_str());
        Claim {
            writes: if is_reader { Access::Reads } else { Access::writes(written) },
            names: if all.is_empty() { Access::Reads } else { Access::writes(all.iter().map(String::as_str)) },
        }
    }

    proptest! {
        /// Whole plans, worked through batch by batch: each batch is the one that a search over all tasks finds.
        #[test]
        fn every_batch_is_the_first_that_fits(
            tasks in prop::collection::vec(
                (prop::collection::vec(0_usize..14, 0..4), prop::collection::vec((0_u8..5, any::<bool>()), 0..3), any::<bool>()),
                1..14,
            ),
            size in 1_usize..5,
            ends in prop::collection::vec(0_usize..3, 60),
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
            let mut finished = vec![false; tasks.len()];
            for end in ends {
                if rolling || out.is_empty() {
                    let batch = queue.batch(size, out.clone(), |task| claims[task as usize].clone());
                    // Without any cleverness: each task in the order of the plan, if it fits.
                    let mut expected: Vec<usize> = Vec::new();
                    let mut with: Vec<usize> = out.iter().map(|(task, _)| *task as usize).collect();
                    for task in 0..tasks.len() {
                        let fits = with.len() < size
                            && !finished[task]
                            && !with.contains(&task)
                            && needs[task].iter().all(|need| finished[*need])
                            && !with.iter().any(|other| claims[*other].meets(&claims[task]));
                        if fits {
                            expected.push(task);
                            with.push(task);
                        }
                    }
                    prop_assert_eq!(batch.iter().map(|task| *task as usize).collect::<Vec<_>>(), expected);
                    for task in batch {
                        queue.take(task);
                        out.push((task, claims[task as usize].clone()));
                    }
                }
                if out.is_empty() {
                    break;
                }
                let (task, _) = out.remove(end % out.len());
                if end == 2 {
                    queue.put_back(task);
                } else {
                    finished[task as usize] = true;
                    queue.finish(&graph, task);
                }
            }
        }
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
            let batch = queue.batch(3, Vec::new(), |_| reads());
            assert_eq!(batch, [done]);
            queue.finish(&graph, done);
        }
        assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    }
}
