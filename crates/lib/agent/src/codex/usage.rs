//! Tokens, as the CLI writes them in its events and in its session log.

use record::Usage;
use serde_json::Value;

/// Tokens of a turn or a conversation. All zeros mean that the service did not tell.
pub(super) fn usage(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage[name].as_u64();
    let (input, output) = (count("input_tokens")?, count("output_tokens")?);
    let total = input.saturating_add(output);
    (total > 0).then(|| Usage {
        input,
        cached_input: count("cached_input_tokens").unwrap_or(0),
        output,
        reasoning: count("reasoning_output_tokens"),
        total,
    })
}

/// The part of a conversation's tokens that came after `before`, since a conversation that is continued goes on counting.
/// A count that is smaller than before has begun anew.
pub(super) fn since(whole: Usage, before: Option<Usage>) -> Option<Usage> {
    let part = |before: Usage| {
        let (input, output) = (whole.input.checked_sub(before.input)?, whole.output.checked_sub(before.output)?);
        Some(Usage {
            input,
            cached_input: whole.cached_input.saturating_sub(before.cached_input),
            output,
            reasoning: whole.reasoning.map(|whole| whole.saturating_sub(before.reasoning.unwrap_or(0))),
            total: input + output,
        })
    };
    let usage = before.and_then(part).unwrap_or(whole);
    (usage.total > 0).then_some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(input: u64, cached_input: u64, output: u64, reasoning: Option<u64>) -> Usage {
        Usage { input, cached_input, output, reasoning, total: input + output }
    }

    #[test]
    fn what_was_used_before_is_not_used_again() {
        let (before, whole) = (tokens(100, 40, 10, Some(4)), tokens(250, 90, 30, Some(9)));
        assert_eq!(since(whole, Some(before)), Some(tokens(150, 50, 20, Some(5))));
        assert_eq!(since(whole, None), Some(whole));
        assert_eq!(since(whole, Some(whole)), None);
        assert_eq!(since(tokens(90, 0, 9, None), Some(before)), Some(tokens(90, 0, 9, None)));
        assert_eq!(since(tokens(250, 90, 30, None), Some(before)).unwrap().reasoning, None);
    }
}
