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
