//! What nobody has answered, and how to go on.

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
}
