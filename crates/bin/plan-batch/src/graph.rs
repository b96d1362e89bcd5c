//! Which task needs which, as numbers.

use std::collections::HashMap;

/// The needs of all tasks. Tasks are numbered in the order of the plan.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// The needs of task `t` are `needs[from[t]..from[t + 1]]`.
    from: Vec<usize>,
    needs: Vec<u32>,
    dependents_from: Vec<usize>,
    dependents: Vec<u32>,
}

/// Why a plan cannot be worked through.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Defect {
    /// This task needs the one with that name, and there is none.
    Unknown(u32, Box<str>),
    /// They wait for each other, in this order; the first one is also the last one.
    Cycle(Vec<u32>),
}

/// Collects tasks whose needs may be named before the needed task itself comes.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    names: HashMap<Box<str>, u32>,
    /// The task of each name, once it has come.
    tasks: Vec<Option<u32>>,
    from: Vec<usize>,
    needs: Vec<u32>,
}

impl Builder {
    /// Adds the next task; false when there was one with this id before.
    pub fn add<'a>(&mut self, id: &str, needs: impl Iterator<Item = &'a str>) -> bool {
        let task = u32::try_from(self.from.len()).unwrap_or(u32::MAX);
        let name = self.name(id);
        if self.tasks[name as usize].is_some() {
            return false;
        }
        self.tasks[name as usize] = Some(task);
        self.from.push(self.needs.len());
        for need in needs {
            let name = self.name(need);
            self.needs.push(name);
        }
        true
    }

    fn name(&mut self, name: &str) -> u32 {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        self.names.insert(name.into(), number);
        self.tasks.push(None);
        number
    }

    /// The whole graph, and the number of each task by its id.
    pub fn finish(mut self) -> Result<(Graph, HashMap<Box<str>, u32>), Defect> {
        let count = self.from.len();
        self.from.push(self.needs.len());
        for task in 0..count {
            for need in &mut self.needs[self.from[task]..self.from[task + 1]] {
                let Some(needed) = self.tasks[*need as usize] else {
                    let name = self.names.into_iter().find(|(_, number)| number == need);
                    return Err(Defect::Unknown(number(task), name.map(|(name, _)| name).unwrap_or_default()));
                };
                *need = needed;
            }
        }
        // Counted first, so that the dependents of each task lie side by side.
        let mut dependents_from = vec![0; count + 1];
        for need in &self.needs {
            dependents_from[*need as usize + 1] += 1;
        }
        for task in 0..count {
            dependents_from[task + 1] += dependents_from[task];
        }
        let mut next = dependents_from.clone();
        let mut dependents = vec![0; self.needs.len()];
        for task in 0..count {
            for need in &self.needs[self.from[task]..self.from[task + 1]] {
                let place = &mut next[*need as usize];
                dependents[*place] = number(task);
                *place += 1;
            }
        }
        let graph = Graph { from: self.from, needs: self.needs, dependents_from, dependents };
        graph.check()?;
        let tasks = self.tasks;
        let by_id = self.names.into_iter().filter_map(|(name, number)| Some((name, tasks[number as usize]?))).collect();
        Ok((graph, by_id))
    }
}

fn number(task: usize) -> u32 {
    u32::try_from(task).unwrap_or(u32::MAX)
}

impl Graph {
    pub fn len(&self) -> usize {
        self.from.len().saturating_sub(1)
    }

    pub fn needs(&self, task: u32) -> &[u32] {
        &self.needs[self.from[task as usize]..self.from[task as usize + 1]]
    }

    pub fn dependents(&self, task: u32) -> &[u32] {
        &self.dependents[self.dependents_from[task as usize]..self.dependents_from[task as usize + 1]]
    }

    /// Takes away what nothing waits for until only cycles are left.
    fn check(&self) -> Result<(), Defect> {
        let tasks = || 0..number(self.len());
        let mut open: Vec<usize> = tasks().map(|task| self.needs(task).len()).collect();
        let mut free: Vec<u32> = tasks().filter(|task| open[*task as usize] == 0).collect();
        while let Some(task) = free.pop() {
            for dependent in self.dependents(task) {
                open[*dependent as usize] -= 1;
                if open[*dependent as usize] == 0 {
                    free.push(*dependent);
                }
            }
        }
        let Some(start) = tasks().find(|task| open[*task as usize] > 0) else { return Ok(()) };
        // Every task that is left needs another one that is left, so this comes back to where it was.
        let mut path = vec![start];
        let mut places = HashMap::from([(start, 0)]);
        loop {
            let last = path[path.len() - 1];
            let Some(next) = self.needs(last).iter().find(|need| open[**need as usize] > 0) else { return Ok(()) };
            path.push(*next);
            if let Some(at) = places.insert(*next, path.len() - 1) {
                return Err(Defect::Cycle(path.split_off(at)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(tasks: &[(&str, &[&str])]) -> Result<Graph, Defect> {
        let mut builder = Builder::default();
        for (id, needs) in tasks {
            assert!(builder.add(id, needs.iter().copied()));
        }
        builder.finish().map(|(graph, _)| graph)
    }

    #[test]
    fn needs_may_point_forwards() {
        let graph = finish(&[("1", &["2"]), ("2", &[]), ("3", &["2", "1"])]).unwrap();
        assert_eq!((graph.needs(0), graph.needs(2), graph.dependents(1)), (&[1][..], &[1, 0][..], &[0, 2][..]));
    }

    #[test]
    fn what_never_ends_is_told() {
        assert_eq!(finish(&[("1", &["9"])]).unwrap_err(), Defect::Unknown(0, "9".into()));
        assert_eq!(finish(&[("1", &["1"])]).unwrap_err(), Defect::Cycle(vec![0, 0]));
        let around = finish(&[("0", &["1"]), ("1", &["2"]), ("2", &["3"]), ("3", &["1"])]);
        assert_eq!(around.unwrap_err(), Defect::Cycle(vec![1, 2, 3, 1]));
        let mut builder = Builder::default();
        assert!(builder.add("1", [].into_iter()) && !builder.add("1", [].into_iter()));
    }
}
