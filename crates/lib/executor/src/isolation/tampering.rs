//! What an agent does to git itself instead of to files.
//!
//! Nothing of it reaches the commit that is made of its work; it is told, so that a person or a check can judge it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use worktree::{Git, Repository, Tree};

/// How git was before an agent began.
pub(super) struct Guard {
    own: Own,
    /// What all trees of the repository share; `None` where the agent's sandbox keeps it out of there. Without a sandbox
    /// nobody can tell who did something there meanwhile, the user or one agent or another.
    shared: Option<Shared>,
}

struct Own {
    git: Git,
    start: String,
    dot_git: Option<Vec<u8>>,
    index: Option<(u64, u64, i64, i64)>,
}

struct Shared {
    git: Git,
    /// Files that steer git, with their content.
    files: BTreeMap<PathBuf, Vec<u8>>,
    refs: BTreeMap<String, String>,
    /// The length of the log of the user's own HEAD.
    log: usize,
}

/// What stays in git's folder for a tree when something was begun there and not ended.
const BEGUN: [(&str, &str); 8] = [
    ("MERGE_HEAD", "left a merge unfinished"),
    ("rebase-merge", "left a rebase unfinished"),
    ("rebase-apply", "left a rebase unfinished"),
    ("CHERRY_PICK_HEAD", "left a cherry-pick unfinished"),
    ("REVERT_HEAD", "left a revert unfinished"),
    ("BISECT_LOG", "left a bisect unfinished"),
    ("config.worktree", "gave the tree settings of its own"),
    ("info", "gave the tree rules of its own on which files are there"),
];

/// So many names are told of many.
const FEW: usize = 5;

impl Guard {
    pub fn before(tree: &Tree, repository: &Repository, is_confined: bool) -> Self {
        let git = tree.git();
        let own = Own {
            start: tree.start().to_owned(),
            dot_git: fs::read(tree.path().join(".git")).ok(),
            index: stamp(&git.git_dir().join("index")),
            git,
        };
        Self { own, shared: (!is_confined).then(|| Shared::now(repository)) }
    }

    /// What was done since, one line each.
    pub fn after(&self, repository: &Repository) -> Vec<String> {
        let mut told = self.own.after();
        if let Some(before) = &self.shared {
            before.after(&Shared::now(repository), &mut told);
        }
        told
    }
}

impl Own {
    fn after(&self) -> Vec<String> {
        let mut told = Vec::new();
        let admin = self.git.git_dir();
        let dot_git = self.git.work_tree().join(".git");
        if !dot_git.symlink_metadata().is_ok_and(|found| found.is_file()) || fs::read(&dot_git).ok() != self.dot_git {
            told.push("replaced the .git of its tree".to_owned());
        }
        let head = fs::read_to_string(admin.join("HEAD")).unwrap_or_default();
        if let Some(branch) = head.trim().strip_prefix("ref: ") {
            told.push(format!("checked out {}", shown(branch)));
        }
        if head.trim() != self.start {
            self.moved(&mut told);
        }
        if stamp(&admin.join("index")) != self.index {
            self.flags(&mut told);
        }
        let begun = BEGUN.iter().filter(|(name, _)| admin.join(name).symlink_metadata().is_ok());
        told.extend(begun.map(|(_, what)| (*what).to_owned()));
        told.dedup();
        told
    }

    fn moved(&self, told: &mut Vec<String>) {
        let count = |range: String| self.git.text(["rev-list", "--count", &range]).ok()?.parse::<u64>().ok();
        let (more, less) = (count(format!("{}..HEAD", self.start)), count(format!("HEAD..{}", self.start)));
        match (more, less) {
            (Some(0), Some(0)) => {}
            (Some(commits), Some(0)) => told.push(format!("made {commits} commits of its own")),
            (Some(_), Some(_)) => told.push("moved HEAD to where the history is another one".to_owned()),
            _ => told.push("left a HEAD that leads nowhere".to_owned()),
        }
    }

    /// Files that it told git not to look at.
    fn flags(&self, told: &mut Vec<String>) {
        let listed = self.git.run(["ls-files", "-v", "-z"]).unwrap_or_default();
        let entries = listed.split(|byte| *byte == 0).filter_map(|entry| entry.split_at_checked(2));
        let (mut unchanged, mut skipped) = (Vec::new(), Vec::new());
        for (tag, name) in entries {
            match tag[0] {
                b'S' | b's' => skipped.push(name),
                tag if tag.is_ascii_lowercase() => unchanged.push(name),
                _ => {}
            }
        }
        for (flag, names) in [("assume-unchanged", unchanged), ("skip-worktree", skipped)] {
            if !names.is_empty() {
                told.push(format!(
                    "marked files as {flag}: {}",
                    few(names.iter().map(|name| String::from_utf8_lossy(name)))
                ));
            }
        }
    }
}

impl Shared {
    fn now(repository: &Repository) -> Self {
        let (git, common) = (repository.git().clone(), repository.common_dir());
        let mut files = BTreeMap::new();
        for name in ["config", "config.worktree", "shallow", "objects/info/alternates"] {
            read_into(&mut files, &common.join(name));
        }
        read_into(&mut files, &git.git_dir().join("config.worktree"));
        read_into(&mut files, &git.git_dir().join("HEAD"));
        for folder in ["hooks", "info"].map(|name| common.join(name)) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                read_into(&mut files, &entry.path());
            }
        }
        // Where git cannot list them, nothing is known of them, before or after.
        let listed = git.run(["for-each-ref", "--format=%(refname) %(objectname)"]).unwrap_or_default();
        let refs = String::from_utf8_lossy(&listed);
        let refs = refs.lines().filter_map(|line| line.split_once(' '));
        // Branches of tasks are ours; what was fetched meanwhile, nobody's work.
        let ours = ["refs/heads/plan-and-execute/", "refs/remotes/", "refs/prefetch/"];
        let refs = refs.filter(|(name, _)| !ours.iter().any(|ours| name.starts_with(ours)));
        let refs = refs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
        Self { files, refs, log: head_log(&git).len(), git }
    }

    fn after(&self, after: &Self, told: &mut Vec<String>) {
        let paths = self.files.keys().chain(after.files.keys().filter(|path| !self.files.contains_key(*path)));
        let changed = paths.filter(|path| self.files.get(*path) != after.files.get(*path));
        let changed: Vec<_> = changed.map(|path| path.strip_prefix(self.git.git_dir()).unwrap_or(path)).collect();
        if !changed.is_empty() {
            told.push(format!("changed what steers git: {}", few(changed.iter().map(|path| path.to_string_lossy()))));
        }
        let names = self.refs.keys().chain(after.refs.keys().filter(|name| !self.refs.contains_key(*name)));
        for name in names {
            let what = match (self.refs.get(name), after.refs.get(name)) {
                (Some(old), Some(new)) if old == new || self.is_fair(old, new) => continue,
                (Some(_), Some(_)) => "moved",
                (None, _) => "made",
                (_, None) => "removed",
            };
            told.push(format!("{what} {}", shown(name)));
        }
    }

    /// Whether a branch may have moved like this: forward, by landed work, or by the user, whose own tree has a log.
    fn is_fair(&self, old: &str, new: &str) -> bool {
        let range = format!("{old}..{new}");
        let is_forward = self.git.run(["merge-base", "--is-ancestor", old, new]).is_ok();
        let format = "--format=%H%x00%(trailers:key=Plan,valueonly)%x00%(trailers:key=Task,valueonly)%x01";
        let landed = || {
            let log = self.git.run(["log", "--no-show-signature", format, &range]).unwrap_or_default();
            let commits = log.split(|byte| *byte == 1).map(<[u8]>::trim_ascii).filter(|commit| !commit.is_empty());
            let has_trailers = |commit: &[u8]| {
                let parts: Vec<&[u8]> = commit.split(|byte| *byte == 0).map(<[u8]>::trim_ascii).collect();
                parts.len() == 3 && parts.iter().all(|part| !part.is_empty())
            };
            commits.into_iter().all(has_trailers)
        };
        let by_user = || {
            let log = head_log(&self.git);
            String::from_utf8_lossy(log.get(self.log..).unwrap_or_default())
                .lines()
                .any(|line| line.split(' ').nth(1) == Some(new))
        };
        is_forward && (landed() || by_user())
    }
}

fn head_log(git: &Git) -> Vec<u8> {
    fs::read(git.git_dir().join("logs/HEAD")).unwrap_or_default()
}

/// The content of a file, and whether it may be run; of a link where it leads.
fn read_into(files: &mut BTreeMap<PathBuf, Vec<u8>>, path: &Path) {
    const LONGEST: u64 = 1 << 20;
    let Ok(found) = path.symlink_metadata() else { return };
    let mut content = format!("{:o} ", found.mode()).into_bytes();
    if found.is_symlink() {
        content.extend(fs::read_link(path).unwrap_or_default().into_os_string().into_encoded_bytes());
    } else if found.len() > LONGEST {
        content.extend(format!("{} {} {}", found.len(), found.ctime(), found.ctime_nsec()).bytes());
    } else if found.is_file() {
        content.extend(fs::read(path).unwrap_or_default());
    }
    files.insert(path.to_owned(), content);
}

fn stamp(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let found = path.symlink_metadata().ok()?;
    Some((found.size(), found.ino(), found.mtime(), found.mtime_nsec()))
}

fn few(names: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    let more = names.len().saturating_sub(FEW);
    let names: Vec<String> = names.take(FEW).map(|name| plain(name.as_ref())).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// A name of git's, for people.
fn shown(name: &str) -> String {
    let name = plain(name);
    match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
        (Some(branch), _) => format!("the branch {branch}"),
        (_, Some(tag)) => format!("the tag {tag}"),
        _ => name,
    }
}

/// Names come from an agent, and are shown on terminals.
fn plain(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}
