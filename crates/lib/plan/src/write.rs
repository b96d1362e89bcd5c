//! Any plan as one of our own format.
//!
//! Every field is written with its label. What Markdown cannot say exactly (a number with a slash, a title that looks like
//! a mark of state, a command over several lines with a quote in it) stands in a `Record` fence of its task, in plain
//! sight: reading the text again gives the same records.

use std::fmt::Write as _;

use record::{Plan, Task, WorkType};
use serde_json::{Map, Value};

use crate::dialect::OURS;
use crate::input::Input;
use crate::opener;
use crate::parsed::Parsed;

/// The fields of a task that are written, under the names they have in its line.
pub const TASK_FIELDS: [&str; 14] = [
    "id",
    "title",
    "objective",
    "files",
    "commands",
    "done",
    "needs",
    "backend",
    "work_type",
    "minutes",
    "checked",
    "constraints",
    "output",
    "inferred",
];
const PLAN_FIELDS: [&str; 2] = ["title", "goal"];

/// The text of a plan in our own format.
pub fn write(parsed: &Parsed) -> String {
    let plan = parsed.plan();
    let tasks: Vec<Task> = (0..parsed.drafts.len()).map(|index| parsed.task(index)).collect();
    let mut exact = Exact { plan: Map::new(), tasks: tasks.iter().map(labelled).collect() };
    let mut text = render(&plan, &tasks, &exact);
    // What is added for one field may change how another is read: once more settles it.
    for _ in 0..3 {
        if !exact.compare(&text, &plan, &tasks) {
            break;
        }
        text = render(&plan, &tasks, &exact);
    }
    text
}

/// The fields whose texts hold a label like `**Depends on:**`, which would be read as one in a list of ours.
fn labelled(task: &Task) -> Map<String, Value> {
    let holds_label = |text: &String| text.contains(":**") || text.contains("**:");
    let mut exact = Map::new();
    if task.done.iter().any(|done| holds_label(&done.text)) {
        exact.extend(serde_json::to_value(&task.done).map(|done| ("done".to_owned(), done)));
    }
    if task.constraints.iter().any(holds_label) {
        exact.insert("constraints".to_owned(), Value::from(task.constraints.clone()));
    }
    exact
}

/// What has to be said exactly: fields with their values.
struct Exact {
    plan: Map<String, Value>,
    tasks: Vec<Map<String, Value>>,
}

impl Exact {
    /// Adds what is read differently from the text. Tells whether anything was added.
    fn compare(&mut self, text: &str, plan: &Plan, tasks: &[Task]) -> bool {
        let Ok(input) = Input::new("", text.as_bytes().to_vec()) else { return false };
        let read = Parsed::read(&input, Some(OURS));
        let mut added = differences(&PLAN_FIELDS, plan, &read.plan(), &mut self.plan);
        for (index, task) in tasks.iter().enumerate().take(read.drafts.len()) {
            added |= differences(&TASK_FIELDS, task, &read.task(index), &mut self.tasks[index]);
        }
        added
    }
}

/// Notes the fields of `wanted` that are others in `read`.
fn differences<T: serde::Serialize>(fields: &[&str], wanted: &T, read: &T, exact: &mut Map<String, Value>) -> bool {
    let (Ok(wanted), Ok(read)) = (serde_json::to_value(wanted), serde_json::to_value(read)) else { return false };
    let mut added = false;
    for field in fields {
        if wanted.get(field) != read.get(field) {
            let value = wanted.get(field).cloned().unwrap_or(Value::Null);
            added |= exact.insert((*field).to_owned(), value.clone()).as_ref() != Some(&value);
        }
    }
    added
}

// Writing to a String cannot fail: the results of `write!` below are not looked at.
fn render(plan: &Plan, tasks: &[Task], exact: &Exact) -> String {
    let mut text = format!("---\nformat: {OURS}\n---\n\n");
    if !plan.title.is_empty() {
        let _ = writeln!(text, "# {}\n", plan.title);
    }
    if let Some(goal) = &plan.goal {
        let _ = writeln!(text, "**Goal:** {goal}\n");
    }
    record(&mut text, &exact.plan);
    text.push_str("## Tasks\n");
    for (index, task) in tasks.iter().enumerate() {
        text.push('\n');
        render_task(&mut text, index, task, &exact.tasks[index]);
    }
    text
}

fn render_task(text: &mut String, index: usize, task: &Task, exact: &Map<String, Value>) {
    let inferred = |field: &str| task.inferred.iter().any(|name| name == field);
    let _ = writeln!(text, "### {}\n", heading(index, task));
    record(text, exact);
    if !inferred("objective") {
        let _ = writeln!(text, "**Objective:** {}\n", task.objective);
    }
    if !task.files.is_empty() {
        text.push_str("**Files:**\n");
        for file in &task.files {
            let lines = file.lines.as_ref().map(|lines| format!(":{lines}")).unwrap_or_default();
            let _ = writeln!(text, "- {:?}: {}", file.action, code(&format!("{}{lines}", file.path)));
        }
        text.push('\n');
    }
    if !task.commands.is_empty() {
        text.push_str("**Commands:**\n");
        for command in &task.commands {
            if command.contains('\n') {
                let fence = fence(command, 3);
                let _ = writeln!(text, "\n{fence}bash\n{command}\n{fence}\n");
            } else {
                let _ = writeln!(text, "- {}", code(command));
            }
        }
        text.push('\n');
    }
    let mut field = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "**{label}:** {value}\n");
        }
    };
    field("Work type", task.work_type.map(work_type));
    field("Backend", task.backend.clone());
    let needs: Vec<String> = task.needs.iter().map(|need| format!("Task {need}")).collect();
    field("Depends on", (!needs.is_empty()).then(|| needs.join(", ")));
    field("Estimate", task.minutes.map(|minutes| format!("{minutes} min")));
    field("Output", task.output.clone());
    field("Inferred", (!task.inferred.is_empty()).then(|| task.inferred.join(", ")));
    let has_labels = labelled(task);
    if !task.constraints.is_empty() && !has_labels.contains_key("constraints") {
        text.push_str("**Constraints:**\n");
        for constraint in &task.constraints {
            let _ = writeln!(text, "- {constraint}");
        }
        text.push('\n');
    }
    if !task.done.is_empty() && !has_labels.contains_key("done") {
        text.push_str("**Done when:**\n");
        for done in &task.done {
            let _ = writeln!(text, "- [{}] {}", if done.checked { 'x' } else { ' ' }, done.text);
        }
        text.push('\n');
    }
    let fence = fence(&task.body, 4);
    let _ = writeln!(text, "**Details:**\n\n{fence}markdown\n{}\n{fence}", task.body);
}

/// `Task 3: Title`, as far as that is read back; another number or title where it is not.
fn heading(index: usize, task: &Task) -> String {
    let mark = if task.checked { " ✅" } else { "" };
    let whole = format!("Task {}: {}", task.id, task.title);
    let reads = |line: &str| opener::read(line, true).filter(|read| read.separated && !read.title.is_empty());
    match reads(&whole) {
        Some(read) if whole[read.id.clone()] == task.id => format!("{whole}{mark}"),
        _ => {
            let numbered = format!("Task {}: {}", index + 1, task.title);
            let title = if reads(&numbered).is_some() { numbered } else { format!("Task {}: Untitled", index + 1) };
            format!("{title}{mark}")
        }
    }
}

/// A fence with what has to be said exactly.
fn record(text: &mut String, exact: &Map<String, Value>) {
    if !exact.is_empty() {
        let json = Value::Object(exact.clone()).to_string();
        let fence = fence(&json, 3);
        let _ = writeln!(text, "**Record:**\n\n{fence}json\n{json}\n{fence}\n");
    }
}

fn work_type(kind: WorkType) -> String {
    serde_json::to_value(kind).ok().and_then(|name| Some(name.as_str()?.replace('_', " "))).unwrap_or_default()
}

/// A code span around a text, whatever backticks are in it.
fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    let edge = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    if edge { format!("{ticks} {text} {ticks}") } else { format!("{ticks}{text}{ticks}") }
}

/// A fence longer than any in a text, and no shorter than `least`.
fn fence(text: &str, least: usize) -> String {
    "`".repeat((longest_run(text) + 1).max(least))
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}
