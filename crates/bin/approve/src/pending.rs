//! What is not settled yet, and how to go on.

use std::path::Path;

use record::Gate;

/// One line for a task that is passed on as pending.
pub(crate) fn told(id: &str, gate: Gate, why: &str) -> String {
    format!("task {id}: pending at gate {}: {why}", gate.name())
}

/// The one command that continues, once for all tasks that are pending.
pub(crate) fn way_on(gate: Gate, run: Option<&Path>, ids: &[String]) -> Option<String> {
    let first = ids.first()?;
    Some(match run {
        Some(run) => {
            let run = quoted(&run.display().to_string());
            let each = if ids.len() > 1 { " (and so on for each task)" } else { "" };
            format!(
                "to go on: decide {run} {} approve{each}; or save this output in FILE, then, at a terminal: approve --gate {} --run {run} < FILE",
                quoted(first),
                gate.name()
            )
        }
        None => {
            format!("to go on: save this output in FILE, then, at a terminal: approve --gate {} < FILE", gate.name())
        }
    })
}

/// How tasks that were sent back are tried again where nobody does so by himself.
pub(crate) fn again(gate: Gate, ids: &[String]) -> Option<String> {
    let is_one_of_them: Vec<_> =
        ids.iter().map(|id| format!(".id == {}", serde_json::Value::from(id.as_str()))).collect();
    let program = format!("if {} then del(.result, .verdict, .decisions) else . end", is_one_of_them.join(" or "));
    let rest = match gate {
        Gate::Plan => return None,
        Gate::Fallback => "approve --gate fallback",
        Gate::Result => "verify | approve",
    };
    // All lines stay: a task may need another one, and what is done is not done again.
    (!ids.is_empty()).then(|| {
        format!(
            "to try again: save this output in FILE, then: jq -c {} FILE | codex-exec | {rest} (what should be \
             different belongs in the plan: no agent is told the note here)",
            quoted(&program)
        )
    })
}

/// The tasks that have gone by without a result, the first ones by name.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    first: Vec<String>,
    more: usize,
}

impl Undone {
    /// One more.
    pub fn add(&mut self, id: &str, why: &str) {
        if self.first.len() < 10 {
            self.first.push(format!("task {id}: {why}"));
        } else {
            self.more += 1;
        }
    }

    /// What is told of them, line by line.
    pub fn told(self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.first.into_iter().chain(more)
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted() {
        let ids = ["it's; rm".to_owned()];
        let text = way_on(Gate::Plan, Some(Path::new("my run.jsonl")), &ids).unwrap();
        assert!(text.contains(r"decide 'my run.jsonl' 'it'\''s; rm' approve"), "{text}");
        assert!(way_on(Gate::Plan, None, &["1".into()]).unwrap().ends_with("approve --gate plan < FILE"));
        assert_eq!(way_on(Gate::Plan, None, &[]), None);
    }

    #[test]
    fn what_is_sent_back_is_tried_again_by_a_command() {
        let text = again(Gate::Result, &["1".into(), "2\"".into()]).unwrap();
        let command = r#"jq -c 'if .id == "1" or .id == "2\"" then del(.result, .verdict, .decisions) else . end' FILE | codex-exec | verify | approve "#;
        assert!(text.contains(command), "{text}");
        assert!(again(Gate::Fallback, &["1".into()]).unwrap().contains("| codex-exec | approve --gate fallback "));
        assert_eq!(again(Gate::Result, &[]), None);
    }

    #[test]
    fn of_many_tasks_that_nobody_has_done_ten_are_named() {
        let mut undone = Undone::default();
        (1..=12).for_each(|id| undone.add(&id.to_string(), "why"));
        let told: Vec<_> = undone.told().collect();
        assert_eq!((told.len(), told[9].as_str(), told[10].as_str()), (11, "task 10: why", "and 2 more"));
    }
}
