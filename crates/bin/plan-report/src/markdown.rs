//! The report for the description of a pull request.

use crate::figures::Report;
use crate::html::{baseline_text, models, verdict};
use crate::read::Task;
use crate::state::State;
use crate::view::{beginning, count, grouped, line, lines, percent, time, whole};
use std::fmt::Write;

/// What a description may hold on GitHub is 65,536 characters.
const MOST: usize = 60_000;
/// So much of one answer.
const ANSWER: usize = 3_000;

/// The report; where it would be too long for a description, without answers, and then without the last rows.
pub(crate) fn text(report: &Report) -> String {
    let head = head(report);
    let rows: Vec<String> = report
        .tasks()
        .map(|(task, standing, cost)| {
            format!(
                "| {} | {} | {} {} | {} | {} | {} | {} |\n",
                cell(&task.id),
                cell(&clip(task.name(), 200)),
                standing.state.sign(),
                standing.state.name(),
                cell(verdict(task).unwrap_or_default()),
                cell(&models(task).join(", ")),
                if cost.calls > 0 { time(cost.seconds) } else { String::new() },
                if cost.tokens.total > 0 { grouped(cost.tokens.total) } else { String::new() },
            )
        })
        .collect();
    let mut text = head;
    text += "\n| task | title | state | verdict | model | time | tokens |\n|---|---|---|---|---|--:|--:|\n";
    let waits = waits(report);
    let mut left_out = 0;
    for row in &rows {
        if text.len() + waits.len() + row.len() > MOST - 200 {
            left_out += 1;
        } else {
            text += row;
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "\nAnother {} are left out here.", count(left_out, "task"));
    }
    text += &waits;
    let details: Vec<String> = report.run.tasks.iter().filter_map(details).collect();
    let all: usize = details.iter().map(String::len).sum();
    if text.len() + all <= MOST {
        text.extend(details);
    }
    text
}

fn head(report: &Report) -> String {
    let mut text = format!("## {}\n\n", cell(&report.title()));
    if let Some(goal) = &report.run.goal {
        let _ = write!(text, "{}\n\n", cell(goal));
    }
    let all = report.run.tasks.len();
    let mut words = vec![format!("**{} of {} finished**", report.count(State::Finished), count(all, "task"))];
    for state in State::ALL.into_iter().skip(1) {
        if report.count(state) > 0 {
            words.push(format!("{} {}", report.count(state), state.name()));
        }
    }
    words.push(format!("{} tokens", grouped(report.total.total)));
    if let Some(part) = report.offload() {
        words.push(format!("{} not spent on Claude", percent(part)));
    }
    words.push(format!("{} of agents at work", time(report.worked())));
    text += &words.join(" · ");
    text.push('\n');
    if !report.spent.is_empty() {
        text += "\n| backend | model | calls | failed | input | cached | output | tokens |\n|---|---|--:|--:|--:|--:|--:|--:|\n";
    }
    for spent in &report.spent {
        let (cost, tokens) = (&spent.cost, &spent.cost.tokens);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            cell(&spent.backend),
            cell(spent.model.as_deref().unwrap_or_default()),
            grouped(cost.calls),
            grouped(cost.failed_calls),
            grouped(tokens.input),
            grouped(tokens.cached),
            grouped(tokens.output),
            grouped(tokens.total)
        );
    }
    text
}

fn waits(report: &Report) -> String {
    const MOST: usize = 20;
    let waiting: Vec<_> = report.waiting().collect();
    if waiting.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n### What waits\n\n");
    for (task, standing) in waiting.iter().take(MOST) {
        let _ = write!(text, "- {} {}: {}", standing.state.sign(), cell(&task.id), cell(&clip(&standing.why, 300)));
        if let Some(command) = standing.commands.first() {
            let _ = write!(text, ": {}", code(command));
        }
        text.push('\n');
    }
    if waiting.len() > MOST {
        let _ = writeln!(text, "- and {} more", waiting.len() - MOST);
    }
    text
}

/// Checks and answer of one task, folded.
fn details(task: &Task) -> Option<String> {
    let round = task.last()?;
    let message = round.outcome.as_ref().and_then(|outcome| outcome.message.as_deref());
    if message.is_none() && round.verdict.is_none() {
        return None;
    }
    // A blank line makes Markdown of what follows an HTML tag.
    let mut text = format!("\n<details><summary>{} {}</summary>\n\n", cell(&task.id), cell(&clip(task.name(), 200)));
    for check in round.verdict.iter().flat_map(|verdict| &verdict.checks) {
        let baseline = check
            .baseline
            .as_deref()
            .map(|baseline| format!(" ({})", cell(&baseline_text(baseline))))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "- {} {} {}{baseline}",
            cell(&check.status),
            cell(&check.kind),
            code(&clip(&check.name, 300))
        );
        for finding in &check.findings {
            let place = finding.place.as_deref().map(|place| format!("{} ", code(place))).unwrap_or_default();
            let _ = writeln!(text, "  - {} {place}{}", cell(&finding.severity), cell(&clip(&finding.text, 500)));
        }
    }
    if let Some(message) = message {
        let _ = writeln!(text, "\n{}", fenced(message));
    }
    Some(text + "\n</details>\n")
}

fn clip(text: &str, longest: usize) -> String {
    let (start, left_out) = beginning(text, longest);
    if left_out == 0 { start.to_owned() } else { format!("{start}…") }
}

/// A text that means nothing in Markdown or HTML, names nobody and links to nothing; on one line.
pub(crate) fn cell(text: &str) -> String {
    let mut safe = String::new();
    let text = line(text);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // An empty comment keeps a service from seeing a name, the number of an issue or an address.
            '@' | '#' => safe.extend([character.to_string().as_str(), "<!-- -->"]),
            ':' if characters.peek() == Some(&'/') => safe.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => safe.extend(['\\', character]),
            '\t' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

/// A text as code on one line.
fn code(text: &str) -> String {
    let text = whole(text).replace('\t', " ");
    let fence = "`".repeat(longest_run(&text) + 1);
    // A bar would end the cell of a table, even inside of code.
    format!("{fence} {} {fence}", text.replace('|', "¦"))
}

/// A text as a block of its own.
fn fenced(text: &str) -> String {
    let (start, left_out) = beginning(text.trim(), ANSWER);
    let start = lines(start);
    let fence = "`".repeat((longest_run(&start) + 1).max(3));
    let rest = if left_out > 0 {
        format!("\n\nAnother {} are left out here.", crate::view::bytes(left_out))
    } else {
        String::new()
    };
    format!("{fence}text\n{start}\n{fence}{rest}")
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_nothing_in_markdown() {
        assert_eq!(cell("<b>|a|\n@you #7 [x](y)"), "&lt;b&gt;\\|a\\|␊@<!-- -->you #<!-- -->7 \\[x\\](y)");
        assert_eq!(code("a``b"), "``` a``b ```");
        assert_eq!(fenced("x\n````\ny"), "`````text\nx\n````\ny\n`````");
        assert_eq!(cell("https://x"), "https&#58;//x");
    }
}
