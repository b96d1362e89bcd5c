//! What waits for what where the plan does not say it: a file that two tasks touch, and the order of formats whose tasks
//! are done one after the other.

use std::collections::{HashMap, HashSet};

use record::Action;

use crate::draft::Draft;
use crate::ids::Names;

/// What the order of the tasks means in a dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Nothing: needs are written or there are none.
    AsWritten,
    /// A task waits for the last one before it that changes a file it names.
    Overlap,
    /// Each task waits for the one before it.
    Sequence,
    /// Each task waits for the one before it, except that neighbours marked as parallel wait for each other.
    Groups,
}

/// Adds the needs of tasks that state none, and names them in `inferred`. Nothing is added to a plan in which a task waits
/// for a later one: there the order means something else.
pub fn infer(order: Order, drafts: &mut [Draft], names: &mut Names) {
    let backwards = names.needs.iter().enumerate().any(|(index, needs)| needs.iter().any(|need| *need >= index));
    if order == Order::AsWritten || backwards {
        return;
    }
    let before = match order {
        Order::Sequence => (0..drafts.len()).map(|index| index.checked_sub(1).into_iter().collect()).collect(),
        Order::Groups => groups(drafts),
        _ => vec![Vec::new(); drafts.len()],
    };
    let touching = overlaps(drafts);
    for (index, (before, touching)) in before.into_iter().zip(touching).enumerate() {
        let draft = &mut drafts[index];
        if !draft.needs.is_empty() || draft.none.contains(&"needs") {
            continue;
        }
        let mut seen = HashSet::new();
        let needs: Vec<usize> = before.into_iter().chain(touching).filter(|need| seen.insert(*need)).collect();
        if !needs.is_empty() {
            names.needs[index] = needs;
            draft.infer("needs");
        }
    }
}

/// Every parallel task of a group waits for all of the group before: groups far larger than any plan has would make
/// that quadratic, and wait for the last member only.
const LARGE_GROUP: usize = 64;

fn groups(drafts: &[Draft]) -> Vec<Vec<usize>> {
    let mut needs: Vec<Vec<usize>> = Vec::with_capacity(drafts.len());
    let (mut before, mut group) = (0..0, 0..0);
    for (index, draft) in drafts.iter().enumerate() {
        let joins =
            index > 0 && draft.parallel && drafts[index - 1].parallel && drafts[index - 1].section == draft.section;
        if joins {
            group.end = index + 1;
        } else {
            before = std::mem::replace(&mut group, index..index + 1);
        }
        let from = if before.len() > LARGE_GROUP { before.end - 1 } else { before.start };
        needs.push((from..before.end).collect());
    }
    needs
}

/// For each task the last one before it that touches the same file, where one of the two changes it.
fn overlaps(drafts: &[Draft]) -> Vec<Vec<usize>> {
    let mut writers: HashMap<String, usize> = HashMap::new();
    let mut readers: HashMap<String, usize> = HashMap::new();
    let mut needs = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let mut found = Vec::new();
        for file in &draft.files {
            let path = file.value.path.to_lowercase();
            found.extend(writers.get(&path).copied());
            if file.value.action != Action::Read {
                found.extend(readers.get(&path).copied());
            }
        }
        found.sort_unstable();
        found.dedup();
        needs.push(found);
        for file in &draft.files {
            let path = file.value.path.to_lowercase();
            if file.value.action == Action::Read {
                readers.insert(path, index);
            } else {
                writers.insert(path, index);
            }
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use record::FileRef;

    use super::*;
    use crate::draft::{Need, Written};

    fn draft(id: &str, parallel: bool, files: &[(&str, Action)]) -> Draft {
        let file = |path: &str, action| Written::new(FileRef { path: path.to_owned(), action, lines: None }, 0..0);
        Draft {
            id: id.to_owned(),
            parallel,
            files: files.iter().map(|(path, action)| file(path, *action)).collect(),
            ..Draft::default()
        }
    }

    fn needs(order: Order, mut drafts: Vec<Draft>) -> (Vec<Vec<usize>>, Vec<bool>) {
        let mut names = Names::new(&drafts);
        infer(order, &mut drafts, &mut names);
        (names.needs, drafts.iter().map(|draft| draft.inferred.contains(&"needs")).collect())
    }

    #[test]
    fn a_file_that_two_tasks_touch_orders_them() {
        let all = || {
            vec![
                draft("1", false, &[("a.rs", Action::Create)]),
                draft("2", false, &[("b.rs", Action::Modify)]),
                draft("3", false, &[("A.rs", Action::Read)]),
                draft("4", false, &[("a.rs", Action::Modify), ("c.rs", Action::Create)]),
                draft("5", false, &[("a.rs", Action::Read)]),
            ]
        };
        let (found, inferred) = needs(Order::Overlap, all());
        assert_eq!(found, [vec![], vec![], vec![0], vec![0, 2], vec![3]]);
        assert_eq!(inferred, [false, false, true, true, true]);
        assert!(needs(Order::AsWritten, all()).0.iter().all(Vec::is_empty));
    }

    #[test]
    fn order_is_a_chain_or_groups() {
        let all = || [false, true, true, false, true].map(|parallel| draft("1", parallel, &[])).to_vec();
        let number = |mut drafts: Vec<Draft>| {
            for (index, draft) in drafts.iter_mut().enumerate() {
                draft.id = index.to_string();
            }
            drafts
        };
        assert_eq!(needs(Order::Sequence, number(all())).0, [vec![], vec![0], vec![1], vec![2], vec![3]]);
        assert_eq!(needs(Order::Groups, number(all())).0, [vec![], vec![0], vec![0], vec![1, 2], vec![3]]);
    }

    #[test]
    fn what_is_written_stays() {
        let mut drafts = vec![draft("1", false, &[]), draft("2", false, &[]), draft("3", false, &[])];
        drafts[1].none.push("needs");
        drafts[2].needs.push(Written::new(Need::One("1".to_owned()), 0..0));
        assert_eq!(needs(Order::Sequence, drafts.clone()), (vec![vec![], vec![], vec![0]], vec![false; 3]));
        // A plan that is not in order: a chain would make a circle of it.
        drafts[0].needs.push(Written::new(Need::One("2".to_owned()), 0..0));
        drafts[1].none.clear();
        assert_eq!(needs(Order::Sequence, drafts).0, [vec![1], vec![], vec![0]]);
    }
}
