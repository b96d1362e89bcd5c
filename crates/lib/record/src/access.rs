//! Which tasks must not be at work at the same time.

/// What a task may write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Access {
    /// Nothing.
    Reads,
    /// These files, as compared by [`Access::meets`].
    Writes(Vec<String>),
    /// Nobody knows which files.
    WritesAnything,
}

impl Access {
    /// Writes these paths; none named means that nobody knows.
    pub fn writes<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let paths: Vec<String> = paths.map(fixed_part).collect();
        if paths.is_empty() || paths.iter().any(String::is_empty) { Self::WritesAnything } else { Self::Writes(paths) }
    }

    /// Whether anything is written.
    pub fn is_writing(&self) -> bool {
        *self != Self::Reads
    }

    /// Whether two tasks must not run at the same time in one tree.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reads, _) | (_, Self::Reads) => false,
            (Self::Writes(one), Self::Writes(two)) => {
                one.iter().any(|one| two.iter().any(|two| within(one, two) || within(two, one)))
            }
            _ => true,
        }
    }
}

/// The part of a path before its first wildcard, folded so that spellings of one file compare equal: a wrong "equal"
/// costs time, a wrong "different" costs somebody's work.
fn fixed_part(path: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // Where this leads is not known without looking.
            ".." => return String::new(),
            part if part.contains(['*', '?', '[', '{']) => break,
            part => parts.push(part.to_lowercase()),
        }
    }
    parts.join("/")
}

/// Whether `path` is `folder` or inside it.
fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::Access;

    #[test]
    fn paths_meet_when_one_may_hold_the_other() {
        let meets = |one: &[&str], two: &[&str]| {
            Access::writes(one.iter().copied()).meets(&Access::writes(two.iter().copied()))
        };
        assert!(meets(&["src/a.rs"], &["./src/A.rs"]));
        assert!(meets(&["src/"], &["src/a/b.rs"]));
        assert!(meets(&["src/**/*.rs"], &["src/x.txt"]));
        assert!(meets(&["a"], &[]));
        assert!(meets(&["../x"], &["y"]));
        assert!(meets(&["*.md"], &["y"]));
        assert!(!meets(&["src/a.rs"], &["src/a.rs.bak"]));
        assert!(!meets(&["src/a"], &["src/ab"]));
        assert!(!Access::Reads.meets(&Access::WritesAnything));
    }
}
