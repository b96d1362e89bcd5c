//! Decisions as other people have written them, read so that a word we do not know stops nobody and approves nothing.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};

use crate::{Decision, DecisionStatus, Gate};

/// A decision as it was found: an entry of `decisions`, or a line of its own.
///
/// One whose gate, answer, author or time cannot be read decides nothing, and neither does a yes to a fallback that does
/// not say to whom. When it is the newest one at its gate, the one before it does not hold any more either.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Noted {
    /// Where it was asked; `None` for a gate that only others know.
    #[serde(deserialize_with = "known")]
    pub gate: Option<Gate>,
    /// The answer; `None` for a word that only others know.
    #[serde(deserialize_with = "known")]
    pub status: Option<DecisionStatus>,
    /// Who answered.
    pub by: Option<String>,
    /// When; not checked yet.
    pub at: Option<String>,
    /// What the person added.
    pub note: Option<String>,
    /// The task it was made for.
    pub task_digest: Option<String>,
    /// The change it was made for.
    pub diff_digest: Option<String>,
    /// Who may act, at gate `fallback`.
    pub backend: Option<String>,
    /// With which model, at gate `fallback`.
    pub model: Option<String>,
    /// Which of several answers was taken.
    pub choice: Option<String>,
}

impl Noted {
    /// The decision, when all that counts can be read.
    pub fn decision(&self) -> Option<Decision> {
        let Self { gate, status, by, at, note, task_digest, diff_digest, backend, model, choice } = self.clone();
        let (gate, status, by, at) = (gate?, status?, by?, at?);
        let is_takeover = gate == Gate::Fallback && status == DecisionStatus::Approved;
        let is_complete = !is_takeover || (backend.is_some() && model.is_some());
        is_complete.then_some(Decision { gate, status, by, at, note, task_digest, diff_digest, backend, model, choice })
    }

    /// Whether both are the same decision, found in two places.
    pub fn is(&self, other: &Self) -> bool {
        (self.gate, self.status, &self.by, &self.at) == (other.gate, other.status, &other.by, &other.at)
    }
}

/// A word; `None` when it is none that we know.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    String::deserialize(from).map(|word| known_word(&word))
}

/// The value that a word of the contract names; `None` for a word that only others know.
pub fn known_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    let word: StrDeserializer<serde::de::value::Error> = word.into_deserializer();
    T::deserialize(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sandbox;

    #[test]
    fn what_cannot_be_read_decides_nothing() {
        let whole = r#"{"gate":"plan","status":"approved","by":"x","at":"now"}"#;
        let decides = |text: &str| serde_json::from_str::<Noted>(text).unwrap().decision().is_some();
        assert!(decides(whole));
        for (from, to) in [("plan", "end"), ("approved", "granted"), (r#""by":"x","#, ""), (r#","at":"now""#, "")] {
            assert!(!decides(&whole.replace(from, to)), "{from} -> {to}");
        }
        let without = serde_json::from_str::<Noted>(&whole.replace(r#""gate":"plan","#, ""));
        assert_eq!(without.unwrap_err().to_string(), "missing field `gate` at line 1 column 41");
        let fallback = whole.replace("plan", "fallback");
        assert!(!decides(&fallback) && decides(&fallback.replace("approved", "denied")));
        assert!(decides(&fallback.replace('}', r#","backend":"claude","model":"m"}"#)));
        assert_eq!(known_word("read-only"), Some(Sandbox::ReadOnly));
        assert_eq!(known_word::<Sandbox>("none"), None);
    }
}
