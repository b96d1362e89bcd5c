//! Rules tried side by side: most of their time is waiting.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use stage::Error;

use crate::bench::Bench;
use crate::rule::{Rule, Verdict};

/// Tries all rules and returns what came out, in their order.
pub fn try_all(bench: &Bench, rules: &[&'static Rule], jobs: u8) -> Result<Vec<(&'static Rule, Verdict)>, Error> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(rules.len()));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(rule) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if bench.stopped() {
                        return;
                    }
                    let verdict = (rule.check)(bench);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((*rule, verdict));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(rule, _)| rules.iter().position(|other| other.name == rule.name));
    outcomes.into_iter().map(|(rule, verdict)| verdict.map(|verdict| (rule, verdict))).collect()
}
