//! The picture of a run: one line for the whole, one for each task that matters now.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use stage::Shown;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    pub head: String,
    pub tasks: Vec<Line>,
    /// What is to be said of the tasks that there is no room for.
    pub rest: String,
}

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub id: String,
    pub title: String,
    pub mood: Mood,
    /// Where it is, or what has become of it.
    pub state: String,
    /// What its agent does now.
    pub doing: Option<String>,
}

/// How it stands with a task.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mood {
    /// Its turn has not come.
    Waits,
    Works,
    /// A person is asked.
    Asks,
    Finished,
    /// It failed, or was denied.
    Bad,
}

impl Mood {
    fn sign(self) -> (char, Style) {
        match self {
            Self::Waits => ('·', Style::new().dimmed()),
            Self::Works => ('▸', AnsiColor::Cyan.on_default()),
            Self::Asks => ('?', AnsiColor::Yellow.on_default()),
            Self::Finished => ('✓', AnsiColor::Green.on_default()),
            Self::Bad => ('✗', AnsiColor::Red.on_default()),
        }
    }
}

impl Picture {
    /// The lines for a screen of so many columns, each one narrower than the screen and with its line end.
    pub fn drawn(&self, columns: usize, has_colour: bool) -> Vec<String> {
        let width = columns.saturating_sub(1).max(20);
        let styled = |style: Style| if has_colour { style } else { Style::new() };
        let bold = styled(Style::new().bold());
        let mut lines = vec![format!("{bold}{}{bold:#}\n", clipped(&self.head, width))];
        let widest = |text: fn(&Line) -> &str, most: usize| {
            self.tasks.iter().map(|line| text(line).width()).max().unwrap_or(0).min(most)
        };
        let (ids, states) = (widest(|line| &line.id, 12), widest(|line| &line.state, 28));
        for line in &self.tasks {
            let (sign, style) = line.mood.sign();
            let style = styled(style);
            let mut text = format!(" {} {} ", padded(&line.id, ids), padded(&line.state, states));
            text.push_str(&line.title);
            if let Some(doing) = &line.doing {
                let _ = write!(text, "  {doing}");
            }
            lines.push(format!("{style}{sign}{style:#}{}\n", clipped(&text, width - 1)));
        }
        if !self.rest.is_empty() {
            lines.push(format!("{}\n", clipped(&format!("  {}", self.rest), width)));
        }
        lines
    }
}

/// How many tasks a screen of so many rows has room for.
pub(crate) fn room(rows: usize) -> usize {
    rows.saturating_sub(4).clamp(3, 40)
}

/// The tasks for so many lines, by their places in the plan: those that something happens to before the others; and what
/// is to be said of the rest.
pub(crate) fn chosen(moods: &[Mood], room: usize) -> (Vec<usize>, String) {
    if moods.len() <= room {
        return ((0..moods.len()).collect(), String::new());
    }
    let rank = |mood: Mood| match mood {
        Mood::Asks | Mood::Works => 0,
        Mood::Bad => 1,
        Mood::Waits => 2,
        Mood::Finished => 3,
    };
    let room = room - 1;
    let mut chosen = Vec::with_capacity(room);
    for wanted in 0..4 {
        let of_rank = (0..moods.len()).filter(|at| rank(moods[*at]) == wanted);
        let missing = room - chosen.len();
        chosen.extend(of_rank.take(missing));
    }
    chosen.sort_unstable();
    let finished = |moods: &mut dyn Iterator<Item = Mood>| moods.filter(|mood| *mood == Mood::Finished).count();
    let all = finished(&mut moods.iter().copied());
    let here = finished(&mut chosen.iter().map(|at| moods[*at]));
    let text = format!("and {} more, {} of them finished", moods.len() - chosen.len(), all - here);
    (chosen, text)
}

fn padded(text: &str, width: usize) -> String {
    let text = clipped(text, width);
    let missing = width.saturating_sub(text.width());
    text + &" ".repeat(missing)
}

/// A text made safe to look at that takes at most this many columns.
fn clipped(text: &str, width: usize) -> String {
    let text = Shown(text).to_string().replace('\t', " ");
    if text.width() <= width {
        return text;
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: usize, mood: Mood) -> Line {
        let title = "a title with 日本語 and \x1b[31mcolours\t of its own".to_owned();
        Line { id: id.to_string(), title, mood, state: "codex-exec 1:02".into(), doing: Some("$ npm test".into()) }
    }

    #[test]
    fn no_line_is_wider_than_the_screen_and_none_moves_the_cursor() {
        let moods = [Mood::Finished, Mood::Works, Mood::Asks, Mood::Bad, Mood::Waits];
        let picture = Picture {
            head: "A plan \x1b[2J with a very long head indeed".into(),
            tasks: (0..30).map(|at| line(at, moods[at % 5])).collect(),
            rest: "and more".into(),
        };
        for columns in [1, 21, 40, 80, 200] {
            for text in picture.drawn(columns, false) {
                assert!(text.trim_end_matches('\n').width() < columns.max(21), "{text:?} {columns}");
                assert_eq!(text.matches(char::is_control).count(), 1, "{text:?}");
            }
        }
    }

    #[test]
    fn what_happens_now_is_always_there() {
        let mut moods = vec![Mood::Finished; 20];
        moods[7] = Mood::Works;
        moods[19] = Mood::Asks;
        assert_eq!(chosen(&moods, room(8)), (vec![0, 7, 19], "and 17 more, 17 of them finished".into()));
        assert_eq!(chosen(&moods, room(50)), ((0..20).collect(), String::new()));
    }
}
