//! The rules, a file for each part of the contract.

mod bad;
mod flow;
mod form;
mod passing;
mod people;
mod signals;
mod work;

use crate::rule::Rule;

/// All rules in the order of the report.
pub fn all() -> Vec<&'static Rule> {
    [form::RULES, passing::RULES, bad::RULES, flow::RULES, signals::RULES, people::RULES, work::RULES]
        .into_iter()
        .flatten()
        .collect()
}
