//! Finding the words of all rules in a task's title and objective, in one pass over each.

use std::collections::HashMap;

use memchr::{memchr, memchr_iter};

use super::found::Found;

/// Where a phrase has to stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Where {
    /// At the beginning of the title.
    Start,
    /// In the title.
    Title,
    /// In the title or the objective.
    Text,
}

/// Longer objectives are looked at this far: what kind of work it is stands at their beginning.
const OBJECTIVE: usize = 600;

/// The phrases of all rules. Most of them may only begin a title, so they are looked for at that place alone; and
/// few may stand in the objective, which is the longer text.
pub(super) struct Words {
    phrases: Vec<Phrase>,
    at_start: Index,
    in_title: Index,
    in_objective: Index,
}

/// A phrase and the conditions that it fulfils.
#[derive(Default)]
struct Phrase {
    /// As the policy writes it.
    text: String,
    /// How many bytes of it have to stand in the text.
    length: usize,
    /// It may go on inside a word: written with a `*` at its end.
    open: bool,
    /// Conditions by place: start, title, text.
    fulfils: [Vec<usize>; 3],
}

/// Collects phrases.
#[derive(Default)]
pub(super) struct WordsBuilder {
    phrases: Vec<Phrase>,
    known: HashMap<String, usize>,
}

impl WordsBuilder {
    /// Notes that `text`, found at `place`, fulfils `condition`.
    pub fn add(&mut self, text: &str, place: Where, condition: usize) {
        let text = text.trim().to_lowercase();
        let next = self.phrases.len();
        let at = *self.known.entry(text.clone()).or_insert(next);
        if at == next {
            let length = text.trim_end_matches('*').len();
            self.phrases.push(Phrase { length, open: text.ends_with('*'), text, ..Phrase::default() });
        }
        self.phrases[at].fulfils[place as usize].push(condition);
    }

    pub fn build(self) -> Words {
        Words {
            at_start: Index::new(&self.phrases, &[Where::Start]),
            in_title: Index::new(&self.phrases, &[Where::Title, Where::Text]),
            in_objective: Index::new(&self.phrases, &[Where::Text]),
            phrases: self.phrases,
        }
    }
}

impl Phrase {
    /// The bytes that have to stand in the text, in lower case.
    fn bytes(&self) -> &[u8] {
        &self.text.as_bytes()[..self.length]
    }
}

/// Phrases by their first bytes.
struct Index {
    /// In order of their first two bytes.
    entries: Vec<Entry>,
    /// One bit for each beginning that there is: phrases of four bytes and more by a hash of the first four.
    heads: Box<[u64; 64]>,
    /// Shorter phrases by the low six bits of their first two bytes.
    pairs: Box<[u64; 64]>,
}

/// What tells without a look at the phrase itself that it does not stand somewhere.
#[derive(Clone, Copy)]
struct Entry {
    pair: [u8; 2],
    /// The first four bytes, as far as the phrase has them.
    head: u32,
    mask: u32,
    number: u32,
}

impl Index {
    fn new(phrases: &[Phrase], places: &[Where]) -> Self {
        let mut index = Self { entries: Vec::new(), heads: Box::new([0; 64]), pairs: Box::new([0; 64]) };
        for (number, phrase) in (0..).zip(phrases) {
            if places.iter().all(|place| phrase.fulfils[*place as usize].is_empty()) {
                continue;
            }
            let bytes = phrase.bytes();
            let mask = u32::from_le_bytes([0, 1, 2, 3].map(|at| if at < bytes.len() { u8::MAX } else { 0 }));
            let entry = Entry { pair: [0; 2], head: head(bytes), mask, number };
            match *bytes {
                [] => {}
                // A phrase of one byte goes on with anything.
                [first] => (0..=u8::MAX).for_each(|second| index.insert(Entry { pair: [first, second], ..entry })),
                [first, second, ..] => index.insert(Entry { pair: [first, second], ..entry }),
            }
        }
        index.entries.sort_unstable_by_key(|entry| (entry.pair, entry.number));
        index
    }

    fn insert(&mut self, entry: Entry) {
        if entry.mask == u32::MAX {
            let (word, bit) = hashed(entry.head);
            self.heads[word] |= 1 << bit;
        } else {
            self.pairs[usize::from(entry.pair[0] % 64)] |= 1 << (entry.pair[1] % 64);
        }
        self.entries.push(entry);
    }

    /// Whether a phrase may begin with these bytes; wrongly true at times, and cheap.
    #[inline]
    fn may(&self, head: u32) -> bool {
        let (word, bit) = hashed(head);
        let [first, second, ..] = head.to_le_bytes();
        (self.heads[word] >> bit | self.pairs[usize::from(first % 64)] >> (second % 64)) & 1 == 1
    }

    /// The phrases that begin with these bytes.
    fn like(&self, head: u32) -> impl Iterator<Item = usize> {
        let [first, second, ..] = head.to_le_bytes();
        let pair = [first, second];
        let from = self.entries.partition_point(|entry| entry.pair < pair);
        let run = self.entries[from..].iter().take_while(move |entry| entry.pair == pair);
        run.filter(move |entry| head & entry.mask == entry.head).map(|entry| entry.number as usize)
    }
}

/// A word and a bit for a beginning, spread evenly.
#[inline]
fn hashed(head: u32) -> (usize, u32) {
    let hash = head.wrapping_mul(0x9e37_79b1) >> 20;
    ((hash >> 6) as usize, hash & 63)
}

/// The first four bytes in lower case; 0 behind the end.
#[inline]
fn head(text: &[u8]) -> u32 {
    let mut head =
        text.first_chunk::<4>().copied().unwrap_or_else(|| [0, 1, 2, 3].map(|at| *text.get(at).unwrap_or(&0)));
    head.make_ascii_lowercase();
    u32::from_le_bytes(head)
}

impl Words {
    /// Notes in `found` every condition that the words of the task fulfil.
    pub fn find(&self, title: &str, objective: &str, found: &mut Found) {
        let first = beginning(title);
        // A label that begins with a known word is no label: "Review the page: human output" is a review.
        if !self.begin(title, first, found)
            && let Some(at) = after_label(title, first)
        {
            self.begin(title, at, found);
        }
        self.scan(&self.in_title, title, &mut |number| {
            self.note(number, Where::Title, found);
            self.note(number, Where::Text, found);
        });
        // The objective falls back on the title; then there is nothing new in it.
        if objective != title {
            let objective = shortened(objective, OBJECTIVE);
            self.scan(&self.in_objective, objective, &mut |number| self.note(number, Where::Text, found));
        }
    }

    /// The phrase with this number, as the policy writes it.
    pub fn phrase(&self, number: usize) -> &str {
        &self.phrases[number].text
    }

    /// Notes the phrases that stand at `at`, where a title begins; false when none does.
    fn begin(&self, title: &str, at: usize, found: &mut Found) -> bool {
        let mut is_known = false;
        self.stand(&self.at_start, title, at, &mut |number| {
            is_known = true;
            self.note(number, Where::Start, found);
        });
        is_known
    }

    fn scan(&self, index: &Index, text: &str, note: &mut impl FnMut(usize)) {
        let bytes = text.as_bytes();
        let mut inside = 0;
        for (number, block) in bytes.chunks(64).enumerate() {
            // One bit for each byte, so that nothing is decided byte by byte.
            let (mut letters, mut others) = (0_u64, 0_u64);
            for (at, byte) in block.iter().enumerate() {
                letters |= u64::from(byte.is_ascii_alphanumeric()) << at;
                others |= u64::from(*byte != b' ') << at;
            }
            // A phrase begins with anything but a space, and not inside a word.
            let mut begins = others & !(letters & (letters << 1 | inside));
            inside = letters >> 63;
            while begins != 0 {
                let at = number * 64 + begins.trailing_zeros() as usize;
                begins &= begins - 1;
                if index.may(head(&bytes[at..])) {
                    self.stand(index, text, at, note);
                }
            }
        }
    }

    /// Tells the phrases that stand at `at`.
    #[inline(never)]
    fn stand(&self, index: &Index, text: &str, at: usize, note: &mut impl FnMut(usize)) {
        let bytes = text.as_bytes();
        for number in index.like(head(&bytes[at..])) {
            let phrase = &self.phrases[number];
            let wanted = phrase.bytes();
            let end = at + wanted.len();
            if bytes.get(at..end).is_some_and(|there| there.eq_ignore_ascii_case(wanted))
                && stands_alone(bytes, at, end, phrase.open)
                && !in_code(text, at)
            {
                note(number);
            }
        }
    }

    fn note(&self, number: usize, place: Where, found: &mut Found) {
        for condition in &self.phrases[number].fulfils[place as usize] {
            found.phrase(*condition, number);
        }
    }
}

/// Whether what was found is a word of its own and no part of a longer one, of an identifier or of a path.
fn stands_alone(text: &[u8], start: usize, end: usize, open: bool) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/');
    // Signs and scripts without spaces have no word ends.
    let before = !text[start].is_ascii_alphanumeric() || start == 0 || {
        let byte = text[start - 1];
        !inside(byte) && byte != b'.'
    };
    let after = open
        || !text[end - 1].is_ascii_alphanumeric()
        || match text.get(end) {
            None => true,
            // The end of a sentence, or the dot of a file name?
            Some(b'.') => !text.get(end + 1).is_some_and(u8::is_ascii_alphanumeric),
            Some(byte) => !inside(*byte),
        };
    before && after
}

/// Whether `at` is inside a code span: what is quoted there is somebody's name and no word of the sentence.
fn in_code(text: &str, at: usize) -> bool {
    let ticks = memchr_iter(b'`', &text.as_bytes()[..at]).count();
    ticks % 2 == 1 && memchr(b'`', &text.as_bytes()[at..]).is_some()
}

/// The place where a title begins: after its marks and numbers.
fn beginning(title: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &title[at..];
        let marks = rest.find(|c: char| c.is_alphanumeric() || matches!(c, '[' | '(' | '`')).unwrap_or(rest.len());
        let rest = &rest[marks..];
        at += marks;
        let skip = match rest.as_bytes().first() {
            Some(b'[') => rest.find(']').map(|end| end + 1),
            Some(b'(') => rest.find(')').map(|end| end + 1),
            _ => number(rest),
        };
        match skip {
            Some(skip) => at += skip,
            None => return at,
        }
    }
}

/// The length of a number such as `3.`, `1.2:`, `T014` or `Task 3:` at the beginning of a title.
fn number(text: &str) -> Option<usize> {
    let word = text.split(' ').next().unwrap_or_default();
    let digits = word.trim_end_matches([':', '.', ')', '-']);
    let is_number = |text: &str| {
        let tail = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
        text.len() - tail.len() <= 2
            && tail.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && tail.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    if is_number(digits) {
        return Some(word.len());
    }
    if matches!(word, "Task" | "Step" | "Phase" | "Issue") {
        let next = text[word.len()..].trim_start();
        let second = next.split(' ').next().unwrap_or_default();
        if is_number(second.trim_end_matches([':', '.', ')'])) {
            return Some(text.len() - next.len() + second.len());
        }
    }
    None
}

/// Where the title goes on after a label such as `Backend: ` or `scan.py — `.
fn after_label(title: &str, at: usize) -> Option<usize> {
    let rest = &title[at..];
    let mut spaces = 0;
    for (place, character) in rest.char_indices() {
        let is_end = match character {
            ' ' => {
                spaces += 1;
                // A label has three words at most.
                if spaces > 3 {
                    return None;
                }
                false
            }
            ':' => rest[place + 1..].starts_with(' '),
            '\u{2014}' | '\u{2013}' | '-' => rest[..place].ends_with(' ') && rest[place..].contains(' '),
            _ => false,
        };
        if is_end {
            let tail = &rest[place + character.len_utf8()..];
            let skip = tail.find(char::is_alphanumeric)?;
            return Some(title.len() - tail.len() + skip);
        }
    }
    None
}

/// The beginning of a text, at most `length` bytes and no half character.
fn shortened(text: &str, length: usize) -> &str {
    if text.len() <= length {
        return text;
    }
    let end = (0..=length).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(phrase: &str, place: Where, title: &str, objective: &str) -> bool {
        let mut words = WordsBuilder::default();
        words.add(phrase, place, 0);
        let mut found = Found::new();
        words.build().find(title, objective, &mut found);
        found.has(0)
    }

    #[test]
    fn a_phrase_is_found_as_words_of_the_sentence_only() {
        for text in ["review", "Review it", "a REVIEW.", "please (review)", "x: review, then", "\u{e9} review"] {
            assert!(found("review", Where::Title, text, ""), "{text}");
        }
        for text in
            ["reviewer", "preview", "code-review", "review_first", "a/review", "review.md", "run `a review b` now"]
        {
            assert!(!found("review", Where::Title, text, ""), "{text}");
        }
        assert!(found("review*", Where::Title, "Reviewing", ""));
        assert!(found("a b", Where::Title, "`x` a b", ""));
        assert!(found("review", Where::Title, "it`s a review", ""));
        assert!(found("\u{7814}\u{7a76}", Where::Title, "\u{5148}\u{7814}\u{7a76}\u{4e00}\u{4e0b}", ""));
        assert!(found("?", Where::Title, "Should it?", ""));
    }

    #[test]
    fn places_are_told_apart() {
        assert!(found("add", Where::Start, "Add it", ""));
        assert!(!found("add", Where::Start, "It adds", "add"));
        assert!(!found("add", Where::Title, "x", "add"));
        assert!(found("add", Where::Text, "x", "we add"));
        assert!(found("add", Where::Text, "add", ""));
    }

    #[test]
    fn the_beginning_is_found_behind_marks_numbers_and_labels() {
        for title in [
            "Add",
            "  add",
            "**Add** it",
            "[P] [US1] Add",
            "(optional) Add",
            "3. Add",
            "1.2: Add",
            "T014 Add",
            "Task 3: Add",
            "Backend: add x",
            "scan.py \u{2014} add y",
            "[ ] Phase 2 - Add",
            "\u{2705} Add",
        ] {
            assert!(found("add", Where::Start, title, ""), "{title}");
        }
        for title in
            ["", "[", "`add` it", "Never add", "a b c d e: add", "x:add", "x-add", "(((", "Task", "1.2.3", "a - "]
        {
            assert!(!found("add", Where::Start, title, ""), "{title}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_long_objective_is_looked_at() {
        let far = format!("{} review", "\u{e4}".repeat(OBJECTIVE));
        assert!(!found("review", Where::Text, "x", &far));
        assert!(found("review", Where::Text, "x", &far[OBJECTIVE * 2 - 20..]));
    }
}
