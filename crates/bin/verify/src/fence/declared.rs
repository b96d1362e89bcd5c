//! What a task may change, by the files that it declares.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use record::Action;

/// What happened to a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// It is there and was not before.
    Added,
    /// It is another than before.
    Modified,
    /// It is not there any more.
    Deleted,
    /// It was written; nobody knows what was there before.
    Written,
    /// It was changed and is not there now; somebody else may have taken it away since.
    Gone,
}

/// Whether a task may do it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Permit {
    /// The task declares it.
    Yes,
    /// The task declares the path, though not quite this; a person would let it pass, and should know.
    WithRemark(&'static str),
    /// The task declares the path for something else.
    No(&'static str),
    /// The task does not declare the path.
    Undeclared,
}

/// The files of a task.
#[derive(Debug, Default)]
pub struct Declared {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: String,
    /// `None` for a word that is not of the contract: then it may do anything but delete.
    action: Option<Action>,
    reach: Reach,
}

/// What a declared path covers besides itself.
#[derive(Debug)]
enum Reach {
    /// What is below it, when it is no file.
    Below,
    /// What is below it; it is a folder, as it is written with a `/` at its end.
    Folder,
    /// What the glob matches, and what is below that.
    Glob(Box<[GlobMatcher; 2]>),
}

/// How closely an entry covers a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cover {
    Named,
    Around,
}

impl Declared {
    /// From paths and actions. They are read as relative to the top of the repository and, when the work was done in the
    /// folder `below` it, also as relative to that. A path that leaves the repository covers nothing.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, Option<Action>)>, below: &Path) -> Self {
        let mut entries = Vec::new();
        let below = below.to_str().map(normal).unwrap_or_default().unwrap_or_default();
        for (path, action) in files {
            let Some(normal) = normal(path) else { continue };
            let is_folder = path.ends_with(['/', '\\']) || matches!(path, "." | "./");
            entries.extend(Entry::new(normal.clone(), action, is_folder));
            if !below.is_empty() && !normal.is_empty() {
                entries.extend(Entry::new(format!("{below}/{normal}"), action, is_folder));
            }
        }
        Self { entries }
    }

    /// Whether it declares nothing that may be written.
    pub fn only_reads(&self) -> bool {
        self.entries.iter().all(|entry| !entry.writes())
    }

    /// Whether the path may be written because the task names it, or something that covers it.
    pub fn covers(&self, path: &str) -> bool {
        self.entries.iter().any(|entry| entry.writes() && entry.cover(path, false).is_some())
    }

    /// Whether the path may be written because the task names this very path.
    pub fn names(&self, path: &str) -> bool {
        self.entries.iter().any(|entry| entry.writes() && entry.cover(path, false) == Some(Cover::Named))
    }

    /// The paths that may be written, up to the first wildcard.
    pub fn written(&self) -> impl Iterator<Item = &str> {
        let entries = self.entries.iter().filter(|entry| entry.writes());
        entries.map(|entry| match entry.reach {
            Reach::Glob(_) => fixed_part(&entry.path),
            _ => entry.path.as_str(),
        })
    }

    /// Whether the task may do this to the path. `was_file` says whether a declared path was a file before: then nothing
    /// is below it.
    pub fn permit(&self, path: &str, deed: Deed, was_file: impl Fn(&str) -> bool) -> Permit {
        let mut best = Permit::Undeclared;
        for entry in &self.entries {
            let named_only = matches!(entry.reach, Reach::Below) && was_file(&entry.path);
            let Some(cover) = entry.cover(path, named_only) else { continue };
            let permit = entry.permit(deed, cover);
            best = match (best, permit) {
                (_, Permit::Yes) => return Permit::Yes,
                (Permit::WithRemark(_), _) => best,
                (_, Permit::WithRemark(_)) | (Permit::Undeclared, _) => permit,
                _ => best,
            };
        }
        best
    }
}

impl Entry {
    /// One entry, and a second one for a name that only looks like a glob.
    fn new(path: String, action: Option<Action>, is_folder: bool) -> Vec<Self> {
        let literal = |path: String| Self { path, action, reach: if is_folder { Reach::Folder } else { Reach::Below } };
        let glob =
            |glob: &str| GlobBuilder::new(glob).literal_separator(true).build().map(|glob| glob.compile_matcher());
        if !path.contains(['*', '?', '[', '{']) {
            return vec![literal(path)];
        }
        match (glob(&path), glob(&format!("{path}/**"))) {
            (Ok(itself), Ok(inside)) => {
                let reach = Reach::Glob(Box::new([itself, inside]));
                // `app/[id]/page.tsx` is a file of that very name for some frameworks.
                vec![literal(path.clone()), Self { path, action, reach }]
            }
            _ => vec![literal(path)],
        }
    }

    fn writes(&self) -> bool {
        self.action.is_none_or(Action::writes)
    }

    fn cover(&self, path: &str, named_only: bool) -> Option<Cover> {
        if let Reach::Glob(globs) = &self.reach {
            return globs.iter().any(|glob| glob.is_match(path)).then_some(Cover::Around);
        }
        let rest = if self.path.is_empty() { path } else { path.strip_prefix(&self.path)? };
        match rest.strip_prefix('/') {
            None if rest.is_empty() => Some(Cover::Named),
            Some(_) if !named_only => Some(Cover::Around),
            None if self.path.is_empty() => Some(Cover::Around),
            _ => None,
        }
    }

    fn permit(&self, deed: Deed, cover: Cover) -> Permit {
        match (self.action, deed) {
            (Some(Action::Read), _) => Permit::No("it is declared to be read only"),
            (Some(Action::Delete), deed) => match deed {
                Deed::Deleted | Deed::Gone => Permit::Yes,
                Deed::Added => Permit::No("it is declared to be deleted, and was made"),
                _ => Permit::WithRemark("it is declared to be deleted, and was changed"),
            },
            (_, Deed::Gone) => Permit::WithRemark("it is not there now"),
            (_, Deed::Written) => Permit::Yes,
            (Some(Action::Create), Deed::Modified) => {
                Permit::WithRemark("it is declared to be created, and was there before")
            }
            // Whoever may change a folder may put something into it and take something out.
            (Some(Action::Modify), _) if cover == Cover::Around => Permit::Yes,
            (Some(Action::Modify), Deed::Added) => Permit::WithRemark("it is declared to be modified, and was made"),
            (_, Deed::Deleted) => Permit::No("the task does not say that it is deleted"),
            (_, Deed::Added | Deed::Modified) => Permit::Yes,
        }
    }
}

/// A path as git would write it; `None` when it leaves the repository.
pub fn normal(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folders of a glob before its first wildcard.
fn fixed_part(glob: &str) -> &str {
    let wild = glob.find(['*', '?', '[', '{']).unwrap_or(glob.len());
    glob[..wild].rfind('/').map_or("", |end| &glob[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(files: &[(&str, Action)]) -> Declared {
        Declared::new(files.iter().map(|(path, action)| (*path, Some(*action))), Path::new(""))
    }

    fn permit(files: &[(&str, Action)], path: &str, deed: Deed) -> Permit {
        declared(files).permit(path, deed, |_| false)
    }

    #[test]
    fn what_is_declared_is_permitted_and_nothing_beside_it() {
        let files = [("src/a.rs", Action::Modify), ("./docs/", Action::Create), ("gen/**/*.json", Action::Modify)];
        for (path, deed) in [
            ("src/a.rs", Deed::Modified),
            ("docs/deep/b.md", Deed::Added),
            ("gen/x/y/z.json", Deed::Added),
            ("gen/z.json", Deed::Deleted),
            ("src/a.rs", Deed::Written),
        ] {
            assert_eq!(permit(&files, path, deed), Permit::Yes, "{path}");
        }
        for path in ["src/a.rs.bak", "src", "docs.md", "gen/z.yaml", "other", "SRC/a.rs", ""] {
            assert_eq!(permit(&files, path, Deed::Modified), Permit::Undeclared, "{path}");
        }
    }

    #[test]
    fn an_action_permits_what_a_person_would_let_pass() {
        use Action::{Create, Delete, Modify, Read, Test};
        for (action, deed, wanted) in [
            (Create, Deed::Added, "yes"),
            (Create, Deed::Modified, "remark"),
            (Create, Deed::Deleted, "no"),
            (Modify, Deed::Modified, "yes"),
            (Modify, Deed::Added, "remark"),
            (Modify, Deed::Deleted, "no"),
            (Test, Deed::Added, "yes"),
            (Test, Deed::Modified, "yes"),
            (Test, Deed::Deleted, "no"),
            (Delete, Deed::Deleted, "yes"),
            (Delete, Deed::Modified, "remark"),
            (Delete, Deed::Added, "no"),
            (Read, Deed::Modified, "no"),
            (Read, Deed::Written, "no"),
            (Create, Deed::Gone, "remark"),
            (Modify, Deed::Written, "yes"),
        ] {
            let said = match permit(&[("f", action)], "f", deed) {
                Permit::Yes => "yes",
                Permit::WithRemark(_) => "remark",
                Permit::No(_) => "no",
                Permit::Undeclared => "undeclared",
            };
            assert_eq!(said, wanted, "{action:?} {deed:?}");
        }
        // Two entries for one path: what one of them permits is permitted.
        assert_eq!(permit(&[("f", Read), ("f", Modify)], "f", Deed::Modified), Permit::Yes);
        assert_eq!(permit(&[("f", Modify), ("f", Delete)], "f", Deed::Deleted), Permit::Yes);
        assert_eq!(permit(&[("d/", Modify)], "d/f", Deed::Deleted), Permit::Yes);
    }

    #[test]
    fn a_path_that_leaves_the_repository_covers_nothing() {
        for path in ["/etc/passwd", "../x", "a/../../x", ".."] {
            assert!(declared(&[(path, Action::Modify)]).entries.is_empty(), "{path}");
        }
        assert_eq!(permit(&[("a/../b", Action::Modify)], "b", Deed::Modified), Permit::Yes);
        assert_eq!(permit(&[(".", Action::Modify)], "any/where", Deed::Modified), Permit::Yes);
    }

    #[test]
    fn a_name_with_brackets_is_a_name_first() {
        let files = declared(&[("app/[id]/page.tsx", Action::Modify)]);
        assert!(files.names("app/[id]/page.tsx") && files.covers("app/i/page.tsx") && !files.names("app/i/page.tsx"));
        assert!(!files.covers("app/x/page.tsx"));
        assert_eq!(permit(&[("a{b", Action::Modify)], "a{b", Deed::Modified), Permit::Yes);
    }

    #[test]
    fn nothing_is_below_what_was_a_file() {
        let files = declared(&[("a", Action::Modify)]);
        assert_eq!(files.permit("a/b", Deed::Added, |_| false), Permit::Yes);
        assert_eq!(files.permit("a/b", Deed::Added, |path| path == "a"), Permit::Undeclared);
    }

    #[test]
    fn paths_may_be_meant_from_the_folder_of_the_work() {
        let files = Declared::new([("src/a.rs", Some(Action::Modify))], Path::new("web/app"));
        assert!(files.names("src/a.rs") && files.names("web/app/src/a.rs") && !files.covers("web/src/a.rs"));
    }
}
