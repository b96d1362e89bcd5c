//! Plans and records as they occur, made up from a fixed seed: every run measures the same bytes.
//!
//! What they are modelled on: in 618 public plans in the layout of the superpowers plugin, a task's block has 82 lines in
//! the middle, half of it code in fences; 89 % of the tasks have a list of files, 78 % a shell fence, 46 % a `Run:` and
//! 59 % an `Expected:`, 24 % done criteria, 6 % name dependencies.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::Result;

/// A file of lines, with what is known of it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) tasks: u64,
}

impl Stream {
    /// The mean size of a line, for people.
    pub(crate) fn described(&self) -> String {
        format!("{} tasks of {:.2} KB in the mean", self.tasks, self.bytes as f64 / self.tasks as f64 / 1e3)
    }
}

/// Writes a plan line and tasks until there are so many bytes: nine tasks out of ten without a route, so that most of
/// them have to be decided.
pub(crate) fn stream(path: &Path, bytes: u64) -> Result<Stream> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random(1);
    let plan = concat!(
        r#"{"type":"plan","v":1,"path":"docs/plans/large.md","title":"Large plan","digest":"00","#,
        r#""tasks":100000,"format":"superpowers"}"#,
        "\n"
    );
    file.write_all(plan.as_bytes())?;
    let (mut written, mut tasks) = (plan.len() as u64, 0);
    let mut line = String::new();
    while written < bytes {
        tasks += 1;
        line.clear();
        record(&mut random, tasks, &mut line);
        line.push('\n');
        file.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    file.flush()?;
    Ok(Stream { path: path.to_owned(), bytes: written, tasks })
}

/// One task line for an executor: a body of some 2 KB, and a route to codex.
pub(crate) fn routed_task(number: u64, sandbox: &str) -> String {
    let mut random = Random(number);
    let names = Names::of(&mut random);
    let mut body = String::new();
    steps(&mut random, &names, 2000, &mut body);
    format!(
        r#"{{"type":"task","id":"{number}","title":"Task {number}","objective":"Task {number}","files":[{{"path":"src/part{number}.rs","action":"modify"}}],"commands":["cargo test"],"done":[{{"text":"`cargo test` passes","command":"cargo test","checked":false}}],"needs":[],"checked":false,"body":{},"source":{{"path":"plan.md","line":1,"end_line":2}},"digest":"{}","route":{{"work_type":"implement","backend":"codex","models":["gpt-5.3-codex"],"effort":"high","sandbox":"{sandbox}","rank":1,"rule":"bench","why":"bench"}}}}"#,
        quoted(&body),
        digest(&mut random),
    )
}

/// The two layouts that plans are written in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// As the superpowers plugin has its agents write them: steps with code.
    Superpowers,
    /// With the fields that we ask for.
    Own,
}

/// A plan of about so many bytes.
pub(crate) fn plan(layout: Layout, bytes: usize) -> String {
    let mut random = Random(2);
    let mut text = String::with_capacity(bytes + 8192);
    if matches!(layout, Layout::Own) {
        text.push_str("---\nformat: plan-and-execute\n---\n\n");
    }
    text.push_str(
        "# Ledger Import Implementation Plan\n\n> **For the agent:** implement this plan task by task.\n\n\
         **Goal:** Read bank statements of every kind into the ledger.\n\n**Architecture:** One reader per format \
         behind one trait.\n\n**Tech stack:** Rust, SQLite\n\n---\n\n",
    );
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        if number % 25 == 1 {
            let _ = write!(text, "## Part {}: {}\n\n{}\n\n", number / 25 + 1, random.title(), random.paragraph());
        }
        match layout {
            Layout::Superpowers => superpowers_task(&mut random, number, &mut text),
            Layout::Own => own_task(&mut random, number, &mut text),
        }
    }
    text
}

fn superpowers_task(random: &mut Random, number: u64, text: &mut String) {
    let names = Names::of(random);
    let _ = write!(text, "### Task {number}: {}\n\n", random.title());
    if random.percent(89) {
        let Names { module, test, .. } = &names;
        let _ = write!(
            text,
            "**Files:**\n- Create: `{module}`\n- Modify: `src/lib.rs:{}-{}`\n- Test: `{test}`\n\n",
            number,
            number + 30
        );
    }
    if random.percent(24) {
        let _ = write!(
            text,
            "**Acceptance criteria:**\n- [ ] {}\n- [ ] `cargo test {}` passes\n\n",
            random.sentence(),
            names.function
        );
    }
    let size = random.size();
    steps(random, &names, size, text);
    text.push_str("---\n\n");
}

fn own_task(random: &mut Random, number: u64, text: &mut String) {
    let names = Names::of(random);
    let Names { module, test, function, .. } = &names;
    let _ = write!(
        text,
        "### Task {number}: {}\n\n**Objective:** {}\n**Files:**\n- Create: `{module}`\n- Test: `{test}`\n**Commands:**\n\
         - `cargo test {function}`\n- `cargo clippy -- -D warnings`\n**Backend:** codex\n",
        random.title(),
        random.sentence(),
    );
    if number > 1 && random.percent(30) {
        let _ = writeln!(text, "**Depends on:** Task {}", number - 1);
    }
    let _ = write!(
        text,
        "**Estimate:** {} min\n**Done when:**\n- [ ] `cargo test {function}` passes\n- [ ] {}\n\n",
        2 + number % 4,
        random.sentence()
    );
    let size = random.size();
    steps(random, &names, size, text);
}

/// The text of a task: numbered steps with prose, code, commands and what to expect of them, to about `size` bytes.
fn steps(random: &mut Random, names: &Names, size: usize, text: &mut String) {
    let Names { module, test, function, kind } = names;
    let begin = text.len();
    let mut step = 0;
    while text.len() - begin < size {
        step += 1;
        match step % 4 {
            1 => {
                let _ =
                    write!(text, "**Step {step}: Write the failing test**\n\n```rust\n#[test]\nfn {function}() {{\n");
                for _ in 0..2 + random.below(5) {
                    let _ = writeln!(
                        text,
                        "    assert_eq!({kind}::read(\"{}\").unwrap().len(), {});",
                        random.word(),
                        random.below(99)
                    );
                }
                text.push_str("}\n```\n\n");
            }
            2 => {
                let _ = write!(text, "**Step {step}: See it fail**\n\n{}\n\n", random.paragraph());
                if random.percent(60) {
                    let _ = write!(
                        text,
                        "Run: `cargo test {function}`\nExpected: FAIL with \"no function `{function}`\"\n\n"
                    );
                }
            }
            3 => {
                let _ = write!(
                    text,
                    "**Step {step}: Write the code**\n\nIn `{module}`, see also [the notes](docs/{function}.md):\n\n```rust\nimpl {kind} {{\n"
                );
                for _ in 0..3 + random.below(6) {
                    let (name, word) = (random.word(), random.word());
                    let _ = write!(
                        text,
                        "    /// {}\n    pub fn {name}(&self, {word}: &str) -> Result<usize, Error> {{\n        let {word} = {word}.trim();\n        Ok(self.{name}.len() + {word}.len())\n    }}\n\n",
                        random.sentence()
                    );
                }
                text.push_str("}\n```\n\n");
            }
            _ => {
                let _ = write!(
                    text,
                    "**Step {step}: See it pass, and commit**\n\nRun: `cargo test {function}`\nExpected: PASS\n\n- {}\n- *{}* and `{}`\n  - {}\n\n\
                     ```bash\ncargo test {function}\ngit add {module} {test}\ngit commit -m \"feat: {}\"\n```\n\n",
                    random.sentence(),
                    random.word(),
                    random.word(),
                    random.sentence(),
                    random.title(),
                );
            }
        }
    }
}

/// A task as plan-parse writes it, and every now and then what others may add: an unknown field, numbers in another
/// spelling, text that is not ASCII, escapes of every kind.
fn record(random: &mut Random, number: u64, line: &mut String) {
    let names = Names::of(random);
    let Names { module, test, function, .. } = &names;
    let title = if random.percent(5) { format!("Größe prüfen — {} ✅", random.title()) } else { random.title() };
    let mut body = String::new();
    let size = random.size();
    steps(random, &names, size, &mut body);
    if random.percent(20) {
        body.push_str("日本語の説明 と C:\\path\\to \"quoted\"\ttab\r\n");
    }
    let needs = if number > 1 && random.percent(6) { format!("\"{}\"", number - 1) } else { String::new() };
    let _ = write!(
        line,
        concat!(
            r#"{{"type":"task","id":"{number}","title":{title},"objective":{objective},"files":[{{"path":"{module}","action":"create"}},"#,
            r#"{{"path":"src/lib.rs","action":"modify","lines":"12-40"}},{{"path":"{test}","action":"test"}}],"#,
            r#""commands":["cargo test {function}","cargo clippy -- -D warnings"],"#,
            r#""done":[{{"text":"PASS","command":"cargo test {function}","checked":false}}],"needs":[{needs}],"checked":false,"#,
            r#""body":{body},"source":{{"path":"docs/plans/large.md","line":{line_number},"end_line":{end}}},"digest":"{digest}","#,
            r#""inferred":["objective","commands","done"]"#
        ),
        number = number,
        title = quoted(&title),
        objective = quoted(&title),
        module = module,
        test = test,
        function = function,
        needs = needs,
        body = quoted(&body),
        line_number = number * 90,
        end = number * 90 + 82,
        digest = digest(random),
    );
    if random.percent(10) {
        line.push_str(
            r#","route":{"work_type":"implement","backend":"codex","models":["gpt-5.3-codex"],"effort":"high","sandbox":"workspace-write","rank":2,"rule":"plan","why":"the plan says so"}"#,
        );
    }
    if random.percent(15) {
        line.push_str(r#", "x-tracker" : {"key":"LED-17","points":0.50,"ratio":1E5,"big":12345678901234567890,"labels":["a\u00e9\/b", null, true, {}]}"#);
    }
    line.push('}');
}

/// What one task is about.
struct Names {
    module: String,
    test: String,
    function: String,
    kind: String,
}

impl Names {
    fn of(random: &mut Random) -> Self {
        let (folder, file, verb) = (random.word(), random.word(), random.word());
        let mut kind = file.to_owned();
        kind[..1].make_ascii_uppercase();
        Self {
            module: format!("src/{folder}/{file}.rs"),
            test: format!("tests/{folder}_{file}.rs"),
            function: format!("{verb}_{file}_{}", random.below(1000)),
            kind,
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn digest(random: &mut Random) -> String {
    format!("{:016x}{:016x}{:016x}{:016x}", random.next(), random.next(), random.next(), random.next())
}

/// splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % end
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// The length that a task's text shall have at least: up to 4 KB, small ones more often.
    fn size(&mut self) -> usize {
        (300 << self.below(4)) + self.below(1000)
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }

    fn title(&mut self) -> String {
        let verb = VERBS[self.below(VERBS.len())];
        let (one, two) = (self.word(), self.word());
        format!("{verb} the {one} {two}")
    }

    fn sentence(&mut self) -> String {
        let mut text = self.title();
        for _ in 0..3 + self.below(8) {
            text.push_str(if self.percent(10) { ", " } else { " " });
            text.push_str(self.word());
        }
        text.push('.');
        text
    }

    fn paragraph(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..2 + self.below(3) {
            text.push_str(&self.sentence());
            let (code, strong) = (self.word(), self.word());
            let _ = writeln!(text, " It keeps `{code}_id` **{strong}**.");
        }
        text
    }
}

const VERBS: [&str; 16] = [
    "Add",
    "Read",
    "Write",
    "Test",
    "Remove",
    "Rename",
    "Document",
    "Review",
    "Investigate",
    "Compare",
    "Extract",
    "Validate",
    "Refactor",
    "Fix",
    "Wire",
    "Migrate",
];

const WORDS: [&str; 48] = [
    "account", "adapter", "archive", "balance", "batch", "buffer", "cache", "client", "column", "config", "cursor",
    "daemon", "editor", "event", "export", "field", "filter", "folder", "format", "handler", "header", "import",
    "index", "invoice", "journal", "ledger", "letter", "limit", "logger", "matcher", "merger", "metric", "parser",
    "payment", "policy", "query", "queue", "reader", "record", "report", "schema", "server", "session", "socket",
    "storage", "stream", "token", "writer",
];
