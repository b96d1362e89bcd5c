//! What can be seen in the text of a file: tests, what they claim, what keeps them from running, left conflicts.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use serde::Deserialize;

/// As much of a line as is looked at.
const LINE: usize = 4 << 10;
/// As many lines with signs as are remembered.
const REMEMBERED: usize = 200;

/// The signs as they are written.
#[derive(Deserialize)]
struct Listed {
    test: Vec<String>,
    assertion: Vec<String>,
    skip: Vec<String>,
}

struct Signs {
    finder: AhoCorasick,
    /// For each pattern, what it is a sign of and whether it has to begin a word.
    kinds: Vec<(Kind, bool)>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Test,
    Assertion,
    Skip,
}

/// The list is a part of the program, and a test reads it; without it nothing would be found.
static SIGNS: LazyLock<Option<Signs>> = LazyLock::new(|| {
    let listed: Listed = toml::from_str(include_str!("signs.toml")).ok()?;
    let all = [(Kind::Test, listed.test), (Kind::Assertion, listed.assertion), (Kind::Skip, listed.skip)];
    let patterns: Vec<(Kind, String)> =
        all.into_iter().flat_map(|(kind, signs)| signs.into_iter().map(move |sign| (kind, sign))).collect();
    let begins_word = |sign: &str| sign.starts_with(|first: char| first.is_alphanumeric());
    let kinds = patterns.iter().map(|(kind, sign)| (*kind, begins_word(sign))).collect();
    let finder = AhoCorasick::new(patterns.iter().map(|(_, sign)| sign)).ok()?;
    Some(Signs { finder, kinds })
});

/// What was seen in one text.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Lines that begin a test.
    pub tests: u64,
    /// Lines that claim something.
    pub assertions: u64,
    /// Lines that keep a test from running or failing.
    pub skips: u64,
    /// The first of these, by number and text.
    pub skip_lines: Vec<(u64, String)>,
    /// Conflicts that were left in it.
    pub conflicts: u64,
    /// The line of the first one, from 1.
    pub conflict: Option<u64>,
}

impl Seen {
    /// The first line that keeps a test from running and was not there before.
    pub fn new_skip(&self, before: &Self) -> Option<(u64, &str)> {
        let known: HashSet<&str> = before.skip_lines.iter().map(|(_, text)| text.as_str()).collect();
        let new = self.skip_lines.iter().find(|(_, text)| !known.contains(text.as_str()));
        new.or(self.skip_lines.last()).map(|(line, text)| (*line, text.as_str()))
    }
}

/// Looks at a text as it comes.
#[derive(Debug, Default)]
pub struct Look {
    seen: Seen,
    line: Vec<u8>,
    number: u64,
    /// How much of a conflict has been seen: its begin, its middle.
    stage: Option<Stage>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Ours(u64),
    Theirs(u64),
}

impl Look {
    /// A piece, cut anywhere.
    pub fn push(&mut self, mut piece: &[u8]) {
        loop {
            let end = memchr::memchr(b'\n', piece);
            let part = &piece[..end.unwrap_or(piece.len())];
            let room = LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let Some(end) = end else { return };
            self.end_line();
            piece = &piece[end + 1..];
        }
    }

    /// What was seen.
    pub fn finish(mut self) -> Seen {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.seen
    }

    fn end_line(&mut self) {
        self.number += 1;
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.conflict(&line);
        self.signs(&line);
        line.clear();
        self.line = line;
    }

    /// `<<<<<<< ours`, `=======`, `>>>>>>> theirs`, in this order.
    fn conflict(&mut self, line: &[u8]) {
        let marks = |mark: u8| {
            let rest = line.strip_prefix([mark; 7].as_slice());
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b' ')
        };
        match (line.first(), self.stage) {
            (Some(b'<'), _) if marks(b'<') => self.stage = Some(Stage::Ours(self.number)),
            (Some(b'='), Some(Stage::Ours(begin))) if line == b"=======" => self.stage = Some(Stage::Theirs(begin)),
            (Some(b'>'), Some(Stage::Theirs(begin))) if marks(b'>') => {
                self.stage = None;
                self.seen.conflicts += 1;
                self.seen.conflict.get_or_insert(begin);
            }
            _ => {}
        }
    }

    fn signs(&mut self, line: &[u8]) {
        let Some(signs) = &*SIGNS else { return };
        let line = line.trim_ascii();
        if line.is_empty() || is_comment(line) {
            return;
        }
        let (mut test, mut assertion, mut skip) = (false, false, false);
        for found in signs.finder.find_overlapping_iter(line) {
            let (kind, begins_word) = signs.kinds[found.pattern().as_usize()];
            let before = found.start().checked_sub(1).map(|at| line[at]);
            let in_word =
                |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (kind == Kind::Test && byte == b'.');
            if begins_word && before.is_some_and(in_word) {
                continue;
            }
            match kind {
                Kind::Test => test = true,
                Kind::Assertion => assertion = true,
                Kind::Skip => skip = true,
            }
        }
        self.seen.tests += u64::from(test);
        self.seen.assertions += u64::from(assertion);
        self.seen.skips += u64::from(skip);
        if skip && self.seen.skip_lines.len() < REMEMBERED {
            self.seen.skip_lines.push((self.number, String::from_utf8_lossy(line).into_owned()));
        }
    }
}

/// By its beginning. `#[` begins an attribute of Rust, and `*` alone a list of many languages.
fn is_comment(line: &[u8]) -> bool {
    let begins = |with: &str| line.starts_with(with.as_bytes());
    let hash = begins("#") && !begins("#[") && !begins("#![");
    hash || ["//", "/*", "* ", "--", "<!--"].iter().any(|mark| begins(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Seen {
        let mut look = Look::default();
        for piece in text.as_bytes().chunks(3) {
            look.push(piece);
        }
        look.finish()
    }

    #[test]
    fn tests_and_claims_are_counted_in_many_languages() {
        for (text, tests, assertions) in [
            ("#[test]\nfn a() {\n    assert_eq!(1, 1);\n}\n", 1, 1),
            ("def test_a():\n    assert x\n    self.assertEqual(1, 2)\n", 1, 2),
            ("it('a', () => {\n  expect(1).toBe(1)\n})\ntest('b', f)\n", 2, 1),
            ("func TestA(t *testing.T) {\n\tt.Fatalf(\"x\")\n}\n", 1, 1),
            ("@Test\nvoid a() { assertThat(x); }", 1, 1),
            ("// #[test]\n# assert x\nlet attest = commit(x); /a/.test(s); latest(x)\n", 0, 0),
        ] {
            let seen = seen(text);
            assert_eq!((seen.tests, seen.assertions), (tests, assertions), "{text}");
        }
    }

    #[test]
    fn a_new_mark_that_skips_is_found_with_its_line() {
        let before = seen("#[ignore = \"old\"]\n#[test]\n");
        let after = seen("#[ignore = \"old\"]\n#[test]\n\n  #[ignore]\nmake test || true\n");
        assert_eq!((before.skips, after.skips), (1, 3));
        assert_eq!(after.new_skip(&before), Some((4, "#[ignore]")));
        for line in ["it.skip('x')", "@pytest.mark.xfail", "t.Skip()", "describe.only('x')", "run || true"] {
            assert_eq!(seen(line).skips, 1, "{line}");
        }
    }

    #[test]
    fn a_conflict_is_its_three_marks_in_order() {
        let left = "a\n<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> branch\n";
        assert_eq!((seen(left).conflicts, seen(left).conflict), (1, Some(2)));
        assert_eq!(seen(&left.replace('\n', "\r\n")).conflicts, 1);
        for none in
            ["Title\n=======\n", "<<<<<<< a\n", ">>>>>>> a\n=======\n<<<<<<< b\n", "  <<<<<<< a\n=======\n>>>>>>> b\n"]
        {
            assert_eq!(seen(none).conflicts, 0, "{none}");
        }
    }

    #[test]
    fn long_lines_cost_no_memory() {
        let mut look = Look::default();
        for _ in 0..100 {
            look.push(&[b'x'; 10_000]);
            assert!(look.line.len() <= LINE);
        }
        look.push(b"\n#[test]\n");
        assert_eq!(look.finish().tests, 1);
    }
}
