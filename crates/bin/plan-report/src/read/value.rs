//! Looking into JSON that anybody may have written: what is missing or of another form is simply not there.

use jiff::Timestamp;
use serde_json::Value;

/// A string that says something.
pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    let text = value.get(key)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// A whole number from 0, also when it is spelled as a float.
pub(crate) fn whole(value: &Value, key: &str) -> Option<u64> {
    record::whole_or_none::<_, u64>(value.get(key)?.clone()).ok().flatten()
}

/// A number that is finite and not negative.
pub(crate) fn number(value: &Value, key: &str) -> Option<f64> {
    value.get(key)?.as_f64().filter(|number| number.is_finite() && *number >= 0.0)
}

/// The elements of a list.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The strings of a list.
pub(crate) fn texts(value: &Value, key: &str) -> Vec<String> {
    list(value, key).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// An object, and not `null` or a word.
pub(crate) fn object<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|inner| inner.is_object())
}

/// A moment.
pub(crate) fn moment(value: &Value, key: &str) -> Option<Timestamp> {
    value.get(key)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_of_another_form_is_not_there() {
        let odd = json!({"a": 7, "b": "", "c": "x", "d": 3.0, "e": -1, "f": [1, "y"], "g": "2026-01-01T00:00:00Z", "h": null});
        assert_eq!((text(&odd, "a"), text(&odd, "b"), text(&odd, "c")), (None, None, Some("x".into())));
        assert_eq!((whole(&odd, "d"), whole(&odd, "e"), whole(&odd, "h")), (Some(3), None, None));
        assert_eq!((number(&odd, "e"), number(&odd, "a")), (None, Some(7.0)));
        assert_eq!(texts(&odd, "f"), ["y"]);
        assert!(list(&odd, "c").is_empty() && object(&odd, "c").is_none());
        assert!(moment(&odd, "g").is_some() && moment(&odd, "c").is_none());
    }
}
