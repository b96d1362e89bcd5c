//! The CommonMark reading of a plan: a flat list of blocks and spans, each with its place in the file.
//!
//! Dialects look at blocks and at the source text between two offsets; they never see the parser.

use std::ops::Range;
use std::sync::OnceLock;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::fence;
use crate::field;
use crate::front_matter;

/// What a block is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `# Title`, with its level.
    Heading(u8),
    /// Running text: a paragraph, or the text of a tight list item.
    Paragraph,
    /// The beginning of a list item; its text and its nested blocks follow.
    Item(Mark),
    /// Code between fences, or indented when `fenced` is false.
    Code {
        /// Between fences.
        fenced: bool,
    },
    /// Raw HTML, comments above all.
    Html,
    /// `---` between two blocks.
    Rule,
    /// A row of a table; its cells follow.
    Row {
        /// The first row of a table.
        head: bool,
    },
    /// One cell.
    Cell,
}

/// The box at the beginning of a list item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mark {
    /// There is none.
    None,
    /// `[ ]`, `[-]`, `[~]`.
    Open,
    /// `[x]`, `[X]`.
    Ticked,
}

/// One block.
#[derive(Clone, Debug)]
pub struct Block {
    /// What it is.
    pub kind: Kind,
    /// All its bytes, markers included.
    pub range: Range<usize>,
    /// Its inline content without markers; empty where it has none.
    pub inner: Range<usize>,
    /// How many lists it is in.
    pub depth: u32,
    /// It is part of a block quote.
    pub quoted: bool,
    /// Its spans in [`Document::spans`].
    pub spans: Range<usize>,
}

/// Something inside running text.
#[derive(Clone, Debug)]
pub struct Span {
    /// `` `code` `` when true, `**strong**` when not.
    pub code: bool,
    /// Its bytes, markers included.
    pub range: Range<usize>,
}

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A plan's text and what CommonMark makes of it.
#[derive(Debug)]
pub struct Document<'a> {
    /// The file, without a byte order mark.
    pub text: &'a str,
    /// The lines between the `---` at the top of the file.
    pub front_matter: Range<usize>,
    /// The blocks in their order.
    pub blocks: Vec<Block>,
    /// The spans of all blocks.
    pub spans: Vec<Span>,
    /// Where the boxes are that somebody may tick: the byte between the brackets.
    pub ticks: Vec<usize>,
    line_starts: OnceLock<Vec<usize>>,
}

impl<'a> Document<'a> {
    /// Reads a text. It has no byte order mark any more.
    pub fn read(text: &'a str) -> Self {
        let front_matter = front_matter::range(text);
        let mut document = Self {
            text,
            blocks: Vec::with_capacity(text.len() / 64),
            spans: Vec::new(),
            ticks: Vec::new(),
            line_starts: OnceLock::new(),
            front_matter: front_matter.inner,
        };
        // Plans that are JSON have no Markdown in them.
        if text.trim_start().starts_with('{') && text.trim_end().ends_with('}') {
            return document;
        }
        let body = &text[front_matter.end..];
        match fence::hide_nested(body) {
            Some(repaired) => document.parse(&repaired, front_matter.end),
            None => document.parse(body, front_matter.end),
        }
        document
    }

    /// `source` has the length of the text behind `base`, byte for byte; it differs only where nested fences are hidden.
    fn parse(&mut self, source: &str, base: usize) {
        let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
        let mut reader = Reader { document: self, depth: 0, quotes: 0, leaf: None, verbatim: false };
        for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
            reader.event(&event, base + range.start..base + range.end);
        }
        reader.close();
    }

    /// The text of a range.
    pub fn slice(&self, range: &Range<usize>) -> &'a str {
        &self.text[range.clone()]
    }

    /// The inline content of a block, as it was written.
    pub fn inner(&self, block: &Block) -> &'a str {
        self.slice(&block.inner)
    }

    /// The spans of a block.
    pub fn spans_of(&self, block: &Block) -> &[Span] {
        &self.spans[block.spans.clone()]
    }

    /// The code spans that begin within a range of a block.
    pub fn codes<'d>(&'d self, block: &Block, within: &Range<usize>) -> impl Iterator<Item = &'d Span> + use<'d, 'a> {
        let spans = &self.spans[block.spans.clone()];
        let from = spans.partition_point(|span| span.range.start < within.start);
        let end = within.end;
        spans[from..].iter().take_while(move |span| span.range.start < end).filter(|span| span.code)
    }

    /// The line and the column of an offset.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line(offset);
        let start = self.starts()[line - 1];
        let column = self.text.get(start..offset).map_or(1, |before| before.chars().count() + 1);
        Position { line, column }
    }

    /// The line of an offset.
    pub fn line(&self, offset: usize) -> usize {
        self.starts().partition_point(|start| *start <= offset)
    }

    /// The bytes of a line, without its end.
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let starts = self.starts();
        let start = starts[line - 1];
        let end = starts.get(line).map_or(self.text.len(), |next| next - 1);
        start..start + self.text[start..end].trim_end_matches('\r').len()
    }

    fn starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', self.text.as_bytes());
            std::iter::once(0).chain(ends.map(|end| end + 1)).collect()
        })
    }
}

/// Collects blocks from the parser's events.
struct Reader<'r, 'a> {
    document: &'r mut Document<'a>,
    depth: u32,
    quotes: u32,
    /// The block that takes inline content at the moment, and whether its end is told by an event of its own.
    leaf: Option<Leaf>,
    /// In a code block: its text is read from the source, not from events.
    verbatim: bool,
}

#[derive(Clone, Copy)]
struct Leaf {
    index: usize,
    implicit: bool,
}

impl Reader<'_, '_> {
    fn event(&mut self, event: &Event, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(*tag),
            Event::Code(_) => {
                self.inline(&range);
                self.document.spans.push(Span { code: true, range });
            }
            Event::TaskListMarker(ticked) => self.mark(*ticked, &range),
            Event::Rule => {
                self.close();
                self.push(Kind::Rule, range);
            }
            // The lines of an HTML block; inline HTML is part of its paragraph.
            Event::Html(_) => {}
            _ => self.inline(&range),
        }
    }

    fn start(&mut self, tag: &Tag, range: Range<usize>) {
        match tag {
            Tag::Paragraph => self.open(Kind::Paragraph, range),
            Tag::Heading { level, .. } => self.open(Kind::Heading(level_number(*level)), range),
            Tag::BlockQuote(_) => {
                self.close();
                self.quotes += 1;
            }
            Tag::CodeBlock(kind) => {
                self.close();
                self.push(Kind::Code { fenced: matches!(kind, CodeBlockKind::Fenced(_)) }, range);
                self.verbatim = true;
            }
            Tag::HtmlBlock => {
                self.close();
                self.push(Kind::Html, range);
            }
            Tag::List(_) => {
                self.close();
                self.depth += 1;
            }
            Tag::Item => {
                self.close();
                self.push(Kind::Item(Mark::None), range);
            }
            Tag::TableHead => {
                self.close();
                self.push(Kind::Row { head: true }, range);
            }
            Tag::TableRow => {
                self.close();
                self.push(Kind::Row { head: false }, range);
            }
            Tag::TableCell => self.open(Kind::Cell, range),
            Tag::Strong => {
                self.inline(&range);
                self.document.spans.push(Span { code: false, range });
            }
            Tag::Emphasis | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. } => self.inline(&range),
            _ => self.close(),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) => {
                self.close();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::List(_) => {
                self.close();
                self.depth = self.depth.saturating_sub(1);
            }
            TagEnd::CodeBlock => self.verbatim = false,
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image => {}
            _ => self.close(),
        }
    }

    fn open(&mut self, kind: Kind, range: Range<usize>) {
        self.close();
        let index = self.document.blocks.len();
        self.push(kind, range);
        self.leaf = Some(Leaf { index, implicit: false });
    }

    fn push(&mut self, kind: Kind, range: Range<usize>) {
        let spans = self.document.spans.len();
        let inner = range.start..range.start;
        self.document.blocks.push(Block {
            kind,
            inner,
            range,
            depth: self.depth,
            quoted: self.quotes > 0,
            spans: spans..spans,
        });
    }

    /// Inline content. The text of a tight item comes without a paragraph around it: it gets one.
    fn inline(&mut self, range: &Range<usize>) {
        if self.verbatim {
            return;
        }
        let leaf = self.leaf.unwrap_or_else(|| {
            let index = self.document.blocks.len();
            self.push(Kind::Paragraph, range.clone());
            Leaf { index, implicit: true }
        });
        self.leaf = Some(leaf);
        let block = &mut self.document.blocks[leaf.index];
        if block.inner.is_empty() {
            block.inner = range.clone();
        } else {
            block.inner.start = block.inner.start.min(range.start);
            block.inner.end = block.inner.end.max(range.end);
        }
        if leaf.implicit {
            block.range.end = block.range.end.max(range.end);
        }
    }

    fn mark(&mut self, ticked: bool, range: &Range<usize>) {
        self.document.ticks.push(range.start + 1);
        let mark = if ticked { Mark::Ticked } else { Mark::Open };
        let item = self.document.blocks.iter_mut().rev().find(|block| matches!(block.kind, Kind::Item(_)));
        if let Some(item) = item {
            item.kind = Kind::Item(mark);
        }
    }

    /// The open block has all its spans.
    fn close(&mut self) {
        let Some(leaf) = self.leaf.take() else { return };
        let end = self.document.spans.len();
        let text = self.document.text;
        let block = &mut self.document.blocks[leaf.index];
        block.spans.end = end;
        let trimmed = text[block.inner.clone()].trim_end().len();
        block.inner.end = block.inner.start + trimmed;
        // Boxes that CommonMark does not know: `[-]` and `[~]` are begun or dropped, `[ ]*` is optional, `[v]` is ticked.
        if leaf.index > 0
            && let Some((mark, width)) = unusual_box(&text[block.inner.clone()])
        {
            let start = block.inner.start;
            let item = &mut self.document.blocks[leaf.index - 1];
            if item.kind == Kind::Item(Mark::None) {
                item.kind = Kind::Item(mark);
                self.document.ticks.push(start + 1);
                self.document.blocks[leaf.index].inner.start = start + width;
            }
        }
        self.split_label(leaf.index);
    }

    /// A label at the margin, straight below a list: CommonMark takes it for more text of the last item, and nobody who
    /// writes it means that. It gets a paragraph of its own outside the list.
    fn split_label(&mut self, index: usize) {
        let text = self.document.text;
        let block = &mut self.document.blocks[index];
        if block.kind != Kind::Paragraph || block.depth == 0 || block.quoted {
            return;
        }
        let inner = block.inner.clone();
        let line_ends = memchr::memchr_iter(b'\n', &text.as_bytes()[inner.clone()]);
        let Some(start) =
            line_ends.map(|end| inner.start + end + 1).find(|at| field::is_own_line(&text[*at..inner.end]))
        else {
            return;
        };
        let spans = &self.document.spans[block.spans.clone()];
        let middle = block.spans.start + spans.partition_point(|span| span.range.start < start);
        let behind = Block {
            range: start..inner.end,
            inner: start..inner.end,
            depth: 0,
            spans: middle..block.spans.end,
            ..*block
        };
        block.spans.end = middle;
        block.inner.end = inner.start + text[inner.start..start].trim_end().len();
        block.range.end = block.range.end.min(start);
        self.document.blocks.push(behind);
    }
}

/// A box that CommonMark does not know, with its width in bytes, the white space behind it included.
fn unusual_box(text: &str) -> Option<(Mark, usize)> {
    let inside = text.strip_prefix('[')?.chars().next()?;
    let mark = match inside {
        ' ' | '-' | '~' | '/' | '>' | '!' | '?' => Mark::Open,
        'x' | 'X' | 'v' | 'V' | '✓' | '✔' | '✅' => Mark::Ticked,
        _ => return None,
    };
    let behind = text[1 + inside.len_utf8()..].strip_prefix(']')?;
    let behind = behind.strip_prefix('\\').unwrap_or(behind);
    let behind = behind.strip_prefix('*').unwrap_or(behind);
    let content = behind.trim_start_matches([' ', '\t']);
    (content.len() < behind.len()).then_some((mark, text.len() - content.len()))
}

fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// What is between the backticks of a code span.
pub fn code_text(span: &str) -> &str {
    let ticks = span.len() - span.trim_start_matches('`').len();
    let text = span.get(ticks..span.len().saturating_sub(ticks)).unwrap_or("");
    match text.strip_prefix(' ').and_then(|text| text.strip_suffix(' ')) {
        Some(inner) if !inner.trim().is_empty() => inner,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, String)> {
        let document = Document::read(text);
        document.blocks.iter().map(|block| (block.kind, document.inner(block).to_owned())).collect()
    }

    #[test]
    fn blocks_come_flat_with_their_text() {
        let read = kinds("# A `b`\n\n- [x] one **two**\n- [~] three\n\npara\n\n```sh\nx\n```\n");
        assert_eq!(read[0], (Kind::Heading(1), "A `b`".to_owned()));
        assert_eq!(read[1].0, Kind::Item(Mark::Ticked));
        assert_eq!(read[2], (Kind::Paragraph, "one **two**".to_owned()));
        assert_eq!(read[3].0, Kind::Item(Mark::Open));
        assert_eq!(read[4].1, "three");
        assert_eq!(read[5], (Kind::Paragraph, "para".to_owned()));
        assert_eq!(read[6].0, Kind::Code { fenced: true });
        assert_eq!(read.len(), 7);
    }

    #[test]
    fn places_are_right_behind_front_matter_with_windows_line_ends() {
        let text = "---\r\na: b\r\n---\r\n\r\nä `ü` x\r\n\r\n## T\r\n";
        let document = Document::read(text);
        let heading = document.blocks.last().unwrap();
        assert_eq!(document.position(heading.range.start), Position { line: 7, column: 1 });
        let code = &document.spans[0];
        assert_eq!(document.position(code.range.start), Position { line: 5, column: 3 });
        assert_eq!(document.slice(&document.line_range(5)), "ä `ü` x");
    }

    #[test]
    fn code_text_loses_its_ticks() {
        assert_eq!(code_text("`a`"), "a");
        assert_eq!(code_text("`` a`b ``"), "a`b");
    }
}
