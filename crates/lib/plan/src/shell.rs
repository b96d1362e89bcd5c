//! Shell text: scripts split into commands, and what a command does to the world.

/// Languages of fences whose text is shell commands.
pub fn is_shell(info: &str) -> bool {
    let language = info.trim().split([' ', '{', ',']).next().unwrap_or("").to_ascii_lowercase();
    matches!(
        language.as_str(),
        "bash" | "sh" | "shell" | "console" | "zsh" | "shell-session" | "shellsession" | "terminal"
    )
}

/// The commands of a script: prompts stripped, comments dropped, continued lines and here-documents kept together.
/// Where some lines carry a `$ ` prompt, the others are output and dropped.
///
/// `cd` and assignments change what follows, so they are carried into the commands behind them.
pub fn commands(script: &str) -> Vec<String> {
    let prompted = script.lines().any(|line| line.trim_start().starts_with("$ "));
    let mut commands = Vec::new();
    let mut setting = String::new();
    let mut lines = script.lines();
    while let Some(first) = lines.next() {
        let Some(line) = strip_prompt(first, prompted) else { continue };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut command = line.to_owned();
        while continues(&command) {
            let Some(next) = lines.next() else { break };
            let next = next.trim_end();
            command.push('\n');
            command.push_str(if prompted { next.trim_start_matches("> ") } else { next });
        }
        for end in here_documents(&command) {
            for next in lines.by_ref() {
                command.push('\n');
                command.push_str(next);
                if next.trim() == end {
                    break;
                }
            }
        }
        let command = without_comment(&command).trim_end();
        if is_setting(command) {
            setting.push_str(command);
            setting.push_str(" && ");
        } else if !command.is_empty() {
            commands.push(format!("{setting}{command}"));
        }
    }
    commands
}

fn strip_prompt(line: &str, prompted: bool) -> Option<&str> {
    let line = line.trim_start();
    if prompted { line.strip_prefix("$ ") } else { Some(line) }
}

/// A backslash at the end, or an open quote.
fn continues(command: &str) -> bool {
    if command.ends_with('\\') && !command.ends_with("\\\\") {
        return true;
    }
    // A quote that is never closed would swallow the rest of the script one line at a time.
    command.len() < 64 << 10 && open_quote(command)
}

/// A command with a quote that is never closed. What a here-document holds is text and may have one.
pub fn is_unbalanced(command: &str) -> bool {
    here_documents(command).is_empty() && open_quote(command)
}

fn open_quote(command: &str) -> bool {
    let mut quote = None;
    let mut bytes = command.bytes().peekable();
    let mut before = b' ';
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => {
                bytes.next();
            }
            (None, b'\'' | b'"') => quote = Some(byte),
            // An apostrophe in a comment opens nothing.
            (None, b'#') if before.is_ascii_whitespace() => return false,
            (Some(open), _) if byte == open => quote = None,
            _ => {}
        }
        before = byte;
    }
    quote.is_some()
}

/// The end words of the here-documents that a command opens.
fn here_documents(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = command;
    while let Some(at) = rest.find("<<") {
        let behind = &rest[at + 2..];
        rest = behind;
        // `<<<` is a here-string.
        if let Some(string) = behind.strip_prefix('<') {
            rest = string;
            continue;
        }
        let word: String = behind
            .trim_start_matches('-')
            .trim_start()
            .trim_start_matches(['\'', '"', '\\'])
            .chars()
            .take_while(|character| character.is_alphanumeric() || *character == '_')
            .collect();
        if word.starts_with(|first: char| first.is_alphabetic() || first == '_') {
            words.push(word);
        }
    }
    words
}

/// Drops a trailing comment of a one-line command.
fn without_comment(command: &str) -> &str {
    if command.contains('\n') {
        return command;
    }
    let mut quote = None;
    let bytes = command.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        match (quote, bytes[index]) {
            (None | Some(b'"'), b'\\') => index += 1,
            (None, b'\'' | b'"') => quote = Some(bytes[index]),
            (None, b'#') if index > 0 && bytes[index - 1].is_ascii_whitespace() => return &command[..index],
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
        index += 1;
    }
    command
}

/// Whether a text is the source of a program and no list of commands to type: it has a `#!` line, functions or
/// control structures over several lines.
pub fn is_program(script: &str) -> bool {
    script.trim_start().starts_with("#!")
        || script.lines().map(str::trim).any(|line| {
            matches!(line, "fi" | "done" | "esac" | "}" | "else" | "then" | "do")
                || line.ends_with("() {")
                || line.starts_with("function ")
                || line.starts_with("local ")
        })
}

/// A command that only prepares the ones behind it.
fn is_setting(command: &str) -> bool {
    let pieces = pieces(command);
    !pieces.is_empty()
        && pieces.iter().all(|piece| {
            let words: Vec<&str> = piece.split_whitespace().collect();
            match words.as_slice() {
                ["cd" | "pushd" | "export" | "source" | "." | "set" | "unset", ..] => true,
                [only] => is_assignment(only),
                _ => false,
            }
        })
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The simple commands of a command line: what stands between `&&`, `||`, `;`, `|`, `&` and line ends, outside quotes.
pub fn pieces(command: &str) -> Vec<&str> {
    let bytes = command.as_bytes();
    let mut pieces = Vec::new();
    let mut quote = None;
    let mut start = 0;
    let mut index = 0;
    while index < bytes.len() {
        match (quote, bytes[index]) {
            (None | Some(b'"'), b'\\') => index += 1,
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            // `2>&1` and `>|` are no borders.
            (None, b'&') if index > 0 && bytes[index - 1] == b'>' || bytes.get(index + 1) == Some(&b'>') => {}
            (None, b'&' | b';' | b'|' | b'\n') => {
                pieces.push(command[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
        index += 1;
    }
    pieces.push(command.get(start..).unwrap_or("").trim());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// What running a command again would do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It looks or builds: tests, linters, compilers, `grep`.
    Checks,
    /// Nothing is known about it.
    Unknown,
    /// It changes the repository, the system or something far away, it asks for a person or never ends; or it
    /// cannot work here, because it has a gap to fill in or names somebody's home.
    Changes,
}

/// Judges a command line by its weakest part.
pub fn effect(command: &str) -> Effect {
    if has_gap(command) || ["/Users/", "/home/", "~/", "C:\\"].iter().any(|home| command.contains(home)) {
        return Effect::Changes;
    }
    if writes_file(command) {
        return Effect::Changes;
    }
    let mut checks = false;
    for piece in pieces(command) {
        match piece_effect(piece) {
            Effect::Changes => return Effect::Changes,
            Effect::Checks => checks = true,
            Effect::Unknown => {}
        }
    }
    if checks { Effect::Checks } else { Effect::Unknown }
}

/// Whether a text reads as a command: it begins with a program that is known, or with a path to one.
pub fn is_command(text: &str) -> bool {
    let Some(words) = pieces(text).first().map(|piece| program_words(piece)) else { return false };
    let Some(program) = words.first() else { return false };
    let script = (program.starts_with("./") || (program.contains('/') && words.len() > 1))
        && !program.contains([':', '(', '<', '{', '*']);
    script
        || (CHECKERS.contains(program)
            || CHANGERS.contains(program)
            || SHELLS.contains(program)
            || LOOKERS.contains(program))
            && (words.len() > 1 || LONERS.contains(program))
}

/// Whether text without backticks is a command: it begins with a known program, a path or an assignment, or has an
/// option. A program of the user's own with neither is told from prose by backticks only.
pub fn reads_like_command(text: &str) -> bool {
    let words = program_words(text);
    let Some(program) = words.first() else { return text.split_whitespace().any(is_assignment) };
    let rest = &words[1..];
    let known = CHECKERS.contains(program)
        || CHANGERS.contains(program)
        || SHELLS.contains(program)
        || LOOKERS.contains(program)
        || BUILTINS.contains(program);
    // `make sure that …`, `find the callers`: programs that are English words.
    let sentence = rest.iter().any(|word| ["the", "sure", "that", "every", "each", "whether", "it"].contains(word));
    let path = program.contains('/') && !program.ends_with('/') && !program.contains("//");
    let option = rest.iter().any(|word| {
        word.trim_start_matches('-').starts_with(|first: char| first.is_ascii_alphanumeric()) && word.starts_with('-')
    });
    (known && !sentence) || path || option || words.len() < text.split_whitespace().count()
}

/// `<name>`, `...`, `YYYY`: something to fill in first.
pub fn has_gap(command: &str) -> bool {
    let mut rest = command;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        // A gap is a short name; looking further would read the whole script again for each `<`.
        if let Some(close) = rest.bytes().take(80).position(|byte| byte == b'>') {
            let inside = &rest[..close];
            let name = inside.starts_with(|first: char| first.is_alphabetic())
                && inside.chars().all(|character| character.is_alphanumeric() || "-_ .|/".contains(character));
            if name && !inside.contains('\n') {
                return true;
            }
        }
    }
    command.contains('…') || command.split_whitespace().any(|word| word == "..." || word.starts_with("YOUR_"))
}

/// A redirection into a file.
fn writes_file(command: &str) -> bool {
    let bytes = command.as_bytes();
    let mut quote = None;
    let mut index = 0;
    while index < bytes.len() {
        match (quote, bytes[index]) {
            (None | Some(b'"'), b'\\') => index += 1,
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            (None, b'>') if index == 0 || !b"-=<".contains(&bytes[index - 1]) => {
                let target = command[index + 1..].trim_start_matches(['>', '|']).trim_start();
                if !(target.starts_with('&') || target.starts_with("/dev/null") || target.starts_with('=')) {
                    return true;
                }
            }
            _ => {}
        }
        index += 1;
    }
    false
}

const CHECKERS: [&str; 62] = [
    "cargo",
    "npm",
    "pnpm",
    "yarn",
    "bun",
    "npx",
    "bunx",
    "pytest",
    "python",
    "python3",
    "uv",
    "poetry",
    "go",
    "make",
    "just",
    "ruff",
    "mypy",
    "pyright",
    "flake8",
    "black",
    "isort",
    "pylint",
    "tsc",
    "jest",
    "vitest",
    "eslint",
    "biome",
    "prettier",
    "gradle",
    "mvn",
    "dotnet",
    "swift",
    "xcodebuild",
    "zig",
    "ctest",
    "cmake",
    "phpunit",
    "composer",
    "php",
    "rspec",
    "bundle",
    "mix",
    "deno",
    "bats",
    "shellcheck",
    "node",
    "tox",
    "nox",
    "hatch",
    "rustfmt",
    "gofmt",
    "golangci-lint",
    "staticcheck",
    "luac",
    "rubocop",
    "ruby",
    "tsx",
    "playwright",
    "pre-commit",
    "actionlint",
    "yamllint",
    "markdownlint",
];
const LOOKERS: [&str; 24] = [
    "grep", "rg", "test", "[", "[[", "ls", "diff", "cmp", "wc", "find", "cat", "head", "tail", "jq", "file", "stat",
    "which", "awk", "sed", "sort", "uniq", "tree", "true", "!",
];
const BUILTINS: [&str; 14] = [
    "cd",
    "export",
    "source",
    ".",
    "set",
    "echo",
    "printf",
    "if",
    "for",
    "while",
    "sleep",
    "b3sum",
    "sha256sum",
    "tar",
];
const SHELLS: [&str; 4] = ["bash", "sh", "zsh", "timeout"];
const LONERS: [&str; 12] =
    ["make", "pytest", "tsc", "jest", "vitest", "eslint", "mypy", "pyright", "ctest", "phpunit", "rspec", "tox"];
const CHANGERS: [&str; 48] = [
    "git",
    "gh",
    "rm",
    "mv",
    "cp",
    "mkdir",
    "rmdir",
    "touch",
    "ln",
    "chmod",
    "chown",
    "sudo",
    "pip",
    "pip3",
    "brew",
    "apt",
    "apt-get",
    "docker",
    "docker-compose",
    "podman",
    "kubectl",
    "helm",
    "terraform",
    "ssh",
    "scp",
    "rsync",
    "kill",
    "pkill",
    "killall",
    "curl",
    "wget",
    "open",
    "code",
    "vim",
    "nano",
    "claude",
    "codex",
    "vercel",
    "fly",
    "heroku",
    "aws",
    "gcloud",
    "az",
    "systemctl",
    "psql",
    "mysql",
    "tee",
    "xdg-open",
];

/// The words of a simple command, without assignments and wrappers before the program.
pub fn program_words(piece: &str) -> Vec<&str> {
    let mut words: Vec<&str> = piece.trim_start_matches(['(', '{', ' ']).split_whitespace().collect();
    loop {
        let skip = match words.as_slice() {
            ["env" | "time" | "nice" | "command" | "exec", ..] => 1,
            ["timeout", _, ..] => 2,
            [first, ..] if is_assignment(first) => 1,
            _ => return words,
        };
        words.drain(..skip.min(words.len()));
    }
}

fn piece_effect(piece: &str) -> Effect {
    let words = program_words(piece);
    let Some(path) = words.first() else { return Effect::Unknown };
    let program = path.rsplit('/').next().unwrap_or(path);
    let rest = &words[1..];
    let argument = rest.iter().copied().find(|word| !word.starts_with('-')).unwrap_or("");
    let has = |flag: &str| rest.contains(&flag);
    let checks = |good: bool| if good { Effect::Checks } else { Effect::Changes };
    match program {
        "git" => {
            let verb = rest.iter().copied().find(|word| !word.starts_with('-')).unwrap_or("");
            match verb {
                "diff" if has("--check") || has("--exit-code") || has("--quiet") => Effect::Checks,
                "grep" | "check-ignore" | "merge-base" => Effect::Checks,
                // These show something to somebody; that they end well proves nothing.
                "diff" | "status" | "log" | "show" | "ls-files" | "rev-parse" | "blame" => Effect::Unknown,
                _ => Effect::Changes,
            }
        }
        "cargo" => {
            let verb = rest.iter().copied().find(|word| !word.starts_with(['-', '+'])).unwrap_or("");
            match verb {
                "test" | "check" | "clippy" | "build" | "nextest" | "doc" | "bench" | "tree" | "deny" | "machete"
                | "audit" => checks(!has("--fix")),
                "fmt" => checks(has("--check") || has("--all-check")),
                "run" => Effect::Unknown,
                _ => Effect::Changes,
            }
        }
        "npm" | "pnpm" | "yarn" | "bun" | "deno" => {
            // `npm --prefix folder test`: the folder is no verb.
            let takes_value = |word: &str| {
                ["--prefix", "--filter", "-F", "-w", "--workspace", "-C", "--cwd", "--dir"].contains(&word)
            };
            let verbs: Vec<&str> = rest
                .iter()
                .enumerate()
                .filter(|(index, _)| *index == 0 || !takes_value(rest[index - 1]))
                .map(|(_, word)| *word)
                .filter(|word| !word.starts_with('-') && !matches!(*word, "run" | "exec" | "workspace" | "turbo"))
                .collect();
            let writes = |verb: &str| {
                verb.split(':').any(|part| {
                    [
                        "fix", "write", "generate", "codegen", "migrate", "seed", "dev", "start", "serve", "deploy",
                        "install", "watch",
                    ]
                    .contains(&part)
                })
            };
            let verb = verbs.first().copied().unwrap_or("");
            match verb {
                "install" | "i" | "ci" | "add" | "remove" | "uninstall" | "link" | "publish" | "update" | "upgrade"
                | "init" | "create" | "dev" | "start" | "serve" | "preview" | "deploy" | "login" | "version"
                | "dlx" | "format" | "release" | "watch" | "" => Effect::Changes,
                _ if verbs.iter().any(|verb| writes(verb)) => Effect::Changes,
                _ if has("--watch") => Effect::Changes,
                _ => Effect::Checks,
            }
        }
        "npx" | "bunx" => match argument {
            "tsc" | "vitest" | "jest" | "eslint" | "playwright" | "biome" | "tsx" | "mocha" | "ava"
            | "svelte-check" | "vue-tsc" | "knip" | "markdownlint" | "turbo" | "nx" | "next" | "vite" => {
                checks(!has("--fix") && !has("--write") && !has("--watch") && !has("install") && !has("dev"))
            }
            "prettier" => checks(has("--check") || has("-c")),
            _ => Effect::Changes,
        },
        "uv" | "poetry" | "hatch" | "pdm" | "pipenv" => match argument {
            "run" => {
                let behind = rest.iter().position(|word| *word == "run").map_or(rest.len(), |at| at + 1);
                let inner: Vec<&str> =
                    rest[behind..].iter().copied().skip_while(|word| word.starts_with('-')).collect();
                if inner.is_empty() { Effect::Unknown } else { piece_effect(&inner.join(" ")) }
            }
            "check" => Effect::Checks,
            _ => Effect::Changes,
        },
        "bundle" => {
            if argument == "exec" && rest.len() > 1 {
                piece_effect(&rest[1..].join(" "))
            } else {
                Effect::Changes
            }
        }
        "python" | "python3" => {
            if has("-m") {
                checks(rest.iter().any(|word| {
                    matches!(
                        *word,
                        "pytest"
                            | "unittest"
                            | "py_compile"
                            | "compileall"
                            | "mypy"
                            | "ruff"
                            | "json.tool"
                            | "flake8"
                            | "pylint"
                            | "doctest"
                            | "coverage"
                    )
                }))
            } else if has("-c") || has("--version") {
                Effect::Checks
            } else {
                Effect::Unknown
            }
        }
        "go" => checks(matches!(argument, "test" | "build" | "vet" | "list")),
        "dotnet" => checks(matches!(argument, "test" | "build")),
        "swift" => checks(matches!(argument, "test" | "build")),
        "make" | "just" | "gradle" | "gradlew" | "mvn" | "mvnw" | "cmake" | "composer" | "mix" => {
            let risky = [
                "deploy",
                "install",
                "run",
                "start",
                "dev",
                "serve",
                "release",
                "publish",
                "push",
                "up",
                "clean",
                "bootRun",
                "require",
                "deps.get",
                "ecto.migrate",
                "update",
            ];
            checks(!rest.iter().any(|word| risky.contains(word)))
        }
        "ruff" => match argument {
            "check" => checks(!has("--fix")),
            "format" => checks(has("--check") || has("--diff")),
            _ => Effect::Unknown,
        },
        "black" | "isort" | "rustfmt" => checks(has("--check") || has("--check-only") || has("--diff")),
        "prettier" => checks(has("--check") || has("-c")),
        "gofmt" => checks(!has("-w")),
        "eslint" | "biome" | "rubocop" | "pre-commit" => {
            checks(!has("--fix") && !has("--write") && !has("-a") && !has("install"))
        }
        "sed" if !rest.iter().any(|word| word.starts_with("-i") || *word == "--in-place") => Effect::Unknown,
        "sed" => Effect::Changes,
        "find" => checks(!has("-delete") && !has("-exec")),
        "node" => {
            if has("--test") || has("--check") || has("-e") || has("-p") || has("-c") {
                Effect::Checks
            } else {
                Effect::Unknown
            }
        }
        "bash" | "sh" | "zsh" => {
            if has("-n") {
                Effect::Checks
            } else {
                Effect::Unknown
            }
        }
        "ruby" | "php" | "zig" | "xcodebuild" | "playwright" => match argument {
            "install" | "run" => Effect::Changes,
            _ => Effect::Checks,
        },
        "cd" | "export" | "source" | "." | "set" | "echo" | "printf" | "pushd" | "popd" | "true" | "exit" | "if"
        | "then" | "fi" | "for" | "do" | "done" | "sleep" | "cat" | "head" | "tail" | "tree" | "sort" | "uniq"
        | "wc" | "which" => Effect::Unknown,
        _ if CHANGERS.contains(&program) => Effect::Changes,
        _ if CHECKERS.contains(&program) || LOOKERS.contains(&program) => Effect::Checks,
        _ => Effect::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_become_commands() {
        assert_eq!(
            commands("# note\ncargo test  # all\n\ncargo build \\\n  --release\n"),
            ["cargo test", "cargo build \\\n  --release"]
        );
        assert_eq!(commands("$ cargo test\nok 3 passed\n$ ls\n"), ["cargo test", "ls"]);
        assert_eq!(commands("cat > a <<'EOF'\n# x\nEOF\nls\n"), ["cat > a <<'EOF'\n# x\nEOF", "ls"]);
        assert_eq!(commands("cd backend\nuv run pytest\n"), ["cd backend && uv run pytest"]);
        assert_eq!(commands("git commit -m \"one\n\ntwo\"\nls\n"), ["git commit -m \"one\n\ntwo\"", "ls"]);
        assert_eq!(commands("echo it\\'s\nls # don't\npwd\n"), ["echo it\\'s", "ls", "pwd"]);
    }

    #[test]
    fn effects() {
        for command in [
            "cargo test -p x",
            "cd a && uv run pytest -q",
            "npm run lint",
            "npx tsc --noEmit",
            "git diff --check",
            "CI=1 npm test",
            "grep -q 'a > b' f",
            "cargo fmt --check",
            "pytest 2>&1 | tail -5",
            "python3 -c 'print(1)' >/dev/null",
            "make check",
            "timeout 60 cargo test",
        ] {
            assert_eq!(effect(command), Effect::Checks, "{command}");
        }
        for command in [
            "git add . && git commit -m x",
            "npm install",
            "rm -rf a",
            "cargo add x",
            "echo a > b",
            "pytest tests/<name>.py",
            "npm run dev",
            "cd /Users/me/x && cargo test",
            "sudo make",
            "cargo fmt",
            "sed -i s/a/b/ f",
            "cargo test && git push",
            "uv sync",
            "docker compose up -d",
        ] {
            assert_eq!(effect(command), Effect::Changes, "{command}");
        }
        for command in ["./scripts/check.sh", "git diff", "cat a.rs", "sed -n 1,80p a.md", "git log --oneline -3"] {
            assert_eq!(effect(command), Effect::Unknown, "{command}");
        }
        assert_eq!(effect("npm --prefix web ci"), Effect::Changes);
        assert_eq!(effect("npm run lint:fix"), Effect::Changes);
        assert_eq!(effect("npm --prefix web run test:unit"), Effect::Checks);
    }

    #[test]
    fn commands_and_other_code() {
        for text in ["cargo test", "make", "./check.sh", "npm run build -- --x", "RUST_LOG=1 cargo test", "grep -q a b"]
        {
            assert!(is_command(text), "{text}");
        }
        for text in ["src/lib.rs", "Foo::bar", "cargo", "FileRef", "git", "let x = 1", "src/a.rs:12", "--flag value"] {
            assert!(!is_command(text), "{text}");
        }
    }
}
