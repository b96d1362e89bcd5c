//! The usual line, read fast.
//!
//! Whatever this scanner accepts is an object that serde_json accepts too, with the same fields at the same places.
//! What it is not sure of (deep nesting, tabs between the values) and what is wrong it leaves to serde_json, which can say why.

use std::ops::Range;

use memchr::memchr2;

/// Calls `field` with the place of each key, quotes included, and of its value; false when serde_json has to look.
pub(crate) fn fields(line: &str, field: impl FnMut(Range<usize>, Range<usize>)) -> bool {
    // A string may not hold control characters. That there are none anywhere is seen in one fast pass.
    let is_plain = line.trim_ascii_end().bytes().fold(u8::MAX, u8::min) >= b' ';
    is_plain && Scanner { bytes: line.as_bytes(), at: 0 }.object(field).is_some()
}

/// `None` from a method means: not sure.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// How deep a value may be nested before serde_json takes over: one bit of a word per level.
const DEPTH: u32 = 63;

impl Scanner<'_> {
    fn object(&mut self, mut field: impl FnMut(Range<usize>, Range<usize>)) -> Option<()> {
        self.space();
        self.take(b'{')?;
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                let key = self.at;
                self.string()?;
                let key = key..self.at;
                self.colon()?;
                let value = self.at;
                self.value()?;
                field(key, value..self.at);
                self.space();
                match self.peek()? {
                    b',' => self.at += 1,
                    b'}' => break self.at += 1,
                    _ => return None,
                }
                self.space();
            }
        }
        self.space();
        (self.at == self.bytes.len()).then_some(())
    }

    fn value(&mut self) -> Option<()> {
        // The containers around this place, the innermost one in the lowest bit: 1 is an object.
        let (mut around, mut depth) = (0_u64, 0);
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                open @ (b'{' | b'[') => {
                    self.at += 1;
                    self.space();
                    // The closing bracket is two behind the opening one.
                    if self.peek()? == open + 2 {
                        self.at += 1;
                    } else {
                        if depth == DEPTH {
                            return None;
                        }
                        depth += 1;
                        around = around << 1 | u64::from(open == b'{');
                        if open == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => return None,
            }
            loop {
                if depth == 0 {
                    return Some(());
                }
                self.space();
                let in_object = around & 1 == 1;
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.space();
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    b'}' if in_object => {}
                    b']' if !in_object => {}
                    _ => return None,
                }
                self.at += 1;
                around >>= 1;
                depth -= 1;
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.string()?;
        self.colon()
    }

    fn colon(&mut self) -> Option<()> {
        self.space();
        self.take(b':')?;
        self.space();
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            self.plain();
            match self.peek()? {
                b'"' => break self.at += 1,
                b'\\' => {
                    let length = match self.bytes.get(self.at + 1)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                        b'u' => {
                            let hex = self.bytes.get(self.at + 2..self.at + 6)?;
                            hex.iter().all(u8::is_ascii_hexdigit).then_some(6)?
                        }
                        _ => return None,
                    };
                    self.at += length;
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// Goes to the next quote or backslash.
    fn plain(&mut self) {
        let rest = &self.bytes[self.at..];
        // Most strings are short.
        if let Some(word) = rest.first_chunk::<8>() {
            let found = special(u64::from_le_bytes(*word));
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
        }
        self.at += memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
            // serde_json says what is wrong with 01.
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return None;
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }
}

/// Has the high bit of every byte set that is a quote or a backslash; the lowest one of them is exact.
fn special(word: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = LOW << 7;
    let zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    zero(word ^ (LOW * 0x22)) | zero(word ^ (LOW * 0x5c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    /// The fields as they stand in the text.
    fn scanned(line: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        fields(line, |key, value| found.push((line[key].to_owned(), line[value].to_owned()))).then_some(found)
    }

    /// What serde_json makes of the same line.
    fn read(line: &str) -> Option<Vec<(String, String)>> {
        struct Fields(Vec<(String, String)>);
        impl<'de> serde::Deserialize<'de> for Fields {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                struct Visit;
                impl<'de> serde::de::Visitor<'de> for Visit {
                    type Value = Fields;
                    fn expecting(&self, text: &mut std::fmt::Formatter) -> std::fmt::Result {
                        text.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                        let mut found = Vec::new();
                        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                            found.push((key.get().to_owned(), value.get().to_owned()));
                        }
                        Ok(Fields(found))
                    }
                }
                reader.deserialize_map(Visit)
            }
        }
        serde_json::from_str::<Fields>(line).ok().map(|fields| fields.0)
    }

    const LINES: [&str; 5] = [
        r"{}",
        r#" { "type" : "task" , "n" : [ -0.0 , 1E400,10.5e-7, [] , {} ,[[{"a":null}]] ] } "#,
        r#"{"s":"quote \" slash \\ / \u00e9 \ud800 end","t":true,"f":false,"z":null,"":0}"#,
        r#"{"long":"0123456789 0123456789 0123456789 0123456789 \n 0123456789 é日本 0123456789 0123456789","x":{"y":[1,{"z":"]}"}]}}"#,
        "{\"end\":\"a\", \"b\":[1 ,2]} \r\n\t",
    ];

    #[test]
    fn a_good_line_is_read_as_serde_json_reads_it() {
        for line in LINES {
            assert_eq!(scanned(line), Some(read(line).unwrap()), "{line}");
        }
    }

    #[test]
    fn nothing_is_accepted_that_serde_json_refuses() {
        let parts = [
            "", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "u", "x", " ", "\u{1}", "\u{7f}", "é",
            "t",
        ];
        let mut accepted = 0;
        for line in LINES {
            let places: Vec<usize> = line.char_indices().map(|(at, _)| at).collect();
            for (number, at) in places.iter().enumerate() {
                let next = places.get(number + 1).copied().unwrap_or(line.len());
                for part in parts {
                    for rest in [&line[*at..], &line[next..]] {
                        let changed = format!("{}{part}{rest}", &line[..*at]);
                        if let Some(found) = scanned(&changed) {
                            accepted += 1;
                            assert_eq!(Some(found), read(&changed), "{changed}");
                        } else if !changed.contains('\u{1}') {
                            assert_eq!(read(&changed), None, "{changed}");
                        }
                    }
                }
                assert_eq!(scanned(&line[..*at]), read(&line[..*at]), "{}", &line[..*at]);
            }
        }
        assert!(accepted > 1000, "{accepted}");
    }

    #[test]
    fn tabs_between_values_are_left_to_serde_json() {
        assert_eq!(scanned("{\"a\":\t1}"), None);
        assert_eq!(scanned("{\"a\":\"\t\"}"), None);
        assert!(read("{\"a\":\t1}").is_some() && read("{\"a\":\"\t\"}").is_none());
    }

    #[test]
    fn what_is_nested_deeper_than_a_word_has_bits_is_left_to_serde_json() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(scanned(&nested(60)).is_some());
        assert!(scanned(&nested(64)).is_some(), "the innermost one is empty");
        assert_eq!(scanned(&nested(65)), None);
        assert!(read(&nested(65)).is_some());
    }
}
