//! Labelled values inside a task: `**Files:**`, `- Backend: codex`, `Run: …`, `#### Acceptance criteria`.

use std::ops::Range;

use crate::markdown::{Block, Document, Kind, Mark};

/// What a label announces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Label {
    /// What the task is for.
    Objective,
    /// The files it reads or writes.
    Files,
    /// Its commands.
    Commands,
    /// One command of a step.
    Run,
    /// What a command should say.
    Expected,
    /// How to see that it is done.
    Verify,
    /// Who is to do it.
    Backend,
    /// A person or group that looks after it, who may be a backend.
    Owner,
    /// The model.
    Model,
    /// The kind of work.
    WorkType,
    /// What it waits for.
    Needs,
    /// How long it takes.
    Estimate,
    /// When it is done.
    Done,
    /// What must hold.
    Constraints,
    /// The form of the answer.
    Output,
    /// What Markdown cannot say exactly, as JSON in a fence.
    Record,
    /// The fields that a plan in another layout did not state.
    Inferred,
    /// Risks that are meant.
    Allow,
    /// Some other label: it ends the value before it.
    Other,
}

/// A label with its value.
#[derive(Clone, Debug)]
pub struct Field {
    /// What it announces.
    pub label: Label,
    /// The label's own bytes.
    pub name: Range<usize>,
    /// The rest of its paragraph, up to the next label.
    pub value: Range<usize>,
    /// The block that it stands in.
    pub block: usize,
    /// The blocks that follow and belong to it.
    pub blocks: Range<usize>,
}

/// The label of a name, which is compared without case and without a colon.
pub fn label(name: &str) -> Option<Label> {
    let name = name.trim().trim_end_matches([':', '：']).trim().trim_matches(['*', '_', '`']).trim();
    if name.len() > 40 {
        return None;
    }
    let name = name.trim_end_matches([':', '：']);
    let name = if name.is_ascii() {
        // One string where the general way makes two: this is asked for every line with a colon.
        let lower = name.bytes().map(|byte| if matches!(byte, b'-' | b'_') { b' ' } else { byte.to_ascii_lowercase() });
        lower.map(char::from).collect()
    } else {
        name.to_lowercase().replace(['-', '_'], " ")
    };
    Some(match name.as_str() {
        "objective" | "goal" | "purpose" | "aim" | "目标" | "目標" | "목표" | "objetivo" | "ziel" => {
            Label::Objective
        }
        "files"
        | "file"
        | "file(s)"
        | "files touched"
        | "files to touch"
        | "files to modify"
        | "files to create"
        | "files to change"
        | "files to edit"
        | "files changed"
        | "files modified"
        | "files created"
        | "files affected"
        | "affected files"
        | "files involved"
        | "relevant files"
        | "key files"
        | "target"
        | "targets"
        | "target file"
        | "target files"
        | "create"
        | "modify"
        | "new files"
        | "modified files"
        | "files to create/modify"
        | "files to modify/create"
        | "create/modify"
        | "ファイル"
        | "文件"
        | "檔案"
        | "파일"
        | "arquivos"
        | "archivos"
        | "dateien" => Label::Files,
        "commands" | "command" | "命令" | "コマンド" | "comandos" | "befehle" => Label::Commands,
        "run" | "verifier" | "run command" | "run tests" | "运行" | "実行" => Label::Run,
        "expected" | "expect" | "expected output" | "expected result" | "expected results" | "预期" | "期待" => {
            Label::Expected
        }
        "verify" | "verification" | "validation" | "validate" | "verification commands" | "verify with" => {
            Label::Verify
        }
        "backend" | "executor" | "routing" | "routed to" | "route" | "routed backend" | "worker" => Label::Backend,
        "owner" | "agent" | "assignee" | "assigned to" | "assigned" => Label::Owner,
        "model" => Label::Model,
        "work type" | "worktype" | "type of work" | "task type" | "type" | "kind" => Label::WorkType,
        "depends on" | "depends" | "dependencies" | "dependency" | "needs" | "blocked by" | "依赖" | "依存" => {
            Label::Needs
        }
        "estimate" | "estimated time" | "time estimate" | "estimated" | "estimation" | "est" | "est. time" | "time"
        | "duration" | "minutes" | "estimated duration" => Label::Estimate,
        "done when"
        | "done criteria"
        | "done"
        | "acceptance criteria"
        | "acceptance"
        | "success criteria"
        | "definition of done"
        | "exit criteria"
        | "completion criteria"
        | "done criterion"
        | "验收标准"
        | "完了条件"
        | "完成标准"
        | "驗收標準" => Label::Done,
        "constraints" | "constraint" | "global constraints" => Label::Constraints,
        "allow" => Label::Allow,
        "record" => Label::Record,
        "inferred" => Label::Inferred,
        "output" | "output format" | "expected answer" => Label::Output,
        _ => return None,
    })
}

/// All fields of the blocks of a task, in their order.
pub fn read(document: &Document, blocks: Range<usize>) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for index in blocks.clone() {
        let block = &document.blocks[index];
        match block.kind {
            Kind::Paragraph => in_paragraph(document, index, &mut fields),
            // The task's own heading is none of its labels.
            Kind::Heading(_) if index > blocks.start && !block.quoted => {
                let label = label(document.inner(block)).unwrap_or(Label::Other);
                let end = block.inner.end;
                fields.push(Field { label, name: block.inner.clone(), value: end..end, block: index, blocks: 0..0 });
            }
            _ => {}
        }
    }
    for at in 0..fields.len() {
        let start = fields[at].block + 1;
        let last_in_block = fields.get(at + 1).is_none_or(|next| next.block != fields[at].block);
        let end = if last_in_block && fields[at].label != Label::Other {
            // The next label at the same place in the outline is where the value ends at the latest.
            extent(document, &fields[at], &fields[at + 1..], blocks.end)
        } else {
            start
        };
        fields[at].blocks = start..end.max(start);
    }
    fields
}

/// Whether a text begins with a label of a task's own, not one of its steps.
pub fn is_own_line(text: &str) -> bool {
    let line = text.lines().next().unwrap_or("");
    let found = match line.strip_prefix("**").and_then(|bold| bold.split_once("**")) {
        Some((name, behind)) => {
            let colon = name.trim_end().ends_with([':', '：']) || behind.trim_start().starts_with([':', '：']);
            label(name).filter(|_| colon || behind.is_empty())
        }
        None => plain(line).map(|(label, _)| label),
    };
    found.is_some_and(|label| !matches!(label, Label::Run | Label::Expected | Label::Verify))
}

/// Whether a paragraph is the text of a list item.
pub fn item_of<'d>(document: &'d Document, index: usize) -> Option<&'d Block> {
    let before = document.blocks.get(index.checked_sub(1)?)?;
    matches!(before.kind, Kind::Item(_)).then_some(before)
}

/// A paragraph or heading that begins a step.
pub fn is_step(text: &str) -> bool {
    let text = text.trim_start_matches(['*', '_', ' ']);
    let rest = text.get(..4).filter(|head| head.eq_ignore_ascii_case("step")).map(|_| &text[4..]);
    rest.is_some_and(|rest| rest.trim_start_matches([' ', '-']).starts_with(|first: char| first.is_ascii_digit()))
}

fn extent(document: &Document, field: &Field, later: &[Field], end: usize) -> usize {
    let own = &document.blocks[field.block];
    let heading = matches!(own.kind, Kind::Heading(_));
    let mut later = later.iter().peekable();
    for index in field.block + 1..end {
        let block = &document.blocks[index];
        while later.peek().is_some_and(|next| next.block < index) {
            later.next();
        }
        let labelled = later.peek().is_some_and(|next| next.block == index);
        let ends = match block.kind {
            Kind::Heading(_) | Kind::Rule => true,
            Kind::Item(mark) => {
                let step = document.blocks.get(index + 1).is_some_and(|text| is_step(document.inner(text)));
                // Boxes behind a label are steps, except where the label asks for criteria.
                let boxes =
                    mark != Mark::None && !matches!(field.label, Label::Done | Label::Verify) && block.depth <= 1;
                (own.depth > 0 && block.depth <= own.depth) || (own.depth == 0 && (boxes || step))
            }
            Kind::Paragraph => {
                (labelled && block.depth <= own.depth && item_of(document, index).is_none())
                    || (labelled && heading && block.depth == 0)
                    || (block.depth <= own.depth && is_step(document.inner(block)))
            }
            _ => false,
        };
        if ends {
            return index;
        }
    }
    end
}

fn in_paragraph(document: &Document, index: usize, fields: &mut Vec<Field>) {
    let block = &document.blocks[index];
    let text = document.inner(block);
    let first = fields.len();
    let base = block.inner.start;
    let mut push = |label: Label, name: Range<usize>, value: usize| {
        fields.push(Field { label, name, value: value..block.inner.end, block: index, blocks: 0..0 });
    };
    let mut strongs = document.spans_of(block).iter().filter(|span| !span.code).peekable();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '\t', '>']);
        let start = base + line_start + (line.len() - content.len());
        line_start += line.len();
        let line_end = base + line_start;
        let begins_strong = strongs.peek().is_some_and(|span| span.range.start == start);
        if !begins_strong && let Some((name, value)) = plain(content) {
            push(name, start..start + value, start + value);
        }
        while let Some(span) = strongs.next_if(|span| span.range.start < line_end) {
            let inside = document.slice(&span.range).trim_matches('*').trim_matches('_');
            let behind = document.text[span.range.end..].trim_start_matches(' ');
            let colon_behind = behind.starts_with([':', '：']);
            let at_start = span.range.start == start;
            let alone = at_start && (behind.is_empty() || behind.starts_with(['\n', '\r']));
            let known = label(inside);
            if !(inside.trim_end().ends_with([':', '：']) || (at_start && colon_behind) || (alone && known.is_some()))
            {
                continue;
            }
            let gap = document.text[span.range.end..].len() - behind.len();
            let colon = behind.chars().next().filter(|_| colon_behind).map_or(0, char::len_utf8);
            push(
                known.unwrap_or(Label::Other),
                span.range.clone(),
                (span.range.end + gap + colon).min(block.inner.end),
            );
        }
    }
    // Each value ends where the next label of the paragraph begins.
    for at in first + 1..fields.len() {
        let end = fields[at].name.start;
        let previous = &mut fields[at - 1];
        previous.value.end = end.max(previous.value.start);
    }
}

/// `Label: value` without emphasis, and ``Run `command` `` without a colon.
fn plain(line: &str) -> Option<(Label, usize)> {
    if let Some(rest) = line.strip_prefix("Run ").or_else(|| line.strip_prefix("run "))
        && rest.trim_start().starts_with('`')
    {
        return Some((Label::Run, 3));
    }
    let colon = first_colon(line)?;
    let width = if line[colon..].starts_with(':') { 1 } else { '：'.len_utf8() };
    // `http://`, `Foo::bar` and the like are no labels.
    let behind = &line[colon + width..];
    if !(behind.is_empty() || behind.starts_with([' ', '\t', '\n', '\r', '`']) || width > 1) {
        return None;
    }
    label(&line[..colon]).map(|label| (label, colon + width))
}

/// Where the first colon, narrow or wide, stands: not behind byte 40, where no label ends any more.
fn first_colon(line: &str) -> Option<usize> {
    const WIDE: &[u8] = "：".as_bytes();
    let bytes = line.as_bytes();
    let head = &bytes[..bytes.len().min(41)];
    memchr::memchr2_iter(b':', WIDE[0], head).find(|at| bytes[*at] == b':' || bytes[*at..].starts_with(WIDE))
}

/// A value as one line: trimmed, white space runs as one space.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(256));
    for word in text.split_whitespace().filter(|word| *word != ">") {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(Label, String, usize)> {
        let document = Document::read(text);
        let all = 0..document.blocks.len();
        read(&document, all)
            .into_iter()
            .map(|field| (field.label, document.slice(&field.value).trim().to_owned(), field.blocks.len()))
            .collect()
    }

    #[test]
    fn labels_in_all_their_clothes() {
        assert_eq!(
            fields("### Task 1: x\n\n**Owner:** Codex\n**Model**: Sonnet\nEstimate: 3 min\n\n- Backend: codex\n"),
            [
                (Label::Owner, "Codex".into(), 0),
                (Label::Model, "Sonnet".into(), 0),
                (Label::Estimate, "3 min".into(), 2),
                (Label::Backend, "codex".into(), 0)
            ]
        );
        assert_eq!(
            fields("**Consumes:** `a` **Produces:** `b`"),
            [(Label::Other, "`a`".into(), 0), (Label::Other, "`b`".into(), 0)]
        );
        assert_eq!(fields("Run `x`; expect y")[0].1, "`x`; expect y");
        assert!(fields("See http://a: b and Foo::bar").is_empty());
    }

    #[test]
    fn colons_of_both_widths_where_a_label_can_end() {
        assert_eq!(first_colon("a: b： c"), Some(1));
        assert_eq!(first_colon("目标：x: y"), Some(6));
        assert_eq!(first_colon("\u{ff0b}: ＋：："), Some(3));
        assert_eq!(first_colon(&format!("{}:", "a".repeat(40))), Some(40));
        assert_eq!(first_colon(&format!("{}:", "a".repeat(41))), None);
        assert_eq!(first_colon(&format!("{}：", "a".repeat(40))), Some(40));
        assert_eq!(label("Work_TYPE:"), Some(Label::WorkType));
    }

    #[test]
    fn a_list_of_files_ends_where_the_steps_begin() {
        let read = fields("**Files:**\n- Create: `a`\n- Modify: `b`\n\n- [ ] **Step 1: Do it**\n");
        assert_eq!(read[0].0, Label::Files);
        // Two items with a paragraph each.
        assert_eq!(read[0].2, 4);
    }
}
