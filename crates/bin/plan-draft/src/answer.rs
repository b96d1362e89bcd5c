//! The plan in an agent's answer.

/// The plan: from the first heading of level 1 to the end, or to the end of the fence that it stands in. Control
/// characters, which no plan needs, are left out.
pub(crate) fn plan(message: &str) -> String {
    let lines: Vec<&str> = message.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("# ")).unwrap_or(0);
    let fence = lines[..first].iter().rev().map(|line| line.trim()).find(|line| !line.is_empty()).and_then(opening);
    let end = match fence {
        // The last one: a plan has fences of its own.
        Some(fence) => lines.iter().rposition(|line| line.trim_end() == fence).filter(|end| *end > first),
        None => None,
    };
    let mut text: String = lines[first..end.unwrap_or(lines.len())].join("\n");
    text.retain(|letter| letter == '\n' || letter == '\t' || !letter.is_control());
    let text = text.trim_end();
    format!("{text}\n")
}

/// The marks of a line that opens a fence.
fn opening(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (length >= 3).then(|| &line[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_a_plan_is_left_out() {
        let bare = "# T\n\n```sh\nmake\n```\n\nend\n";
        assert_eq!(plan(bare), bare);
        assert_eq!(plan(&format!("Here it is:\n\n{bare}")), bare);
        assert_eq!(plan(&format!("Here:\n````markdown\n{bare}````\nDone.")), bare);
        assert_eq!(plan(&format!("```markdown\n{bare}```\n")), bare);
        assert_eq!(plan("# T\u{1b}[2J\r\nx\u{7}"), "# T[2J\nx\n");
        assert_eq!(plan("no plan"), "no plan\n");
        assert_eq!(plan(""), "\n");
    }
}
