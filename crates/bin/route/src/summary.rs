//! `--table`: the routing summary of the plan, as Markdown that can stand in the plan itself.

use std::borrow::Cow;
use std::fmt::Write;

use record::Record;
use serde::Deserialize;
use stage::Shown;

const HEAD: &str = "## Routing summary

| Task | Title | Work type | Backend | Model | Sandbox |
|---|---|---|---|---|---|
";

/// Rows as they are asked for, the head before the first one.
#[derive(Default)]
pub struct Summary {
    has_head: bool,
    row: String,
}

/// What is shown of a route, whoever wrote it.
#[derive(Deserialize)]
pub struct Seen {
    /// A route of somebody else's may say no more than who shall do it.
    #[serde(default)]
    pub work_type: String,
    pub backend: String,
    #[serde(default)]
    pub models: Vec<String>,
    #[serde(default)]
    pub sandbox: Option<String>,
    #[serde(default)]
    pub rule: Option<String>,
}

#[derive(Deserialize)]
struct Task<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
    route: Seen,
}

impl Summary {
    /// The row of a task, without its line end; nothing for other lines.
    pub fn row(&mut self, record: &Record) -> Result<Option<&str>, String> {
        if record.kind() != "task" {
            return Ok(None);
        }
        let task: Task = record.view().map_err(|error| error.to_string())?;
        self.row.clear();
        if !self.has_head {
            self.row.push_str(HEAD);
            self.has_head = true;
        }
        let models = task.route.models.join(" + ");
        let cells = [
            &*task.id,
            &*task.title,
            &task.route.work_type,
            &task.route.backend,
            &models,
            task.route.sandbox.as_deref().unwrap_or_default(),
        ];
        self.row.push('|');
        for cell in cells {
            // Writing to a String cannot fail.
            let _ = write!(self.row, " {} |", escaped(cell));
        }
        Ok(Some(&self.row))
    }
}

/// A text that stays in its cell.
fn escaped(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "-".to_owned();
    }
    let line = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    Shown(line).to_string().replace('\\', "\\\\").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_break_the_table() {
        assert_eq!(escaped("a | b\nc\td"), "a \\| b c d");
        assert_eq!(escaped("a \\| b"), "a \\\\\\| b");
        assert_eq!(escaped("\u{1b}[2J"), "\u{241b}[2J");
        assert_eq!(escaped(" "), "-");
    }
}
