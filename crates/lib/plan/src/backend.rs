//! Who a plan wants a task done by, and what kind of work it says it is.

use record::WorkType;

/// What the value of a `Backend` field says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// One backend, as the record writes it.
    One(String),
    /// Several of them, or none that is known.
    Unclear,
}

/// Reads a value. It counts only when it begins with a backend, a model or a person; two different backends are
/// never decided between.
pub fn read(value: &str) -> Wish {
    let value = value.trim();
    let Some(first) = words(value).next().and_then(known) else { return Wish::Unclear };
    let mut model = first.model;
    // Only the words up to an explanation count: `claude — because codex was slow`.
    let end = value.find(['—', '–', '(', '.', '\n']).map_or(value.len(), |at| {
        // The dot of `gpt-5.4` is part of a name.
        if value[at..].starts_with('.') && value[at + 1..].starts_with(|next: char| next.is_ascii_digit()) {
            value[at + 1..].find(['—', '–', '(', '\n']).map_or(value.len(), |next| at + 1 + next)
        } else {
            at
        }
    });
    for word in words(&value[..end]).skip(1) {
        match known(word) {
            Some(other) if other.family != first.family => return Wish::Unclear,
            Some(other) if model.is_none() => model = other.model,
            _ => {}
        }
    }
    // `Codex (logic) + Claude (test)`: somebody else behind the brackets.
    if value[end..].contains(['+', '&', '/'])
        && words(&value[end..]).filter_map(known).any(|other| other.family != first.family && other.family != "manual")
    {
        return Wish::Unclear;
    }
    Wish::One(match model {
        Some(model) => format!("{}:{model}", first.family),
        None => first.family.to_owned(),
    })
}

/// The backend with a model that stands in a field of its own.
pub fn with_model(backend: &str, model: &str) -> String {
    match read(model) {
        Wish::One(wish) if !backend.contains(':') && wish.split(':').next() == Some(backend) => wish,
        _ => backend.to_owned(),
    }
}

struct Known {
    family: &'static str,
    model: Option<String>,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| character.is_whitespace() || "`*_,;/+|&()[]→".contains(character))
        .map(|word| word.trim_end_matches(['.', ':', '!']))
        .filter(|word| !word.is_empty())
}

fn known(word: &str) -> Option<Known> {
    let lower = word.to_lowercase();
    let (name, model) = match lower.split_once([':', '@']) {
        Some((name, model)) => (name, Some(model.to_owned()).filter(|model| !model.is_empty())),
        None => (lower.as_str(), None),
    };
    Some(match name {
        "codex" | "openai" | "codex-cli" | "codex-exec" => Known { family: "codex", model },
        "claude" | "anthropic" | "claude-code" | "claude-cli" | "claude-exec" => Known { family: "claude", model },
        "manual" | "human" | "person" | "user" | "operator" | "manually" | "humans" => {
            Known { family: "manual", model: None }
        }
        _ if is_model(name, &["gpt-"]) => Known { family: "codex", model: Some(lower) },
        _ if is_model(name, &["claude-", "sonnet", "opus", "haiku"]) => Known { family: "claude", model: Some(lower) },
        _ => return None,
    })
}

/// `sonnet`, `opus-4.6`, `gpt-5.4-codex`: the name, and a version at most.
fn is_model(name: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| {
        name.strip_prefix(stem).is_some_and(|rest| {
            (rest.is_empty() && !stem.ends_with('-'))
                || rest.starts_with(['-', '.']) && rest.len() > 1
                || stem.ends_with('-') && rest.starts_with(|first: char| first.is_ascii_alphanumeric())
        })
    })
}

/// The kind of work that a value names.
pub fn work_type(value: &str) -> Option<WorkType> {
    let value = value.trim().trim_matches(['`', '*', '_', '"']);
    let head = value.split(['(', '—', '–', ',', ';', '\n', '`', '.']).next().unwrap_or("").trim();
    let name = head.to_lowercase().replace(['_', '-'], " ");
    WORK_TYPES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(kind, _)| *kind)
}

/// Each kind of work: its name, then what else is understood. The page of the format lists them all.
const WORK_TYPES: [(WorkType, &[&str]); 9] = [
    (WorkType::Explore, &["explore", "exploration", "codebase exploration", "code exploration"]),
    (WorkType::Implement, &["implement", "implementation", "code", "coding", "code implementation"]),
    (WorkType::CodeReview, &["code review"]),
    (WorkType::LogicReview, &["logic review"]),
    (WorkType::Analysis, &["analysis", "analyse", "analyze", "deep analysis"]),
    (WorkType::Research, &["research", "live research", "web research"]),
    (WorkType::Options, &["options", "multiple options"]),
    (WorkType::Orchestrate, &["orchestrate", "orchestration", "coordination"]),
    (WorkType::Manual, &["manual", "human"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        for (value, wish) in [
            ("codex", "codex"),
            ("`codex:gpt-5.4`", "codex:gpt-5.4"),
            ("Codex, gpt-5.6-sol, effort high", "codex:gpt-5.6-sol"),
            ("`claude` / `claude-opus-4-6` — reason", "claude:claude-opus-4-6"),
            ("sonnet", "claude:sonnet"),
            ("Claude Code", "claude"),
            ("gpt-5.3-codex", "codex:gpt-5.3-codex"),
            ("Human (needs a login)", "manual"),
            ("claude — codex was too slow", "claude"),
        ] {
            assert_eq!(read(value), Wish::One(wish.to_owned()), "{value}");
        }
        for value in
            ["Codex (logic) + Claude (test).", "codex or claude", "platform team", "", "opuscule", "the user decides"]
        {
            assert_eq!(read(value), Wish::Unclear, "{value}");
        }
        assert_eq!(with_model("claude", "Sonnet"), "claude:sonnet");
        assert_eq!(with_model("codex", "Sonnet"), "codex");
    }

    #[test]
    fn every_name_of_a_kind_of_work_is_on_the_page() {
        let page = include_str!("../../../../docs/plan-format.md");
        for (_, names) in WORK_TYPES {
            let (first, others) = names.split_first().unwrap();
            let listed =
                if others.is_empty() { (*first).to_owned() } else { format!("{first} ({})", others.join(", ")) };
            assert!(page.contains(&listed), "{listed}");
        }
    }

    #[test]
    fn kinds_of_work() {
        assert_eq!(work_type("Code review (security)"), Some(WorkType::CodeReview));
        assert_eq!(work_type("`explore`"), Some(WorkType::Explore));
        assert_eq!(work_type("frontend"), None);
    }
}
