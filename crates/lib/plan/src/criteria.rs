//! Done criteria.

use record::Done;

use crate::draft::{Draft, Written};
use crate::field::{Field, Label, item_of, one_line};
use crate::markdown::{Document, Kind, Mark, code_text};
use crate::shell;

/// Reads every field that lists criteria.
pub fn read(document: &Document, fields: &[Field], draft: &mut Draft) {
    for field in fields.iter().filter(|field| field.label == Label::Done) {
        if !document.slice(&field.value).trim().is_empty() {
            let mark = item_of(document, field.block).map_or(Mark::None, mark_of);
            push(document, &field.value, mark, draft);
        }
        let depth = document.blocks[field.block].depth;
        let mut listed = false;
        for index in field.blocks.clone() {
            let block = &document.blocks[index];
            match block.kind {
                Kind::Paragraph if block.depth == depth + 1 => {
                    // Deeper items and further paragraphs explain the criterion above them.
                    if let Some(item) = item_of(document, index) {
                        listed = true;
                        push(document, &block.inner, mark_of(item), draft);
                    }
                }
                // Prose under a heading or a label, where there is no list.
                Kind::Paragraph if block.depth == depth && !listed && field.value.is_empty() => {
                    push(document, &block.inner, Mark::None, draft);
                }
                Kind::Paragraph if block.depth == depth => break,
                _ => {}
            }
        }
    }
}

fn mark_of(block: &crate::markdown::Block) -> Mark {
    match block.kind {
        Kind::Item(mark) => mark,
        _ => Mark::None,
    }
}

fn push(document: &Document, range: &std::ops::Range<usize>, mark: Mark, draft: &mut Draft) {
    let text = one_line(document.slice(range));
    if text.is_empty() {
        return;
    }
    let command = command(&text);
    draft.done.push(Written::new(Done { text, command, checked: mark == Mark::Ticked }, range.clone()));
}

/// The command that a criterion is: `` `cmd` ``, `` `cmd` passes ``, `` `cmd` exits 0 ``. A bare path, type or
/// identifier in backticks is none.
fn command(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(['.', ';']);
    let lead = text.strip_prefix("Run ").or_else(|| text.strip_prefix("run ")).unwrap_or(text);
    if !lead.starts_with('`') {
        return None;
    }
    let ticks = lead.len() - lead.trim_start_matches('`').len();
    let close = lead[ticks..].find(&lead[..ticks])?;
    let code = code_text(&lead[..ticks + close + ticks]).trim();
    let claim = lead[2 * ticks + close..].trim_start_matches([':', ' ']).trim().to_lowercase();
    let known = shell::is_command(code);
    let words = code.split_whitespace().count();
    let plausible = known || (words > 1 && code.starts_with(|first: char| first.is_ascii_lowercase() || first == '.'));
    let good = match claim.as_str() {
        "" => known,
        "passes"
        | "pass"
        | "succeeds"
        | "exits 0"
        | "exit 0"
        | "exits with 0"
        | "exits with code 0"
        | "exits zero"
        | "exits with status 0"
        | "returns 0"
        | "is green"
        | "is clean"
        | "runs clean"
        | "passes cleanly"
        | "exits with exit code 0"
        | "exits 0 (pass)"
        | "still passes"
        | "runs without errors"
        | "has no errors"
        | "completes successfully"
        | "exits successfully"
        | "runs successfully"
        | "— pass"
        | "→ pass"
        | "-> pass"
        | ": pass"
        | "builds"
        | "compiles"
        | "→ exit 0"
        | "→ 0" => plausible,
        _ => false,
    };
    good.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_are_commands() {
        assert_eq!(command("`cargo test -p x`").as_deref(), Some("cargo test -p x"));
        assert_eq!(command("`make check` exits 0.").as_deref(), Some("make check"));
        assert_eq!(command("`tool --flag` passes").as_deref(), Some("tool --flag"));
        for text in [
            "`src/lib.rs`",
            "`Foo::bar` exits 0",
            "`Option` is gone",
            "`cargo test` passes with 4 tests",
            "all tests pass",
            "`parse`",
        ] {
            assert_eq!(command(text), None, "{text}");
        }
    }

    #[test]
    fn criteria_keep_their_boxes() {
        let document = Document::read("**Done when:**\n- [x] `cargo test` passes\n- [ ] it is\n  nice\n");
        let fields = crate::field::read(&document, 0..document.blocks.len());
        let mut draft = Draft::default();
        read(&document, &fields, &mut draft);
        let done: Vec<_> = draft.done.iter().map(|done| (done.value.text.as_str(), done.value.checked)).collect();
        assert_eq!(done, [("`cargo test` passes", true), ("it is nice", false)]);
        assert_eq!(draft.done[0].value.command.as_deref(), Some("cargo test"));
    }
}
