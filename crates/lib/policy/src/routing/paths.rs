//! What kind of file a path names, by its spelling alone.

use super::table::FileClass;

/// A set of [`FileClass`]es.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Classes(u8);

impl Classes {
    pub fn of(classes: &[FileClass]) -> Self {
        classes.iter().fold(Self::default(), |all, class| all.with(*class))
    }

    pub fn with(self, class: FileClass) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// Whether one of `self` is in `wanted`.
    pub fn meets(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Whether there is something, and all of it is in `wanted`.
    pub fn stays_in(self, wanted: Self) -> bool {
        self.0 != 0 && self.0 & !wanted.0 == 0
    }
}

/// The kind of file at `path`. A test is a test whatever language it is written in.
pub(super) fn class(path: &str) -> FileClass {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let kind = of_extension(extension, name);
    if kind == FileClass::Docs {
        return kind;
    }
    if is_test_name(stem) || folders.split('/').any(is_test_folder) { FileClass::Test } else { kind }
}

fn is_test_folder(folder: &str) -> bool {
    matches!(folder, "test" | "tests" | "Tests" | "__tests__" | "spec" | "e2e" | "testdata" | "fixtures")
        || folder.ends_with(".Tests")
}

fn is_test_name(stem: &str) -> bool {
    stem.starts_with("test_")
        || [".test", "_test", "_tests", "-test", ".spec", "_spec", "Test", "Tests"]
            .iter()
            .any(|end| stem.ends_with(end))
}

fn of_extension(extension: &str, name: &str) -> FileClass {
    let mut lower = [0; 12];
    let Some(lower) = lower.get_mut(..extension.len()) else {
        return FileClass::Other;
    };
    lower.copy_from_slice(extension.as_bytes());
    lower.make_ascii_lowercase();
    match &*lower {
        b"md" | b"mdx" | b"markdown" | b"txt" | b"rst" | b"adoc" | b"org" | b"tex" | b"pdf" | b"docx" => {
            FileClass::Docs
        }
        b"toml" | b"yaml" | b"yml" | b"json" | b"jsonc" | b"json5" | b"ini" | b"cfg" | b"conf" | b"env" | b"lock"
        | b"properties" | b"xml" | b"tf" | b"tfvars" | b"gradle" | b"csproj" | b"sln" | b"plist" => FileClass::Config,
        b"rs" | b"go" | b"py" | b"pyi" | b"ipynb" | b"js" | b"jsx" | b"mjs" | b"cjs" | b"ts" | b"tsx" | b"mts"
        | b"cts" | b"vue" | b"svelte" | b"astro" | b"java" | b"kt" | b"kts" | b"scala" | b"groovy" | b"c" | b"h"
        | b"cc" | b"cpp" | b"cxx" | b"hpp" | b"cs" | b"fs" | b"vb" | b"swift" | b"m" | b"mm" | b"rb" | b"erb"
        | b"php" | b"pl" | b"pm" | b"lua" | b"r" | b"jl" | b"ex" | b"exs" | b"erl" | b"hs" | b"ml" | b"mli"
        | b"clj" | b"dart" | b"zig" | b"nim" | b"sh" | b"bash" | b"zsh" | b"fish" | b"ps1" | b"bat" | b"sql"
        | b"proto" | b"graphql" | b"html" | b"htm" | b"css" | b"scss" | b"sass" | b"less" | b"asm" | b"s" | b"wat"
        | b"glsl" | b"cu" | b"sol" => FileClass::Code,
        b"" if matches!(name, "Makefile" | "Dockerfile" | "Justfile" | "justfile" | "Procfile") => FileClass::Config,
        b"" if matches!(name, "README" | "LICENSE" | "CHANGELOG") => FileClass::Docs,
        _ => FileClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_it_is() {
        for (path, wanted) in [
            ("src/main.rs", FileClass::Code),
            ("a/B.TSX", FileClass::Code),
            ("tests/route.rs", FileClass::Test),
            ("web/x.test.ts", FileClass::Test),
            ("test_x.py", FileClass::Test),
            ("App.Tests/Login.cs", FileClass::Test),
            ("docs/a.md", FileClass::Docs),
            ("tests/README.md", FileClass::Docs),
            ("Cargo.toml", FileClass::Config),
            ("Makefile", FileClass::Config),
            ("src/", FileClass::Other),
            ("", FileClass::Other),
            ("x.averylongextension", FileClass::Other),
            ("x.\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", FileClass::Other),
        ] {
            assert_eq!(class(path), wanted, "{path}");
        }
    }

    #[test]
    fn sets_of_classes() {
        let docs = Classes::of(&[FileClass::Docs]);
        let both = docs.with(FileClass::Code);
        assert!(both.meets(docs) && !both.stays_in(docs) && docs.stays_in(both));
        assert!(!Classes::default().meets(both) && !Classes::default().stays_in(both));
    }
}
