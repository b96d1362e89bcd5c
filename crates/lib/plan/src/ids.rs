//! Ids that are unique in the plan, and needs that are looked up among them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use crate::draft::{Draft, Need};

/// The tasks' names and the lines between them.
#[derive(Debug, Default)]
pub struct Names {
    /// The id of each draft.
    pub ids: Vec<String>,
    /// Ids carry their section, because numbers start again.
    pub by_section: bool,
    /// For each draft, the drafts it waits for.
    pub needs: Vec<Vec<usize>>,
    /// Drafts whose id an earlier draft has already, with that one.
    pub duplicates: Vec<(usize, usize)>,
    /// References to tasks that are not there: the draft, the number, its place.
    pub unknown: Vec<(usize, String, Range<usize>)>,
    /// Ranges that are upside down or far too long.
    pub bad_ranges: Vec<(usize, Range<usize>)>,
    /// Circles of needs, each closed by its first member.
    pub cycles: Vec<Vec<usize>>,
    /// The first draft of each id and of each number.
    index: HashMap<String, usize>,
}

/// More circles than this are not told one by one.
const MAX_CYCLES: usize = 20;

impl Names {
    /// Names the drafts and looks up their needs.
    pub fn new(drafts: &[Draft]) -> Self {
        let mut names = Self { by_section: numbers_start_again(drafts), ..Self::default() };
        names.ids = drafts
            .iter()
            .map(|draft| match &draft.section {
                Some(section) if names.by_section && !section.is_empty() => format!("{section}/{}", draft.id),
                _ => draft.id.clone(),
            })
            .collect();
        let mut first: HashMap<&str, usize> = HashMap::with_capacity(drafts.len());
        for (index, id) in names.ids.iter().enumerate() {
            match first.get(id.as_str()) {
                Some(earlier) => names.duplicates.push((index, *earlier)),
                None => {
                    first.insert(id, index);
                }
            }
        }
        // A number alone means the task of the same section, or else the only one of that number.
        let mut numbers: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            numbers.entry(plain(&draft.id)).or_default().push(index);
        }
        let find = |from: usize, number: &str| -> Option<usize> {
            if let Some(index) = first.get(number) {
                return Some(*index);
            }
            let all = numbers.get(&plain(number))?;
            let near = all.iter().find(|index| drafts[**index].section == drafts[from].section);
            near.or_else(|| all.first().filter(|_| all.len() == 1)).copied()
        };
        // Every task waiting for a range of all the others would make the output quadratic.
        let mut budget = 16 * drafts.len() + 4096;
        let mut needs = Vec::with_capacity(drafts.len());
        let (mut unknown, mut bad_ranges) = (Vec::new(), Vec::new());
        for (index, draft) in drafts.iter().enumerate() {
            let mut found = Vec::new();
            let mut seen = HashSet::new();
            for need in &draft.needs {
                match &need.value {
                    Need::One(number) => match find(index, number) {
                        Some(other) => {
                            if seen.insert(other) {
                                found.push(other);
                            }
                        }
                        None => unknown.push((index, number.clone(), need.place.clone())),
                    },
                    Need::Range(from, to) => {
                        if let Some(other) = find(index, &format!("{from}-{to}")) {
                            if seen.insert(other) {
                                found.push(other);
                            }
                            continue;
                        }
                        let missing = [from, to].into_iter().find(|number| find(index, number).is_none());
                        match (missing, find(index, from), find(index, to)) {
                            (None, Some(low), Some(high)) if low <= high && high - low < budget => {
                                budget -= high - low;
                                found.extend((low..=high).filter(|other| *other != index && seen.insert(*other)));
                            }
                            (Some(number), ..) => unknown.push((index, number.clone(), need.place.clone())),
                            _ => bad_ranges.push((index, need.place.clone())),
                        }
                    }
                }
            }
            needs.push(found);
        }
        let mut index: HashMap<String, usize> = HashMap::with_capacity(2 * drafts.len());
        for (number, all) in &numbers {
            index.insert(number.clone(), all[0]);
        }
        // An id as it is written goes before a number that only looks like it.
        index.extend(first.iter().map(|(id, position)| ((*id).to_owned(), *position)));
        names.cycles = cycles(&needs);
        names.index = index;
        names.needs = needs;
        names.unknown = unknown;
        names.bad_ranges = bad_ranges;
        names
    }

    /// The draft that a number in running text or in a table means.
    pub fn find(&self, number: &str) -> Option<usize> {
        self.index.get(number).or_else(|| self.index.get(&plain(number))).copied()
    }
}

/// `07` and `7` are the same number, `b3` and `B3` too.
fn plain(number: &str) -> String {
    let zeros = number.len() - number.trim_start_matches('0').len();
    let number = if zeros < number.len() && number[zeros..].starts_with(|next: char| next.is_ascii_digit()) {
        &number[zeros..]
    } else {
        number
    };
    number.to_lowercase()
}

/// The same number twice, in two sections.
fn numbers_start_again(drafts: &[Draft]) -> bool {
    let mut sections: HashMap<&str, &Option<String>> = HashMap::new();
    drafts.iter().any(|draft| *sections.entry(&draft.id).or_insert(&draft.section) != &draft.section)
}

/// Circles, found by a depth-first walk without recursion.
fn cycles(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Closed,
    }
    let mut state = vec![State::New; needs.len()];
    let mut found = Vec::new();
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for start in 0..needs.len() {
        if state[start] != State::New {
            continue;
        }
        let mut path = vec![(start, 0)];
        state[start] = State::Open;
        while let Some((node, next)) = path.last_mut() {
            let Some(other) = needs[*node].get(*next).copied() else {
                state[*node] = State::Closed;
                path.pop();
                continue;
            };
            *next += 1;
            match state[other] {
                State::New => {
                    state[other] = State::Open;
                    path.push((other, 0));
                }
                State::Open if found.len() < MAX_CYCLES && !told.contains(&other) => {
                    let from = path.iter().position(|(node, _)| *node == other).unwrap_or(0);
                    let circle: Vec<usize> = path[from..].iter().map(|(node, _)| *node).collect();
                    told.extend(&circle);
                    found.push(circle);
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Written;

    fn drafts(list: &[(&str, Option<&str>, &[&str])]) -> Vec<Draft> {
        list.iter()
            .map(|(id, section, needs)| Draft {
                id: (*id).to_owned(),
                section: section.map(str::to_owned),
                needs: needs.iter().map(|need| Written::new(Need::One((*need).to_owned()), 0..0)).collect(),
                ..Draft::default()
            })
            .collect()
    }

    #[test]
    fn numbers_that_start_again_get_their_section() {
        let names = Names::new(&drafts(&[
            ("1", Some("a"), &[]),
            ("2", Some("a"), &["1"]),
            ("1", Some("b"), &[]),
            ("2", Some("b"), &["1"]),
        ]));
        assert_eq!(names.ids, ["a/1", "a/2", "b/1", "b/2"]);
        assert_eq!(names.needs, [vec![], vec![0], vec![], vec![2]]);
        assert!(names.duplicates.is_empty());
    }

    #[test]
    fn duplicates_unknown_needs_and_circles() {
        let names = Names::new(&drafts(&[
            ("1", None, &["3"]),
            ("2", None, &["1"]),
            ("3", None, &["2", "9"]),
            ("3", None, &[]),
        ]));
        assert_eq!(names.duplicates, [(3, 2)]);
        assert_eq!(names.unknown.len(), 1);
        assert_eq!(names.cycles, [vec![0, 2, 1]]);
        assert_eq!(Names::new(&drafts(&[("1", None, &["1"])])).cycles, [vec![0]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let needs: Vec<Vec<usize>> = (0..200_000).map(|index| vec![(index + 1) % 200_000]).collect();
        assert_eq!(cycles(&needs).len(), 1);
    }
}
