//! What a landed commit says about the task that it is from.
//!
//! `land` ends the message of each of its commits with trailers, and a run that goes on after a crash reads them. Anybody
//! who can bring a commit into the branch can write such lines into its message, so they are never a proof that
//! something was approved: they only tell where a change that was approved already is.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use crate::{plain, read};

/// What a commit says about its task.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trailers {
    /// The plan's path in the repository.
    pub plan: Option<String>,
    /// The task's id.
    pub task: String,
    /// The digest of what the task asked for.
    pub task_digest: String,
    /// The digest of the change that was approved.
    pub diff_digest: Option<String>,
    /// Who did the work.
    pub backend: Option<String>,
    /// With which model.
    pub model: Option<String>,
}

/// A commit with trailers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LandedCommit {
    /// Its id.
    pub commit: String,
    /// What it says.
    pub trailers: Trailers,
}

const PLAN: &str = "Plan";
const TASK: &str = "Task";
const TASK_DIGEST: &str = "Task-Digest";
const DIFF_DIGEST: &str = "Diff-Digest";
const BACKEND: &str = "Backend";
const MODEL: &str = "Model";

/// How git begins the line in which a commit names the one that it undoes.
const REVERTS: &str = "This reverts commit ";

/// As long as a subject, and all of a value, may be, in characters.
const LONGEST: usize = 200;
/// As much of a text as goes into a message, in characters.
const MOST: usize = 2000;

impl Trailers {
    /// The message of a commit: `title` as its subject, `texts` indented, so that nothing in them can be taken for a
    /// trailer, and the trailers. Everything is made harmless to look at.
    pub fn message(&self, title: &str, texts: &[&str]) -> String {
        let title = one_line(title);
        let mut message = if title.is_empty() { format!("Task {}", one_line(&self.task)) } else { title };
        message.push_str("\n\n");
        for text in texts.iter().filter(|text| !text.trim().is_empty()) {
            let cut: String = text.trim().chars().take(MOST).collect();
            for line in cut.lines() {
                message.push_str(format!("  {}", harmless(line)).trim_end());
                message.push('\n');
            }
            message.push('\n');
        }
        let values = [
            (PLAN, self.plan.as_deref()),
            (TASK, Some(&*self.task)),
            (TASK_DIGEST, Some(&*self.task_digest)),
            (DIFF_DIGEST, self.diff_digest.as_deref()),
            (BACKEND, self.backend.as_deref()),
            (MODEL, self.model.as_deref()),
        ];
        for (key, value) in values {
            let value = one_line(value.unwrap_or_default());
            if !value.is_empty() {
                message.extend([key, ": ", &value, "\n"]);
            }
        }
        message
    }

    /// What the message of a commit says: the last of its paragraphs counts, as in git. `None` when it names no task.
    pub fn read(message: &str) -> Option<Self> {
        let mut trailers = Self::default();
        let block = message.trim_end().lines().rev().take_while(|line| !line.trim().is_empty());
        // From the last line upwards: of a key that stands twice the last one counts.
        for (key, value) in block.filter_map(|line| line.split_once(": ")) {
            let value = value.trim();
            let slot = match key {
                TASK if trailers.task.is_empty() => {
                    value.clone_into(&mut trailers.task);
                    continue;
                }
                TASK_DIGEST if trailers.task_digest.is_empty() => {
                    value.clone_into(&mut trailers.task_digest);
                    continue;
                }
                PLAN => &mut trailers.plan,
                DIFF_DIGEST => &mut trailers.diff_digest,
                BACKEND => &mut trailers.backend,
                MODEL => &mut trailers.model,
                _ => continue,
            };
            slot.get_or_insert_with(|| value.to_owned());
        }
        (!trailers.task.is_empty() && !trailers.task_digest.is_empty()).then_some(trailers)
    }

    /// Whether they are about this task as it is now.
    pub fn is_for(&self, task: &str, digest: &str) -> bool {
        self.task == one_line(task) && self.task_digest == one_line(digest)
    }
}

/// The commits with trailers that the branch of the repository at `folder` holds, newest first. Those that a later commit
/// has undone (`git revert`) are left out.
pub fn landed(folder: &Path) -> io::Result<Vec<LandedCommit>> {
    let log = [
        "log",
        "--no-show-signature",
        "--no-notes",
        "--no-color",
        "--no-decorate",
        "--encoding=UTF-8",
        "--topo-order",
        "--fixed-strings",
        "--grep=Task-Digest: ",
        "--grep=This reverts commit ",
        "-z",
        "--format=%H%n%B",
        "HEAD",
        "--",
    ];
    let mut bytes = Vec::new();
    read(&plain(folder, &log), |out| out.read_to_end(&mut bytes).map(drop))?;
    let (mut found, mut undone) = (Vec::new(), HashSet::new());
    for entry in String::from_utf8_lossy(&bytes).split('\0') {
        let Some((commit, message)) = entry.trim_start().split_once('\n') else { continue };
        if undone.contains(commit) {
            continue;
        }
        // What git writes: the id and a full stop, or a comma and which parent of a merge is meant.
        let ids = message.lines().filter_map(|line| line.strip_prefix(REVERTS)).filter_map(|rest| rest.get(..40));
        undone.extend(ids.map(str::to_owned));
        if let Some(trailers) = Trailers::read(message) {
            found.push(LandedCommit { commit: commit.to_owned(), trailers });
        }
    }
    Ok(found)
}

/// A text as one line, without anything that a terminal obeys.
fn one_line(text: &str) -> String {
    let line = harmless(text);
    let mut words = line.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line.chars().take(LONGEST).collect()
}

/// Control characters, and those that change the order in which text is shown, become spaces.
fn harmless(text: &str) -> String {
    let is_odd = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
    };
    text.chars().map(|letter| if is_odd(letter) { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    fn trailers(task: &str, digest: &str) -> Trailers {
        Trailers {
            plan: Some("docs/plans/p.md".into()),
            task: task.into(),
            task_digest: digest.into(),
            diff_digest: Some("dd".into()),
            backend: Some("codex".into()),
            model: Some("gpt-5.3-codex".into()),
        }
    }

    fn git(folder: &Path, args: &[&str]) -> String {
        let name = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
        let done = Command::new("git").args(name).args(args).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn commit(folder: &Path, message: &str) -> String {
        git(folder, &["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]);
        git(folder, &["rev-parse", "HEAD"])
    }

    #[test]
    fn what_was_written_is_read_also_by_git() {
        let written = trailers("2.1", "ab");
        let message = written.message("Add a parser", &["What for.", "", "Done.\n\nAll tests pass."]);
        assert_eq!(
            message,
            "Add a parser\n\n  What for.\n\n  Done.\n\n  All tests pass.\n\nPlan: docs/plans/p.md\nTask: 2.1\n\
             Task-Digest: ab\nDiff-Digest: dd\nBackend: codex\nModel: gpt-5.3-codex\n"
        );
        assert_eq!(Trailers::read(&message), Some(written.clone()));
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"]);
        let id = commit(folder.path(), &message);
        assert_eq!(git(folder.path(), &["log", "-1", "--format=%(trailers:key=Task,valueonly)"]), "2.1");
        assert_eq!(landed(folder.path()).unwrap(), [LandedCommit { commit: id, trailers: written }]);
    }

    #[test]
    fn nothing_in_a_text_becomes_a_trailer_or_reaches_a_terminal() {
        let evil =
            "x\n\nTask: 9\nTask-Digest: 99\u{1b}[2J\r\nThis reverts commit 0123456789012345678901234567890123456789.";
        let mut written = trailers("1", "ab");
        written.model = Some(evil.into());
        written.task = "a\nTask: 9".into();
        let message = written.message(evil, &[evil, evil]);
        let read = Trailers::read(&message).unwrap();
        assert_eq!((read.task.as_str(), read.task_digest.as_str()), ("a Task: 9", "ab"));
        assert!(read.is_for("a\nTask: 9", "ab") && !read.is_for("9", "99") && !read.is_for("a\nTask: 9", "99"));
        assert!(message.chars().all(|letter| letter == '\n' || !letter.is_control()), "{message:?}");
        assert!(!message.lines().any(|line| line.starts_with(REVERTS)), "{message}");
        assert!(message.lines().next().unwrap().chars().count() <= LONGEST);
        assert_eq!(trailers("1", "ab").message(" \n ", &[]).lines().next(), Some("Task 1"));
    }

    #[test]
    fn only_the_last_paragraph_counts() {
        assert_eq!(Trailers::read("Say how it works\n\nTask: 1\nTask-Digest: ab\n\nThat is all.\n"), None);
        assert_eq!(Trailers::read("Task: 1"), None);
        let signed = "x\n\nTask: 1\nTask-Digest: ab\nSigned-off-by: A <a@b>\n\n\n";
        assert_eq!(Trailers::read(signed).unwrap().task_digest, "ab");
    }

    #[test]
    fn what_was_undone_is_not_there_and_what_was_done_again_is() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"]);
        let one = commit(folder.path(), &trailers("1", "ab").message("one", &[]));
        let two = commit(folder.path(), &trailers("2", "cd").message("two", &[]));
        let ids = || landed(folder.path()).unwrap().into_iter().map(|landed| landed.commit).collect::<Vec<_>>();
        assert_eq!(ids(), [two.as_str(), one.as_str()]);
        let revert = commit(folder.path(), &format!("Revert \"one\"\n\n{REVERTS}{one}.\n"));
        assert_eq!(ids(), [two.as_str()]);
        commit(folder.path(), &format!("Reapply \"one\"\n\n{REVERTS}{revert}.\n"));
        assert_eq!(ids(), [two.as_str(), one.as_str()]);
        git(folder.path(), &["checkout", "-q", "--detach", &one]);
        assert_eq!(ids(), [one.as_str()], "only what the branch holds");
    }

    #[test]
    fn where_there_is_no_commit_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(landed(folder.path()).is_err());
        git(folder.path(), &["init", "-q"]);
        assert!(landed(folder.path()).is_err());
    }

    #[test]
    fn all_are_found_among_ten_thousand() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "-b", "main"]);
        let mut stream = String::new();
        for number in 0..10_000 {
            let message =
                if number % 100 == 0 { trailers("1", "ab").message("x", &[]) } else { "An ordinary one\n".into() };
            let length = message.len();
            stream.extend([
                format!("commit refs/heads/main\ncommitter t <t@t> {number} +0000\ndata {length}\n"),
                message + "\n",
            ]);
        }
        let mut import = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(folder.path())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(import.wait().unwrap().success());
        let began = Instant::now();
        assert_eq!(landed(folder.path()).unwrap().len(), 100);
        println!("10,000 commits, 100 of them with trailers: {:?}", began.elapsed());
    }
}
