//! The lines between two `---` at the very top of a file. They are not Markdown: CommonMark would read a rule and a
//! heading.

use std::ops::Range;

/// Where the front matter is, and where the Markdown begins.
pub struct FrontMatter {
    /// The lines between the markers.
    pub inner: Range<usize>,
    /// The first byte behind it; 0 without one.
    pub end: usize,
}

/// Finds the front matter of a text.
pub fn range(text: &str) -> FrontMatter {
    find(text).unwrap_or(FrontMatter { inner: 0..0, end: 0 })
}

fn find(text: &str) -> Option<FrontMatter> {
    // Some tools put a comment with an id of their own before it.
    if text.starts_with("<!--") {
        let line = text.find('\n')? + 1;
        let comment = text[..line].trim_end();
        if !comment.ends_with("-->") || !text[line..].starts_with("---") {
            return None;
        }
        let FrontMatter { inner, end } = find(&text[line..])?;
        return Some(FrontMatter { inner: inner.start + line..inner.end + line, end: end + line });
    }
    let mut lines = text.split_inclusive('\n');
    let first = lines.next()?;
    let marker @ ("---" | "+++") = first.trim_end() else { return None };
    let start = first.len();
    let mut end = start;
    for line in lines {
        // A rule at the top of a plan, followed by a heading or a blank line, is only a rule.
        if end == start && (line.trim().is_empty() || line.starts_with('#')) {
            return None;
        }
        if line.trim_end() == marker || (marker == "---" && line.trim_end() == "...") {
            return Some(FrontMatter { inner: start..end, end: end + line.len() });
        }
        end += line.len();
    }
    None
}

/// The value of a `key: value` line.
pub fn value<'a>(front_matter: &'a str, key: &str) -> Option<&'a str> {
    front_matter.lines().find_map(|line| {
        let (name, value) = line.split_once([':', '='])?;
        (name.trim() == key).then(|| value.trim().trim_matches(['"', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_at_the_top_and_only_when_closed() {
        let text = "---\nformat: plan-and-execute\n---\n# T\n";
        let found = range(text);
        assert_eq!(&text[found.end..], "# T\n");
        assert_eq!(value(&text[found.inner], "format"), Some("plan-and-execute"));
        let text = "<!-- 12-ab -->\n---\na: b\n---\n# T\n";
        let found = range(text);
        assert_eq!((&text[found.inner], &text[found.end..]), ("a: b\n", "# T\n"));
        for text in ["---\n\n# T\n\n---\n", "# T\n---\na: b\n---\n", "---\na: b\n", "---\n# T\n---\n", ""] {
            assert_eq!(range(text).end, 0, "{text:?}");
        }
    }
}
