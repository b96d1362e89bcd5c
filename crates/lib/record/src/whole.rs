//! Whole numbers as scripts write them: jq and Python may turn `1` into `1.0` on its way through the pipe.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a whole number, also one that is spelled `1.0` or `1e3`; fractions are refused, and so is what `T` cannot
/// hold: a negative number where it has no sign. For `#[serde(deserialize_with = "record::whole")]`.
pub fn whole<'de, D: Deserializer<'de>, T: TryFrom<i128>>(from: D) -> Result<T, D::Error> {
    Whole::deserialize(from).map(|whole| whole.0)
}

/// As [`whole`], for a number that may be `null`. With `#[serde(default)]` it may be absent too.
pub fn whole_or_none<'de, D: Deserializer<'de>, T: TryFrom<i128>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(Option::deserialize(from)?.map(|whole: Whole<T>| whole.0))
}

struct Whole<T>(T);

impl<'de, T: TryFrom<i128>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Any number is asked for: a reader that is asked for an integer may refuse `1.0` by itself.
        from.deserialize_any(Reader(PhantomData)).map(Self)
    }
}

struct Reader<T>(PhantomData<T>);

/// Up to here each whole number has a float of its own.
const MOST: f64 = 9_007_199_254_740_992.0;

impl<T: TryFrom<i128>> Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, text: &mut fmt::Formatter) -> fmt::Result {
        text.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &"a smaller number"))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let wrong = || E::invalid_value(Unexpected::Float(number), &self);
        if number.abs() > MOST || number.fract() != 0.0 {
            return Err(wrong());
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        T::try_from(number as i128).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Check, Record, Release, Route, TaskResult, Usage};

    #[derive(Deserialize)]
    struct Numbers {
        #[serde(deserialize_with = "whole")]
        one: u8,
        #[serde(default, deserialize_with = "whole_or_none")]
        two: Option<u64>,
    }

    fn read(json: &str) -> Result<(u8, Option<u64>), String> {
        let record = Record::parse(json).unwrap();
        record.view::<Numbers>().map(|numbers| (numbers.one, numbers.two)).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_may_be_spelled_as_floats() {
        assert_eq!(read(r#"{"type":"t","one":1.0,"two":1e3}"#), Ok((1, Some(1000))));
        assert_eq!(read(r#"{"type":"t","one":-0.0,"two":18446744073709551615}"#), Ok((0, Some(u64::MAX))));
        assert_eq!(read(r#"{"type":"t","one":7,"two":null}"#), Ok((7, None)));
        assert_eq!(read(r#"{"type":"t","one":7}"#), Ok((7, None)));
    }

    #[test]
    fn what_is_no_whole_number_is_named() {
        let error = |one: &str| read(&format!(r#"{{"type":"t","one":{one}}}"#)).unwrap_err();
        assert_eq!(error("1.5"), "one: invalid value: floating point `1.5`, expected a whole number");
        assert_eq!(error("-1"), "one: invalid value: integer `-1`, expected a whole number");
        assert_eq!(error("-1.0"), "one: invalid value: floating point `-1.0`, expected a whole number");
        assert_eq!(error("300"), "one: invalid value: integer `300`, expected a smaller number");
        assert_eq!(error("\"1\""), "one: invalid type: string \"1\", expected a whole number");
        assert!(error("300.0").ends_with("expected a whole number"));
        assert!(error("1e300").ends_with("expected a whole number"));
        assert!(read(r#"{"type":"t"}"#).unwrap_err().contains("missing field"));
    }

    #[test]
    fn the_sections_take_floats() {
        let batch: Batch = serde_json::from_str(r#"{"number":2.0,"attempt":1.0,"attempts_left":3.0}"#).unwrap();
        assert_eq!((batch.number, batch.attempt, batch.attempts_left), (2, 1, Some(3)));
        let route = r#"{"work_type":"manual","backend":"b","models":[],"rank":5.0,"rule":"r","why":"w"}"#;
        assert_eq!(serde_json::from_str::<Route>(route).unwrap().rank, 5);
        let release = r#"{"type":"release","id":"1","attempt":2.0,"digest":"d","at":"x"}"#;
        assert_eq!(serde_json::from_str::<Release>(release).unwrap().attempt, 2);
        let usage = r#"{"input":1.0,"cached_input":0.0,"output":2.0,"reasoning":1.0,"total":3.0}"#;
        let usage: Usage = serde_json::from_str(usage).unwrap();
        assert_eq!((usage.input, usage.reasoning, usage.total), (1, Some(1), 3));
        let result = r#"{"status":"failed","code":10.0,"backend":"b"}"#;
        assert_eq!(serde_json::from_str::<TaskResult>(result).unwrap().code, Some(10));
        let check = r#"{"kind":"k","name":"n","status":"fail","exit":-1.0,"seconds":1,"tail":""}"#;
        assert_eq!(serde_json::from_str::<Check>(check).unwrap().exit, Some(-1));
    }
}
