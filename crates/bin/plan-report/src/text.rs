//! The report for a terminal: bars of Unicode blocks, as wide as the terminal is.

use anstyle::{AnsiColor, Style};
use std::fmt::Write;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::figures::Report;
use crate::state::State;
use crate::timeline::Timeline;
use crate::view::{count, grouped, line, percent, short, time, whole};

/// The report in so many columns. Colours are in it; whoever writes it leaves them out where nobody sees them.
pub(crate) fn text(report: &Report, width: usize) -> String {
    let mut text = head(report, width);
    spent(report, width, &mut text);
    tasks(report, width, &mut text);
    waits(report, &mut text);
    if let Some((number, why)) = &report.run.unread.first {
        let _ = writeln!(
            text,
            "\n{} lines could not be read; the first is line {number}: {}",
            report.run.unread.count,
            line(why)
        );
    }
    text
}

fn head(report: &Report, width: usize) -> String {
    let bold = Style::new().bold();
    let mut text = format!("{bold}{}{bold:#}\n", clipped(&line(&report.title()), width));
    text += &bar_of_states(report, width);
    text.push('\n');
    let all = report.run.tasks.len();
    let mut words = vec![format!("{} of {} finished", report.count(State::Finished), count(all, "task"))];
    for state in State::ALL.into_iter().skip(1) {
        if report.count(state) > 0 {
            words.push(format!("{} {}", report.count(state), state.name()));
        }
    }
    if report.unseen() > 0 {
        words.push(format!("{} more in the plan", report.unseen()));
    }
    text += &wrapped(&words, width);
    let mut words = vec![format!("{} tokens", grouped(report.total.total))];
    if let Some(part) = report.offload() {
        words.push(format!("{} not spent on Claude", percent(part)));
    }
    words.push(format!("{} of agents at work", time(report.worked())));
    if let Some(seconds) = report.seconds() {
        words.push(format!("{} from first to last", time(seconds)));
    }
    text + &wrapped(&words, width)
}

/// One block for each state, as long as its part.
fn bar_of_states(report: &Report, width: usize) -> String {
    let all = report.run.tasks.len().max(1);
    let (mut text, mut from, mut drawn) = (String::new(), 0, 0);
    for state in State::ALL {
        from += report.count(state);
        let to = from * width / all;
        let style = style(state);
        let block = if matches!(state, State::Open | State::Held) { "░" } else { "█" };
        if to > drawn {
            let _ = write!(text, "{style}{}{style:#}", block.repeat(to - drawn));
        }
        drawn = to.max(drawn);
    }
    text
}

fn spent(report: &Report, width: usize, text: &mut String) {
    let most = report.spent.iter().map(|spent| spent.cost.tokens.total).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    text.push('\n');
    let names: Vec<String> = report
        .spent
        .iter()
        .map(|spent| format!("{} {}", line(&spent.backend), spent.model.as_deref().map(line).unwrap_or_default()))
        .collect();
    let longest = names.iter().map(|name| name.width()).max().unwrap_or(0).min(width / 3);
    for (spent, name) in report.spent.iter().zip(&names) {
        let total = spent.cost.tokens.total;
        let room = width.saturating_sub(longest + 22);
        let figures = format!("{:>8} {:>5} calls", short(total), spent.cost.calls);
        let _ = writeln!(
            text,
            "{}{figures}  {}",
            pad(&clipped(name.trim_end(), longest), longest),
            block(total as f64 / most as f64, room)
        );
    }
}

fn tasks(report: &Report, width: usize, text: &mut String) {
    let timeline = Timeline::new(report);
    let ids: Vec<String> = report.run.tasks.iter().map(|task| clipped(&line(&task.id), 12)).collect();
    let id_width = ids.iter().map(|id| id.width()).max().unwrap_or(0);
    // Sign, state, tokens and time have their own columns; title and picture share the rest.
    let fixed = 2 + id_width + 1 + 12 + 8 + 13 + 2;
    let rest = width.saturating_sub(fixed);
    let picture = if timeline.is_some() && rest >= 44 { (rest / 2).min(60) } else { 0 };
    let title_width = rest.saturating_sub(picture + usize::from(picture > 0)).max(8);
    text.push('\n');
    for (at, (task, standing, cost)) in report.tasks().enumerate() {
        let style = style(standing.state);
        let sign = standing.state.sign();
        let tokens = if cost.tokens.total > 0 { short(cost.tokens.total) } else { String::new() };
        let seconds = if cost.calls > 0 { time(cost.seconds) } else { String::new() };
        let title = pad(&clipped(&line(task.name()), title_width), title_width);
        let row = format!(
            "{style}{sign}{style:#} {} {title} {style}{}{style:#}{tokens:>8}{seconds:>13}",
            pad(&ids[at], id_width),
            pad(standing.state.name(), 12),
        );
        let picture = timeline.as_ref().filter(|_| picture > 0).map(|timeline| gantt(timeline, at, picture));
        *text += format!("{row}  {}", picture.unwrap_or_default()).trim_end();
        text.push('\n');
    }
}

/// When a task was worked on, from left to right.
fn gantt(timeline: &Timeline, task: usize, width: usize) -> String {
    let mut cells = vec![' '; width];
    let cell = |place: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the width")]
        let cell = (place * width as f64) as usize;
        cell.min(width - 1)
    };
    let mut draw = |from: jiff::Timestamp, to: jiff::Timestamp, with: char| {
        let places = cell(timeline.axis.place(from))..=cell(timeline.axis.place(to));
        cells[places].iter_mut().filter(|drawn| **drawn != '█').for_each(|drawn| *drawn = with);
    };
    for bar in timeline.bars.iter().filter(|bar| bar.task == task) {
        draw(bar.from, bar.to, if bar.has_failed { '▒' } else { '█' });
    }
    for wait in timeline.waits.iter().filter(|wait| wait.of == task as u64) {
        draw(wait.from, wait.to, '·');
    }
    cells.into_iter().collect::<String>().trim_end().to_owned()
}

fn waits(report: &Report, text: &mut String) {
    let bold = Style::new().bold();
    let mut is_first = true;
    for (task, standing) in report.waiting() {
        if is_first {
            let _ = writeln!(text, "\n{bold}What waits for you{bold:#}");
            is_first = false;
        }
        let style = style(standing.state);
        let _ = writeln!(text, "{style}{}{style:#} {}: {}", standing.state.sign(), line(&task.id), line(&standing.why));
        for command in &standing.commands {
            let _ = writeln!(text, "    {}", whole(command));
        }
    }
}

fn style(state: State) -> Style {
    let colour = match state {
        State::Finished => AnsiColor::Green,
        State::Running => AnsiColor::Blue,
        State::Waiting => AnsiColor::Yellow,
        State::Failed => AnsiColor::Red,
        State::Interrupted => AnsiColor::Magenta,
        State::Held | State::Open => return Style::new().dimmed(),
    };
    Style::new().fg_color(Some(colour.into()))
}

/// A bar of up to `room` columns, in eighths of a column.
fn block(part: f64, room: usize) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to eight times the room")]
    let eighths = (part.clamp(0.0, 1.0) * room as f64 * 8.0).round() as usize;
    let last = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{last}", "█".repeat(eighths / 8))
}

/// Words with dots between them, on as few lines as they fit.
fn wrapped(words: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(last) if last.width() + 3 + word.width() <= width => {
                let _ = write!(last, " · {word}");
            }
            _ => lines.push(word.clone()),
        }
    }
    lines.join("\n") + "\n"
}

/// As much of a text as fits into so many columns.
pub(crate) fn clipped(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let kept: String = text
        .chars()
        .take_while(|character| {
            taken += character.width().unwrap_or(0);
            taken < width
        })
        .collect();
    kept + "…"
}

/// A text with spaces behind it, up to so many columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// A text with spaces before it, up to so many columns.
pub(crate) fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_take_the_columns_that_they_are_given() {
        assert_eq!(clipped("日本語テキスト", 7).width(), 7);
        assert_eq!(clipped("abc", 3), "abc");
        assert_eq!(clipped("abcd", 3), "ab…");
        assert_eq!((pad("é", 3).as_str(), pad_left("日", 3).as_str()), ("é  ", " 日"));
        assert_eq!(block(0.5, 4), "██");
        assert_eq!(block(0.53125, 4), "██▏");
        assert_eq!(block(9.0, 2), "██");
    }
}
