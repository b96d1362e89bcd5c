//! The line that opens a task: `Task 3: Title` and its many relatives.

use std::ops::Range;

/// The word before the number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Word {
    /// It says "task", in some language.
    Task,
    /// It names a part of the work: a phase, a chunk, a wave. The number is the word's place in a table.
    Division(usize),
    /// There is none, only a code such as `S1` or `4a`.
    Code,
}

/// What an opening line says. Ranges are places in the line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    /// The word it begins with.
    pub word: Word,
    /// The number, as written.
    pub id: Range<usize>,
    /// The title without the word, the number and marks of state.
    pub title: Range<usize>,
    /// A colon, dash or the like stands between the number and the title.
    pub separated: bool,
    /// It is marked as done.
    pub done: bool,
}

const TASK: [&str; 17] = [
    "task",
    "タスク",
    "任务",
    "任務",
    "작업",
    "태스크",
    "tarefa",
    "tarea",
    "aufgabe",
    "tâche",
    "taak",
    "zadanie",
    "задача",
    "завдання",
    "uppgift",
    "opgave",
    "görev",
];

/// Words for parts of the work; the first few are only used for work, the others for many things.
const DIVISION: [&str; 25] = [
    "chunk",
    "wave",
    "unit",
    "story",
    "slice",
    "milestone",
    "workstream",
    "sprint",
    "batch",
    "increment",
    "iteration",
    "pr",
    "phase",
    "fase",
    "フェーズ",
    "阶段",
    "階段",
    "단계",
    "stage",
    "step",
    "part",
    "etapa",
    "schritt",
    "étape",
    "ステップ",
];

impl Word {
    /// The word is hardly used for anything but work.
    pub fn is_work(self) -> bool {
        matches!(self, Self::Division(index) if index < 12)
    }

    /// It is a phase, in some language.
    pub fn is_phase(self) -> bool {
        matches!(self, Self::Division(index) if (12..19).contains(&index))
    }
}

/// Reads an opening line with a word and a number. Divisions are only read where they are asked for: every step of
/// every task looks like one.
pub fn read(line: &str, divisions: bool) -> Option<Opening> {
    let (start, marked) = skip_marks(line);
    let (word, after) = keyword(line, start, divisions)?;
    let rest = &line[after..];
    let gap = rest.len() - rest.trim_start_matches([' ', '\u{a0}', '#', '*', '_']).len();
    let ascii_word = line[start..after].is_ascii();
    let id_start = after + gap + usize::from(gap == 0 && rest.starts_with('-'));
    if ascii_word && id_start == after {
        return None;
    }
    let id = id_start..id_start + id_length(&line[id_start..])?;
    finish(line, word, id, marked)
}

/// Reads an opening line that begins with a code: `S1 — Title`, `4a: Title`, `U1. **Title**`.
pub fn read_code(line: &str) -> Option<Opening> {
    let (start, marked) = skip_marks(line);
    let id = start..start + id_length(&line[start..])?;
    let code = &line[id.clone()];
    let letters = code.bytes().filter(u8::is_ascii_alphabetic).count();
    if letters == 0 || letters > 3 || code.len() > 8 || !code.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    finish(line, Word::Code, id, marked).filter(|opening| opening.separated && !opening.title.is_empty())
}

/// Reads the text of a box: `1. Title`, `2.1 Title`, `T014 [P] Title`, `**3. Title**`, `[T003] Title`. A whole number
/// needs a separator behind it: `3 tests pass` has none.
pub fn read_boxed(line: &str) -> Option<Opening> {
    let (mut start, marked) = skip_marks(line);
    let bracket = line[start..].starts_with('[');
    start += usize::from(bracket);
    let length = id_length(&line[start..])?;
    let code = &line[start..start + length];
    if bracket && (!line[start + length..].starts_with(']') || !is_task_code(code)) {
        return None;
    }
    let behind = start + length + usize::from(bracket);
    let (title, separated) = separator(line, behind)?;
    let dotted = code.starts_with(|first: char| first.is_ascii_digit()) && code.contains('.');
    let digit = code.bytes().any(|byte| byte.is_ascii_digit());
    if !(digit && (separated || dotted || is_task_code(code))) || title == line.len() {
        return None;
    }
    // `2.1 **Title** and more`: the emphasis is the title's own.
    let own = line[..title].ends_with("**") && title > 2 && line[title..].matches("**").count() % 2 == 1;
    let (title, done) = without_state(line, title - if own { 2 } else { 0 }..line.len());
    Some(Opening { word: Word::Code, id: start..start + length, title, separated, done: done || marked })
}

/// `T014`, `T003a`, `T-7`: the numbers of spec-kit.
pub fn is_task_code(code: &str) -> bool {
    let Some(rest) = code.strip_prefix('T') else { return false };
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let letters = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    letters.len() < rest.len() && letters.len() <= 1 && letters.bytes().all(|letter| letter.is_ascii_alphabetic())
}

/// `3`, `07`: a number without parts.
pub fn is_whole_number(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn finish(line: &str, word: Word, id: Range<usize>, marked: bool) -> Option<Opening> {
    let (title_start, separated) = separator(line, id.end)?;
    let (title, done) = without_state(line, title_start..line.len());
    Some(Opening { word, id, title, separated, done: done || marked })
}

/// Skips what may stand before the word: emphasis, a box, an emoji. Tells whether it marks the task as done.
fn skip_marks(line: &str) -> (usize, bool) {
    let mut done = false;
    let mut start = 0;
    let mut symbols = 0;
    loop {
        let rest = &line[start..];
        if let Some(boxed) = ["[x] ", "[X] ", "[ ] ", "[-] ", "[~] "].iter().find(|mark| rest.starts_with(**mark)) {
            done |= boxed.eq_ignore_ascii_case("[x] ");
            start += boxed.len();
            continue;
        }
        let Some(first) = rest.chars().next() else { break };
        if first.is_alphanumeric() || "`<([\"'$/\\".contains(first) || symbols > 8 {
            break;
        }
        done |= is_tick(first);
        symbols += 1;
        start += first.len_utf8();
    }
    (start, done)
}

fn is_tick(character: char) -> bool {
    matches!(character, '✅' | '☑' | '✔' | '✓')
}

fn keyword(line: &str, start: usize, divisions: bool) -> Option<(Word, usize)> {
    let rest = &line[start..];
    // Nearly every line begins with another letter than any of the words.
    let first = rest.bytes().next()?.to_ascii_lowercase();
    if first.is_ascii() && !b"taozucbpwsmif".contains(&first) {
        return None;
    }
    let length = |word: &str| {
        // No letter outside ASCII is the lower case of one inside: one look tells most of the words apart.
        if first.is_ascii() && word.as_bytes()[0] != first {
            None
        } else if word.is_ascii() {
            rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word)).map(str::len)
        } else {
            prefix_ignoring_case(rest, word)
        }
    };
    if let Some(length) = TASK.iter().find_map(|word| length(word)) {
        return Some((Word::Task, start + length));
    }
    if !divisions {
        return None;
    }
    DIVISION
        .iter()
        .enumerate()
        .find_map(|(index, word)| length(word).map(|length| (Word::Division(index), start + length)))
}

fn prefix_ignoring_case(text: &str, word: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    for expected in word.chars() {
        let (_, found) = characters.next()?;
        if found != expected && !found.to_lowercase().eq(std::iter::once(expected)) {
            return None;
        }
    }
    Some(characters.next().map_or(text.len(), |(index, _)| index))
}

/// The length of the number at the beginning of a text: `3`, `2.1`, `6a`, `T014`, `LARK-CLI-07`, `B`, `三`.
pub fn id_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let first = *bytes.first()?;
    let length = if first.is_ascii_digit() {
        number_length(bytes)
    } else if first.is_ascii_alphabetic() {
        code_length(bytes)?
    } else {
        let numerals = "一二三四五六七八九十百";
        text.chars().take_while(|character| numerals.contains(*character)).map(char::len_utf8).sum()
    };
    let next = text[length..].chars().next();
    let ends = next.is_none_or(|next| !next.is_alphanumeric() && !"'’_/\\%+".contains(next));
    (length > 0 && length <= 32 && ends).then_some(length)
}

/// `12`, `12.5`, `6a`, `2.1b.3`.
fn number_length(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let digits = bytes[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        end += digits;
        let letter = bytes.get(end).is_some_and(u8::is_ascii_alphabetic)
            && bytes.get(end + 1).is_none_or(|next| !next.is_ascii_alphanumeric());
        end += usize::from(letter);
        let more = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !more {
            return end;
        }
        end += 1;
    }
}

/// `T014`, `LARK-CLI-07`, `US1.2`: letters and digits in parts, the last part with a digit; or one capital letter.
fn code_length(bytes: &[u8]) -> Option<usize> {
    let mut end = 0;
    let mut good = 0;
    loop {
        let part = bytes[end..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        if part == 0 {
            break;
        }
        let digits = bytes[end..end + part].iter().any(u8::is_ascii_digit);
        end += part;
        if digits {
            good = end;
        }
        if !matches!(bytes.get(end), Some(b'.' | b'-' | b'_')) || end > 32 {
            break;
        }
        end += 1;
    }
    if good > 0 {
        return Some(good);
    }
    let single = bytes[0].is_ascii_uppercase() && bytes.get(1).is_none_or(|next| !next.is_ascii_alphanumeric());
    single.then_some(1)
}

/// Where the title begins, and whether something separates it from the number.
fn separator(line: &str, id_end: usize) -> Option<(usize, bool)> {
    let rest = &line[id_end..];
    let trimmed = rest.trim_start_matches(['*', ' ', '\u{a0}']);
    let at = line.len() - trimmed.len();
    if trimmed.is_empty() {
        return Some((line.len(), true));
    }
    // `Task 3 (backend): Title`
    if trimmed.starts_with('(')
        && let Some(close) = trimmed.find(')')
    {
        return Some((behind_separator(line, at + close + 1).filter(|title| *title < line.len()).unwrap_or(at), true));
    }
    if let Some(title) = behind_separator(line, at) {
        return Some((title, true));
    }
    // Only white space or emphasis may stand directly before a title.
    (at > id_end).then_some((at, false))
}

/// Where the title begins when a separator stands at an offset.
fn behind_separator(line: &str, at: usize) -> Option<usize> {
    let trimmed = line[at..].trim_start_matches(['*', ' ', '\u{a0}']);
    let separators = [":", "：", "—", "–", "-", ".", "、", ")", "）", "|", "·", "•", "→", "="];
    let separator = separators.iter().find(|separator| trimmed.starts_with(**separator))?;
    let behind = trimmed[separator.len()..].trim_start_matches(['*', ' ', '\u{a0}', ':', '-', '—', '–']);
    Some(line.len() - behind.len())
}

/// Takes marks of state off the end of a title, and emphasis off both ends.
pub fn without_state(line: &str, range: Range<usize>) -> (Range<usize>, bool) {
    let mut done = false;
    let mut title = line[range.clone()].trim();
    let offset = |title: &str| title.as_ptr() as usize - line.as_ptr() as usize;
    // A title carries a mark or two; more are a text that somebody made to be slow.
    for _ in 0..4 {
        let before = title;
        title = title.trim();
        if title.ends_with("**") && title.matches("**").count() % 2 == 1 {
            title = title[..title.len() - 2].trim_end();
        }
        if title.starts_with("**") && !title[2..].contains("**") {
            title = &title[2..];
        }
        if let Some(first) = title.chars().next()
            && is_tick(first)
        {
            done = true;
            title = title[first.len_utf8()..].trim_start_matches('\u{fe0f}').trim_start();
        }
        if let Some(found) = title.char_indices().rev().find(|(_, character)| is_tick(*character)) {
            let after = title[found.0 + found.1.len_utf8()..].trim_start_matches('\u{fe0f}').trim_start();
            if after.is_empty() || is_state(after.trim_start_matches(['(', '[', '*'])) {
                done = true;
                title = title[..found.0].trim_end_matches([' ', '-', '—', '–', ':', '(', '[', '*']);
            }
        }
        if let Some(open) = title.rfind(['(', '[']).filter(|_| title.ends_with([')', ']'])) {
            let state = &title[open + 1..title.len() - 1];
            if is_state(state) || state.eq_ignore_ascii_case("x") {
                done = true;
                title = title[..open].trim_end();
            }
        }
        for dash in [" — ", " – ", " - ", ": "] {
            if let Some(at) = title.rfind(dash) {
                let state = &title[at + dash.len()..];
                if is_state(state) && state.chars().all(|character| !character.is_lowercase()) {
                    done = true;
                    title = title[..at].trim_end();
                }
            }
        }
        if title == before {
            break;
        }
    }
    let start = if title.is_empty() { range.start } else { offset(title) };
    (start..start + title.len(), done)
}

/// A word that says "finished", alone or at the beginning: `DONE`, `Completed 2026-03-01`.
fn is_state(text: &str) -> bool {
    let word = text.split(|character: char| !character.is_alphabetic()).next().unwrap_or("");
    ["done", "complete", "completed", "finished", "merged", "shipped", "landed"]
        .iter()
        .any(|state| word.eq_ignore_ascii_case(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<(&str, &str, bool)> {
        read(line, true).map(|opening| (&line[opening.id.clone()], &line[opening.title.clone()], opening.done))
    }

    #[test]
    fn layouts_of_real_plans() {
        for (line, id, title, done) in [
            ("Task 3: Title", "3", "Title", false),
            ("Task 0 — Zero", "0", "Zero", false),
            ("TASK 12.5. Half", "12.5", "Half", false),
            ("Task B3：Wide colon", "B3", "Wide colon", false),
            ("Task LARK-CLI-07: Long", "LARK-CLI-07", "Long", false),
            ("Task #4 - Hash", "4", "Hash", false),
            ("**Task 1a — Bold**", "1a", "Bold", false),
            ("**Task 6.1.1:** Bold number", "6.1.1", "Bold number", false),
            ("タスク1: 日本", "1", "日本", false),
            ("任务 二：标题", "二", "标题", false),
            ("Tarefa 2: Título", "2", "Título", false),
            ("✅ Task 2: Ticked", "2", "Ticked", true),
            ("Task 2: Search ✅ MERGED ON MAIN", "2", "Search", true),
            ("Task 2: Search (DONE)", "2", "Search", true),
            ("Task 2: Search [COMPLETED]", "2", "Search", true),
            ("Task 2: Add the ✅ icon to rows", "2", "Add the ✅ icon to rows", false),
            ("Task 3 (backend): Title", "3", "Title", false),
            ("Task 3 No separator", "3", "No separator", false),
            ("Task 4: Rewrite `a` (done by b) now", "4", "Rewrite `a` (done by b) now", false),
            ("Task 4: _engine.py and **bold**", "4", "_engine.py and **bold**", false),
            ("Task 7", "7", "", false),
        ] {
            assert_eq!(parts(line), Some((id, title, done)), "{line}");
        }
    }

    #[test]
    fn lines_that_open_nothing() {
        for line in [
            "Tasks",
            "Task Dependency Graph",
            "Tasks 1-3",
            "Task",
            "Multitask 3: x",
            "Task's 1",
            "Taskforce 1",
            "Task 1's end",
        ] {
            assert_eq!(parts(line), None, "{line}");
        }
        assert!(read_code("S1 — Title").is_some());
        assert!(read_code("U1. **Title**").is_some());
        assert!(read_code("4a: Title").is_some());
        assert!(read_code("1. Title").is_none());
        assert!(read_code("A title").is_none());
        let boxed = |line: &'static str| read_boxed(line).map(|read| (&line[read.id], &line[read.title]));
        for (line, id, title) in [
            ("1. Title", "1", "Title"),
            ("2.1 Title", "2.1", "Title"),
            ("3.0a **Title** and more", "3.0a", "**Title** and more"),
            ("**3. Title**", "3", "Title"),
            ("T014 [P] Title", "T014", "[P] Title"),
            ("**T003a**: Title", "T003a", "Title"),
            ("[T003] Title", "T003", "Title"),
            ("AC1: Title", "AC1", "Title"),
        ] {
            assert_eq!(boxed(line), Some((id, title)), "{line}");
        }
        for line in ["3 tests pass", "Title", "T", "[3] Title", "[link](a) b", "1.", "T014", "Phase 1: Title"] {
            assert_eq!(boxed(line), None, "{line}");
        }
    }
}
