//! Labels that are nearly ours: `Done wen`, `Objetive`. What stands behind one is read by nobody.

use std::ops::Range;

use super::Defect;
use super::rule::NEAR_LABEL;
use crate::field::{Label, label};
use crate::markdown::{Block, Document, Kind};
use crate::parsed::Parsed;

/// The labels that a plan of ours is written with.
const LABELS: [&str; 14] = [
    "Objective",
    "Files",
    "Commands",
    "Backend",
    "Executor",
    "Work type",
    "Depends on",
    "Blocked by",
    "Estimate",
    "Done when",
    "Done criteria",
    "Acceptance criteria",
    "Constraints",
    "Output",
];

/// Words of their own that only look like one of ours.
const OTHERS: [&str; 12] = [
    "comment",
    "comments",
    "rules",
    "titles",
    "tiles",
    "fixes",
    "fields",
    "filed",
    "input",
    "outputs",
    "executed",
    "execution",
];

/// Adds the near misses of every task.
pub fn check(parsed: &Parsed, defects: &mut Vec<Defect>) {
    let document = &parsed.document;
    for (draft, id) in parsed.drafts.iter().zip(&parsed.names.ids) {
        let from = document.blocks.partition_point(|block| block.range.start < draft.opening.end);
        let inside = document.blocks[from..].iter().take_while(|block| block.range.start < draft.body.end);
        for block in inside.filter(|block| !block.quoted) {
            for place in names(document, block) {
                let name = document.slice(&place);
                if let Some(meant) = meant(name) {
                    let message = format!("`{name}` looks like `{meant}`");
                    defects.push(Defect::new(&NEAR_LABEL, message, place).of(id).about(meant));
                }
            }
        }
    }
}

/// What stands in a block as labels do: in bold at the beginning of a line, before a colon there, or as a heading.
fn names(document: &Document, block: &Block) -> Vec<Range<usize>> {
    let text = document.inner(block);
    let place = |name: &str| {
        let start = name.as_ptr() as usize - document.text.as_ptr() as usize;
        start..start + name.len()
    };
    let bare = |name: &str| place(name.trim().trim_end_matches([':', '：', '*', ' ']));
    match block.kind {
        Kind::Heading(_) => vec![bare(text)],
        Kind::Paragraph => text
            .lines()
            .filter_map(|line| {
                let line = line.trim_start_matches([' ', '\t']);
                if let Some(bold) = line.strip_prefix("**") {
                    let (name, behind) = bold.split_once("**")?;
                    let labels = name.ends_with([':', '：']) || behind.is_empty() || behind.starts_with([':', '：']);
                    return labels.then(|| bare(name));
                }
                let (name, behind) = line.split_once(':')?;
                (behind.is_empty() || behind.starts_with(' ')).then(|| bare(name))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The label that a name is a slip of the pen away from.
fn meant(name: &str) -> Option<&'static str> {
    // Longer or shorter names are nobody's slip, and need not be measured.
    if !(4..=22).contains(&name.len()) || label(name).is_some() {
        return None;
    }
    let name = name.to_lowercase();
    if OTHERS.contains(&name.as_str()) {
        return None;
    }
    LABELS.into_iter().find(|known| {
        // Two changes make any short word out of any other.
        let slips = if known.len() < 6 { 1 } else { 2 };
        distance(&name, &known.to_lowercase()) <= slips
    })
}

/// The rule's code that is told when the field of a label is missing.
pub fn missing(label: Label) -> Option<&'static str> {
    Some(match label {
        Label::Objective => "P010",
        Label::Files => "P011",
        Label::Commands => "P012",
        Label::Done => "P013",
        Label::Backend | Label::Owner | Label::Model => "P014",
        Label::Estimate => "P015",
        _ => return None,
    })
}

/// How many letters were added, left out, replaced, or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    if one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    rows[0] = (0..=other.len()).collect();
    for i in 1..=one.len() {
        rows[i][0] = i;
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen() {
        for (name, known) in [
            ("Done wen", "Done when"),
            ("Objetive", "Objective"),
            ("Comands", "Commands"),
            ("Fiels", "Files"),
            ("backnd", "Backend"),
            ("Estimat", "Estimate"),
            ("Dependson", "Depends on"),
        ] {
            assert_eq!(meant(name), Some(known), "{name}");
        }
        for name in
            ["Comments", "Rules", "Notes", "Mode", "Done when", "Goal", "Steps", "Frontend", "Note", "Interfaces"]
        {
            assert_eq!(meant(name), None, "{name}");
        }
    }
}
