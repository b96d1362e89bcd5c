//! JSON with its spelling: numbers and strings stay as they are written, keys stay in order, twice if they are twice.

use serde::de::IgnoredAny;

/// Deeper than any line that we send.
const DEEPEST: usize = 1000;

/// A value. Numbers, words and the insides of strings are pieces of the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree<'a> {
    /// Keys and values.
    Object(Vec<(&'a str, Tree<'a>)>),
    /// Values.
    Array(Vec<Tree<'a>>),
    /// What stands between the quotes.
    Text(&'a str),
    /// As it is spelled.
    Number(&'a str),
    /// `true`, `false`, `null`.
    Word(&'a str),
}

impl<'a> Tree<'a> {
    /// Reads one value; the error says why it is none.
    pub fn read(text: &'a str) -> Result<Self, String> {
        // The grammar is serde's business; what is left for us is to find the pieces.
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| format!("not JSON: {error}"))?;
        Reader { text, at: 0 }.value(0)
    }

    /// The value of a key; the last one counts when there are two.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().rfind(|(key, _)| same_text(key, name)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The string as it is meant; `None` for anything else.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(inner) => Some(String::from_utf16_lossy(&units(inner))),
            _ => None,
        }
    }
}

/// The byte of `text` at which the value of a path (`result.usage.x`, `files[0]`) begins, or its key; of a path that is
/// not all there the last part that is. `None` when nothing of it is there.
pub fn place(text: &str, path: &str) -> Option<usize> {
    let tree = Tree::read(text).ok()?;
    let offset = |piece: &str| (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    let (mut here, mut found) = (&tree, None);
    for step in path.split(['.', '[']) {
        here = match (here, step.strip_suffix(']').map(str::parse::<usize>)) {
            (Tree::Array(values), Some(Ok(at))) => {
                let Some(value) = values.get(at) else { break };
                value
            }
            (Tree::Object(fields), None) => {
                let Some((key, value)) = fields.iter().rfind(|(key, _)| same_text(key, step)) else { break };
                found = offset(key);
                value
            }
            _ => break,
        };
        if let Tree::Text(piece) | Tree::Number(piece) | Tree::Word(piece) = here {
            found = offset(piece);
        }
    }
    found
}

/// Whether two spellings of a string mean the same.
pub fn same_text(one: &str, other: &str) -> bool {
    one == other || ((one.contains('\\') || other.contains('\\')) && units(one) == units(other))
}

/// What a string means, as JSON defines it: UTF-16, where half a character may stand alone.
fn units(inner: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match rest.next() {
            Some('b') => 8,
            Some('t') => 9,
            Some('n') => 10,
            Some('f') => 12,
            Some('r') => 13,
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                u16::from_str_radix(&digits, 16).unwrap_or_default()
            }
            // A quote, a backslash, a slash: all below 128.
            other => other.map_or(0, |other| other as u16),
        });
    }
    units
}

/// Walks over text that is known to be JSON.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Tree<'a>, String> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
        Ok(match self.peek() {
            b'{' => {
                let mut fields = Vec::new();
                while self.another(b'}') {
                    self.peek();
                    let key = self.string();
                    self.peek();
                    self.at += 1;
                    fields.push((key, self.value(depth + 1)?));
                }
                Tree::Object(fields)
            }
            b'[' => {
                let mut values = Vec::new();
                while self.another(b']') {
                    values.push(self.value(depth + 1)?);
                }
                Tree::Array(values)
            }
            b'"' => Tree::Text(self.string()),
            first => {
                let rest = &self.text[self.at..];
                let end = rest.find(|c: char| c.is_ascii_whitespace() || ",]}".contains(c)).unwrap_or(rest.len());
                self.at += end;
                let piece = &rest[..end];
                if first.is_ascii_alphabetic() { Tree::Word(piece) } else { Tree::Number(piece) }
            }
        })
    }

    /// Steps over the opening bracket, or after a value over the comma; false at the end, which it steps over too.
    fn another(&mut self, close: u8) -> bool {
        let sign = self.peek();
        self.at += 1;
        if sign == close {
            return false;
        }
        if sign != b',' && self.peek() == close {
            self.at += 1;
            return false;
        }
        true
    }

    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or_default()
    }

    fn string(&mut self) -> &'a str {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut end = start;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.at = end + 1;
        &self.text[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_place_in_the_text() {
        let text = r#" {"a":[1, {"b" : "c"}], "d":{"a":2,"a":3} }"#;
        let at = |path: &str| place(text, path).map(|at| &text[at..=at]);
        assert_eq!((at("a[1].b"), at("a[0]"), at("d.a")), (Some("c"), Some("1"), Some("3")));
        assert_eq!(place(text, "d.x"), text.find('d'));
        assert_eq!((at("x"), at("")), (None, None));
    }

    #[test]
    fn pieces_keep_their_spelling() {
        let text = r#" {"a" : [ ] ,"b":{},"n":[-0.10, 1E400 ,[[1],[]]], "s":"\u00e4\"}\\" ,"a":null} "#;
        let Tree::Object(fields) = Tree::read(text).unwrap() else { panic!() };
        assert_eq!(fields.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["a", "b", "n", "s", "a"]);
        let one = Tree::Array(vec![Tree::Number("1")]);
        let inner = Tree::Array(vec![one, Tree::Array(vec![])]);
        assert_eq!(fields[2].1, Tree::Array(vec![Tree::Number("-0.10"), Tree::Number("1E400"), inner]));
        assert_eq!(fields[3].1.text().unwrap(), "ä\"}\\");
        assert_eq!(Tree::read(text).unwrap().get("a"), Some(&Tree::Word("null")));
    }

    #[test]
    fn spellings_of_a_string_are_told_from_meanings() {
        assert!(same_text(r"\ud83d\ude00\/", "😀/") && same_text(r"\ud800", r"\uD800"));
        assert!(!same_text(r"\ud800", "\u{fffd}") && !same_text("a", "b"));
        assert!(Tree::read("[1").is_err() && Tree::read(&("[".repeat(5000) + &"]".repeat(5000))).is_err());
    }
}
