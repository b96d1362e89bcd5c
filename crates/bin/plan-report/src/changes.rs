//! What the tasks changed, from git: one process for all of them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::read::Run;

/// The changes between two commits each, by task id and attempt.
pub(crate) type Changes = HashMap<(String, u64), Change>;

/// A change as git tells it.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Change {
    /// The diff, or its beginning.
    pub diff: String,
    /// The rest of it, in bytes.
    pub left_out: u64,
}

/// All diffs together are read up to here: behind it somebody has committed what nobody reads in a report.
const MOST: u64 = 256 << 20;

/// Reads the change of every attempt that has commits, each up to `longest` bytes. Without git, without the repository, or
/// where the commits are gone, there is none.
pub(crate) fn read(run: &Run, longest: usize) -> Changes {
    let mut wanted: Vec<((String, u64), String)> = Vec::new();
    for task in &run.tasks {
        for round in &task.rounds {
            let commits =
                round.outcome.as_ref().and_then(|outcome| Some((outcome.base.as_ref()?, outcome.head.as_ref()?)));
            if let Some((base, head)) = commits.filter(|(base, head)| is_commit(base) && is_commit(head)) {
                wanted.push(((task.id.clone(), round.attempt), format!("{head} {base}")));
            }
        }
    }
    if wanted.is_empty() {
        return Changes::new();
    }
    let input: String = wanted.iter().map(|(_, commits)| format!("{commits}\n")).collect();
    let Ok(mut found) = ask(&folder(&run.path), &input, longest) else { return Changes::new() };
    wanted.into_iter().filter_map(|(of, commits)| Some((of, found.remove(&commits)?))).collect()
}

/// A full name: it cannot be taken for an option, and is in the answer as it was asked for.
fn is_commit(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The repository that the run file belongs to, else the one that we are in.
fn folder(run: &Path) -> PathBuf {
    let beside = run.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tree::Places::of(beside) {
        Ok(places) if places.is_repository() => places.root().to_owned(),
        _ => PathBuf::from("."),
    }
}

/// By `HEAD BASE`. Nothing that the repository's configuration names is run, and nothing is fetched.
fn ask(folder: &Path, input: &str, longest: usize) -> std::io::Result<HashMap<String, Change>> {
    // With a second commit on its line, diff-tree takes that for the parent: https://git-scm.com/docs/git-diff-tree
    // The format brings the line back that was asked for; NUL stands in no text that git prints for a commit's names.
    let args = [
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.quotePath=false",
        "--no-pager",
        "diff-tree",
        "--stdin",
        "-r",
        "-p",
        "--root",
        "--find-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--always",
        "--format=%x00%H",
    ];
    let mut git = duct::cmd("git", args).dir(folder).stdin_bytes(input).stderr_null().unchecked();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            git = git.env_remove(name);
        }
    }
    let git = git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1");
    // The answers come in the order of the questions, without those that name no commit of this repository.
    let mut questions = input.lines();
    let mut found = HashMap::new();
    let mut current: Option<(String, Change)> = None;
    let mut lines = BufReader::new(std::io::Read::take(git.reader()?, MOST));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if let Some(head) = line.strip_prefix(b"\0").map(|head| String::from_utf8_lossy(head).trim().to_owned()) {
            found.extend(current.take());
            let question = questions.by_ref().find(|question| question.starts_with(&head));
            current = question.map(|question| (question.to_owned(), Change::default()));
        } else if let Some((_, change)) = &mut current {
            let text = String::from_utf8_lossy(&line);
            if change.left_out == 0 && change.diff.len() + text.len() <= longest {
                change.diff.push_str(&text);
            } else {
                change.left_out += text.len() as u64;
            }
        }
        line.clear();
    }
    found.extend(current);
    for change in found.values_mut() {
        let start = change.diff.len() - change.diff.trim_start_matches('\n').len();
        change.diff.drain(..start);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(args)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn each_change_is_that_from_its_base() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let commit = |name: &str, text: &str| {
            fs::write(place.join(name), text).unwrap();
            git(place, &["add", "."]);
            git(place, &["commit", "-qm", "diff --git a/x b/x\n\n+forged"]);
            git(place, &["rev-parse", "HEAD"])
        };
        git(place, &["init", "-q"]);
        let trap = place.join("trap");
        git(place, &["config", "diff.external", &format!("touch {}", trap.display())]);
        let (one, two, three) = (commit("a", "1\n"), commit("a", "2\n"), commit("b", "new\n"));
        let nothing = "0".repeat(40);
        let input = format!("{two} {one}\n{nothing} {one}\n{three} {one}\n{three} {two}\n");
        let found = ask(place, &input, 10_000).unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        let of = |head: &str, base: &str| found[&format!("{head} {base}")].diff.clone();
        assert!(of(&two, &one).starts_with("diff --git a/a b/a") && of(&two, &one).ends_with("-1\n+2\n"));
        assert!(of(&three, &one).contains("+2\n") && of(&three, &one).contains("+new\n"));
        assert!(!of(&three, &two).contains("+2\n") && !of(&three, &two).contains("forged"));
        assert!(!trap.exists());
        let short = ask(place, &format!("{three} {one}\n"), 100).unwrap().remove(&format!("{three} {one}")).unwrap();
        assert!(short.diff.len() <= 100 && short.left_out > 0);
    }

    #[test]
    fn only_full_names_are_asked_about() {
        assert!(is_commit(&"a1".repeat(20)));
        for name in ["", "--output=x", "HEAD", "a1", &"g".repeat(40), &format!("{}\n", "a".repeat(39))] {
            assert!(!is_commit(name), "{name}");
        }
    }
}
