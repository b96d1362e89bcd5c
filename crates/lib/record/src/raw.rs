//! One line as it was read.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::scan;

/// One JSON object of the stream, with its text kept as it came.
///
/// Fields are found once, as places in the text; reading one parses only that one, and setting one replaces
/// only its own bytes. So key order, number spelling, white space and whatever a foreign tool wrote survive.
/// Where a key stands twice, the last one counts, as in most JSON readers, and both are kept.
#[derive(Clone, Debug, Default)]
pub struct Record {
    line: String,
    fields: Vec<Field>,
    /// Which field is the `type`.
    kind: usize,
    /// Some key stands twice, or is written with escapes, so that its text alone does not tell.
    is_odd: bool,
}

#[derive(Clone, Debug)]
struct Field {
    /// With its quotes.
    key: Range<usize>,
    value: Range<usize>,
}

/// Why a line, or a field of it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// An object without a `type` that is a string.
    #[error("no \"type\": every line needs one, such as \"type\":\"task\"")]
    NoType,
    /// A field that is needed is missing or of the wrong form; the text names its path.
    #[error("{0}")]
    Field(String),
}

impl Record {
    /// Reads one line, without its line end.
    pub fn parse(line: &str) -> Result<Self, RecordError> {
        let mut record = Self::default();
        record.read(line)?;
        Ok(record)
    }

    /// As [`Record::parse`], into the memory of a record that is no longer needed.
    pub fn read(&mut self, line: &str) -> Result<(), RecordError> {
        self.line.clear();
        self.line.push_str(line);
        self.fields.clear();
        let fields = &mut self.fields;
        if !scan::fields(&self.line, |key, value| fields.push(Field { key, value })) {
            self.read_slowly()?;
        }
        self.is_odd = self.has_odd_keys();
        self.kind = self.position("type").ok_or(RecordError::NoType)?;
        if self.string(self.kind).is_none() { Err(RecordError::NoType) } else { Ok(()) }
    }

    /// As serde_json reads it, which also says what is wrong.
    fn read_slowly(&mut self) -> Result<(), RecordError> {
        self.fields.clear();
        let fields = &mut self.fields;
        let mut reader = serde_json::Deserializer::from_str(&self.line);
        let found = reader.deserialize_map(FieldFinder { line: &self.line, fields }).and_then(|()| reader.end());
        match found {
            Ok(()) => Ok(()),
            Err(_) if is_other_json(&self.line) => Err(RecordError::NotAnObject),
            Err(error) => Err(RecordError::Syntax(error.to_string())),
        }
    }

    /// Looked for once per line, so that the usual line, whose keys are plain and differ, is read without comparing
    /// each key with each other one.
    fn has_odd_keys(&self) -> bool {
        let mut marks = 0_u64;
        for (at, field) in self.fields.iter().enumerate() {
            let key = &self.line.as_bytes()[field.key.clone()];
            if key.contains(&b'\\') {
                return true;
            }
            // Different marks are different keys; the same mark says nothing.
            let [_, first, .., last, _] = *key else { return true };
            let sum = usize::from(first) + 5 * usize::from(last) + 11 * usize::from(key[key.len() / 2]) + 3 * key.len();
            let mark = 1_u64 << (sum % 64);
            if marks & mark != 0
                && self.fields[..at].iter().any(|other| self.line.as_bytes()[other.key.clone()] == *key)
            {
                return true;
            }
            marks |= mark;
        }
        false
    }

    /// The line, as it came and with what was set since; no line end.
    pub fn as_str(&self) -> &str {
        &self.line
    }

    /// What kind of line it is: `plan`, `task`, `decision`, or somebody else's word.
    pub fn kind(&self) -> Cow<'_, str> {
        self.string(self.kind).unwrap_or_default()
    }

    /// The JSON text of a field; `None` when the line has no such field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.field(name).map(|field| &self.line[field.value.clone()])
    }

    /// A field that is a string; `None` when it is missing or something else.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.string(self.position(name)?)
    }

    /// The field at this place, if it is a string.
    fn string(&self, at: usize) -> Option<Cow<'_, str>> {
        let raw = &self.line[self.fields.get(at)?.value.clone()];
        let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
    }

    /// Whether the field is there and not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|raw| raw != "null")
    }

    /// The fields that `T` asks for; others are not even looked at.
    pub fn view<'a, T: Deserialize<'a>>(&'a self) -> Result<T, RecordError> {
        // The path of a wrong field costs time to keep track of, so it is only looked for once something is wrong.
        T::deserialize(View { record: self }).or_else(|_| {
            serde_path_to_error::deserialize(View { record: self }).map_err(|error| {
                let path = error.path().to_string();
                let text = plain(error.inner());
                RecordError::Field(if path == "." { text } else { format!("{path}: {text}") })
            })
        })
    }

    /// Sets a field: replaces its value where it stands, or adds it as the last one.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), RecordError> {
        let json = serde_json::to_string(value).map_err(|error| RecordError::Field(format!("{name}: {error}")))?;
        self.set_json(name, &json);
        Ok(())
    }

    /// As [`Record::set`], with a value that is JSON on one line already.
    pub fn set_json(&mut self, name: &str, json: &str) {
        if let Some(at) = self.position(name) {
            let old = self.fields[at].value.clone();
            self.line.replace_range(old.clone(), json);
            self.fields[at].value = old.start..old.start + json.len();
            // The ranges behind the changed one move; each is found again from its distance to the old end.
            for field in &mut self.fields[at + 1..] {
                for range in [&mut field.key, &mut field.value] {
                    range.start = range.start - old.end + old.start + json.len();
                    range.end = range.end - old.end + old.start + json.len();
                }
            }
            return;
        }
        let at = match self.fields.last() {
            Some(last) => last.value.end,
            None => self.line.find('{').map_or(0, |brace| brace + 1),
        };
        let comma = if self.fields.is_empty() { "" } else { "," };
        let key = serde_json::Value::from(name).to_string();
        self.is_odd |= key.contains('\\');
        let start = at + comma.len();
        self.fields.push(Field {
            key: start..start + key.len(),
            value: start + key.len() + 1..start + key.len() + 1 + json.len(),
        });
        let rest = self.line.split_off(at);
        for part in [comma, &key, ":", json, &rest] {
            self.line.push_str(part);
        }
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|at| &self.fields[at])
    }

    fn position(&self, name: &str) -> Option<usize> {
        if self.is_odd {
            return self.fields.iter().rposition(|field| self.key(field) == name);
        }
        let is_it = |field: &Field| {
            field.key.len() == name.len() + 2
                && self.line.as_bytes().get(field.key.start + 1) == name.as_bytes().first()
                && self.line.as_bytes()[field.key.start + 1..field.key.end - 1] == *name.as_bytes()
        };
        self.fields.iter().rposition(is_it)
    }

    fn key(&self, field: &Field) -> Cow<'_, str> {
        let raw = &self.line[field.key.clone()];
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        if !self.is_odd {
            return Cow::Borrowed(inner);
        }
        if inner.contains('\\') {
            serde_json::from_str(raw).map_or(Cow::Borrowed(inner), Cow::Owned)
        } else {
            Cow::Borrowed(inner)
        }
    }
}

/// A new line of our own, without its line end.
pub fn to_line<T: Serialize>(value: &T) -> Result<String, RecordError> {
    let mut line = Vec::new();
    jsonl::write(&mut line, value).map_err(|error| RecordError::Syntax(error.to_string()))?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    String::from_utf8(line).map_err(|error| RecordError::Syntax(error.to_string()))
}

/// serde_json adds a place inside the field's own text, which helps nobody who sees a whole line.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) if error.line() > 0 => text[..at].to_owned(),
        _ => text,
    }
}

fn is_other_json(line: &str) -> bool {
    !line.trim_start().starts_with('{') && serde_json::from_str::<de::IgnoredAny>(line).is_ok()
}

/// Notes where each key and value of an object stands.
struct FieldFinder<'a> {
    line: &'a str,
    fields: &'a mut Vec<Field>,
}

impl FieldFinder<'_> {
    fn place(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr() as usize - self.line.as_ptr() as usize;
        start..start + part.len()
    }
}

impl<'de> Visitor<'de> for FieldFinder<'de> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter) -> fmt::Result {
        text.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Keys are looked at as raw text too: a value tells its own place, and the key ends before its colon.
        let mut from = 0;
        while map.next_key_seed(AnyKey)?.is_some() {
            let value: &'de RawValue = map.next_value()?;
            let value = self.place(value.get());
            let key = key_place(self.line, from, value.start);
            from = value.end;
            self.fields.push(Field { key, value });
        }
        Ok(())
    }
}

/// The quoted key between the last value and this one.
fn key_place(line: &str, from: usize, value: usize) -> Range<usize> {
    let between = &line.as_bytes()[from..value];
    let start = memchr_quote(between.iter()).unwrap_or(0);
    let end = memchr_quote(between.iter().rev()).map_or(between.len(), |back| between.len() - back);
    from + start..from + end
}

fn memchr_quote<'a>(mut bytes: impl Iterator<Item = &'a u8>) -> Option<usize> {
    bytes.position(|byte| *byte == b'"')
}

/// A key that is only checked, not kept: its text is taken from the line.
struct AnyKey;

impl<'de> DeserializeSeed<'de> for AnyKey {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<(), D::Error> {
        de::IgnoredAny::deserialize(key).map(drop)
    }
}

/// A record as something that serde can read a struct from.
#[derive(Clone, Copy)]
struct View<'a> {
    record: &'a Record,
}

impl<'de> Deserializer<'de> for View<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(ViewMap { record: self.record, next: 0 })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct ViewMap<'a> {
    record: &'a Record,
    next: usize,
}

impl<'de> MapAccess<'de> for ViewMap<'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let fields = &self.record.fields;
        while let Some(field) = fields.get(self.next) {
            self.next += 1;
            let key = self.record.key(field);
            if self.record.is_odd && fields[self.next..].iter().any(|later| self.record.key(later) == key) {
                continue;
            }
            return match key {
                Cow::Borrowed(key) => seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some),
                Cow::Owned(key) => seed.deserialize(key.into_deserializer()).map(Some),
            };
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        let range = self.record.fields[self.next - 1].value.clone();
        seed.deserialize(Value(&self.record.line[range]))
    }
}

/// The text of one value. Its whole point is that a value nobody asks for costs nothing.
struct Value<'a>(&'a str);

macro_rules! forward {
    ($($method:ident($($arg:ident: $kind:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($arg: $kind,)* visitor: V) -> Result<V::Value, Self::Error> {
            serde_json::Deserializer::from_str(self.0).$method($($arg,)* visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = serde_json::Error;

    forward! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64()
        deserialize_i128() deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_unit() deserialize_seq()
        deserialize_map() deserialize_identifier()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Small<'a> {
        id: String,
        #[serde(borrow)]
        title: Cow<'a, str>,
        #[serde(default)]
        files: Vec<crate::FileRef>,
    }

    const LINE: &str = r#"{ "type":"task", "id":"1","title":"T", "x":{"n":0.10,"e":1E400,"b":[1,  2]} , "y" : -0.0 }"#;

    #[test]
    fn an_unchanged_line_keeps_every_byte() {
        assert_eq!(Record::parse(LINE).unwrap().as_str(), LINE);
    }

    #[test]
    fn setting_a_field_changes_only_that_field() {
        let mut record = Record::parse(LINE).unwrap();
        record.set("route", &serde_json::json!({"rank": 1})).unwrap();
        let with_route = LINE.replace("-0.0 }", r#"-0.0,"route":{"rank":1} }"#);
        assert_eq!(record.as_str(), with_route);
        record.set("x", "short").unwrap();
        record.set("y", &[1, 2, 3]).unwrap();
        record.set("route", &Option::<u8>::None).unwrap();
        assert_eq!(
            record.as_str(),
            r#"{ "type":"task", "id":"1","title":"T", "x":"short" , "y" : [1,2,3],"route":null }"#
        );
        assert_eq!(record.get("y"), Some("[1,2,3]"));
        assert_eq!(record.get("route"), Some("null"));
        assert!(!record.has("route"));
    }

    #[test]
    fn a_view_names_the_wrong_field() {
        let view = |line: &str| Record::parse(line).unwrap().view::<Small>().map(|_| ()).unwrap_err().to_string();
        assert_eq!(view(r#"{"type":"task","title":""}"#), "missing field `id`");
        assert_eq!(
            view(r#"{"type":"task","id":"1","title":"","files":[{"path":"a","action":"read"},{"path":7}]}"#),
            "files[1].path: invalid type: integer `7`, expected a string"
        );
        assert_eq!(view(r#"{"type":"task","id":1,"title":""}"#), "id: invalid type: integer `1`, expected a string");
    }

    #[test]
    fn the_last_of_two_keys_counts_and_both_stay() {
        let mut record = Record::parse(r#"{"type":"task","id":"1","title":"a","id":"2","title":"b"}"#).unwrap();
        let small: Small = record.view().unwrap();
        assert_eq!((small.id.as_str(), &*small.title, small.files.len()), ("2", "b", 0));
        record.set("id", "3").unwrap();
        assert_eq!(record.as_str(), r#"{"type":"task","id":"1","title":"a","id":"3","title":"b"}"#);
    }

    #[test]
    fn escaped_keys_and_strings_are_found() {
        let record = Record::parse(r#"{"ty\u0070e":"pl\u0061n","a\"b":1,"":2}"#).unwrap();
        assert_eq!(record.kind(), "plan");
        assert_eq!(record.get("a\"b"), Some("1"));
        assert_eq!(record.get(""), Some("2"));
    }

    #[test]
    fn what_is_not_a_record_is_told() {
        let why = |line: &str| Record::parse(line).unwrap_err().to_string();
        assert_eq!(why("[1]"), "not a JSON object");
        assert_eq!(why("\"x\""), "not a JSON object");
        assert_eq!(why("{}"), "no \"type\": every line needs one, such as \"type\":\"task\"");
        assert_eq!(why(r#"{"type":1}"#), why("{}"));
        assert!(why(r#"{"type":"task","id":"#).starts_with("not JSON: EOF"), "{}", why(r#"{"type":"task","id":"#));
        assert!(why(r#"{"type":"task"} x"#).starts_with("not JSON: trailing"), "{}", why(r#"{"type":"task"} x"#));
    }

    #[test]
    fn deep_and_odd_values_pass() {
        let deep = format!(r#"{{"type":"x","deep":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Record::parse(&deep).unwrap().as_str(), deep);
        let odd = r#"{"type":"x","surrogate":"\ud800","big":123456789012345678901234567890}"#;
        assert_eq!(Record::parse(odd).unwrap().as_str(), odd);
    }

    #[test]
    fn a_new_line_has_its_type_first() {
        let plan = crate::Plan { v: 1, path: "p.md".into(), ..Default::default() };
        assert!(to_line(&plan).unwrap().starts_with(r#"{"type":"plan","v":1,"path":"p.md""#));
        assert!(!to_line(&plan).unwrap().contains('\n'));
    }
}
