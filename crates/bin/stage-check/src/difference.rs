//! What happened to a line on its way through a stage.

use crate::tree::{Tree, same_text};

/// One thing that is not as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where: `result.usage.x`, `files[0]`.
    pub path: String,
    /// What happened there.
    pub kind: Kind,
}

/// What happened to a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It is gone.
    Dropped,
    /// It was not there before.
    Added,
    /// It is another value.
    Value,
    /// The keys stand in another order.
    Order,
    /// The number is spelled in another way, or rounded to what a double can hold.
    Number,
    /// A key that stood twice stands once; the value that counts is still there.
    Twice,
    /// The same JSON in other bytes, where every byte has to stay.
    Bytes,
}

impl Kind {
    /// Whether the contract tolerates it from a script.
    pub fn is_tolerated(self) -> bool {
        matches!(self, Self::Number | Self::Twice | Self::Bytes)
    }

    /// For the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Added => "added",
            Self::Value => "changed",
            Self::Order => "keys in another order",
            Self::Number => "number spelled in another way",
            Self::Twice => "one of two equal keys dropped",
            Self::Bytes => "same JSON, other bytes",
        }
    }
}

impl Difference {
    /// The field of the line in which it happened.
    pub fn section(&self) -> &str {
        self.path.split(['.', '[']).next().unwrap_or_default()
    }

    /// Whether a whole field of the line came or went.
    pub fn is_section(&self) -> bool {
        self.section() == self.path
    }
}

/// All differences between what was sent and what came back.
pub fn differences(sent: &Tree, got: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", sent, got, &mut found);
    found
}

fn compare(path: &str, sent: &Tree, got: &Tree, found: &mut Vec<Difference>) {
    let mut note = |path: String, kind| found.push(Difference { path, kind });
    match (sent, got) {
        (Tree::Object(sent), Tree::Object(got)) => objects(path, sent, got, found),
        (Tree::Array(sent), Tree::Array(got)) => {
            for at in 0..sent.len().max(got.len()) {
                let path = format!("{path}[{at}]");
                match (sent.get(at), got.get(at)) {
                    (Some(sent), Some(got)) => compare(&path, sent, got, found),
                    (Some(_), None) => found.push(Difference { path, kind: Kind::Dropped }),
                    _ => found.push(Difference { path, kind: Kind::Added }),
                }
            }
        }
        (Tree::Text(sent), Tree::Text(got)) if same_text(sent, got) => {}
        (Tree::Number(sent), Tree::Number(got)) if sent == got => {}
        (Tree::Number(sent), Tree::Number(got)) if same_double(sent, got) => note(path.to_owned(), Kind::Number),
        (Tree::Word(sent), Tree::Word(got)) if sent == got => {}
        _ => note(path.to_owned(), Kind::Value),
    }
}

type Fields<'a> = [(&'a str, Tree<'a>)];

fn objects(path: &str, sent: &Fields, got: &Fields, found: &mut Vec<Difference>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let last = |fields: &Fields, key: &str| fields.iter().rposition(|(other, _)| same_text(other, key));
    let count = |fields: &Fields, key: &str| fields.iter().filter(|(other, _)| same_text(other, key)).count();
    let mut places = Vec::new();
    for (at, (key, value)) in sent.iter().enumerate() {
        if last(sent, key) != Some(at) {
            continue;
        }
        match last(got, key) {
            None => found.push(Difference { path: under(key), kind: Kind::Dropped }),
            Some(place) => {
                compare(&under(key), value, &got[place].1, found);
                if count(sent, key) != count(got, key) {
                    found.push(Difference { path: under(key), kind: Kind::Twice });
                } else if count(sent, key) == 1 {
                    places.push(place);
                }
            }
        }
    }
    if !places.is_sorted() {
        found.push(Difference { path: path.to_owned(), kind: Kind::Order });
    }
    for (key, _) in got.iter().filter(|(key, _)| last(sent, key).is_none()) {
        found.push(Difference { path: under(key), kind: Kind::Added });
    }
}

/// What jq and most readers make of a number: a double. One that is too large for it may become the largest one.
fn same_double(one: &str, other: &str) -> bool {
    let double = |text: &str| text.parse::<f64>().ok().map(|number| number.clamp(f64::MIN, f64::MAX));
    double(one).is_some() && double(one) == double(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sent: &str, got: &str) -> Vec<(String, Kind)> {
        let found = differences(&Tree::read(sent).unwrap(), &Tree::read(got).unwrap());
        found.into_iter().map(|difference| (difference.path, difference.kind)).collect()
    }

    #[test]
    fn each_kind_is_told_from_the_others() {
        let sent = r#"{"a":1,"b":{"c":[1,2],"d":"\u00e4"},"e":0.10}"#;
        assert_eq!(found(sent, r#" { "a":1, "b":{"c":[1,2],"d":"ä"}, "e":0.10 } "#), []);
        assert_eq!(found(sent, r#"{"a":1,"b":{"c":[1],"d":"ä"},"e":0.10}"#), [("b.c[1]".into(), Kind::Dropped)]);
        assert_eq!(found(sent, r#"{"a":1,"b":{"d":"ä","c":[1,2]},"e":0.10}"#), [("b".into(), Kind::Order)]);
        assert_eq!(
            found(sent, r#"{"a":1.0,"b":{"c":[1,2],"d":"ä"},"e":0.1,"f":0}"#),
            [("a".into(), Kind::Number), ("e".into(), Kind::Number), ("f".into(), Kind::Added)]
        );
        assert_eq!(found(sent, r#"{"a":2,"b":[],"e":null}"#).len(), 3);
    }

    #[test]
    fn of_two_equal_keys_the_last_one_counts() {
        assert_eq!(found(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#), []);
        assert_eq!(found(r#"{"a":1,"a":2}"#, r#"{"a":2}"#), [("a".into(), Kind::Twice)]);
        assert_eq!(found(r#"{"a":1,"a":2}"#, r#"{"a":1}"#).len(), 2);
    }

    #[test]
    fn what_a_double_cannot_hold_is_still_the_same_number() {
        assert_eq!(found("[1E400]", "[1.7976931348623157e+308]"), [("[0]".into(), Kind::Number)]);
        assert_eq!(found("[12345678901234567890]", "[12345678901234567000]"), [("[0]".into(), Kind::Number)]);
        assert_eq!(found("[1]", "[2]"), [("[0]".into(), Kind::Value)]);
    }
}
