//! What is seen of a line while it is copied: a few fields, and as many of them as a cut-off line still tells.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A few fields of a line.
#[derive(Debug, Default)]
pub(crate) struct Glimpse {
    pub kind: String,
    pub id: Option<String>,
    pub title: Option<String>,
    pub digest: Option<String>,
    pub checked: bool,
    pub batch: Option<Batch>,
    pub result: Option<Outcome>,
    pub verdict: Option<Status>,
    pub decisions: Vec<Decision>,
    pub landed: Option<Landed>,
    /// What a `decision` line says.
    pub decision: Decision,
}

/// From `batch`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Batch {
    #[serde(default, deserialize_with = "record::whole")]
    pub number: u64,
    #[serde(default, deserialize_with = "record::whole")]
    pub attempt: u64,
}

/// From `result`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Outcome {
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub class: Option<String>,
    #[serde(default)]
    pub backend: String,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub held_by: Option<String>,
    #[serde(default)]
    pub head: Option<String>,
    #[serde(default)]
    pub attempts: Vec<Call>,
}

/// One call of an agent.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Call {
    #[serde(default)]
    pub backend: Option<String>,
    #[serde(default)]
    pub usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Usage {
    #[serde(default, deserialize_with = "record::whole")]
    pub total: u64,
}

/// From `verdict`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Status {
    #[serde(default)]
    pub status: String,
}

/// From `decisions`, and from a `decision` line.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Decision {
    #[serde(default)]
    pub gate: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub by: String,
    #[serde(default)]
    pub task_digest: Option<String>,
}

/// From `landed`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Landed {
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub commit: Option<String>,
}

impl Glimpse {
    /// Looks into a line, or into the beginning of one. What cannot be understood is left out: whether a line is any good
    /// is for the next stage to say.
    pub fn of(line: &[u8]) -> Self {
        let mut glimpse = Self::default();
        // At the end of a cut-off line everything before it has been seen.
        let _ = serde_json::Deserializer::from_slice(line).deserialize_map(Fields(&mut glimpse));
        glimpse
    }

    /// The attempt; 0 when the line has none.
    pub fn attempt(&self) -> u64 {
        self.batch.map_or(0, |batch| batch.attempt)
    }
}

struct Fields<'a>(&'a mut Glimpse);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter) -> fmt::Result {
        text.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let glimpse = self.0;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => glimpse.kind = lenient(&mut map)?.unwrap_or_default(),
                "id" => glimpse.id = lenient(&mut map)?,
                "title" => glimpse.title = lenient(&mut map)?,
                "digest" => glimpse.digest = lenient(&mut map)?,
                "checked" => glimpse.checked = lenient(&mut map)?.unwrap_or_default(),
                "batch" => glimpse.batch = lenient(&mut map)?,
                "result" => glimpse.result = lenient(&mut map)?,
                "verdict" => glimpse.verdict = lenient(&mut map)?,
                "decisions" => glimpse.decisions = lenient(&mut map)?.unwrap_or_default(),
                "gate" => glimpse.decision.gate = lenient(&mut map)?.unwrap_or_default(),
                "status" => glimpse.decision.status = lenient(&mut map)?.unwrap_or_default(),
                "task_digest" => glimpse.decision.task_digest = lenient(&mut map)?,
                "landed" => glimpse.landed = lenient(&mut map)?,
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The next value; one of another form than ours is none.
fn lenient<'de, T: DeserializeOwned, A: MapAccess<'de>>(map: &mut A) -> Result<Option<T>, A::Error> {
    let value: Box<RawValue> = map.next_value()?;
    Ok(serde_json::from_str(value.get()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_fields_are_seen_wherever_they_stand() {
        let glimpse = Glimpse::of(
            br#"{"x":[1,{"id":"no"}],"id":"3","result":{"status":"ok","backend":"codex","attempts":[{"backend":"codex",
            "usage":{"input":1,"total":7.0}}]},"type":"task","batch":{"number":2,"attempt":1.0,"y":0},"verdict":null}"#,
        );
        assert_eq!((glimpse.kind.as_str(), glimpse.id.as_deref(), glimpse.attempt()), ("task", Some("3"), 1));
        assert_eq!(glimpse.result.unwrap().attempts[0].usage.unwrap().total, 7);
        assert!(glimpse.verdict.is_none());
    }

    #[test]
    fn a_cut_off_line_tells_what_stands_before_the_cut() {
        let whole = r#"{"type":"task","id":"a\"b","batch":{"attempt":2},"body":"long"#;
        let glimpse = Glimpse::of(whole.as_bytes());
        assert_eq!((glimpse.id.as_deref(), glimpse.attempt()), (Some("a\"b"), 2));
        assert_eq!(Glimpse::of(&whole.as_bytes()[..20]).kind, "task");
        for odd in [&b"not json"[..], b"[1]", b"", b"\xff", b"{\"type\":5,\"id\":[]}", b"{\"decisions\":{}}"] {
            let glimpse = Glimpse::of(odd);
            assert!(glimpse.kind.is_empty() && glimpse.id.is_none());
        }
    }
}
