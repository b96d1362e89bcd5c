//! What a task waits for: `Task 2`, `Tasks 1, 2 and 4`, `1-3`, `none`.

use std::ops::Range;

use crate::draft::{Draft, Field as Unclarity, Need, Unclear, Written};
use crate::field::{Field, Label};
use crate::files::says_none;
use crate::markdown::{Document, Kind};
use crate::opener;

/// Reads every `Depends on` field.
pub fn read(document: &Document, fields: &[Field], draft: &mut Draft) {
    for field in fields.iter().filter(|field| field.label == Label::Needs) {
        let mut ranges = vec![field.value.clone()];
        let depth = document.blocks[field.block].depth;
        for index in field.blocks.clone() {
            let block = &document.blocks[index];
            if block.kind != Kind::Paragraph || (block.depth == depth && !field.value.is_empty()) {
                if matches!(block.kind, Kind::Item(_)) {
                    continue;
                }
                break;
            }
            ranges.push(block.inner.clone());
        }
        for range in ranges {
            let text = document.slice(&range);
            if says_none(text) {
                draft.none.push("needs");
                continue;
            }
            let found = list(text);
            if found.is_empty() {
                draft.unclear.push(Unclear { field: Unclarity::Needs, place: trimmed(document, &range) });
            }
            let base = range.start;
            draft.needs.extend(
                found.into_iter().map(|(need, place)| Written::new(need, base + place.start..base + place.end)),
            );
        }
    }
}

/// A range without the white space around it.
pub fn trimmed(document: &Document, range: &Range<usize>) -> Range<usize> {
    let text = document.slice(range);
    let start = range.start + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}

/// The references at the beginning of a text. Explanations in brackets are skipped; the first word of prose ends it.
fn list(text: &str) -> Vec<(Need, Range<usize>)> {
    let mut needs: Vec<(Need, Range<usize>)> = Vec::new();
    let mut at = 0;
    // A code after the word "task" is one in any spelling; without it, it must have a digit.
    let mut named = false;
    while at < text.len() {
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else { break };
        if first == '(' || first == '（' || first == '[' {
            let close = if first == '(' {
                ')'
            } else if first == '[' {
                ']'
            } else {
                '）'
            };
            match rest.find(close) {
                // `[1, 2]` is a list, `(the API)` an explanation.
                Some(_) if first == '[' => at += 1,
                Some(end) => at += end + close.len_utf8(),
                None => break,
            }
            continue;
        }
        let dash = matches!(first, '-' | '–' | '—' | '~') || rest.starts_with("to ") || rest.starts_with("through ");
        if dash && let Some((Need::One(from), place)) = needs.last().cloned() {
            let width = rest
                .find(|character: char| character.is_whitespace() || character.is_alphanumeric())
                .filter(|_| !first.is_alphanumeric());
            let skip = width.unwrap_or_else(|| rest.find(' ').unwrap_or(rest.len()));
            let spaced = text[place.end..at].ends_with(' ');
            let behind = rest[skip..].trim_start();
            let behind = without_word(behind).unwrap_or(behind);
            // ` — because` begins an explanation.
            if let Some(length) = opener::id_length(behind).filter(|_| !(spaced && first == '—')) {
                at = text.len() - behind.len() + length;
                needs.pop();
                needs.push((Need::Range(from, behind[..length].to_owned()), place.start..at));
                continue;
            }
            break;
        }
        if let Some(behind) = without_word(rest) {
            named = true;
            at = text.len() - behind.len();
            continue;
        }
        if let Some(length) = connective(rest) {
            at += length;
            continue;
        }
        if first.is_alphanumeric() {
            let Some(length) = opener::id_length(rest) else { break };
            let id = &rest[..length];
            if !named
                && !id.bytes().any(|byte| byte.is_ascii_digit())
                && id.is_ascii()
                && !text[at + length..].trim_start().starts_with([',', ';'])
                && text.len() > at + length
            {
                break;
            }
            at += length;
            // `section/3` names a task of another section.
            needs.push((Need::One(id.to_owned()), at - length..at));
            continue;
        }
        break;
    }
    needs
}

/// What is behind the word "task" or "tasks", with its space.
fn without_word(text: &str) -> Option<&str> {
    for word in ["tasks", "task", "任务", "任務", "タスク", "작업"] {
        if let Some(head) = text.get(..word.len())
            && head.eq_ignore_ascii_case(word)
        {
            let rest = &text[word.len()..];
            let behind = rest.trim_start_matches([' ', '#', '\u{a0}']);
            if behind.len() < rest.len() || !word.is_ascii() {
                return Some(behind);
            }
        }
    }
    None
}

fn connective(text: &str) -> Option<usize> {
    for word in ["and ", "or ", "both ", "und ", "y ", "e "] {
        if text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
            return Some(word.len());
        }
    }
    let first = text.chars().next()?;
    (first.is_whitespace() || ",;&+#`*_.:]、，/和と".contains(first)).then_some(first.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        list(text)
            .into_iter()
            .map(|(need, place)| {
                let written = &text[place];
                match need {
                    Need::One(id) => format!("{id}={written}"),
                    Need::Range(from, to) => format!("{from}..{to}={written}"),
                }
            })
            .collect()
    }

    #[test]
    fn lists_and_ranges() {
        assert_eq!(shown("Task 2"), ["2=2"]);
        assert_eq!(shown("Tasks 1, 2 and 4"), ["1=1", "2=2", "4=4"]);
        assert_eq!(shown("1-3"), ["1..3=1-3"]);
        assert_eq!(shown("Tasks 1–3, B2"), ["1..3=1–3", "B2=B2"]);
        assert_eq!(shown("Task 1 (the API), Task 2 — both are needed"), ["1=1", "2=2"]);
        assert_eq!(shown("`1`, `2.1`"), ["1=1", "2.1=2.1"]);
        assert_eq!(shown("Task 1 through Task 4"), ["1..4=1 through Task 4"]);
        assert_eq!(shown("T014; LARK-CLI-07"), ["T014=T014", "LARK-CLI-07=LARK-CLI-07"]);
    }

    #[test]
    fn prose_names_nothing() {
        assert!(shown("the database schema of 2024").is_empty());
        assert!(shown("A database").is_empty());
        assert_eq!(shown("Task 2 must be merged before 17 o'clock"), ["2=2"]);
    }
}
