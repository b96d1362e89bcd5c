//! The end: what is finished, what is not, and what would go on.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::time::Duration;

use stage::Exit;

use crate::args::Args;
use crate::board::{Row, Sheet};
use crate::memory::{Entry, Memory};
use crate::place::Place;
use crate::screen::Screen;
use crate::shell::quoted;

/// How it went, by what the stages say.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub exit: Exit,
    /// The whole plan was read.
    pub is_whole: bool,
}

/// So many tasks are named; of more there is only the number.
const NAMED: usize = 10;

/// Tells how it went by what the run file says, and with which code it ends.
pub(crate) fn conclude(
    screen: &mut Screen,
    sheet: &Sheet,
    place: &Place,
    args: &Args,
    time: Duration,
    outcome: &Outcome,
) -> Exit {
    let memory = match Memory::read(&place.run, &sheet.rows) {
        Ok(memory) => memory,
        Err(error) => {
            screen.tell(&error.to_string());
            return outcome.exit.or(Exit::Failed);
        }
    };
    let open: Vec<&Row> = sheet.rows.iter().filter(|row| !memory.is_finished(row)).collect();
    let waiting = open.iter().filter(|row| gate(&memory, row).is_some()).count();
    let is_finished = outcome.is_whole && open.is_empty();
    let exit = match outcome.exit {
        Exit::Stopped(_) => outcome.exit,
        _ if is_finished => Exit::Ok,
        // Something is left, so it did not go well, whatever the stages say.
        exit if waiting > 0 => exit.or(Exit::NeedsDecision),
        exit => exit.or(Exit::Failed),
    };
    if !sheet.rows.is_empty() {
        let total = sheet.rows.len();
        let mut text = format!("{} of {total} tasks finished", total - open.len());
        if waiting > 0 {
            let _ = write!(text, ", {waiting} waiting for a person");
        }
        text.push_str(&tokens(sheet));
        let _ = write!(text, "; {}", clock(time));
        screen.tell(&text);
    }
    for row in open.iter().take(NAMED) {
        if let Some(text) = told(row, memory.of(row), place) {
            screen.tell(&text);
        }
    }
    if open.len() > NAMED {
        screen.tell(&format!("and {} more", open.len() - NAMED));
    }
    if !is_finished && !sheet.rows.is_empty() {
        screen.tell(&format!("to go on: {}", again(args)));
    }
    exit
}

fn gate<'a>(memory: &'a Memory, row: &Row) -> Option<&'a str> {
    memory.of(row).and_then(Entry::waits_at)
}

/// What is the matter with a task; nothing when its turn has not come.
fn told(row: &Row, entry: Option<&Entry>, place: &Place) -> Option<String> {
    let entry = entry?;
    let id = &row.id;
    let decide =
        |answer: &str| format!("decide {} {} {answer}", quoted(place.run.as_os_str()), quoted(OsStr::new(&**id)));
    let text = match (entry.waits_at(), entry.result.as_str()) {
        (Some(gate), _) => {
            let gate_flag = if gate == "result" { String::new() } else { format!(" --gate {gate}") };
            format!("waits at gate {gate}: {}{gate_flag}", decide("approve"))
        }
        _ if entry.is_out => "was begun and did not come out".into(),
        (None, "failed") => format!("failed: {}", entry.class.as_deref().unwrap_or("other")),
        (None, "held") => "was held".into(),
        (None, _) if !entry.verdict.is_empty() && entry.verdict != "pass" => format!("verdict: {}", entry.verdict),
        (None, _) => match &entry.newest {
            Some((gate, status)) if gate == "result" && status == "denied" => {
                format!("denied: to have it done again: {}", decide("retry"))
            }
            Some((gate, status)) if status != "approved" => format!("{status} at gate {gate}"),
            Some((gate, _)) if gate == "result" => "is approved and has not landed".into(),
            _ => return None,
        },
    };
    Some(format!("task {id}: {text}"))
}

/// The same command, but for what was only meant for the first time.
fn again(args: &Args) -> String {
    let mut words: Vec<_> = std::env::args_os().skip(1).collect();
    if args.from.is_some() {
        if let Some(at) = words.iter().position(|word| word == "--from") {
            words.drain(at..(at + 2).min(words.len()));
        }
        words.retain(|word| !word.as_encoded_bytes().starts_with(b"--from="));
    }
    let words = words.iter().map(|word| quoted(word));
    std::iter::once("plan-run".into()).chain(words).collect::<Vec<_>>().join(" ")
}

/// What agents have used, by backend.
pub(crate) fn tokens(sheet: &Sheet) -> String {
    let each = sheet.tokens.iter().map(|(backend, count)| format!("{} tokens ({backend})", grouped(*count)));
    each.map(|text| format!(", {text}")).collect()
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time as a clock shows it.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(clock(Duration::from_secs(61)), "1:01");
        assert_eq!(clock(Duration::from_secs(3_723)), "1:02:03");
    }
}
