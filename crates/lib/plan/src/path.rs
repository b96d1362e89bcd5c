//! Paths as plans write them.

use std::borrow::Cow;

/// A path with the lines that the plan points at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path<'a> {
    /// The path, with `/` between its parts.
    pub path: Cow<'a, str>,
    /// `12-40`, `12,40`.
    pub lines: Option<&'a str>,
}

/// Reads what stands between backticks, or a bare word of a list of files. `None` when it is no path.
pub fn read(text: &str) -> Option<Path<'_>> {
    let text = text.trim();
    let (path, lines) = split_lines(text);
    let path = path.strip_prefix("./").unwrap_or(path);
    if !is_path(path) {
        return None;
    }
    let path = if path.contains('\\') && !path.contains('/') {
        Cow::Owned(path.replace('\\', "/"))
    } else {
        Cow::Borrowed(path)
    };
    Some(Path { path, lines })
}

/// A word of running text that is a path beyond doubt: it has a folder and a suffix, or ends like a source file.
pub fn is_certain(word: &str) -> bool {
    let Some(Path { path, .. }) = read(word) else { return false };
    let name = path.rsplit('/').next().unwrap_or("");
    suffix(name).is_some()
        || (path.contains('/') && !path.starts_with('/') && path.ends_with('/'))
        || is_known_name(name)
}

/// `src/a.rs:12-40`, `src/a.rs:12`, `src/a.rs#L12-L40`.
fn split_lines(text: &str) -> (&str, Option<&str>) {
    if let Some((path, lines)) = text.split_once("#L")
        && lines.bytes().all(|byte| byte.is_ascii_digit() || b"-L".contains(&byte))
    {
        return (path, Some(lines));
    }
    if let Some(colon) = text.find(':') {
        let (path, lines) = (&text[..colon], &text[colon + 1..]);
        let digits = lines.starts_with(|first: char| first.is_ascii_digit() || first == '~');
        if digits && lines.chars().all(|character| character.is_ascii_digit() || "-–,+~: ".contains(character)) {
            return (path, Some(lines.trim()));
        }
        // `src/a.rs::function` and `src/a.rs:function` point into the file.
        if !path.is_empty() && colon > 1 && suffix(path).is_some() {
            return (path, None);
        }
    }
    (text, None)
}

fn is_path(path: &str) -> bool {
    if path.is_empty() || path.len() > 400 || path.contains("://") || path.contains("...") {
        return false;
    }
    let plain = path.chars().all(|character| {
        character.is_alphanumeric()
            || "/._-*{}[]@+~,$#%&!\\".contains(character)
            || (character == ' ' && path.contains('/'))
    });
    // Routes and dynamic folders, `app/(main)/[id]/page.tsx`, have brackets of their own.
    let routed = path.contains('/')
        && path.chars().all(|character| character.is_alphanumeric() || "/._-*{}[]()@+~,$#%&!".contains(character));
    if !(plain || routed) || path.starts_with(['-', '$', '#', '@', '&', '%', '!', ',', '+']) && !path.contains('/') {
        return false;
    }
    // A sentence with a slash somewhere in it.
    if path.matches(' ').count() > 3 {
        return false;
    }
    let name = path.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or("");
    path.contains('/') || suffix(name).is_some() || is_known_name(name) || name.starts_with('.') && name.len() > 2
}

/// The suffix of a file name, when it looks like one: `rs`, `toml`, `test.ts`.
fn suffix(name: &str) -> Option<&str> {
    let (stem, suffix) = name.rsplit_once('.')?;
    let good = !stem.is_empty()
        && !suffix.is_empty()
        && suffix.len() <= 12
        && suffix.chars().all(|character| character.is_ascii_alphanumeric() || character == '*')
        && suffix.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*' || first.is_ascii_digit());
    // `1.2` is a version, `self.field` and `Foo.bar` are code; a suffix is short and lower case.
    let number = stem.ends_with(|last: char| last.is_ascii_digit()) && suffix.bytes().all(|byte| byte.is_ascii_digit());
    (good && !number && (suffix.len() <= 5 || is_long_suffix(suffix))).then_some(suffix)
}

fn is_long_suffix(suffix: &str) -> bool {
    [
        "csproj",
        "fsproj",
        "vbproj",
        "gradle",
        "properties",
        "svelte",
        "graphql",
        "ipynb",
        "plist",
        "swiftpm",
        "xcconfig",
        "pbxproj",
        "example",
        "service",
        "template",
        "sqlite",
        "parquet",
        "lock",
        "editorconfig",
        "storyboard",
        "entitlements",
        "feature",
        "webmanifest",
        "jsonl",
    ]
    .contains(&suffix.to_ascii_lowercase().as_str())
}

fn is_known_name(name: &str) -> bool {
    matches!(
        name,
        "Makefile"
            | "Dockerfile"
            | "LICENSE"
            | "LICENCE"
            | "COPYING"
            | "README"
            | "CHANGELOG"
            | "Gemfile"
            | "Rakefile"
            | "Procfile"
            | "Justfile"
            | "justfile"
            | "CODEOWNERS"
            | "VERSION"
            | "Vagrantfile"
            | "Jenkinsfile"
            | "BUILD"
            | "WORKSPACE"
            | "Brewfile"
            | "NOTICE"
            | "AUTHORS"
            | "Caddyfile"
            | "Containerfile"
            | "Pipfile"
    )
}

/// Whether a path leads out of the repository.
pub fn leaves_repository(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    if path.starts_with(['/', '~', '\\']) || drive {
        return true;
    }
    let mut depth = 0_i64;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Whether a file is a test by the customs of its language: `test_a.py`, `a_test.go`, `a.test.ts`, `a.spec.js`, `ATests.cs`.
pub fn is_test(path: &str) -> bool {
    let path = split_lines(path).0;
    let name = path.rsplit('/').next().unwrap_or("");
    let stem = name.split('.').next().unwrap_or("");
    stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_spec")
        || (stem.len() > 5 && (stem.ends_with("Test") || stem.ends_with("Tests")))
        || name.contains(".test.")
        || name.contains(".spec.")
        || path.starts_with("tests/") && !stem.is_empty()
}

/// Whether a path stands for one that is still to be named: `path/to/file`, `<name>.rs`, `TBD`.
pub fn is_placeholder(path: &str) -> bool {
    path.contains(['<', '>']) || path.starts_with("path/to/") || path.contains("TBD") || path.contains("TODO/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_their_lines() {
        for (text, path, lines) in [
            ("src/a.rs", "src/a.rs", None),
            ("src/a.rs:12-40", "src/a.rs", Some("12-40")),
            ("src/a.rs:12,40", "src/a.rs", Some("12,40")),
            ("a.py:7", "a.py", Some("7")),
            ("./Cargo.toml", "Cargo.toml", None),
            (".env.example", ".env.example", None),
            ("src/**/*.ts", "src/**/*.ts", None),
            ("docs/", "docs/", None),
            ("Makefile", "Makefile", None),
            ("app/(main)/[id]/page.tsx", "app/(main)/[id]/page.tsx", None),
            ("src\\win\\a.cs", "src/win/a.cs", None),
            ("a.rs::tests", "a.rs", None),
        ] {
            let read = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((&*read.path, read.lines), (path, lines), "{text}");
        }
        for text in [
            "cargo test",
            "Foo::bar",
            "fn main()",
            "none",
            "1.2",
            "a + b",
            "https://a/b",
            "",
            "No code changes required",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn tests_are_known_by_their_names() {
        for path in ["tests/cli.rs", "a/test_b.py", "a/b_test.go:3", "a.test.tsx", "src/FooTests.cs"] {
            assert!(is_test(path), "{path}");
        }
        for path in ["src/latest.rs", "src/contest.py", "tests/"] {
            assert!(!is_test(path), "{path}");
        }
    }

    #[test]
    fn outside_is_outside() {
        for path in ["/etc/passwd", "../a", "a/../../b", "~/x", "C:\\x", "\\\\host\\x"] {
            assert!(leaves_repository(path), "{path}");
        }
        for path in ["a/../b", "a", "./a", "..a/b"] {
            assert!(!leaves_repository(path), "{path}");
        }
    }
}
