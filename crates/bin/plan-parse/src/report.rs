//! Defects, told to people and to machines.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;
use stage::Shown;

use plan::Input;
use plan::check::{Defect, Severity};
use plan::markdown::{Document, Position};

/// How severe a defect is under the mode that was asked for.
pub fn severity(defect: &Defect, strict: bool) -> Severity {
    if strict { Severity::Error } else { defect.rule.severity }
}

/// A defect as one line of JSON.
#[derive(Serialize)]
struct Told<'a> {
    r#type: &'static str,
    code: &'static str,
    severity: Severity,
    message: &'a str,
    path: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    remedy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
}

/// The line for machines.
pub fn json(input: &Input, document: &Document, defect: &Defect, strict: bool) -> Result<String, stage::Error> {
    let start = document.position(defect.place.start);
    let end = document.position(defect.place.end.max(defect.place.start));
    let told = Told {
        r#type: "defect",
        code: defect.rule.code,
        severity: severity(defect, strict),
        message: &defect.message,
        path: &input.path,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        remedy: defect.rule.remedy,
        task: defect.task.as_deref(),
    };
    record::to_line(&told).map_err(|error| stage::Error::Document(error.to_string()))
}

/// Tells people on stderr.
pub struct Report {
    renderer: Renderer,
    text: String,
}

impl Report {
    /// Colours are for terminals, and not when the user asks for none.
    pub fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colour = wanted && std::io::stderr().is_terminal();
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        Self { renderer, text: String::new() }
    }

    /// Adds a defect: where and what on one line, the place underlined, the remedy.
    pub fn defect(&mut self, input: &Input, document: &Document, defect: &Defect, strict: bool) {
        let Position { line, column } = document.position(defect.place.start);
        let (name, level) = match severity(defect, strict) {
            Severity::Error => ("error", Level::ERROR),
            Severity::Warning => ("warning", Level::WARNING),
        };
        let place = Shown(input.name());
        let what = Shown(&defect.message);
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "plan-parse: {place}:{line}:{column}: {name}[{}]: {what}", defect.rule.code);
        let (source, span) = excerpt(document, defect, line);
        let snippet = Snippet::source(source).line_start(line).annotation(AnnotationKind::Primary.span(span));
        let group = Group::with_level(level).element(snippet).element(Level::HELP.message(defect.rule.remedy));
        self.text.push_str(&self.renderer.render(&[group]));
        self.text.push('\n');
        if self.text.len() > 64 << 10 {
            self.flush();
        }
    }

    /// `3 errors, 2 warnings`.
    pub fn summary(&mut self, name: &str, errors: usize, warnings: usize) {
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let _ = writeln!(
            self.text,
            "plan-parse: {}: {}, {}",
            Shown(name),
            count(errors, "error"),
            count(warnings, "warning")
        );
    }

    /// Writes what was told so far.
    pub fn flush(&mut self) {
        // Nobody can be told that stderr is closed.
        let _ = std::io::stderr().write_all(self.text.as_bytes());
        self.text.clear();
    }
}

/// Characters shown before, in and behind the underlined place.
const BEFORE: usize = 60;
const MARKED: usize = 80;
const BEHIND: usize = 40;

/// The line of a defect with its control characters made visible, shortened around the place, and the place in it.
fn excerpt(document: &Document, defect: &Defect, line: usize) -> (String, std::ops::Range<usize>) {
    let range = document.line_range(line);
    let start = defect.place.start.clamp(range.start, range.end);
    let end = defect.place.end.clamp(start, range.end);
    let before = &document.text[range.start..start];
    let marked = &document.text[start..end];
    let behind = &document.text[end..range.end];
    let mut text = String::new();
    let from = before.char_indices().rev().nth(BEFORE).map(|(index, character)| index + character.len_utf8());
    if from.is_some() {
        text.push('…');
    }
    let _ = write!(text, "{}", Shown(&before[from.unwrap_or(0)..]).to_string().replace('\t', "    "));
    let place = text.len();
    let (shown, cut) = head(marked, MARKED);
    let _ = write!(text, "{}", Shown(shown).to_string().replace('\t', " "));
    if cut {
        text.push('…');
    }
    let place_end = text.len();
    let (shown, cut) = head(behind, BEHIND);
    let _ = write!(text, "{}", Shown(shown).to_string().replace('\t', "    "));
    if cut {
        text.push('…');
    }
    (text, place..place_end)
}

fn head(text: &str, count: usize) -> (&str, bool) {
    match text.char_indices().nth(count) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use plan::{Input, Parsed, check};
    use proptest::prelude::*;

    use super::Report;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_defect_can_be_shown(lines in prop::collection::vec("(### Task [12]: |- Create: `|- \\[ \\] |\t|)\\PC{0,20}", 0..20)) {
            let input = Input::new("p.md", lines.join("\n").into_bytes()).unwrap();
            let parsed = Parsed::read(&input, None);
            let defects = check::all(&parsed);
            let mut report = Report::new();
            for defect in &defects {
                report.defect(&input, &parsed.document, defect, true);
            }
            let shown = report.text.matches("plan-parse: p.md:").count();
            prop_assert!(shown == defects.len() || report.text.is_empty());
        }
    }
}
