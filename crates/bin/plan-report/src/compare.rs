//! Two runs of one plan beside each other.

use std::collections::HashSet;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::figures::Report;
use crate::html::verdict;
use crate::markdown::cell;
use crate::read::Task;
use crate::state::State;
use crate::text::{pad, pad_left};
use crate::view::{grouped, line, time};

/// Two runs, task by task.
pub(crate) struct Comparison {
    pub one: Report,
    pub two: Report,
    pub rows: Vec<Row>,
}

/// One task in both runs.
pub(crate) struct Row {
    pub id: String,
    pub title: String,
    pub one: Option<Side>,
    pub two: Option<Side>,
}

/// How a task went in one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Side {
    pub state: State,
    pub verdict: String,
    pub tokens: u64,
    pub seconds: f64,
}

/// A figure of both runs, by name.
pub(crate) struct Total {
    pub name: String,
    pub one: String,
    pub two: String,
    pub change: String,
}

impl Comparison {
    pub fn new(one: Report, two: Report) -> Self {
        let mut seen = HashSet::new();
        let tasks = one.run.tasks.iter().chain(&two.run.tasks).filter(|task| seen.insert(task.id.clone()));
        let rows: Vec<Row> = tasks
            .map(|task| Row {
                id: task.id.clone(),
                title: task.name().to_owned(),
                one: side(&one, &task.id),
                two: side(&two, &task.id),
            })
            .collect();
        Self { one, two, rows }
    }

    /// Whether the two are runs of different plans, so that the rows mean little.
    pub fn warning(&self) -> Option<String> {
        let both = self.rows.iter().filter(|row| row.one.is_some() && row.two.is_some()).count();
        if both == 0 {
            return Some("the two runs have no task in common".into());
        }
        let edited = self.rows.iter().filter(|row| digest(&self.one, &row.id) != digest(&self.two, &row.id)).count();
        (edited > 0).then(|| format!("{edited} of {} tasks are not the same in both", self.rows.len()))
    }

    pub fn totals(&self) -> Vec<Total> {
        let mut totals = Vec::new();
        let mut whole = |name: &str, one: u64, two: u64| {
            totals.push(Total { name: name.into(), one: grouped(one), two: grouped(two), change: change(one, two) });
        };
        let finished = |report: &Report| report.count(State::Finished) as u64;
        whole("finished", finished(&self.one), finished(&self.two));
        let calls = |report: &Report| report.costs.iter().map(|cost| cost.calls).sum::<u64>();
        whole("calls", calls(&self.one), calls(&self.two));
        whole("tokens", self.one.total.total, self.two.total.total);
        let mut models: Vec<(String, Option<String>)> = Vec::new();
        for spent in self.one.spent.iter().chain(&self.two.spent) {
            let key = (spent.backend.clone(), spent.model.clone());
            if !models.contains(&key) {
                models.push(key);
            }
        }
        for (backend, model) in models {
            let of = |report: &Report| {
                let spent = report.spent.iter().find(|spent| spent.backend == backend && spent.model == model);
                spent.map_or(0, |spent| spent.cost.tokens.total)
            };
            whole(&format!("tokens of {}", model.as_deref().unwrap_or(&backend)), of(&self.one), of(&self.two));
        }
        for (name, one, two) in [
            ("agents at work", Some(self.one.worked()), Some(self.two.worked())),
            ("from first to last", self.one.seconds(), self.two.seconds()),
        ] {
            let (Some(one), Some(two)) = (one, two) else { continue };
            totals.push(Total { name: name.into(), one: time(one), two: time(two), change: time_change(one, two) });
        }
        totals
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let names = [&self.one, &self.two].map(|report| line(&report.run.path.to_string_lossy()));
        let mut text = format!("1: {}\n2: {}\n", names[0], names[1]);
        if let Some(warning) = self.warning() {
            let _ = writeln!(text, "note: {warning}");
        }
        text.push('\n');
        let heads = ["", "run 1", "run 2", "change"].map(str::to_owned);
        let rows = self.totals().into_iter().map(|total| [line(&total.name), total.one, total.two, total.change]);
        text += &columns(std::iter::once(heads).chain(rows).collect(), 1);
        text.push('\n');
        let heads = ["task", "title", "run 1", "run 2", "tokens 1", "tokens 2", "time 1", "time 2"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let [id, title, one, two, tokens, more, seconds, longer] = row.cells();
            [id, crate::text::clipped(&title, 36), one, two, tokens, more, seconds, longer]
        });
        text += &columns(std::iter::once(heads).chain(rows).collect(), 4);
        text
    }

    /// For a pull request.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "| | run 1 | run 2 | change |\n|---|--:|--:|--:|\n| run file | {} | {} | |\n",
            cell(&self.one.run.path.to_string_lossy()),
            cell(&self.two.run.path.to_string_lossy())
        );
        for total in self.totals() {
            let _ = writeln!(text, "| {} | {} | {} | {} |", cell(&total.name), total.one, total.two, total.change);
        }
        if let Some(warning) = self.warning() {
            let _ = writeln!(text, "\nNote: {warning}.");
        }
        text += "\n| task | title | run 1 | run 2 | tokens 1 | tokens 2 | time 1 | time 2 |\n|---|---|---|---|--:|--:|--:|--:|\n";
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.cells().map(|text| cell(&text)).join(" | "));
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let side = |side: &Option<Side>| match side {
            Some(side) => {
                json!({"state": side.state.name(), "verdict": side.verdict, "tokens": side.tokens, "seconds": side.seconds})
            }
            None => Value::Null,
        };
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| json!({"id": row.id, "title": row.title, "one": side(&row.one), "two": side(&row.two)}))
            .collect();
        let whole = json!({
            "one": crate::json::value(&self.one),
            "two": crate::json::value(&self.two),
            "note": self.warning(),
            "tasks": rows,
        });
        serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
    }
}

impl Row {
    /// The row as words: id, title, how it went in both, tokens and time in both.
    pub fn cells(&self) -> [String; 8] {
        let went = |side: &Option<Side>| {
            side.as_ref().map_or("–".to_owned(), |side| {
                let verdict =
                    if side.verdict.is_empty() { String::new() } else { format!(" ({})", line(&side.verdict)) };
                format!("{} {}{verdict}", side.state.sign(), side.state.name())
            })
        };
        let tokens = |side: &Option<Side>| side.as_ref().map_or(String::new(), |side| grouped(side.tokens));
        let seconds = |side: &Option<Side>| side.as_ref().map_or(String::new(), |side| time(side.seconds));
        [
            line(&self.id),
            line(&self.title),
            went(&self.one),
            went(&self.two),
            tokens(&self.one),
            tokens(&self.two),
            seconds(&self.one),
            seconds(&self.two),
        ]
    }
}

fn side(report: &Report, id: &str) -> Option<Side> {
    let (task, standing, cost) = report.tasks().find(|(task, ..)| task.id == id)?;
    Some(Side {
        state: standing.state,
        verdict: verdict(task).unwrap_or_default().to_owned(),
        tokens: cost.tokens.total,
        seconds: cost.seconds,
    })
}

fn digest<'a>(report: &'a Report, id: &str) -> Option<&'a Option<String>> {
    report.run.of(id).map(|task: &Task| &task.digest)
}

/// A change of a whole number, with its sign, and as a part of the first one.
fn change(one: u64, two: u64) -> String {
    let sign = if two < one { "−" } else { "+" };
    match (one, one.abs_diff(two)) {
        (_, 0) => "=".into(),
        (0, difference) => format!("{sign}{}", grouped(difference)),
        (one, difference) => {
            format!("{sign}{} ({sign}{:.0}%)", grouped(difference), difference as f64 * 100.0 / one as f64)
        }
    }
}

fn time_change(one: f64, two: f64) -> String {
    let sign = if two < one { "−" } else { "+" };
    let difference = (one - two).abs();
    if difference < 0.05 {
        return "=".into();
    }
    let part = if one > 0.0 { format!(" ({sign}{:.0}%)", difference * 100.0 / one) } else { String::new() };
    format!("{sign}{}{part}", time(difference))
}

/// Rows under each other; the first `left` columns are flush left, the others flush right.
fn columns<const N: usize>(rows: Vec<[String; N]>, left: usize) -> String {
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(unicode_width::UnicodeWidthStr::width(cell.as_str()));
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate();
        let cells: Vec<String> =
            cells.map(|(at, (cell, width))| if at < left { pad(cell, width) } else { pad_left(cell, width) }).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_and_a_part() {
        assert_eq!(
            [change(100, 150), change(2000, 500), change(0, 7), change(3, 3)],
            ["+50 (+50%)", "−1,500 (−75%)", "+7", "="]
        );
        assert_eq!([time_change(10.0, 5.0), time_change(0.0, 90.0)], ["−5.0 s (−50%)", "+1 min 30 s"]);
    }
}
