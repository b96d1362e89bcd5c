//! git, kept from running what others have put into its way.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Error;
use crate::settings::Settings;

/// Settings that hold for each call of ours, whatever a repository's configuration says.
///
/// No hook and no file system monitor is run, no clean-up is started behind our back, and what git remembers of files
/// (their size and the moment of their last change, which no program can set back) is believed only in full.
const ALWAYS: [&str; 10] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.trustctime=true",
    "core.checkStat=default",
    "submodule.recurse=false",
    "worktree.useRelativePaths=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
];

/// Variables of git that are the user's own word: who they are, and where their configuration is. All others would lead
/// our calls to another repository, another index, or another program.
const KEPT: [&str; 5] = [
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_EXEC_PATH",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
];
const KEPT_BEGINNINGS: [&str; 2] = ["GIT_AUTHOR_", "GIT_COMMITTER_"];

/// Who makes commits aside. The same state always gives the same commit, so what was found out about it once holds.
const ASIDE: [(&str, &str); 6] = [
    ("GIT_AUTHOR_NAME", "plan-and-execute"),
    ("GIT_AUTHOR_EMAIL", "plan-and-execute@localhost"),
    ("GIT_AUTHOR_DATE", "@0 +0000"),
    ("GIT_COMMITTER_NAME", "plan-and-execute"),
    ("GIT_COMMITTER_EMAIL", "plan-and-execute@localhost"),
    ("GIT_COMMITTER_DATE", "@0 +0000"),
];

/// git for one working tree: where it is, is told and never looked for, so a `.git` that somebody has put there instead
/// leads nowhere.
#[derive(Clone, Debug)]
pub struct Git {
    pub(crate) dir: PathBuf,
    pub(crate) common: PathBuf,
    pub(crate) work_tree: PathBuf,
    pub(crate) settings: Arc<Settings>,
    /// Further settings for this tree.
    pub(crate) more: &'static [&'static str],
}

/// One call of git, not yet made.
#[must_use = "nothing happens before the call is made"]
#[derive(Debug)]
pub struct Call<'a> {
    git: &'a Git,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    input: Vec<u8>,
    limit: Option<Duration>,
}

/// What git said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its stdout.
    pub out: Vec<u8>,
    /// Its stderr, on one line.
    pub err: String,
}

impl Git {
    /// A call with these arguments: a command of git and what it takes.
    pub fn call<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Call<'_> {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Call { git: self, args, env: Vec::new(), input: Vec::new(), limit: None }
    }

    /// Makes a call; its stdout.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<Vec<u8>, Error> {
        self.call(args).run()
    }

    /// Makes a call; its stdout as a text, without the white space around it.
    pub fn text<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<String, Error> {
        self.call(args).text()
    }

    /// The folder that git keeps for this working tree.
    pub fn git_dir(&self) -> &Path {
        &self.dir
    }

    /// The top of the working tree.
    pub fn work_tree(&self) -> &Path {
        &self.work_tree
    }
}

impl Call<'_> {
    /// With another index than the tree's own.
    pub fn index(self, path: &Path) -> Self {
        self.env("GIT_INDEX_FILE", path)
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// For a commit that is made aside: by nobody in particular, and the same one whenever it is made of the same.
    pub fn aside(self) -> Self {
        ASIDE.iter().fold(self, |call, (name, value)| call.env(name, value))
    }

    /// With this on its stdin.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Ended, with all that it has started, when it takes longer.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Makes the call; its stdout. An exit code other than 0 is an error.
    pub fn run(self) -> Result<Vec<u8>, Error> {
        let command = self.args.first().map(|command| command.to_string_lossy().into_owned()).unwrap_or_default();
        let said = self.said()?;
        if said.code == Some(0) { Ok(said.out) } else { Err(said.error(&command)) }
    }

    /// As [`Call::run`], as a text without the white space around it.
    pub fn text(self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.run()?).trim().to_owned())
    }

    /// Makes the call, whatever its exit code will be.
    pub fn said(self) -> Result<Said, Error> {
        let Self { git, args, env, input, limit } = self;
        let mut all: Vec<OsString> = Vec::new();
        for setting in ALWAYS.iter().chain(git.more).map(OsString::from).chain(git.settings.overrides(git)?) {
            all.extend([OsString::from("-c"), setting]);
        }
        all.extend(args);
        let place = [("GIT_DIR", &git.dir), ("GIT_COMMON_DIR", &git.common), ("GIT_WORK_TREE", &git.work_tree)];
        let env = place.into_iter().map(|(name, path)| (name, path.as_os_str().to_owned())).chain(env);
        spawn(all, &git.work_tree, env, input, limit)
    }
}

impl Said {
    /// What it said as an error of this command.
    pub fn error(&self, command: &str) -> Error {
        let said = match (self.err.is_empty(), self.code) {
            (false, _) => self.err.clone(),
            (true, Some(code)) => format!("ended with {code} and said nothing"),
            (true, None) => "was ended by a signal".into(),
        };
        Error::Git { command: command.to_owned(), said }
    }
}

/// git in a folder, for when it is not known yet which repository that belongs to, with `input` on its stdin.
pub(crate) fn anywhere(folder: &Path, args: &[&str], input: &[u8]) -> Result<Said, Error> {
    spawn(args.iter().map(OsString::from).collect(), folder, [], input.to_vec(), None)
}

fn spawn(
    args: Vec<OsString>,
    folder: &Path,
    env: impl IntoIterator<Item = (&'static str, OsString)>,
    input: Vec<u8>,
    limit: Option<Duration>,
) -> Result<Said, Error> {
    // A question on the terminal would wait for an answer behind our own; a look at a tree must not disturb the user.
    let ours = [("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0"), ("GIT_PAGER", "cat")];
    let mut set: BTreeMap<&str, OsString> = ours.into_iter().map(|(name, value)| (name, value.into())).collect();
    set.extend(env);
    let mut git = duct::cmd("git", args).dir(folder);
    // Of two words about one variable the first would count.
    for name in std::env::vars_os().map(|(name, _)| name) {
        if is_others_word(&name) && !name.to_str().is_some_and(|name| set.contains_key(name)) {
            git = git.env_remove(name);
        }
    }
    for (name, value) in set {
        git = git.env(name, value);
    }
    let git = if input.is_empty() { git.stdin_null() } else { git.stdin_bytes(input) };
    let running = git
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        // Ctrl-C is for us to deal with: git is not to be cut off in the middle.
        .before_spawn(|command| {
            command.process_group(0);
            Ok(())
        })
        .start()
        .map_err(Error::NoGit)?;
    if let Some(limit) = limit
        && running.wait_timeout(limit).map_err(Error::NoGit)?.is_none()
    {
        for group in running.pids().into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            // It may have ended meanwhile, which is what we want.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    let output = running.into_output().map_err(Error::NoGit)?;
    let err = String::from_utf8_lossy(&output.stderr);
    let err = err.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    Ok(Said { code: output.status.code(), out: output.stdout, err })
}

fn is_others_word(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("GIT_")
        && !KEPT.contains(&&*name)
        && !KEPT_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// The parts of an output that ends each of them with a NUL.
pub fn parts(out: &[u8]) -> impl Iterator<Item = &[u8]> {
    out.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}

/// A path as git prints it with `-z`.
pub fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The bytes of a path, as git takes them with `-z`.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Whether it is a full id and not, say, an option.
pub fn is_commit_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
