//! What other people have written, read so that a word we do not know stops nobody.

use record::{Decision, DecisionStatus, Gate};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};

/// A decision as somebody has written it. One whose gate, answer or time cannot be read decides nothing; when it is the newest,
/// the one before it does not hold any more either.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Noted {
    #[serde(deserialize_with = "known")]
    pub gate: Option<Gate>,
    #[serde(deserialize_with = "known")]
    pub status: Option<DecisionStatus>,
    pub by: String,
    pub at: Option<String>,
    pub note: Option<String>,
    pub task_digest: Option<String>,
    pub diff_digest: Option<String>,
    pub backend: Option<String>,
    pub model: Option<String>,
    pub choice: Option<String>,
}

impl Noted {
    /// The decision, when all that counts can be read.
    pub fn decision(&self) -> Option<Decision> {
        let Self { gate, status, by, at, note, task_digest, diff_digest, backend, model, choice } = self.clone();
        let (gate, status, at) = (gate?, status?, at?);
        Some(Decision { gate, status, by, at, note, task_digest, diff_digest, backend, model, choice })
    }
}

/// A word; `None` when it is none that we know.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    String::deserialize(from).map(|word| read(&word))
}

/// The value that a word names, if we know it.
pub(crate) fn read<T: DeserializeOwned>(word: &str) -> Option<T> {
    let word: StrDeserializer<serde::de::value::Error> = word.into_deserializer();
    T::deserialize(word).ok()
}
