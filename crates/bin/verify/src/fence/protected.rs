//! Paths that no task changes in passing.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use stage::Error;

use super::declared::{Declared, normal};

/// The list that holds where nobody names another.
pub const USUAL: &str = include_str!("protected.toml");
/// The group of tests, which are looked at more closely.
const TESTS: &str = "test";

/// The protected paths of a run.
#[derive(Debug)]
pub struct Protected {
    groups: Vec<Group>,
    except: GlobSet,
}

#[derive(Debug)]
struct Group {
    name: String,
    unless: Unless,
    paths: GlobSet,
}

/// What makes a change of a protected path the task's own business.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Unless {
    /// The task names the very file.
    Named,
    /// A path of the task covers it.
    Declared,
}

/// The list as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default)]
    group: Vec<ListedGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedGroup {
    name: String,
    unless: Unless,
    paths: Vec<String>,
}

impl Protected {
    /// The list of `file`, or else the usual one; with `more` globs, and without what `except` covers.
    pub fn new(file: Option<&PathBuf>, more: &[String], except: &[String]) -> Result<Self, Error> {
        let (text, place) = match file {
            None => (USUAL.to_owned(), "the usual list".to_owned()),
            Some(path) => {
                let place = format!("--protected {}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| Error::Usage(format!("{place}: {error}")))?;
                (text, place)
            }
        };
        let wrong = |place: &str, error: &dyn std::fmt::Display| {
            Error::Usage(format!("{place}: {}", error.to_string().trim_end().replace('\n', " ")))
        };
        let listed: Listed = toml::from_str(&text).map_err(|error| wrong(&place, &error))?;
        let mut groups = Vec::new();
        for ListedGroup { name, unless, paths } in listed.group {
            let paths = set(&paths).map_err(|error| wrong(&place, &error))?;
            groups.push(Group { name, unless, paths });
        }
        if !more.is_empty() {
            let paths = set(more).map_err(|error| wrong("--protect", &error))?;
            groups.push(Group { name: "--protect".into(), unless: Unless::Named, paths });
        }
        let except = set(except).map_err(|error| wrong("--no-protect", &error))?;
        Ok(Self { groups, except })
    }

    /// Why the task may not change this path, if it may not. `plan` is the plan's own path. Where the task declares
    /// nothing at all, `knows` is false: then what only has to be covered is nobody's to judge.
    pub fn why(&self, path: &str, declared: &Declared, knows: bool, plan: Option<&str>) -> Option<String> {
        if is_own(path) {
            return Some("it belongs to the run itself".into());
        }
        if self.excepts(path) {
            return None;
        }
        if plan == Some(path) && !declared.names(path) {
            return Some("it is the plan itself".into());
        }
        let group = self.groups.iter().find(|group| {
            let allowed = match group.unless {
                Unless::Named => declared.names(path),
                Unless::Declared => !knows || declared.covers(path),
            };
            !allowed && group.paths.is_match(path)
        })?;
        let how = match group.unless {
            Unless::Named => "the task does not name this file",
            Unless::Declared => "the task does not declare it",
        };
        Some(format!("protected ({}), and {how}", group.name))
    }

    /// Whether the user has taken the path out of all protection.
    pub fn excepts(&self, path: &str) -> bool {
        self.except.is_match(path)
    }

    /// Whether the path is that of a test.
    pub fn is_test(&self, path: &str) -> bool {
        self.groups.iter().any(|group| group.name == TESTS && group.paths.is_match(path))
    }
}

/// What a run keeps for itself, and git.
fn is_own(path: &str) -> bool {
    path.split('/').next().is_some_and(|top| top.eq_ignore_ascii_case(".plan"))
        || path.split('/').any(|part| part.eq_ignore_ascii_case(".git"))
}

/// A path of the plan line or of `source`, as git writes it. It was given from the folder `present` in the tree at
/// `root`; `None` when it is outside of that.
pub fn plan_path(path: &str, present: &Path, root: &Path) -> Option<String> {
    let path = present.join(path);
    let path = path.canonicalize().unwrap_or(path);
    normal(path.strip_prefix(root).ok()?.to_str()?)
}

fn set(globs: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let anywhere = if glob.contains('/') { glob.trim_start_matches('/').to_owned() } else { format!("**/{glob}") };
        let with = |glob: &str| GlobBuilder::new(glob).literal_separator(true).case_insensitive(true).build();
        set.add(with(&anywhere)?);
        if let Some(folder) = anywhere.strip_suffix('/') {
            set.add(with(&format!("{folder}/**"))?);
        }
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use record::Action;

    use super::*;

    fn usual() -> Protected {
        Protected::new(None, &[], &[]).unwrap()
    }

    #[test]
    fn the_usual_list_knows_the_usual_files() {
        let (protected, nothing) = (usual(), Declared::default());
        for path in [
            ".github/workflows/ci.yml",
            ".GitHub/Workflows/ci.yml",
            ".gitlab-ci.yml",
            "sub/Cargo.lock",
            "package-lock.json",
            ".gitattributes",
            "deep/.gitmodules",
            ".husky/pre-commit",
            "tests/a.rs",
            "crates/x/tests/b/c.rs",
            "src/a.test.ts",
            "pkg/a_test.go",
            "test_a.py",
            "docs/plan.md",
            ".plan/x/run.jsonl",
            ".claude/settings.json",
        ] {
            assert!(protected.why(path, &nothing, true, Some("docs/plan.md")).is_some(), "{path}");
        }
        for path in ["src/main.rs", "docs/other.md", "README.md", "src/latest.rs", "contest.py", "attest/x.rs", "plan"]
        {
            assert_eq!(protected.why(path, &nothing, true, Some("docs/plan.md")), None, "{path}");
        }
    }

    #[test]
    fn only_a_task_that_names_the_very_file_may_change_it_and_a_test_has_to_be_covered() {
        let protected = usual();
        let declared = |path: &str| Declared::new([(path, Some(Action::Modify))], Path::new(""));
        let why = |path: &str, by: &str| protected.why(path, &declared(by), true, None);
        assert_eq!(why("Cargo.lock", "Cargo.lock"), None);
        assert!(why("Cargo.lock", "*.lock").unwrap().contains("lockfile"));
        assert!(why(".github/workflows/ci.yml", ".github/").unwrap().contains("(CI)"));
        assert_eq!(why("tests/a.rs", "tests/"), None);
        assert_eq!(why("tests/a.rs", "tests/*.rs"), None);
        assert!(why("tests/a.rs", "src/").is_some());
        // Nobody may write there, whatever a plan says.
        assert!(why(".plan/run.jsonl", ".plan/run.jsonl").is_some());
        let read = Declared::new([("tests/a.rs", Some(Action::Read))], Path::new(""));
        assert!(protected.why("tests/a.rs", &read, true, None).is_some());
    }

    #[test]
    fn the_list_can_be_changed() {
        let nothing = Declared::default();
        let changed = Protected::new(None, &["secret/*".into()], &["*.lock".into(), "tests/golden/".into()]).unwrap();
        assert!(changed.why("secret/x", &nothing, true, None).is_some());
        assert_eq!(changed.why("Cargo.lock", &nothing, true, None), None);
        assert_eq!(changed.why("tests/golden/a/b", &nothing, true, None), None);
        assert!(changed.why("tests/other", &nothing, true, None).is_some());
        assert!(Protected::new(None, &["a{".into()], &[]).is_err());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.toml");
        std::fs::write(&file, "[[group]]\nname = \"mine\"\nunless = \"named\"\npaths = [\"x\"]\n").unwrap();
        let own = Protected::new(Some(&file), &[], &[]).unwrap();
        assert!(own.why("x", &nothing, true, None).unwrap().contains("(mine)"));
        assert_eq!(own.why("Cargo.lock", &nothing, true, None), None);
        std::fs::write(&file, "[[group]]\nnam = 1\n").unwrap();
        assert!(Protected::new(Some(&file), &[], &[]).is_err());
        assert!(Protected::new(Some(&folder.path().join("missing")), &[], &[]).is_err());
    }
}
