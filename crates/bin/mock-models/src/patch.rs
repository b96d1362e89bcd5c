//! Patches in the form of `apply_patch`, for agents that have tools for files instead.

/// What a patch does to one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileChange {
    Add { path: String, content: String },
    Delete { path: String },
    Update { path: String, hunks: Vec<(String, String)> },
}

/// Reads a patch; only what scripts need: no moves, no anchors behind `@@`.
pub(crate) fn parse(patch: &str) -> Result<Vec<FileChange>, String> {
    let mut changes: Vec<FileChange> = Vec::new();
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix("*** Add File: ") {
            changes.push(FileChange::Add { path: path.to_owned(), content: String::new() });
        } else if let Some(path) = line.strip_prefix("*** Delete File: ") {
            changes.push(FileChange::Delete { path: path.to_owned() });
        } else if let Some(path) = line.strip_prefix("*** Update File: ") {
            changes.push(FileChange::Update { path: path.to_owned(), hunks: Vec::new() });
        } else if matches!(line, "*** Begin Patch" | "*** End Patch" | "*** End of File") {
        } else {
            let known = match changes.last_mut() {
                Some(FileChange::Add { content, .. }) => line.strip_prefix('+').map(|added| push(content, added)),
                Some(FileChange::Update { hunks, .. }) => hunk_line(hunks, line),
                Some(FileChange::Delete { .. }) | None => None,
            };
            known.ok_or_else(|| format!("mock-models: this line of the patch cannot be turned into edits: {line}"))?;
        }
    }
    for change in &mut changes {
        if let FileChange::Update { hunks, .. } = change {
            for (old, new) in hunks {
                // The last line of a hunk may be the last one of a file without a line end.
                old.pop();
                new.pop();
            }
        }
    }
    Ok(changes)
}

fn hunk_line(hunks: &mut Vec<(String, String)>, line: &str) -> Option<()> {
    if line.starts_with("@@") {
        hunks.push((String::new(), String::new()));
        return (line == "@@").then_some(());
    }
    if hunks.is_empty() {
        hunks.push((String::new(), String::new()));
    }
    let (old, new) = hunks.last_mut()?;
    let (mark, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
    match mark {
        "-" => push(old, rest),
        "+" => push(new, rest),
        " " => {
            push(old, rest);
            push(new, rest);
        }
        _ => return None,
    }
    Some(())
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_change() {
        let patch = "*** Begin Patch\n*** Add File: a\n+one\n+two\n*** Update File: b\n@@\n kept\n-old\n+new\n@@\n-x\n+y\n*** Delete File: c\n*** End Patch\n";
        let hunks = vec![("kept\nold".to_owned(), "kept\nnew".to_owned()), ("x".to_owned(), "y".to_owned())];
        let expected = vec![
            FileChange::Add { path: "a".into(), content: "one\ntwo\n".into() },
            FileChange::Update { path: "b".into(), hunks },
            FileChange::Delete { path: "c".into() },
        ];
        assert_eq!(parse(patch), Ok(expected));
        assert!(parse("*** Update File: b\n@@ fn main\n-x\n").is_err());
        assert!(parse("+stray\n").is_err());
    }
}
