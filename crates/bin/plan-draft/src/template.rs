//! A plan to fill in by hand; also the example that whoever writes one is shown.

const TEMPLATE: &str = include_str!("template.md");

/// The template with this title and goal.
pub(crate) fn filled(title: &str, goal: &str) -> String {
    TEMPLATE.replacen("{TITLE}", title, 1).replacen("{GOAL}", goal, 1)
}
