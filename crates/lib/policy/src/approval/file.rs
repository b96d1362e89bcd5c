//! The policy file: TOML, with the place of every mistake.

use std::fmt;
use std::ops::Range;

use record::{Class, Gate, Sandbox, WorkType};
use serde::de::value::{SeqAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::paths::Paths;
use super::{Answer, ApprovalPolicy, INTERRUPTED, Rule};

/// What is wrong with a policy file: `FILE:LINE:COLUMN: what, and what would be right`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ApprovalError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Option<Spanned<String>>,
    gate: Option<Words>,
    when: Option<Words>,
    sandbox: Option<Words>,
    backend: Option<Words>,
    work_type: Option<Words>,
    paths: Option<Words>,
    max_rank: Option<u32>,
    decision: Option<Spanned<String>>,
}

impl Row {
    /// The conditions that are written as a word or a list, by key.
    fn lists(&self) -> impl Iterator<Item = (&'static str, &Words)> {
        let all = [
            ("gate", &self.gate),
            ("when", &self.when),
            ("sandbox", &self.sandbox),
            ("backend", &self.backend),
            ("work_type", &self.work_type),
            ("paths", &self.paths),
        ];
        all.into_iter().filter_map(|(key, words)| Some((key, words.as_ref()?)))
    }
}

/// One word or a list of them, each with its place.
struct Words {
    words: Vec<(Range<usize>, String)>,
    span: Range<usize>,
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let either = Spanned::<Either>::deserialize(reader)?;
        let span = either.span();
        let words = match either.into_inner() {
            Either::One(word) => vec![(span.clone(), word)],
            Either::Several(words) => words.into_iter().map(|word| (word.span(), word.into_inner())).collect(),
        };
        Ok(Self { words, span })
    }
}

enum Either {
    One(String),
    Several(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for Either {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(EitherVisitor)
    }
}

struct EitherVisitor;

impl<'de> Visitor<'de> for EitherVisitor {
    type Value = Either;

    fn expecting(&self, text: &mut fmt::Formatter) -> fmt::Result {
        text.write_str("a string or a list of strings")
    }

    fn visit_str<E>(self, word: &str) -> Result<Either, E> {
        Ok(Either::One(word.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<Either, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(words)).map(Either::Several)
    }
}

pub(super) fn parse(name: &str, text: &str) -> Result<ApprovalPolicy, ApprovalError> {
    let place = Place { name, text };
    let file: File = toml::from_str(text).map_err(|error| place.error(error.span(), error.message()))?;
    let mut policy = ApprovalPolicy::default();
    for (number, row) in (1..).zip(&file.rule) {
        let rule = rule(row, &place)?;
        if let Some(warning) = dead(&rule) {
            policy.warnings.push(place.tell(Some(row.span()), &format!("rule {number} {warning}")));
        }
        policy.rules.push(rule);
    }
    Ok(policy)
}

fn rule(row: &Spanned<Row>, place: &Place) -> Result<Rule, ApprovalError> {
    let span = row.span();
    let row = row.get_ref();
    let Some(decision) = &row.decision else {
        return Err(place.error(Some(span), "a rule needs `decision`: \"approved\" or \"denied\""));
    };
    let name = row.name.as_ref();
    if let Some(empty) = name.filter(|name| name.get_ref().trim().is_empty()) {
        return Err(place.error(Some(empty.span()), "an empty name says nothing: leave `name` out or fill it in"));
    }
    for (key, words) in row.lists() {
        if words.words.is_empty() {
            let what = format!("an empty `{key}` says nothing: leave `{key}` out or fill it in");
            return Err(place.error(Some(words.span.clone()), &what));
        }
    }
    for (span, glob) in row.paths.iter().flat_map(|globs| &globs.words) {
        if let Err(error) = Paths::new([glob.as_str()]) {
            return Err(place.error(Some(span.clone()), &format!("not a path pattern: {error}")));
        }
    }
    let together = |globs: &Words| Paths::new(globs.words.iter().map(|(_, glob)| glob.as_str()));
    let paths =
        row.paths.as_ref().map(together).transpose().map_err(|error| place.error(Some(span), &error.to_string()))?;
    for (span, word) in row.when.iter().flat_map(|words| &words.words) {
        when_is_known(word).map_err(|error| place.error(Some(span.clone()), &error))?;
    }
    Ok(Rule {
        name: name.map(|name| name.get_ref().clone()),
        gates: place.words::<Gate>(row.gate.as_ref())?,
        when: plain(row.when.as_ref()),
        sandboxes: place.words::<Sandbox>(row.sandbox.as_ref())?,
        backends: plain(row.backend.as_ref()),
        work_types: place.words::<WorkType>(row.work_type.as_ref())?,
        paths,
        max_rank: row.max_rank,
        decision: place.word::<Answer>(decision.span(), decision.get_ref())?,
    })
}

fn plain(words: Option<&Words>) -> Vec<String> {
    words.iter().flat_map(|words| &words.words).map(|(_, word)| word.clone()).collect()
}

/// `when` names a verdict, a class of failure, or interrupted work.
fn when_is_known(word: &str) -> Result<(), String> {
    if ["pass", "fail", "unproven", INTERRUPTED].contains(&word) || read::<Class>(word).is_ok() {
        return Ok(());
    }
    Err(format!(
        "unknown `when` \"{word}\": expected `pass`, `fail`, `unproven`, `interrupted`, \
         or at gate `fallback` a class such as `rate_limited`"
    ))
}

/// Why a rule can never approve anything, though it is written as if it could.
fn dead(rule: &Rule) -> Option<&'static str> {
    if rule.decision == Answer::Approved && rule.gates == [Gate::Fallback] && rule.backends.is_empty() {
        return Some("approves nothing: a fallback is only approved by a rule that names the `backend` too");
    }
    None
}

fn read<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    let reader: StrDeserializer<serde::de::value::Error> = word.into_deserializer();
    T::deserialize(reader).map_err(|error| error.to_string().replace("unknown variant", "unknown value"))
}

/// The file, to tell places in it.
struct Place<'a> {
    name: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn word<T: DeserializeOwned>(&self, span: Range<usize>, word: &str) -> Result<T, ApprovalError> {
        read(word).map_err(|error| self.error(Some(span), &error))
    }

    fn words<T: DeserializeOwned>(&self, words: Option<&Words>) -> Result<Vec<T>, ApprovalError> {
        words.iter().flat_map(|words| &words.words).map(|(span, word)| self.word(span.clone(), word)).collect()
    }

    fn error(&self, span: Option<Range<usize>>, what: &str) -> ApprovalError {
        ApprovalError(self.tell(span, what))
    }

    fn tell(&self, span: Option<Range<usize>>, what: &str) -> String {
        let before = self.text.get(..span.map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}: {}", self.name, what.replace('\n', "; "))
    }
}
