//! Files that a prompt would put in.
//!
//! The CLI replaces `@PATH` in a prompt by the file's text, without asking and wherever the file is. A plan is not to be
//! trusted with that, so the mark is taken off, by a space behind it, wherever there is such a file.

use std::path::{Path, PathBuf};

use etcetera::home_dir;

/// The longest path that is looked for, in characters.
const LONGEST: usize = 4096;
/// How often a prompt is worth a look at the disk; whatever looks like a mark after that is taken for one.
const LOOKS: usize = 50_000;

/// The prompt without anything that would put a file in.
pub(super) fn defuse(prompt: &str, folder: &Path) -> String {
    let mut safe = String::with_capacity(prompt.len() + 16);
    let (mut rest, mut looks) = (prompt, LOOKS);
    while let Some(at) = rest.find('@') {
        let (before, behind) = rest.split_at(at + 1);
        safe.push_str(before);
        if looks == 0 || names_file(behind, folder, &mut looks) {
            safe.push(' ');
        }
        rest = behind;
    }
    safe.push_str(rest);
    safe
}

/// Whether what is behind a mark begins with the name of something that is there. The CLI's own idea of where a name ends
/// is not known for all its releases, so every place where one could end is tried.
fn names_file(behind: &str, folder: &Path, looks: &mut usize) -> bool {
    let quoted = behind.strip_prefix(['"', '\'']);
    let line = quoted.unwrap_or(behind).lines().next().unwrap_or_default();
    let line = line.char_indices().nth(LONGEST).map_or(line, |(at, _)| &line[..at]);
    let word = if quoted.is_some() { line } else { line.split(char::is_whitespace).next().unwrap_or_default() };
    let ends = word.char_indices().filter(|(_, letter)| !letter.is_alphanumeric()).map(|(at, _)| at);
    std::iter::once(word.len()).chain(ends).any(|end| {
        *looks = looks.saturating_sub(1);
        *looks == 0 || is_there(&word[..end], folder)
    })
}

fn is_there(name: &str, folder: &Path) -> bool {
    // The roots of paths are there whatever follows.
    if matches!(name.trim_end_matches('/'), "" | "." | ".." | "~") {
        return false;
    }
    let path = match name.strip_prefix("~/").zip(home_dir().ok()) {
        Some((rest, home)) => home.join(rest),
        None => folder.join(PathBuf::from(name)),
    };
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_loses_its_mark() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        std::fs::create_dir(here.join("src")).unwrap();
        std::fs::write(here.join("src/a b.rs"), "").unwrap();
        std::fs::write(here.join("n.md"), "").unwrap();
        let outside = here.join("n.md");
        let outside = outside.to_str().unwrap();
        for (prompt, safe) in [
            ("see @n.md, x", "see @ n.md, x"),
            ("@n.md#L1-3", "@ n.md#L1-3"),
            ("(@n.md)", "(@ n.md)"),
            ("@src", "@ src"),
            ("@\"src/a b.rs\"", "@ \"src/a b.rs\""),
            ("@./n.md", "@ ./n.md"),
            ("@Override me@example.com @types/node @ @@", "@Override me@example.com @types/node @ @@"),
            (&format!("x @{outside}"), &format!("x @ {outside}")),
            ("\u{ff0c}@n.md", "\u{ff0c}@ n.md"),
            ("@@n.md", "@@ n.md"),
        ] {
            assert_eq!(defuse(prompt, here), safe);
        }
    }

    #[test]
    fn many_marks_take_no_time() {
        let prompt = "@".repeat(1 << 20) + "etc";
        assert!(defuse(&prompt, Path::new("/")).ends_with("@ @ etc"));
    }
}
