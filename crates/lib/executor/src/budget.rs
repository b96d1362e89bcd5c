//! What the user lets a run and a task cost.

use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use record::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The limits. Calls that run when one is reached are not cut off, so that more tokens may be spent than it says.
#[derive(Args, Clone, Debug, Default)]
pub struct Most {
    /// Once the calls of this run have used so many tokens, no further task is started
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tokens: Option<u64>,

    /// The most calls of agents in this run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_attempts: Option<u64>,

    /// Once a task has used so many tokens, with what its result.attempts tell, it is not started again
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_task_tokens: Option<u64>,

    /// The most calls of agents for a task, with those in its result.attempts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_task_attempts: Option<u64>,
}

/// What has been spent.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    calls: u64,
    tokens: u64,
}

impl Spent {
    /// Why no more calls may be made, so many of which are wanted.
    fn refuses(self, wanted: u64, [calls, tokens]: [(&str, Option<u64>); 2]) -> Option<String> {
        if let (flag, Some(most)) = calls
            && self.calls + wanted > most
        {
            let wanted = if wanted == 1 { "1 more is".to_owned() } else { format!("{wanted} more are") };
            return Some(format!("{flag} {most}: {} calls have been made and {wanted} needed", self.calls));
        }
        match tokens {
            (flag, Some(most)) if self.tokens >= most => Some(format!("{flag} {most}: {} are used", self.tokens)),
            _ => None,
        }
    }
}

/// The account of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget {
    most: Most,
    spent: Arc<Mutex<Spent>>,
}

/// The account of a task, within that of the run.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Budget,
    spent: Mutex<Spent>,
}

/// Which limit is reached.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Reached {
    /// One of the run: nothing more is started.
    Run(String),
    /// One of the task.
    Task(String),
}

impl Budget {
    pub fn new(most: Most) -> Self {
        Self { most, spent: Arc::default() }
    }

    /// Whether nothing more may be started in this run.
    pub fn is_reached(&self) -> bool {
        let spent = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.refuses(1, self.of_run()).is_some()
    }

    fn of_run(&self) -> [(&'static str, Option<u64>); 2] {
        [("--max-attempts", self.most.max_attempts), ("--max-tokens", self.most.max_tokens)]
    }

    /// The account of a task that these calls were made for.
    pub fn account(&self, earlier: &[Box<RawValue>]) -> Account {
        #[derive(Deserialize)]
        struct Attempt {
            usage: Option<Tokens>,
        }
        #[derive(Deserialize)]
        struct Tokens {
            #[serde(deserialize_with = "record::whole")]
            total: u64,
        }
        let tokens = |attempt: &RawValue| Some(serde_json::from_str::<Attempt>(attempt.get()).ok()?.usage?.total);
        let tokens = earlier.iter().filter_map(|attempt| tokens(attempt)).fold(0, u64::saturating_add);
        let calls = u64::try_from(earlier.len()).unwrap_or(u64::MAX);
        Account { budget: self.clone(), spent: Mutex::new(Spent { calls, tokens }) }
    }
}

impl Account {
    /// Takes leave for so many calls, all or none.
    pub fn take(&self, calls: u64) -> Result<(), Reached> {
        let most = &self.budget.most;
        let mut run = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut task = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = run.refuses(calls, self.budget.of_run()) {
            return Err(Reached::Run(why));
        }
        let of_task = [("--max-task-attempts", most.max_task_attempts), ("--max-task-tokens", most.max_task_tokens)];
        if let Some(why) = task.refuses(calls, of_task) {
            return Err(Reached::Task(why));
        }
        run.calls += calls;
        task.calls += calls;
        Ok(())
    }

    /// Adds what a call has used.
    pub fn spend(&self, usage: Option<Usage>) {
        let tokens = usage.map_or(0, |usage| usage.total);
        for spent in [&*self.budget.spent, &self.spent] {
            let mut spent = spent.lock().unwrap_or_else(PoisonError::into_inner);
            spent.tokens = spent.tokens.saturating_add(tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(json: &[&str]) -> Vec<Box<RawValue>> {
        json.iter().map(|json| RawValue::from_string((*json).to_owned()).unwrap()).collect()
    }

    fn used(total: u64) -> Usage {
        Usage { total, ..Usage::default() }
    }

    #[test]
    fn calls_are_counted_when_they_begin_and_tokens_when_they_end() {
        let budget = Budget::new(Most { max_attempts: Some(3), max_tokens: Some(100), ..Most::default() });
        let (one, two) = (budget.account(&[]), budget.account(&[]));
        assert_eq!((one.take(1), two.take(1)), (Ok(()), Ok(())));
        let why = "--max-attempts 3: 2 calls have been made and 2 more are needed".to_owned();
        assert_eq!(two.take(2), Err(Reached::Run(why)));
        one.spend(Some(used(99)));
        one.spend(None);
        assert_eq!(two.take(1), Ok(()));
        let budget = Budget::new(Most { max_tokens: Some(100), ..Most::default() });
        budget.account(&[]).spend(Some(used(100)));
        assert_eq!(budget.account(&[]).take(1), Err(Reached::Run("--max-tokens 100: 100 are used".into())));
    }

    #[test]
    fn a_task_counts_what_was_spent_on_it_before() {
        let most = Most { max_task_attempts: Some(3), max_task_tokens: Some(100), ..Most::default() };
        let budget = Budget::new(most);
        let odd = attempts(&[r#"{"usage":{"total":40.0}}"#, "{}", "7"]);
        let why = "--max-task-attempts 3: 3 calls have been made and 1 more is needed".to_owned();
        assert_eq!(budget.account(&odd).take(1), Err(Reached::Task(why)));
        let account = budget.account(&odd[..1]);
        assert_eq!(account.take(1), Ok(()));
        account.spend(Some(used(60)));
        assert_eq!(account.take(1), Err(Reached::Task("--max-task-tokens 100: 100 are used".into())));
        assert_eq!(budget.account(&[]).take(1), Ok(()));
    }
}
