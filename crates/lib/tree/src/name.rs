//! Names of files made from words that nobody has checked.

use std::path::Path;

/// Long enough to be recognised, short enough for every file system together with what is added.
const LONGEST: usize = 64;

/// The name of a plan's folder in `.plan/`, from the `path` of the plan line: its file's name without the ending.
/// `stdin` for `-`, `plan` when there is no plan line.
pub fn plan_name(path: Option<&str>) -> String {
    let stem = match path {
        None | Some("") => "plan",
        Some("-") => "stdin",
        Some(path) => Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or("plan"),
    };
    let name = safe(stem);
    // These names in `.plan/` belong to all plans together.
    if ["worktrees", "tree.lock"].iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
        format!("plan-{name}")
    } else {
        name
    }
}

/// A name without surprises for any word: no separator, no leading dot or dash, no control character. Words that had
/// to be changed get a piece of their digest, so that two of them do not become the same.
pub fn safe(word: &str) -> String {
    let mut name = String::new();
    for character in word.chars() {
        let kept = match character {
            '-' | '_' | '.' => character,
            letter if letter.is_alphanumeric() => letter,
            _ => '_',
        };
        if name.len() + kept.len_utf8() > LONGEST {
            break;
        }
        name.push(kept);
    }
    let name = name.trim_start_matches(['.', '-']).trim_end_matches('.');
    if name == word && !name.is_empty() {
        return name.to_owned();
    }
    let digest = record::digest([word.as_bytes()]);
    let mark = digest.get(..8).unwrap_or_default();
    if name.is_empty() { mark.to_owned() } else { format!("{name}-{mark}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_named_after_its_file() {
        for (path, name) in [
            (Some("docs/plans/2026-01-31-feature.md"), "2026-01-31-feature"),
            (Some("a.b.md"), "a.b"),
            (Some("-"), "stdin"),
            (None, "plan"),
            (Some(""), "plan"),
            (Some("/"), "plan"),
            (Some("worktrees.md"), "plan-worktrees"),
            (Some("Tree.lock.md"), "plan-Tree.lock"),
        ] {
            assert_eq!(plan_name(path), name, "{path:?}");
        }
    }

    #[test]
    fn no_word_leads_anywhere_else() {
        let long = "x".repeat(5000);
        for word in ["", ".", "..", "../x", "/etc/passwd", "a\nb", "a\0b", "-rf", "ä/ö", "\u{202e}x", "a\\b", &long] {
            let name = safe(word);
            assert!(!name.is_empty() && name.len() <= 80, "{name}");
            assert!(!name.starts_with(['.', '-']) && !name.contains(['/', '\\', '\0', '\n']), "{name}");
            assert_ne!(name, word);
        }
        assert_eq!(safe("T014"), "T014");
        assert_eq!(safe("2.1"), "2.1");
        assert_ne!(safe("a/b"), safe("a_b"));
        assert_ne!(safe("a/b"), safe("a:b"));
        assert_ne!(safe(&long), safe(&format!("{long}y")));
    }
}
