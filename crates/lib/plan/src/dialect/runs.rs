//! Commands of plans that do not list them: `Run:` lines, shell fences, and what is expected of them.
//!
//! These commands are run again when the task is done, to see that it is. So a command that is only expected to fail
//! (the first run of a test) is left out, and so is everything that changes something: commits, installations,
//! servers, files written by redirection. What is left out still stands in the task's body for the agent to read.

use std::collections::HashMap;
use std::ops::Range;

use record::Done;

use super::explicit::{code, info};
use crate::draft::{Draft, Written};
use crate::field::{Field, Label, is_step, item_of, one_line};
use crate::markdown::{Block, Document, Kind, code_text};
use crate::shell::{self, Effect};

/// What the plan says about the outcome of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Pass,
    Fail,
}

struct Run {
    command: String,
    place: Range<usize>,
    outcome: Option<Outcome>,
}

/// Infers commands and done criteria for a task without a `Commands` field.
pub fn infer(document: &Document, blocks: Range<usize>, fields: &[Field], draft: &mut Draft) {
    let stated = fields.iter().any(|field| field.label == Label::Commands);
    let mut walk = Walk { document, runs: Vec::new(), group: 0, hint: None, done: Vec::new(), awaiting: false };
    let mut fields = fields.iter().peekable();
    for index in blocks.start + 1..blocks.end {
        let block = &document.blocks[index];
        while fields.peek().is_some_and(|field| field.block < index) {
            fields.next();
        }
        match block.kind {
            Kind::Heading(_) => walk.begin(document.inner(block)),
            Kind::Paragraph => {
                walk.paragraph(index, block);
                while let Some(field) = fields.next_if(|field| field.block == index) {
                    walk.field(field, block);
                }
            }
            Kind::Code { .. } => walk.code(block),
            _ => {}
        }
    }
    walk.finish(stated, draft);
}

struct Walk<'d, 'a> {
    document: &'d Document<'a>,
    runs: Vec<Run>,
    /// The first run that the next expectation is about.
    group: usize,
    /// What the title of the step says about its runs.
    hint: Option<Outcome>,
    done: Vec<Written<(usize, String)>>,
    /// `Run:` stood alone: the next code block is what to run.
    awaiting: bool,
}

impl Walk<'_, '_> {
    fn begin(&mut self, title: &str) {
        self.hint = outcome(title);
        self.group = self.runs.len();
        self.awaiting = false;
    }

    fn paragraph(&mut self, index: usize, block: &Block) {
        let text = self.document.inner(block);
        let boxed = item_of(self.document, index).is_some_and(|item| item.depth <= 1);
        if is_step(text) || boxed || text.starts_with("**Step") {
            self.begin(text.lines().next().unwrap_or(text));
        }
        // ``Step 2: Run `cargo test` ``: the title itself names the command.
        if is_step(text) {
            for span in self.document.codes(block, &block.inner) {
                let before = self.document.text[block.inner.start..span.range.start].trim_end();
                if before.ends_with("Run") || before.ends_with(" run") || before.ends_with(" with") {
                    self.push(code_text(self.document.slice(&span.range)), span.range.clone());
                }
            }
        }
    }

    fn field(&mut self, field: &Field, block: &Block) {
        let value = self.document.slice(&field.value);
        match field.label {
            Label::Run | Label::Verify => {
                self.awaiting = field.label == Label::Run && value.trim().is_empty();
                self.group = self.runs.len();
                let mut any = false;
                for span in self.document.codes(block, &field.value) {
                    let text = code_text(self.document.slice(&span.range));
                    if field.label == Label::Run && !any || shell::is_command(text) {
                        any = true;
                        self.push(text, span.range.clone());
                    }
                }
                // `- **verifier:** command` without backticks.
                let raw = value.trim();
                if !any && shell::is_command(raw) && !raw.contains('\n') {
                    self.push(raw, field.value.clone());
                }
                if let Some(at) = value.to_lowercase().find("expect") {
                    self.expect(value.get(at..).unwrap_or(""), field.value.clone());
                }
            }
            Label::Expected => self.expect(value, field.value.clone()),
            _ => {}
        }
    }

    fn code(&mut self, block: &Block) {
        let info = info(self.document, block);
        let awaited = std::mem::take(&mut self.awaiting);
        if !(shell::is_shell(info) || (awaited && info.is_empty())) {
            return;
        }
        let text = code(self.document, block);
        // A script that the task is to write.
        if shell::is_program(&text) {
            return;
        }
        let first = self.runs.len();
        for command in shell::commands(&text) {
            self.push(&command, block.range.clone());
        }
        // `# Expected: FAIL` inside the fence.
        let said: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with('#') && line.to_lowercase().contains("expect"))
            .collect();
        if let Some(said) = said.last() {
            self.group = first;
            self.expect(said.trim_start_matches(['#', ' ']).trim_start_matches("Expected:"), block.range.clone());
        }
    }

    fn push(&mut self, command: &str, place: Range<usize>) {
        let command = command.trim().trim_start_matches("$ ");
        if !command.is_empty() {
            self.runs.push(Run { command: command.to_owned(), place, outcome: self.hint });
        }
    }

    /// An expectation is about the runs since the last one.
    fn expect(&mut self, text: &str, place: Range<usize>) {
        let said = outcome(text);
        for run in &mut self.runs[self.group..] {
            if said.is_some() {
                run.outcome = said;
            }
        }
        let text = one_line(text);
        let text = ["expected:", "expected", "expect:", "expect"]
            .iter()
            .find(|word| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)))
            .map_or(text.as_str(), |word| &text[word.len()..])
            .trim_start()
            .to_owned();
        if said != Some(Outcome::Fail) && self.runs.len() == self.group + 1 && !text.is_empty() {
            self.done.push(Written::new((self.group, text), place));
        }
        self.group = self.runs.len();
    }

    fn finish(self, stated: bool, draft: &mut Draft) {
        let mut order: Vec<&str> = Vec::new();
        let mut known: HashMap<&str, (bool, bool, &Range<usize>)> = HashMap::new();
        for run in &self.runs {
            let entry = known.entry(&run.command).or_insert_with(|| {
                order.push(&run.command);
                (false, false, &run.place)
            });
            entry.0 |= run.outcome == Some(Outcome::Pass);
            entry.1 |= run.outcome == Some(Outcome::Fail);
        }
        let wanted = |command: &str| {
            let (pass, fail, _) = known.get(command).copied().unwrap_or((false, false, &(0..0)));
            match shell::effect(command) {
                Effect::Changes => false,
                // A test that failed at first and whose second run is only prose is still a test.
                Effect::Checks => pass || !fail,
                Effect::Unknown => pass,
            }
        };
        if !stated {
            for command in order {
                if wanted(command) {
                    let place = known.get(command).map_or(0..0, |known| known.2.clone());
                    draft.commands.push(Written::new(command.to_owned(), place));
                    draft.infer("commands");
                }
            }
        }
        if draft.done.is_empty() {
            for Written { value: (run, text), place } in self.done {
                let command = &self.runs[run].command;
                if !wanted(command) {
                    continue;
                }
                let proves = outcome(&text) == Some(Outcome::Pass);
                let done = Done {
                    text: format!("`{}`: {text}", one_line(command)),
                    command: proves.then(|| command.clone()),
                    checked: false,
                };
                draft.done.push(Written::new(done, place));
                draft.infer("done");
            }
        }
    }
}

/// Whether a text promises success or failure.
fn outcome(text: &str) -> Option<Outcome> {
    let text = text.get(..160).unwrap_or(text).to_lowercase();
    let mut failing = false;
    let mut passing = false;
    let mut before = "";
    for word in
        text.split(|character: char| !(character.is_alphanumeric() || character == '-')).filter(|word| !word.is_empty())
    {
        let negated =
            matches!(before, "no" | "not" | "0" | "without" | "zero" | "never" | "don't" | "any" | "any-other");
        match word {
            "fail" | "fails" | "failing" | "failed" | "failure" | "failures" | "fehlschlag" if !negated => {
                failing = failing || !passing;
            }
            "error"
            | "errors"
            | "modulenotfounderror"
            | "importerror"
            | "red"
            | "missing"
            | "non-zero"
            | "nonzero"
            | "undefined"
                if !negated && !passing =>
            {
                failing = true;
            }
            "pass" | "passes" | "passed" | "passing" | "green" | "success" | "succeed" | "succeeds" | "successful"
            | "clean" | "ok"
                if !negated =>
            {
                passing = passing || !failing;
            }
            "fail" | "fails" | "failures" | "failure" | "failed" | "error" | "errors" => passing = passing || !failing,
            _ => {}
        }
        before = word;
    }
    // Each search builds a searcher of its own, which costs more than these short texts are long.
    let foreign = !text.is_ascii();
    if foreign && ["失败", "失敗", "실패"].iter().any(|word| text.contains(word)) {
        failing = !passing;
    }
    let exits = text.contains("exit ") && (text.contains("exit 0") || text.contains("exit code 0"));
    if exits || foreign && ["通过", "通過"].iter().any(|word| text.contains(word)) {
        passing = !failing;
    }
    match (passing, failing) {
        (true, _) => Some(Outcome::Pass),
        (false, true) => Some(Outcome::Fail),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field;

    fn read(text: &str) -> Draft {
        let document = Document::read(text);
        let blocks = 0..document.blocks.len();
        let fields = field::read(&document, blocks.clone());
        let mut draft = Draft::default();
        infer(&document, blocks, &fields, &mut draft);
        draft
    }

    fn commands(text: &str) -> Vec<String> {
        read(text).commands.into_iter().map(|command| command.value).collect()
    }

    #[test]
    fn what_fails_first_and_passes_last_is_a_command() {
        let text = "### Task 1: x\n\n- [ ] **Step 1: Run it to see it fail**\n\nRun: `cargo test a`\nExpected: FAIL with \"no such function\"\n\n\
                    - [ ] **Step 2: Again**\n\nRun: `cargo test a`\nExpected: PASS\n\n- [ ] **Step 3: Only red**\n\nRun: `cargo test b`\nExpected: FAIL\n";
        let draft = read(text);
        assert_eq!(commands(text), ["cargo test a"]);
        assert_eq!(draft.done.len(), 1);
        assert_eq!(draft.done[0].value.command.as_deref(), Some("cargo test a"));
        assert_eq!(draft.inferred, ["commands", "done"]);
    }

    #[test]
    fn what_changes_something_is_left_out() {
        let text = "### Task 1: x\n\n**Step 1: Commit**\n\n```bash\nnpm install\nnpm test\ngit add a && git commit -m 'b'\n```\n";
        assert_eq!(commands(text), ["npm test"]);
    }

    #[test]
    fn a_script_to_write_is_not_run() {
        let script = "### Task 1: x\n\n```bash\n#!/usr/bin/env bash\nmake test\n```\n\n```bash\nif make; then\n  pytest\nfi\n```\n";
        assert!(commands(script).is_empty());
    }

    #[test]
    fn expectations_in_all_places() {
        let title = "### Task 1: x\n\n**Step 1: Run test to verify it fails**\n\n```bash\npytest a.py\n```\n";
        assert!(commands(title).is_empty());
        let inline = "### Task 1: x\n\n- [ ] Run `go test ./a`; expect missing method failure.\n- [ ] Run `go vet ./a`; expect PASS.\n";
        assert_eq!(commands(inline), ["go vet ./a"]);
        let alone = "### Task 1: x\n\nRun:\n```\npytest b.py\n```\nExpected: 0 failures\n";
        assert_eq!(commands(alone), ["pytest b.py"]);
        let comment = "### Task 1: x\n\n```bash\npytest b.py\n# Expected: FAIL\n```\n";
        assert!(commands(comment).is_empty());
    }

    #[test]
    fn outcomes() {
        for text in ["PASS", "no failures", "tests pass, then fail never", "0 errors", "all green", "exit 0"] {
            assert_eq!(outcome(text), Some(Outcome::Pass), "{text}");
        }
        for text in ["FAIL because x passes nothing", "compile error: missing", "still FAIL", "ModuleNotFoundError"] {
            assert_eq!(outcome(text), Some(Outcome::Fail), "{text}");
        }
        assert_eq!(outcome("prompt control is documented"), None);
    }
}
