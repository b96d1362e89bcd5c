//! Which tasks must not be at work at the same time.

use crate::Sandbox;

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
        self.meeting(other).is_some()
    }

    /// Where this one meets another: at the first of its own paths that does, or nobody knows where.
    pub fn meeting(&self, other: &Self) -> Option<Meeting<'_>> {
        match (self, other) {
            (Self::Reads, _) | (_, Self::Reads) => None,
            (Self::WritesAnything, _) => Some(Meeting::Anywhere),
            (Self::Writes(own), Self::WritesAnything) => own.first().map(|path| Meeting::At(path)),
            (Self::Writes(own), Self::Writes(others)) => own
                .iter()
                .find(|own| others.iter().any(|other| within(own, other) || within(other, own)))
                .map(|path| Meeting::At(path)),
        }
    }
}

/// Where two tasks meet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meeting<'a> {
    /// Nobody knows.
    Anywhere,
    /// At this path, spelled so that equal paths are equal.
    At(&'a str),
}

/// Whether a task may write: with a sandbox that lets it, or, where none is named, when it names a file to be written.
pub fn may_write(sandbox: Option<&str>, names_written: bool) -> bool {
    sandbox.map_or(names_written, |sandbox| sandbox != Sandbox::ReadOnly.name())
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
    use super::{Access, Meeting, may_write};

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

    #[test]
    fn the_place_of_a_meeting_is_the_own_path() {
        let writes = |paths: &[&str]| Access::writes(paths.iter().copied());
        assert_eq!(writes(&["a", "src/B.rs"]).meeting(&writes(&["src"])), Some(Meeting::At("src/b.rs")));
        assert_eq!(writes(&["a"]).meeting(&Access::WritesAnything), Some(Meeting::At("a")));
        assert_eq!(Access::WritesAnything.meeting(&writes(&["a"])), Some(Meeting::Anywhere));
    }

    #[test]
    fn without_a_sandbox_to_write_in_only_who_names_a_file_may_write() {
        assert!(may_write(Some("workspace-write"), false) && may_write(Some("elsewhere"), false));
        assert!(may_write(None, true) && !may_write(None, false) && !may_write(Some("read-only"), true));
    }
}
