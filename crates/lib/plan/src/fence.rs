//! Fences that are nested with the same length.
//!
//! CommonMark ends a fence at the first bare fence of its length, so a Markdown template that contains a fence of its
//! own leaks its second half, and everything behind it is inside out. Plans do this all the same. Where the intent is
//! clear (a fence with an info string inside an open Markdown fence, and enough bare fences to close all of them) the
//! inner fences are hidden from the parser: their characters are replaced by others in a copy of the text, so that
//! every offset stays what it was.

use std::borrow::Cow;
use std::ops::Range;

/// A line that begins with a fence.
struct Line<'a> {
    /// The fence characters.
    fence: Range<usize>,
    character: u8,
    indent: usize,
    info: &'a str,
}

/// The text with its nested fences hidden; `None` when there are none.
pub fn hide_nested(text: &str) -> Option<Cow<'_, str>> {
    let mut hidden: Vec<Range<usize>> = Vec::new();
    // The open fence, how deep inner ones are open in it, and the inner fences seen so far.
    let mut open: Option<Line> = None;
    let mut depth = 0_usize;
    let mut inner: Vec<Range<usize>> = Vec::new();
    for line in lines(text) {
        let Some(outer) = &open else {
            open = Some(line);
            depth = 1;
            inner.clear();
            continue;
        };
        let same = line.character == outer.character
            && line.fence.len() >= outer.fence.len()
            && line.indent <= outer.indent + 3;
        if !same {
            continue;
        }
        if !line.info.is_empty() {
            if is_markdown(outer.info) && line.fence.len() == outer.fence.len() {
                depth += 1;
                inner.push(line.fence);
            }
        } else if depth > 1 {
            depth -= 1;
            inner.push(line.fence);
        } else {
            hidden.append(&mut inner);
            open = None;
        }
    }
    if hidden.is_empty() {
        return None;
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in hidden {
        bytes[range].fill(b'.');
    }
    // ASCII was replaced by ASCII.
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn is_markdown(info: &str) -> bool {
    let language = info.split([' ', '{', ',']).next().unwrap_or("");
    ["markdown", "md", "mdx", "gfm"].iter().any(|name| language.eq_ignore_ascii_case(name))
}

/// The lines that begin with a fence. Most lines do not, so the fences are looked for and not the lines.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let bytes = text.as_bytes();
    let starts = |fence: &str| -> Vec<usize> {
        memchr::memmem::find_iter(bytes, fence.as_bytes())
            .filter_map(|at| {
                let indent = bytes[..at].iter().rev().take_while(|byte| **byte == b' ').count();
                let start = at - indent;
                (start == 0 || bytes[start - 1] == b'\n').then_some(start)
            })
            .collect()
    };
    let mut starts = [starts("```"), starts("~~~")].concat();
    starts.sort_unstable();
    starts.into_iter().filter_map(move |start| {
        let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at + 1);
        fence_line(text, start..end)
    })
}

fn fence_line(text: &str, range: Range<usize>) -> Option<Line<'_>> {
    let line = &text.as_bytes()[range.clone()];
    let indent = line.iter().take_while(|byte| **byte == b' ').count();
    let character = *line.get(indent)?;
    if character != b'`' && character != b'~' {
        return None;
    }
    let length = line[indent..].iter().take_while(|byte| **byte == character).count();
    let info = text[range.start + indent + length..range.end].trim();
    (length >= 3 && !(character == b'`' && info.contains('`'))).then(|| Line {
        fence: range.start + indent..range.start + indent + length,
        character,
        indent,
        info,
    })
}

/// Whether the last line of a fenced block is its closing fence.
pub fn is_closed(block: &str) -> bool {
    let mut lines = block.trim_end().lines();
    let Some(open) = lines.next().and_then(|line| fence_line(line, 0..line.len())) else { return true };
    let Some(last) = lines.next_back().map(|line| line.trim_start_matches([' ', '>', '\t'])) else { return false };
    fence_line(last, 0..last.len()).is_some_and(|close| {
        close.info.is_empty() && close.character == open.character && close.fence.len() >= open.fence.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_markdown_keeps_its_length_and_loses_its_fences() {
        let text = "```markdown\n# A\n```bash\nls\n```\n## B\n```\n\n### Task 1: x\n";
        let repaired = hide_nested(text).unwrap();
        assert_eq!(repaired.len(), text.len());
        assert_eq!(&*repaired, "```markdown\n# A\n...bash\nls\n...\n## B\n```\n\n### Task 1: x\n");
    }

    #[test]
    fn ordinary_and_unclear_fences_stay() {
        assert!(hide_nested("```bash\nx\n```\n````markdown\n```sh\n```\n````\n").is_none());
        // Nothing closes the outer one: CommonMark's reading holds.
        assert!(hide_nested("```markdown\n```bash\nls\n```\n\n```sh\nx\n```\n").is_none());
    }

    #[test]
    fn a_closing_fence_is_told_from_a_missing_one() {
        assert!(is_closed("```sh\nx\n```\n"));
        assert!(is_closed("~~~~\n~~~\n~~~~~"));
        assert!(!is_closed("````\n```\n"));
        assert!(!is_closed("```sh"));
    }
}
