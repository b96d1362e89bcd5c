//! The change that a task made, from git.
//!
//! The repository is where an agent has worked, so nothing that its configuration names is run: no external diff, no
//! text conversion, no file system monitor. Where there is none of these, the digest is that of
//! `git diff --binary --full-index BASE HEAD`.

mod trailers;
mod uncommitted;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use trailers::{LandedCommit, Trailers, landed};
pub use uncommitted::uncommitted;

/// The part of a `result` that says where its change is.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Work {
    /// Where the agent has worked.
    pub workdir: Option<String>,
    /// The commit that it started from.
    pub base: Option<String>,
    /// The commit that holds its work.
    pub head: Option<String>,
    /// The paths that have changed.
    pub changed: Option<Vec<String>>,
}

/// What a decision binds of the change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The work was not done on commits of its own.
    None,
    /// BLAKE3 of the diff, hex.
    Digest(String),
    /// There is a change, and git cannot show it.
    Unreadable(String),
}

impl Change {
    /// Reads the change of a result; this runs git.
    pub fn read(work: Option<&Work>) -> Self {
        let Some((base, head)) = work.and_then(commits) else { return Self::None };
        match digest(&folder(work), base, head) {
            Ok(digest) => Self::Digest(digest),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    /// The digest, when there is one.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Digest(digest) => Some(digest),
            Self::None | Self::Unreadable(_) => None,
        }
    }
}

fn commits(work: &Work) -> Option<(&str, &str)> {
    Some((work.base.as_deref()?, work.head.as_deref()?))
}

/// Where the agent has worked; here, when that worktree is gone: its commits are still in the repository.
fn folder(work: Option<&Work>) -> PathBuf {
    let workdir = work.and_then(|work| work.workdir.as_deref()).map(PathBuf::from);
    workdir.filter(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("."))
}

const QUIET: [&str; 3] = ["-c", "core.fsmonitor=false", "--no-pager"];
const DIFF: [&str; 4] = ["diff", "--no-ext-diff", "--no-textconv", "--no-color"];

/// `git diff` that runs no program.
fn git(folder: &Path, args: impl IntoIterator<Item = OsString>) -> duct::Expression {
    expression(folder, DIFF.iter().map(OsString::from).chain(args))
}

/// Any command of git that runs no program by itself.
fn plain(folder: &Path, args: &[&str]) -> duct::Expression {
    expression(folder, args.iter().map(OsString::from))
}

fn expression(folder: &Path, args: impl Iterator<Item = OsString>) -> duct::Expression {
    duct::cmd("git", QUIET.iter().map(OsString::from).chain(args))
        .dir(folder)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env_remove("GIT_EXTERNAL_DIFF")
        .stdin_null()
}

fn between(form: &[&str], base: &str, head: &str) -> io::Result<Vec<OsString>> {
    for commit in [base, head] {
        if commit.is_empty() || commit.starts_with('-') {
            return Err(io::Error::other(format!("\"{commit}\" is not a commit")));
        }
    }
    Ok(form.iter().chain([&base, &head, &"--"]).map(OsString::from).collect())
}

/// BLAKE3 of `git diff --binary --full-index BASE HEAD` in the repository at `folder`, hex.
pub fn digest(folder: &Path, base: &str, head: &str) -> io::Result<String> {
    let args = between(&["--binary", "--full-index"], base, head)?;
    let mut hasher = blake3::Hasher::new();
    read(&git(folder, args), |mut diff| hasher.update_reader(&mut diff).map(drop))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Runs git and hands its output over while it comes. When git fails, the error is what git said.
fn read(git: &duct::Expression, take: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> io::Result<()> {
    let (mut complaints, said) = io::pipe()?;
    let taken = {
        let mut reader = git
            .stderr_file(said)
            .reader()
            .map_err(|error| io::Error::new(error.kind(), format!("git cannot be run: {error}")))?;
        take(&mut reader)
    };
    taken.map_err(|error| {
        let mut text = String::new();
        // Without a word from git the exit status has to do.
        let _ = complaints.read_to_string(&mut text);
        let first = text.lines().next().unwrap_or_default().trim();
        if first.is_empty() { error } else { io::Error::new(error.kind(), format!("git: {first}")) }
    })
}

/// More of a diff than this is not shown.
const MOST: u64 = 4 << 20;

/// The change as a text for a person; not yet safe to look at.
pub struct Diff {
    /// Its beginning, or all of it.
    pub text: String,
    /// It goes on behind `text`.
    pub is_cut: bool,
    /// The command that shows all of it.
    pub command: String,
}

/// The change between the commits of a result; without commits, how the files that have changed differ now from the
/// last commit. `None` when there is nothing to look at.
pub fn diff(work: &Work) -> io::Result<Option<Diff>> {
    let folder = folder(Some(work));
    let place = folder.display();
    if let Some((base, head)) = commits(work) {
        let command = format!("git -C {place} diff {base} {head}");
        return text(&folder, between(&[], base, head)?).map(|(text, is_cut)| Some(Diff { text, is_cut, command }));
    }
    let Some(changed) = work.changed.as_ref().filter(|changed| !changed.is_empty()) else { return Ok(None) };
    let literal = |path: &String| OsString::from(format!(":(top,literal){path}"));
    let args = [OsString::from("HEAD"), "--".into()].into_iter().chain(changed.iter().map(literal));
    let (mut all, mut is_cut) = text(&folder, args.collect())?;
    for path in changed {
        // A file that git does not know yet is only shown when it is compared with nothing.
        let is_shown = all.contains(&format!(" b/{path}\n"));
        if is_shown || is_cut || !folder.join(path).is_file() {
            continue;
        }
        let args = ["--no-index", "--", "/dev/null", path].map(OsString::from);
        match text(&folder, args.into()) {
            Ok((new, cut)) => {
                all += &new;
                is_cut |= cut;
            }
            Err(error) => all.extend([path, ": ", &error.to_string(), "\n"]),
        }
    }
    Ok(Some(Diff { text: all, is_cut, command: format!("git -C {place} diff HEAD") }))
}

fn text(folder: &Path, args: Vec<OsString>) -> io::Result<(String, bool)> {
    // Comparing with nothing ends with 1 when there is a difference.
    let differs_is_fine = args.first().is_some_and(|first| first == "--no-index");
    let mut bytes = Vec::new();
    let read = read(&git(folder, args), |diff| diff.take(MOST + 1).read_to_end(&mut bytes).map(drop));
    match read {
        Err(_) if differs_is_fine && !bytes.is_empty() => {}
        read => read?,
    }
    let is_cut = bytes.len() as u64 > MOST;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), is_cut))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    fn outcome(folder: &Path, fields: &str) -> Work {
        let workdir = serde_json::to_string(folder).unwrap();
        serde_json::from_str(&format!("{{\"workdir\":{workdir}{fields}}}")).unwrap()
    }

    fn run(folder: &Path, args: &[&str]) -> Vec<u8> {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let output = Command::new("git").args(identity).args(args).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }

    fn repository() -> (tempfile::TempDir, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let commit = |text: &[u8]| {
            fs::write(folder.path().join("a.bin"), text).unwrap();
            run(folder.path(), &["add", "."]);
            run(folder.path(), &["commit", "-qm", "c"]);
            String::from_utf8(run(folder.path(), &["rev-parse", "HEAD"])).unwrap().trim().to_owned()
        };
        run(folder.path(), &["init", "-q"]);
        let (base, head) = (commit(b"one\0\n"), commit(b"two\0\n"));
        (folder, base, head)
    }

    #[test]
    fn the_digest_is_that_of_the_diff_as_git_prints_it() {
        let (folder, base, head) = repository();
        let printed = run(folder.path(), &["diff", "--binary", "--full-index", &base, &head]);
        assert!(!printed.is_empty());
        let result = outcome(folder.path(), &format!(",\"base\":\"{base}\",\"head\":\"{head}\""));
        let digest = blake3::hash(&printed).to_hex().to_string();
        assert_eq!(Change::read(Some(&result)), Change::Digest(digest));
        assert!(diff(&result).unwrap().unwrap().text.contains("Binary files"));
    }

    #[test]
    fn nothing_that_the_repository_names_is_run() {
        let (folder, base, head) = repository();
        let trap = folder.path().join("trap");
        run(folder.path(), &["config", "diff.external", &format!("touch {}", trap.display())]);
        run(folder.path(), &["config", "core.fsmonitor", &format!("touch {}", trap.display())]);
        let result = outcome(folder.path(), &format!(",\"base\":\"{base}\",\"head\":\"{head}\""));
        assert!(Change::read(Some(&result)).digest().is_some());
        fs::write(folder.path().join("a.bin"), "three").unwrap();
        diff(&outcome(folder.path(), ",\"changed\":[\"a.bin\"]")).unwrap().unwrap();
        assert!(!trap.exists());
    }

    #[test]
    fn commits_that_are_none_are_told_and_never_taken_for_options() {
        let (folder, base, _) = repository();
        let why = |head: &str| {
            let result = outcome(folder.path(), &format!(",\"base\":\"{base}\",\"head\":\"{head}\""));
            match Change::read(Some(&result)) {
                Change::Unreadable(why) => why,
                other => panic!("{other:?}"),
            }
        };
        assert!(why("0000000000000000000000000000000000000000").starts_with("git: fatal"), "no such commit");
        assert_eq!(why("--output=stolen"), "\"--output=stolen\" is not a commit");
        assert!(!folder.path().join("stolen").exists());
        assert_eq!(Change::read(Some(&outcome(folder.path(), ""))), Change::None);
    }

    #[test]
    fn what_differs_from_the_last_commit_is_named() {
        let (folder, _, _) = repository();
        let trap = folder.path().join("trap");
        run(folder.path(), &["config", "core.fsmonitor", &format!("touch {}", trap.display())]);
        assert_eq!(uncommitted(folder.path()).unwrap(), []);
        fs::write(folder.path().join("a.bin"), "three").unwrap();
        fs::create_dir_all(folder.path().join(".plan/x")).unwrap();
        fs::create_dir(folder.path().join("new")).unwrap();
        for new in ["new/b c", ".plan/x/run.jsonl"] {
            fs::write(folder.path().join(new), "x").unwrap();
        }
        let named = |letters: &str, path: &str| (letters.to_owned(), path.to_owned());
        let wanted = [named(".M", "a.bin"), named("??", "new/b c")];
        assert_eq!(uncommitted(folder.path()).unwrap(), wanted);
        assert_eq!(uncommitted(&folder.path().join("new")).unwrap(), wanted);
        assert!(!trap.exists());
        let nowhere = tempfile::tempdir().unwrap();
        assert!(uncommitted(nowhere.path()).unwrap_err().to_string().starts_with("git: fatal: not a git repository"));
    }

    #[test]
    fn work_in_place_is_shown_with_its_new_files() {
        let (folder, _, _) = repository();
        fs::write(folder.path().join("new.txt"), "fresh\n").unwrap();
        fs::write(folder.path().join("a.bin"), "plain\n").unwrap();
        let result = outcome(folder.path(), ",\"changed\":[\"new.txt\",\"a.bin\",\"gone\"]");
        let diff = diff(&result).unwrap().unwrap();
        assert!(diff.text.contains("+fresh") && diff.text.contains("a.bin"), "{}", diff.text);
        assert!(super::diff(&outcome(folder.path(), "")).unwrap().is_none());
    }
}
