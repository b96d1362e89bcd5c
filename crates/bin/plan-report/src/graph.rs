//! Where the tasks stand in the picture of what needs what.

use std::collections::HashMap;

use crate::read::Task;

/// A task's place: its column, and its place in that column, both from 0.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Place {
    pub column: usize,
    pub row: usize,
}

/// The picture, without any measures of paper.
#[derive(Debug)]
pub(crate) struct Graph {
    /// One for each task.
    pub places: Vec<Place>,
    /// From a task to one that needs it.
    pub edges: Vec<(usize, usize)>,
    pub columns: usize,
    pub rows: usize,
}

impl Graph {
    /// Each task stands to the right of all that it needs. Needs that are unknown, or go in a circle, are left out.
    pub fn new(tasks: &[Task]) -> Self {
        let places: HashMap<&str, usize> = tasks.iter().enumerate().map(|(at, task)| (task.id.as_str(), at)).collect();
        let needs: Vec<Vec<usize>> = tasks
            .iter()
            .enumerate()
            .map(|(at, task)| {
                let mut needs: Vec<usize> = task
                    .needs
                    .iter()
                    .filter_map(|id| places.get(id.as_str()).copied())
                    .filter(|need| *need != at)
                    .collect();
                needs.sort_unstable();
                needs.dedup();
                needs
            })
            .collect();
        let columns = columns(&needs);
        let edges = needs
            .iter()
            .enumerate()
            .flat_map(|(at, needs)| needs.iter().map(move |need| (*need, at)))
            .filter(|(from, to)| columns[*from] < columns[*to])
            .collect();
        arrange(&columns, &needs, edges)
    }
}

/// The length of the longest way to each task.
fn columns(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        for need in needs {
            needed_by[*need].push(at);
        }
    }
    let mut columns = vec![0; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|at| missing[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for next in &needed_by[at] {
            columns[*next] = columns[*next].max(columns[at] + 1);
            missing[*next] -= 1;
            if missing[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    columns
}

/// Rows: beside what a task needs, as far as there is room, so that few lines cross.
fn arrange(columns: &[usize], needs: &[Vec<usize>], edges: Vec<(usize, usize)>) -> Graph {
    let count = columns.iter().max().map_or(0, |last| last + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, column) in columns.iter().enumerate() {
        members[*column].push(at);
    }
    let mut places = vec![Place::default(); columns.len()];
    let mut rows = 0;
    for (column, members) in members.iter_mut().enumerate() {
        let middle = |at: &usize| {
            let rows: Vec<usize> = needs[*at].iter().map(|need| places[*need].row).collect();
            // Halves would be as good; thousandths keep whole numbers.
            rows.iter().sum::<usize>() * 1000 / rows.len().max(1)
        };
        if column > 0 {
            members.sort_by_cached_key(middle);
        }
        rows = rows.max(members.len());
        for (row, at) in members.iter().enumerate() {
            places[*at] = Place { column, row };
        }
    }
    Graph { places, edges, columns: count, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tasks(needs: &[&[usize]]) -> Vec<Task> {
        let task = |(at, needs): (usize, &&[usize])| {
            let mut task = Task::new(&at.to_string());
            task.needs = needs.iter().map(usize::to_string).collect();
            task
        };
        needs.iter().enumerate().map(task).collect()
    }

    #[test]
    fn a_task_stands_behind_the_longest_way_to_it() {
        let graph = Graph::new(&tasks(&[&[], &[0], &[0], &[1, 2], &[0, 3, 99], &[]]));
        assert_eq!(graph.places.iter().map(|place| place.column).collect::<Vec<_>>(), [0, 1, 1, 2, 3, 0]);
        assert_eq!((graph.columns, graph.rows, graph.edges.len()), (4, 2, 6));
    }

    #[test]
    fn a_circle_hangs_nobody() {
        let graph = Graph::new(&tasks(&[&[2], &[0], &[1], &[3], &[2]]));
        assert_eq!(graph.places.len(), 5);
        assert!(graph.edges.iter().all(|(from, to)| graph.places[*from].column < graph.places[*to].column));
    }

    proptest! {
        #[test]
        fn no_two_tasks_share_a_place_and_needs_stand_before(
            needs in prop::collection::vec(prop::collection::vec(0..40_usize, 0..4), 1..40),
        ) {
            // Only earlier tasks are needed, so there are no circles.
            let needs: Vec<Vec<usize>> =
                needs.into_iter().enumerate().map(|(at, needs)| needs.into_iter().filter(|need| *need < at).collect()).collect();
            let slices: Vec<&[usize]> = needs.iter().map(Vec::as_slice).collect();
            let graph = Graph::new(&tasks(&slices));
            for (at, needs) in needs.iter().enumerate() {
                for need in needs {
                    prop_assert!(graph.places[*need].column < graph.places[at].column);
                    prop_assert!(graph.edges.contains(&(*need, at)));
                }
            }
            let mut seen = std::collections::HashSet::new();
            prop_assert!(graph.places.iter().all(|place| seen.insert((place.column, place.row))));
        }
    }
}
