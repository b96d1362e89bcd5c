//! A text for the terminal: labelled fields, lists and excerpts, in the width that there is.
//!
//! Everything that comes from a plan or an agent goes through [`Shown`] here, so no caller can forget it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use stage::Shown;

/// A text that grows.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    width: usize,
    colour: bool,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum News {
    Good,
    /// Neither good nor bad: somebody has to look.
    Open,
    Bad,
}

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();

/// Where a value begins, behind its label.
const INDENT: usize = 11;

impl Page {
    /// An empty page for a terminal of `width` columns.
    pub fn new(width: usize, colour: bool) -> Self {
        Self { text: String::new(), width: width.clamp(40, 200), colour }
    }

    /// The finished text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// A line across, with what the page is about.
    pub fn head(&mut self, what: &str, title: &str) {
        let head = format!("── {} ── {} ", clip(what, 40), clip(title, self.width.saturating_sub(30)));
        let rest = "─".repeat(self.width.saturating_sub(head.chars().count()));
        self.styled(BOLD, &(head + &rest));
        self.text.push('\n');
    }

    /// A label and a value on one line, at most a few screen lines long. Nothing when the value is empty.
    pub fn field(&mut self, label: &str, value: &str) {
        if !value.trim().is_empty() {
            let most = (self.width - INDENT) * 4;
            // Writing to a String cannot fail.
            let _ = writeln!(self.text, "{label:<INDENT$}{}", clip(value.trim(), most));
        }
    }

    /// One entry of a list below a field.
    pub fn entry(&mut self, value: &str) {
        let _ = writeln!(self.text, "{:INDENT$}{}", "", clip(value, (self.width - INDENT) * 2));
    }

    /// As [`Page::entry`], coloured by what kind of news it is.
    pub fn news(&mut self, news: News, value: &str) {
        let _ = write!(self.text, "{:INDENT$}", "");
        let value = clip(value, (self.width - INDENT) * 2);
        let style = match news {
            News::Good => GOOD,
            News::Open => OPEN,
            News::Bad => BAD,
        };
        self.styled(style, &value);
        self.text.push('\n');
    }

    /// The first `most` of several entries, and how many more there are.
    pub fn list(&mut self, entries: &[String], most: usize, hint: &str) {
        for entry in entries.iter().take(most) {
            self.entry(entry);
        }
        if entries.len() > most {
            self.entry(&format!("… and {} more{hint}", entries.len() - most));
        }
    }

    /// The last `most` lines of a text, set off from ours.
    pub fn tail(&mut self, text: &str, most: usize) {
        let lines: Vec<_> = text.trim_end().lines().collect();
        for line in &lines[lines.len().saturating_sub(most)..] {
            let _ = writeln!(self.text, "{:INDENT$}│ {}", "", clip(line, self.width - INDENT - 2));
        }
    }

    /// A foreign text in full, set off from ours; of one with more than `most` lines the first ones.
    pub fn quote(&mut self, text: &str, most: usize, hint: &str) {
        let mut lines = text.trim_end().lines();
        for line in lines.by_ref().take(most) {
            let _ = writeln!(self.text, "│ {}", Shown(line));
        }
        match lines.count() {
            0 => {}
            rest => self.plain(&format!("… {rest} more lines{hint}")),
        }
    }

    /// A diff, coloured by line; of a long one the first `most` lines.
    pub fn diff(&mut self, diff: &str, most: usize, hint: &str) {
        let mut lines = diff.lines();
        for line in lines.by_ref().take(most) {
            let shown = Shown(line).to_string();
            match line.as_bytes().first() {
                _ if line.starts_with("diff ") || line.starts_with("+++") || line.starts_with("---") => {
                    self.styled(BOLD, &shown);
                }
                Some(b'+') => self.styled(GOOD, &shown),
                Some(b'-') => self.styled(BAD, &shown),
                Some(b'@') => self.styled(PLACE, &shown),
                _ => self.text.push_str(&shown),
            }
            self.text.push('\n');
        }
        match lines.count() {
            0 => {}
            rest => self.plain(&format!("… {rest} more lines{hint}")),
        }
    }

    /// A line of our own.
    pub fn plain(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}", Shown(line));
    }

    /// `text` has been made safe already.
    fn styled(&mut self, style: Style, text: &str) {
        if self.colour {
            let _ = write!(self.text, "{style}{text}{style:#}");
        } else {
            self.text.push_str(text);
        }
    }
}

/// A text on one line and safe to look at, at most about `most` characters long.
fn clip(text: &str, most: usize) -> String {
    let text = text.trim_end();
    let mut clipped: String = text.chars().take(most).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    Shown(clipped).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b[2Jb\rc\u{9b}31m";

    #[test]
    fn nothing_foreign_reaches_the_terminal_as_it_is() {
        let mut page = Page::new(80, false);
        page.head(HOSTILE, HOSTILE);
        page.field("x", HOSTILE);
        page.entry(HOSTILE);
        page.news(News::Good, HOSTILE);
        page.list(&[HOSTILE.into()], 3, "");
        page.tail(HOSTILE, 3);
        page.quote(HOSTILE, 3, "");
        page.diff(&format!("+{HOSTILE}\n {HOSTILE}"), 3, "");
        page.plain(HOSTILE);
        let text = page.into_text();
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
        assert_eq!(text.matches("a␛[2Jb␍c<U+009B>31m").count(), 11, "{text}");
    }

    #[test]
    fn long_texts_are_cut_with_a_hint() {
        let mut page = Page::new(60, true);
        page.quote("1\n2\n3\n4", 2, ": see x");
        page.diff("+1\n-2\n 3", 2, "");
        page.tail("1\n2\n3", 2);
        page.field("label", &"w".repeat(10_000));
        let text = page.into_text();
        assert!(text.contains("│ 2\n… 2 more lines: see x\n"), "{text}");
        assert!(text.contains("… 1 more lines\n") && text.contains("\x1b[32m+1\x1b[0m"), "{text:?}");
        assert!(text.contains("│ 2\n           │ 3\n"), "{text}");
        assert!(text.len() < 1000);
    }
}
