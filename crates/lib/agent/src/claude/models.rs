//! Whether the model that answered is the one that was asked for.

/// Names that stand for another model with every release of the CLI.
const ALIASES: [&str; 4] = ["sonnet", "opus", "haiku", "fable"];

/// Whether `answered` is the model `asked`: the same name, with or without the day of its release and the size of its
/// window. What an alias stands for is only known as far as its family goes.
pub(super) fn is_same(asked: &str, answered: &str) -> bool {
    let (asked, answered) = (plain(asked), plain(answered));
    asked == answered
        || dated(answered, asked)
        || dated(asked, answered)
        || (ALIASES.contains(&asked) && answered.split('-').any(|word| word == asked))
}

/// Whether it is the model of the CLI itself for small things, such as a summary of a page that it has fetched.
pub(super) fn is_small(name: &str) -> bool {
    plain(name).split('-').any(|word| word == "haiku")
}

/// Whether the name is one of a cloud, where the model itself goes by another.
pub(super) fn is_of_cloud(name: &str) -> bool {
    name.contains(['.', '/', ':', '@'])
}

fn plain(name: &str) -> &str {
    name.strip_suffix("[1m]").unwrap_or(name)
}

fn dated(long: &str, short: &str) -> bool {
    let day = long.strip_prefix(short).and_then(|rest| rest.strip_prefix('-'));
    day.is_some_and(|day| day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name() {
        let same = |asked, answered| is_same(asked, answered);
        assert!(same("claude-sonnet-4-6", "claude-sonnet-4-6"));
        assert!(same("claude-sonnet-4-6", "claude-sonnet-4-6-20260217"));
        assert!(same("claude-sonnet-4-6-20260217", "claude-sonnet-4-6"));
        assert!(same("claude-sonnet-4-6", "claude-sonnet-4-6[1m]"));
        assert!(same("sonnet", "claude-sonnet-5-5"));
        assert!(!same("claude-sonnet-4-6", "claude-sonnet-5-5"));
        assert!(!same("claude-sonnet-4", "claude-sonnet-4-6"));
        assert!(!same("claude-sonnet-4-6", "claude-sonnet-4-6-2026021"));
        assert!(!same("sonnet", "claude-opus-5-5"));
        assert!(!same("claude-sonnet-4-6-20260217", "claude-sonnet-4-6-20260301"));
    }
}
