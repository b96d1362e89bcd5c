//! The user's repository.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::git::{Git, anywhere, is_commit_id, path};
use crate::settings::Settings;

/// The repository that the user works in; itself a linked worktree perhaps.
#[derive(Clone, Debug)]
pub struct Repository {
    git: Git,
}

impl Repository {
    /// The repository that `folder` is in. What its configuration names is noted, so open it before agents run.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let asked = ["rev-parse", "--path-format=absolute", "--is-bare-repository", "--git-dir", "--git-common-dir"];
        let said = anywhere(folder, &[&asked[..], &["--show-toplevel"]].concat(), &[])?;
        let lines: Vec<&[u8]> = said.out.split(|byte| *byte == b'\n').collect();
        if lines.first() == Some(&&b"true"[..]) {
            return Err(Error::Bare(folder.to_owned()));
        }
        let no = |said: &str| Error::NoRepository { folder: folder.to_owned(), said: said.to_owned() };
        match (said.code, &lines[..]) {
            (Some(0), [_, git_dir, common, top, b""]) => {
                let (git_dir, common) = (path(git_dir), path(common));
                let settings = Arc::new(Settings::read(&common, &git_dir));
                Ok(Self { git: Git { dir: git_dir, common, work_tree: path(top), settings, more: &[] } })
            }
            (Some(0), _) => Err(no("a line end in its path is more than we can do")),
            _ => Err(no(&said.err)),
        }
    }

    /// The top of the user's working tree, absolute and without links.
    pub fn top(&self) -> &Path {
        &self.git.work_tree
    }

    /// The folder that all working trees of the repository share.
    pub fn common_dir(&self) -> &Path {
        &self.git.common
    }

    /// git in the user's working tree.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The commit that the user's branch is at.
    pub fn head(&self) -> Result<String, Error> {
        self.commit("HEAD")?.ok_or_else(|| Error::Unborn(self.top().to_owned()))
    }

    /// The full id of the commit that a name stands for; `None` when there is none.
    pub fn commit(&self, name: &str) -> Result<Option<String>, Error> {
        let said = self
            .git
            .call(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])
            .said()?;
        let id = String::from_utf8_lossy(&said.out).trim().to_owned();
        Ok(Some(id).filter(|id| said.code == Some(0) && is_commit_id(id)))
    }

    /// Puts a branch at a commit, wherever it was.
    pub fn set_branch(&self, name: &str, commit: &str) -> Result<(), Error> {
        self.git.run(["update-ref", "--no-deref", &format!("refs/heads/{name}"), commit]).map(drop)
    }

    /// Removes a branch if it is at this commit; nothing happens when it is elsewhere or not there.
    pub fn remove_branch(&self, name: &str, commit: &str) -> Result<(), Error> {
        let full = format!("refs/heads/{name}");
        if self.commit(&full)?.as_deref() != Some(commit) {
            return Ok(());
        }
        self.git.run(["update-ref", "--no-deref", "-d", &full, commit]).map(drop)
    }

    /// The linked working trees of the repository by their folder: the folder that git keeps for each, which may be
    /// left over.
    pub(crate) fn linked(&self) -> Vec<(PathBuf, PathBuf)> {
        let entries = std::fs::read_dir(self.git.common.join("worktrees")).into_iter().flatten().flatten();
        let tree = |admin: PathBuf| {
            let named = std::fs::read(admin.join("gitdir")).ok()?;
            let dot_git = admin.join(path(named.trim_ascii_end()));
            Some((dot_git.parent()?.to_owned(), admin))
        };
        entries.filter_map(|entry| tree(entry.path())).collect()
    }
}

/// `plan-and-execute/PLAN/TASK/ATTEMPT`: the branch of a task's attempt, with each part made safe. `plan` is the `path`
/// of the plan line, `task` any id.
pub fn branch_name(plan: Option<&str>, task: &str, attempt: u64) -> String {
    let part = |word: &str| {
        let name = tree::safe_name(word);
        // These a part of a branch must not have.
        let name = name.replace("..", "._");
        if Path::new(&name).extension().is_some_and(|end| end.as_bytes() == b"lock") {
            format!("{name}_")
        } else {
            name
        }
    };
    format!("plan-and-execute/{}/{}/{attempt}", part(&tree::plan_name(plan)), part(task))
}
