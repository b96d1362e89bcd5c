//! The files of a task: actions and paths, in lists, tables and running text.

use std::ops::Range;

use record::{Action, FileRef};

use crate::draft::{Draft, Field as Unclarity, Unclear, Written};
use crate::field::{Field, Label, item_of};
use crate::markdown::{Document, Kind, code_text};
use crate::path;

/// Reads every `Files` field of a task.
pub fn read(document: &Document, fields: &[Field], draft: &mut Draft) {
    for field in fields.iter().filter(|field| field.label == Label::Files) {
        let name = document.slice(&field.name).to_lowercase();
        let own = actions_in(&name);
        let before = draft.files.len();
        let block = &document.blocks[field.block];
        line(document, block.spans.clone(), &field.value, &own, draft);
        // What deeper items inherit from the item above them: `- Create:` with a list of its own.
        let mut inherited: Vec<(u32, Vec<Action>)> = Vec::new();
        for index in field.blocks.clone() {
            let block = &document.blocks[index];
            match block.kind {
                Kind::Item(_) => {
                    while inherited.last().is_some_and(|(depth, _)| *depth >= block.depth) {
                        inherited.pop();
                    }
                }
                Kind::Paragraph | Kind::Cell => {
                    let item = item_of(document, index);
                    if block.kind == Kind::Paragraph
                        && item.is_none()
                        && block.depth == document.blocks[field.block].depth
                    {
                        break;
                    }
                    if item.is_none() && block.depth > 0 && block.kind == Kind::Paragraph {
                        // A second paragraph of an item explains.
                        continue;
                    }
                    let from_above = inherited.last().map_or(own.as_slice(), |(_, actions)| actions).to_vec();
                    let count = draft.files.len();
                    let found = line(document, block.spans.clone(), &block.inner, &from_above, draft);
                    if draft.files.len() == count && !found.is_empty() {
                        inherited.push((block.depth, found));
                    }
                }
                Kind::Row { .. } | Kind::Html => {}
                _ => break,
            }
        }
        let value = document.slice(&field.value).trim();
        let first =
            field.blocks.clone().map(|index| &document.blocks[index]).find(|block| block.kind == Kind::Paragraph);
        let said = if value.is_empty() { first.map_or("", |block| document.inner(block)) } else { value };
        if draft.files.len() == before {
            if said.is_empty() {
                // A label with nothing behind it was forgotten; that is not the word "none".
            } else if says_none(said) {
                draft.none.push("files");
            } else {
                draft.unclear.push(Unclear { field: Unclarity::Files, place: field.name.clone() });
            }
        }
    }
    dedupe(draft);
}

/// The plan says that there are none.
pub fn says_none(value: &str) -> bool {
    let value = value.trim().trim_matches(['*', '_', '`', '(', ')', '.', '-', '—', '–', ' ']).to_lowercase();
    value.is_empty()
        || value == "n/a"
        || value == "无"
        || value == "なし"
        || value == "nothing"
        || value
            .split(|character: char| !character.is_alphanumeric())
            .next()
            .is_some_and(|word| matches!(word, "none" | "no"))
}

/// Paths that a task without a `Files` field names behind a verb: ``Create `src/a.rs` ``.
pub fn infer(document: &Document, blocks: Range<usize>, draft: &mut Draft) {
    for block in &document.blocks[blocks] {
        if !matches!(block.kind, Kind::Paragraph | Kind::Heading(_)) || block.quoted {
            continue;
        }
        for span in document.spans_of(block).iter().filter(|span| span.code) {
            let code = code_text(document.slice(&span.range));
            let before = document.text[block.inner.start..span.range.start].trim_end_matches([' ', '*', '_', ':']);
            let word = before.rsplit(|character: char| !character.is_alphanumeric()).next().unwrap_or("");
            let Some(action) = verb(&word.to_lowercase()) else { continue };
            if !path::is_certain(code) {
                continue;
            }
            if let Some(found) = path::read(code) {
                let file = FileRef { path: found.path.into_owned(), action, lines: found.lines.map(str::to_owned) };
                draft.files.push(Written::new(file, span.range.clone()));
            }
        }
    }
    if !draft.files.is_empty() {
        draft.infer("files");
    }
    dedupe(draft);
}

/// Paths that the text of a task names, wherever they stand: between backticks, or beyond doubt without. What is done to
/// them is told by the word that begins the text.
pub fn mentioned(document: &Document, blocks: Range<usize>, draft: &mut Draft) {
    named(document, blocks, draft, false);
}

/// The same, for paths in lists only.
pub fn mentioned_in_lists(document: &Document, blocks: Range<usize>, draft: &mut Draft) {
    named(document, blocks, draft, true);
}

fn named(document: &Document, blocks: Range<usize>, draft: &mut Draft, in_lists: bool) {
    for (at, block) in document.blocks[blocks.clone()].iter().enumerate() {
        if block.kind != Kind::Paragraph || block.quoted || (in_lists && block.depth == 0) {
            continue;
        }
        let own = if at == 0 { draft.opening.clone() } else { block.inner.clone() };
        let text = document.slice(&own);
        let lead = leading(if at == 0 { &draft.title } else { text });
        let add = |word: &str, place: Range<usize>, draft: &mut Draft| {
            let Some(found) = path::read(word) else { return };
            let action = match lead {
                // What is created is the object of the word; a later path says where or after what.
                Lead::Create if draft.files.is_empty() || at > 0 => Action::Create,
                Lead::Read => Action::Read,
                Lead::Delete => Action::Delete,
                _ => unsaid(word),
            };
            let file = FileRef { path: found.path.into_owned(), action, lines: found.lines.map(str::to_owned) };
            draft.files.push(Written::new(file, place));
        };
        let mut behind = own.start;
        for span in document.spans_of(block).iter().filter(|span| span.code) {
            bare_words(document, behind..span.range.start, &mut |word, place| add(word, place, draft));
            let code = code_text(document.slice(&span.range));
            if path::is_certain(code)
                || (code.matches('/').count() > 1 && path::read(code).is_some() && !code.contains(' '))
            {
                add(code, span.range.clone(), draft);
            }
            behind = span.range.end;
        }
        bare_words(document, behind..own.start + text.len(), &mut |word, place| add(word, place, draft));
    }
    if !draft.files.is_empty() {
        draft.infer("files");
    }
    dedupe(draft);
}

/// Suffixes that only files have.
const SOURCES: [&str; 14] =
    ["vue", "svelte", "tsx", "jsx", "rs", "py", "go", "kt", "swift", "php", "rb", "toml", "yml", "yaml"];

/// The words of running text that are paths with a folder and a suffix.
fn bare_words(document: &Document, range: Range<usize>, add: &mut dyn FnMut(&str, Range<usize>)) {
    let Some(text) = document.text.get(range.clone()) else { return };
    for word in text.split_whitespace() {
        let start = range.start + (word.as_ptr() as usize - text.as_ptr() as usize);
        let plain = word
            .trim_matches(['*', '_', '"', '\'', '(', ')', '[', ']', ',', ';', '.', ':', '!', '?', '。', '，', '、']);
        let name = plain.rsplit('/').next().unwrap_or("");
        // `Node.js` and the like are no files; `App.vue` is one without a folder too.
        let source = plain.contains('/') && name.contains('.')
            || name.rsplit_once('.').is_some_and(|(stem, suffix)| !stem.contains('.') && SOURCES.contains(&suffix));
        if source && path::is_certain(plain) && !plain.contains("//") {
            add(plain, start..start + word.len());
        }
    }
}

/// What a text is about to do.
enum Lead {
    Create,
    Read,
    Delete,
    Change,
}

/// The word that a text begins with, behind marks and tags in brackets.
fn leading(text: &str) -> Lead {
    let mut rest = text.trim_start_matches(['*', '_', ' ']);
    while let Some((_, behind)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        rest = behind.trim_start();
    }
    let word = rest.split(|character: char| !character.is_alphanumeric()).next().unwrap_or("").to_lowercase();
    let chinese = |words: &[&str]| words.iter().any(|word| rest.starts_with(word));
    match word.as_str() {
        "create" | "scaffold" | "new" | "write" | "generate" | "crear" | "criar" => Lead::Create,
        "verify" | "check" | "review" | "read" | "inspect" | "confirm" | "run" | "analyze" | "analyse" | "audit"
        | "ensure" | "validate" | "study" | "examine" | "locate" | "identify" => Lead::Read,
        "delete" | "remove" | "drop" => Lead::Delete,
        _ if chinese(&["创建", "新建", "新增", "建立", "作成"]) => Lead::Create,
        _ if chinese(&["验证", "检查", "確認", "确认", "运行"]) => Lead::Read,
        _ if chinese(&["删除", "移除", "刪除"]) => Lead::Delete,
        _ => Lead::Change,
    }
}

fn verb(word: &str) -> Option<Action> {
    Some(match word {
        "create" | "creates" | "add" | "write" | "新建" | "创建" => Action::Create,
        "modify" | "update" | "edit" | "extend" | "change" | "refactor" | "修改" => Action::Modify,
        "delete" | "remove" => Action::Delete,
        _ => return None,
    })
}

/// The action that a word of a files list stands for.
fn action(word: &str) -> Option<&'static [Action]> {
    Some(match word {
        "create" | "creates" | "created" | "new" | "add" | "adds" | "added" | "generate" | "generated" | "write"
        | "新增" | "新建" | "创建" | "建立" | "作成" | "생성" | "criar" | "crear" | "erstellen" => {
            &[Action::Create]
        }
        "modify" | "modifies" | "modified" | "update" | "updates" | "updated" | "edit" | "edits" | "edited"
        | "change" | "changes" | "changed" | "extend" | "existing" | "rewrite" | "overwrite" | "replace" | "rename"
        | "修改" | "变更" | "変更" | "更新" | "수정" | "modificar" | "ändern" => &[Action::Modify],
        "delete" | "deletes" | "deleted" | "remove" | "removes" | "removed" | "删除" | "刪除" | "削除" | "삭제" => {
            &[Action::Delete]
        }
        "test" | "tests" | "测试" | "測試" | "テスト" | "테스트" => &[Action::Test],
        "read" | "reads" | "reference" | "references" | "verify" | "verifies" | "review" | "inspect" | "check"
        | "see" | "run" | "local" | "keep" | "source" | "spec" | "untouched" | "consult" | "context" | "unchanged"
        | "参考" => &[Action::Read],
        "move" | "moves" | "moved" => &[Action::Delete, Action::Create],
        _ => return None,
    })
}

/// The actions named in a label such as `Create/Modify`, `Modify (tests)`, `Files to create`.
fn actions_in(label: &str) -> Vec<Action> {
    words(label).filter_map(action).reduce(joined).map(<[Action]>::to_vec).unwrap_or_default()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Reads one line of files and gives the actions that it names.
fn line(
    document: &Document,
    spans: Range<usize>,
    range: &Range<usize>,
    given: &[Action],
    draft: &mut Draft,
) -> Vec<Action> {
    let text = document.slice(range);
    let mut actions: Vec<Action> = given.to_vec();
    let mut named = Vec::new();
    let mut position = range.start;
    let mut found = false;
    let mut moved = 0_usize;
    let spans = &document.spans[spans];
    let codes = spans.iter().filter(|span| span.code && span.range.start >= range.start && span.range.end <= range.end);
    for span in codes {
        let between = &document.text[position..span.range.start];
        let code = code_text(document.slice(&span.range));
        let Some(kind) = introduces(between, found) else { break };
        if let Introduction::Action(next) = kind {
            actions = next.to_vec();
            named = actions.clone();
            moved = 0;
        }
        // `:69-113` alone: more lines of the file before.
        if found && code.starts_with(':') {
            position = span.range.end;
            continue;
        }
        let Some(path) = path::read(code) else {
            if found {
                break;
            }
            // Prose with a bit of code in it, or a path with a space in an unusual place.
            position = span.range.end;
            if code.contains(' ') {
                break;
            }
            continue;
        };
        let behind = &document.text[span.range.end..range.end];
        let mut action = match actions.as_slice() {
            [one] => Some(*one),
            [from, to] => Some(if moved == 0 { *from } else { *to }),
            _ => None,
        };
        moved += 1;
        if action.is_none() || given.is_empty() && named.is_empty() {
            action = annotation(behind).or(action);
        }
        let file = FileRef {
            path: path.path.into_owned(),
            action: action.unwrap_or_else(|| unsaid(code)),
            lines: path.lines.map(str::to_owned),
        };
        draft.files.push(Written::new(file, span.range.clone()));
        found = true;
        position = span.range.end;
    }
    if !found {
        bare(text, range.start, &mut actions, &mut named, draft);
    }
    named
}

enum Introduction {
    Nothing,
    Action(&'static [Action]),
}

/// The action on a file that is only named.
fn unsaid(path: &str) -> Action {
    if path::is_test(path) { Action::Test } else { Action::Modify }
}

/// What stands before a path. `None` when it is an explanation, so that no more paths follow.
fn introduces(between: &str, found: bool) -> Option<Introduction> {
    // `(new)`, `(trait)`: what is said about the path before.
    let mut depth = 0_usize;
    let mut rest = String::new();
    for character in between.chars().flat_map(char::to_lowercase) {
        match character {
            '(' | '（' => depth += 1,
            ')' | '）' => depth = depth.saturating_sub(1),
            _ if depth == 0 => rest.push(character),
            _ => {}
        }
    }
    let mut introduction = Introduction::Nothing;
    let mut count = 0;
    for word in words(&rest) {
        if let Some(actions) = action(word) {
            introduction = match introduction {
                Introduction::Action(before) if !found && before != actions => {
                    Introduction::Action(joined(before, actions))
                }
                Introduction::Action(before) if !found => Introduction::Action(before),
                _ => Introduction::Action(actions),
            };
        } else if !matches!(
            word,
            "and" | "or" | "to" | "also" | "file" | "files" | "the" | "from" | "e" | "y" | "und" | "x" | "plus"
        ) {
            count += 1;
        }
    }
    let dash = rest.contains('—') || rest.contains(" - ") || rest.contains('–');
    // Before the first path a label of a few words is fine; between paths only connectives are.
    if count > if found { 0 } else { 4 } || (found && dash) { None } else { Some(introduction) }
}

/// `modify/test`: each path says which of the two it is. `create/modify`: it may be there already.
fn joined(one: &'static [Action], other: &'static [Action]) -> &'static [Action] {
    match (one, other) {
        ([Action::Test], _) | (_, [Action::Test]) => &[],
        ([Action::Create], [Action::Modify]) | ([Action::Modify], [Action::Create]) => &[Action::Modify],
        _ => one,
    }
}

/// The action in what follows a path: `(new)`, `— create`.
fn annotation(behind: &str) -> Option<Action> {
    let behind = behind.trim_start();
    let inside = if let Some(rest) = behind.strip_prefix(['(', '（']) {
        rest.split([')', '）']).next().unwrap_or("")
    } else {
        behind.strip_prefix(['—', '–', '-', ':'])?.split(['`', '.', ';']).next().unwrap_or("")
    };
    let lower = inside.to_lowercase();
    let first = words(&lower).next()?;
    match action(first)? {
        [one] => Some(*one),
        _ => None,
    }
}

/// Paths without backticks: `- Create: src/a.rs, src/b.rs (new)`.
fn bare(text: &str, base: usize, actions: &mut Vec<Action>, named: &mut Vec<Action>, draft: &mut Draft) {
    let mut moved = 0_usize;
    let mut started = false;
    for part in text.split([',', ';', '\n']) {
        let offset = part.as_ptr() as usize - text.as_ptr() as usize;
        for word in part.split_whitespace() {
            let at = offset + (word.as_ptr() as usize - part.as_ptr() as usize);
            let plain = word
                .trim_matches(['*', '_', '`', '"', '\'', '(', ')', '[', ']'])
                .trim_end_matches(['.', ':', '：', ')']);
            let lower = plain.to_lowercase();
            if !started
                && let Some(next) = words(&lower).next().filter(|first| first.len() == lower.len()).and_then(action)
            {
                *actions = next.to_vec();
                (*named).clone_from(actions);
                moved = 0;
                continue;
            }
            if matches!(lower.as_str(), "and" | "->" | "→" | "to" | "") {
                continue;
            }
            let certain = path::is_certain(plain) || (plain.contains('/') && path::read(plain).is_some() && !started);
            if !certain {
                break;
            }
            if let Some(path) = path::read(plain) {
                let action = match actions.as_slice() {
                    [one] => *one,
                    [from, to] => {
                        if moved == 0 {
                            *from
                        } else {
                            *to
                        }
                    }
                    _ => annotation(&part[word.as_ptr() as usize - part.as_ptr() as usize + word.len()..])
                        .unwrap_or_else(|| unsaid(plain)),
                };
                moved += 1;
                started = true;
                let place = base + at..base + at + word.len();
                let file = FileRef { path: path.path.into_owned(), action, lines: path.lines.map(str::to_owned) };
                draft.files.push(Written::new(file, place));
            }
        }
        started = false;
    }
}

/// The same file twice says nothing new; the action that changes more stays.
fn dedupe(draft: &mut Draft) {
    let mut seen = std::collections::HashSet::new();
    draft
        .files
        .retain(|file| seen.insert((file.value.path.clone(), file.value.action as u8, file.value.lines.clone())));
}
