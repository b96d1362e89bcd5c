//! What the tasks of a run file have cost so far, and what they may cost.

use std::collections::HashSet;

use crate::ledger::hashed;
use crate::outcome::Attempt;

/// The calls of agents that a run file knows, counted once each.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    max_tokens: Option<u64>,
    max_attempts: Option<u64>,
    /// A line may carry calls that an earlier line of the task carried already.
    seen: HashSet<u64>,
    tokens: u64,
    attempts: u64,
}

impl Spending {
    pub fn new(max_tokens: Option<u64>, max_attempts: Option<u64>) -> Self {
        Self { max_tokens, max_attempts, ..Self::default() }
    }

    /// Counts the calls for a task that have not been counted yet. Nobody is asked to remember them without a limit.
    pub fn note(&mut self, id: &str, attempts: Option<&[Attempt]>) {
        if self.max_tokens.is_none() && self.max_attempts.is_none() {
            return;
        }
        for attempt in attempts.unwrap_or_default() {
            if self.seen.insert(hashed((id, attempt))) {
                self.attempts += 1;
                // Tokens that nobody has told are not known, and not counted.
                let tokens = attempt.usage.as_ref().and_then(|usage| usage.total).unwrap_or(0);
                self.tokens = self.tokens.saturating_add(tokens);
            }
        }
    }

    /// How many more calls there may be while `out` are being made.
    pub fn room(&self, out: u64) -> u64 {
        if self.max_tokens.is_some_and(|max| self.tokens >= max) {
            return 0;
        }
        self.max_attempts.map_or(u64::MAX, |max| max.saturating_sub(self.attempts).saturating_sub(out))
    }

    /// Which limit is reached, and how it is raised.
    pub fn told(&self) -> String {
        match (self.max_tokens, self.max_attempts) {
            (Some(max), _) if self.tokens >= max => {
                format!("{} of {max} tokens are used up (--max-tokens)", self.tokens)
            }
            (_, max) => {
                let max = max.unwrap_or_default();
                format!("{} of {max} calls of agents are used up (--max-attempts)", self.attempts)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(text: &str) -> Vec<Attempt> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_call_counts_once_and_unknown_tokens_do_not() {
        let mut spending = Spending::new(Some(20), Some(3));
        let two = attempts(r#"[{"started":"a","usage":{"total":12.0}},{"started":"b"}]"#);
        spending.note("1", Some(&two[..1]));
        spending.note("1", Some(&two));
        assert_eq!((spending.room(0), spending.room(1)), (1, 0));
        // The same moment at another task is another call.
        spending.note("2", Some(&two[..1]));
        assert_eq!(spending.room(0), 0);
        assert_eq!(spending.told(), "24 of 20 tokens are used up (--max-tokens)");
        let mut calls = Spending::new(None, Some(1));
        calls.note("1", Some(&two));
        assert_eq!(calls.told(), "2 of 1 calls of agents are used up (--max-attempts)");
        assert_eq!(Spending::new(None, None).room(9), u64::MAX);
    }
}
