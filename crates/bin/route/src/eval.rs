//! `--eval`: how often the policy is right about tasks whose kind of work somebody has labelled.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use policy::routing::{Policy, Task};
use record::{Record, WorkType};
use serde_json::{Map, Value};
use stage::Error;

/// A labelled task: what `route` looks at, and what it should decide.
struct Labelled {
    label: WorkType,
    /// Others that are as good.
    alt: Vec<String>,
    task: Map<String, Value>,
}

impl Labelled {
    fn read(line: &str) -> Result<Self, String> {
        let mut task: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let label = task.remove("label").ok_or("missing field `label`")?;
        let label = serde_json::from_value(label).map_err(|error| format!("label: {error}"))?;
        let alt = match task.remove("alt") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        Ok(Self { label, alt, task })
    }
}

/// What was decided about one task.
struct Decided {
    label: &'static str,
    /// The label too where an alternative was decided.
    found: &'static str,
    told: String,
}

/// Scores the policy on a file of labelled tasks, one JSON object a line.
pub fn score(policy: &Policy, path: &Path) -> Result<String, Error> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Error::system(shown.clone(), error))?;
    let mut labelled = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &dyn std::fmt::Display| Error::Document(format!("{shown}:{}: {what}", number + 1));
        labelled.push((Labelled::read(line).map_err(|error| wrong(&error))?, number + 1));
    }
    if labelled.is_empty() {
        return Err(Error::Document(format!("{shown}: there is no labelled task in it")));
    }
    let used: BTreeSet<&str> = labelled.iter().map(|(task, _)| name(task.label)).collect();
    let mut decided = Vec::new();
    for (labelled, number) in labelled {
        let wrong = |what: &dyn std::fmt::Display| Error::Document(format!("{shown}:{number}: {what}"));
        let record = record(labelled.task).map_err(|error| wrong(&error))?;
        let task = Task::of(&record).map_err(|error| wrong(&error))?;
        let choice = policy.decide(&task);
        // A set that does not tell reviews or people apart is not held against a policy that does.
        let found = match choice.work_type {
            WorkType::LogicReview if !used.contains("logic_review") => WorkType::CodeReview,
            WorkType::Manual if !used.contains("manual") => WorkType::Orchestrate,
            other => other,
        };
        let label = name(labelled.label);
        let right = found == labelled.label || labelled.alt.iter().any(|other| other == name(found));
        let told =
            format!("{shown}:{number}: {label}, routed {} by rule {}: {}", name(found), choice.rule, &*task.title);
        decided.push(Decided { label, found: if right { label } else { name(found) }, told });
    }
    Ok(report(&decided))
}

/// A task line, as far as routing reads it; files may be paths alone.
fn record(mut task: Map<String, Value>) -> Result<Record, String> {
    task.insert("type".to_owned(), "task".into());
    task.entry("id").or_insert_with(|| "".into());
    if let Some(Value::Array(files)) = task.get_mut("files") {
        for file in files.iter_mut().filter(|file| file.is_string()) {
            *file = serde_json::json!({ "path": file.take() });
        }
    }
    Record::parse(&Value::Object(task).to_string()).map_err(|error| error.to_string())
}

fn name(work_type: WorkType) -> &'static str {
    match work_type {
        WorkType::Explore => "explore",
        WorkType::Implement => "implement",
        WorkType::CodeReview => "code_review",
        WorkType::LogicReview => "logic_review",
        WorkType::Analysis => "analysis",
        WorkType::Research => "research",
        WorkType::Options => "options",
        WorkType::Orchestrate => "orchestrate",
        WorkType::Manual => "manual",
    }
}

/// Accuracy, precision and recall of each class, the confusion matrix, and each task that was decided otherwise.
fn report(decided: &[Decided]) -> String {
    let mut text = String::new();
    let classes: BTreeSet<&str> = decided.iter().flat_map(|one| [one.label, one.found]).collect();
    let right = decided.iter().filter(|one| one.label == one.found).count();
    let count = |label: Option<&str>, found: Option<&str>| {
        let fits = |one: &&Decided| {
            label.is_none_or(|label| label == one.label) && found.is_none_or(|found| found == one.found)
        };
        decided.iter().filter(fits).count()
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{right} of {} right, {}\n", decided.len(), percent(right, decided.len()));
    let _ = writeln!(text, "{:<14}{:>6}{:>11}{:>8}", "class", "tasks", "precision", "recall");
    for class in &classes {
        let (tasks, hits) = (count(Some(class), None), count(Some(class), Some(class)));
        let precision = percent(hits, count(None, Some(class)));
        let _ = writeln!(text, "{class:<14}{tasks:>6}{precision:>11}{:>8}", percent(hits, tasks));
    }
    let _ = write!(text, "\n{:<14}", "label \\ routed");
    for class in &classes {
        let _ = write!(text, " {class}");
    }
    text.push('\n');
    for label in &classes {
        let _ = write!(text, "{label:<14}");
        for found in &classes {
            let _ = write!(text, " {:>width$}", count(Some(label), Some(found)), width = found.len());
        }
        text.push('\n');
    }
    let wrong: Vec<&Decided> = decided.iter().filter(|one| one.label != one.found).collect();
    if !wrong.is_empty() {
        text.push('\n');
        for one in wrong {
            let _ = writeln!(text, "{}", stage::Shown(&one.told));
        }
    }
    text
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_small_set() {
        let one = |label, found| Decided { label, found, told: format!("p:1: {label}") };
        let all = [
            one("implement", "implement"),
            one("implement", "implement"),
            one("analysis", "implement"),
            one("analysis", "analysis"),
        ];
        let text = report(&all);
        assert!(text.starts_with("3 of 4 right, 75.0 %\n"), "{text}");
        assert!(text.contains("analysis           2    100.0 %  50.0 %\n"), "{text}");
        assert!(text.contains("implement          2     66.7 % 100.0 %\n"), "{text}");
        assert!(text.contains("analysis              1         1\n"), "{text}");
        assert!(text.ends_with("\np:1: analysis\n"), "{text}");
    }
}
