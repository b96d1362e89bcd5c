//! A change, coloured and foldable file by file.

use maud::{Markup, html};

use crate::changes::Change;
use crate::html::text::rest;
use crate::view::{line, lines};

/// The change of one attempt.
pub(crate) fn section(change: &Change) -> Markup {
    let files = files(&change.diff);
    html! {
        h4 { "Change" }
        @if files.is_empty() { p.soft { "Nothing was changed." } }
        @for file in &files {
            details.inner {
                summary { code { (line(&file.name)) } " " span.pass { "+" (file.added) } " " span.fail { "−" (file.removed) } }
                pre.diff { @for (kind, text) in &file.parts { span class=[class(*kind)] { (lines(text)) } } }
            }
        }
        (rest(change.left_out))
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Context,
    Added,
    Removed,
    Hunk,
}

fn class(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Context => None,
        Kind::Added => Some("add"),
        Kind::Removed => Some("del"),
        Kind::Hunk => Some("hunk"),
    }
}

/// One file of a diff: lines of one kind that stand together are one part.
#[derive(Debug, Default)]
struct File {
    name: String,
    added: usize,
    removed: usize,
    parts: Vec<(Kind, String)>,
}

fn files(diff: &str) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    // Lines that the hunk's head announces: what looks like a head inside is none.
    let (mut old, mut new) = (0_u64, 0_u64);
    for text in diff.lines() {
        let is_inside = old > 0 || new > 0;
        if !is_inside && let Some(names) = text.strip_prefix("diff --git ") {
            files.push(File { name: name(names), ..File::default() });
            continue;
        }
        let Some(file) = files.last_mut() else { continue };
        let kind = match text.as_bytes().first() {
            Some(b'+') if is_inside => {
                new = new.saturating_sub(1);
                file.added += 1;
                Kind::Added
            }
            Some(b'-') if is_inside => {
                old = old.saturating_sub(1);
                file.removed += 1;
                Kind::Removed
            }
            Some(b'@') if !is_inside => {
                (old, new) = counts(text);
                Kind::Hunk
            }
            _ if is_inside => {
                if !text.starts_with('\\') {
                    (old, new) = (old.saturating_sub(1), new.saturating_sub(1));
                }
                Kind::Context
            }
            _ => Kind::Hunk,
        };
        match file.parts.last_mut() {
            Some((last, part)) if *last == kind => {
                part.push('\n');
                part.push_str(text);
            }
            _ => file.parts.push((kind, text.to_owned())),
        }
    }
    files
}

/// How many lines of the old and the new file a hunk holds: `@@ -1,4 +1,6 @@`; without a number it is one.
fn counts(head: &str) -> (u64, u64) {
    let count = |sign: char| {
        let place = head.split_whitespace().find_map(|word| word.strip_prefix(sign))?;
        place.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    (count('-').unwrap_or(0), count('+').unwrap_or(0))
}

/// `a/x b/x` is x; a renamed file keeps both.
fn name(names: &str) -> String {
    let half = names.len() / 2;
    match (names.get(..half), names.get(half + 1..)) {
        (Some(old), Some(new)) if old.strip_prefix("a/") == new.strip_prefix("b/") => {
            new.strip_prefix("b/").unwrap_or(new).to_owned()
        }
        _ => names.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/a b b/a b\nindex 1..2 100644\n--- a/a b\n+++ b/a b\n@@ -1,3 +1,3 @@ fn x\n one\n--- two\n+diff --git a/z b/z\n three\n\\ No newline at end of file\ndiff --git a/old b/new\nsimilarity index 100%\n@@ -0,0 +1 @@\n+<script>\n";

    #[test]
    fn lines_are_told_apart_by_their_place_and_not_by_their_looks() {
        let files = files(DIFF);
        let found: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.added, file.removed)).collect();
        assert_eq!(found, [("a b", 1, 1), ("a/old b/new", 1, 0)]);
        assert!(files[0].parts.contains(&(Kind::Removed, "--- two".into())), "{files:?}");
        assert!(files[0].parts.contains(&(Kind::Added, "+diff --git a/z b/z".into())));
    }

    #[test]
    fn what_a_file_holds_is_escaped() {
        let page = section(&Change { diff: DIFF.into(), left_out: 3 }).into_string();
        assert!(page.contains("<span class=\"add\">+&lt;script&gt;</span>") && !page.contains("<script"), "{page}");
        assert!(page.contains("3 bytes"));
    }
}
