//! Where the checks of a task run.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tree::{Places, TreeLock};

use crate::checkout::{Checkout, has_commit, is_commit_id};
use crate::sandbox::{Ground, scratch};
use crate::task::Task;
use crate::words::tell;

/// A place to run in, kept ready for as long as the value lives.
pub struct Site {
    tree: PathBuf,
    repository: PathBuf,
    folder: PathBuf,
    scratch: TempDir,
    _checkout: Option<Checkout>,
    _lock: Option<TreeLock>,
}

/// Where a task's work is, before anything is made ready.
#[derive(Debug, Eq, PartialEq)]
pub enum Where {
    /// Where the agent worked.
    InPlace(PathBuf),
    /// In a commit of the repository of this folder. A tree of it is run in, in the same folder below its top.
    Commit {
        /// The top of the repository.
        repository: Places,
        /// The commit.
        commit: String,
        /// The folder below the top.
        below: PathBuf,
    },
}

impl Where {
    /// Finds it; an error says why it cannot be run in.
    pub fn find(task: &Task, present: &Path) -> Result<Self, String> {
        let workdir = task.workdir.as_ref().map(|folder| present.join(folder));
        let Some(commit) = &task.head else {
            let folder = workdir.unwrap_or_else(|| present.to_owned());
            if folder.is_dir() {
                return Ok(Self::InPlace(folder));
            }
            return Err(format!("{}: the folder of the work is not there", folder.display()));
        };
        if !is_commit_id(commit) {
            return Err(format!("result.head is not a full commit id: {commit}"));
        }
        let places = |folder: &Path| Places::of(folder).ok().filter(Places::is_repository);
        let agents = workdir.as_deref().and_then(places);
        let below = match (&agents, workdir.as_deref().map(Path::canonicalize)) {
            (Some(agents), Some(Ok(folder))) => folder.strip_prefix(agents.root()).unwrap_or(Path::new("")).to_owned(),
            _ => PathBuf::new(),
        };
        // The present repository comes first: an agent's worktree may be removed while we are at it.
        let repository = [places(present), agents]
            .into_iter()
            .flatten()
            .find(|places| has_commit(places.root(), commit))
            .ok_or_else(|| format!("no repository here has the commit {commit}"))?;
        Ok(Self::Commit { repository, commit: commit.clone(), below })
    }

    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Self::InPlace(folder) => format!("in {}", folder.display()),
            Self::Commit { repository, commit, .. } => {
                format!("in a new tree of {} in {}", commit.get(..12).unwrap_or(commit), repository.root().display())
            }
        }
    }
}

/// Why there is no site.
pub enum NoSite {
    /// The work cannot be run; the reason belongs into the verdict.
    Work(String),
    /// It is no fault of the work; the reason is told with checks that were skipped.
    Here(String),
}

impl Site {
    /// Makes it ready: a tree of its own for a commit, the lock on the tree for work in place.
    pub async fn prepare(place: Where) -> Result<Self, NoSite> {
        let scratch = scratch().map_err(|error| NoSite::Here(error.to_string()))?;
        match place {
            Where::InPlace(folder) => {
                let work = |error: &dyn std::fmt::Display| NoSite::Work(error.to_string());
                let folder = folder.canonicalize().map_err(|error| work(&error))?;
                let places = Places::of(&folder).map_err(|error| work(&error))?;
                let tree = places.root().to_owned();
                let lock = lock(&places).await;
                Ok(Self { repository: tree.clone(), tree, folder, scratch, _checkout: None, _lock: lock })
            }
            Where::Commit { repository, commit, below } => {
                let root = repository.root().to_owned();
                let made = tokio::task::spawn_blocking(move || Checkout::new(&repository, &commit)).await;
                let checkout = made.unwrap_or_else(|error| Err(error.to_string())).map_err(NoSite::Work)?;
                let tree = checkout.path().to_owned();
                let folder = Some(tree.join(below)).filter(|folder| folder.is_dir()).unwrap_or_else(|| tree.clone());
                Ok(Self { tree, repository: root, folder, scratch, _checkout: Some(checkout), _lock: None })
            }
        }
    }

    /// What a sandbox has to know.
    pub fn ground(&self) -> Ground<'_> {
        Ground { tree: &self.tree, repository: &self.repository, folder: &self.folder, scratch: self.scratch.path() }
    }
}

/// Where no lock can be taken, as on a read-only file system, nobody else writes either.
async fn lock(places: &Places) -> Option<TreeLock> {
    match TreeLock::try_shared(places) {
        Ok(Some(lock)) => return Some(lock),
        Ok(None) => {
            tell(&format!("{}: waiting until the agent that writes there is done", places.root().display()));
        }
        Err(_) => {}
    }
    match TreeLock::shared(places).await {
        Ok(lock) => Some(lock),
        Err(error) => {
            tell(&format!("{error}; going on without a lock on the tree"));
            None
        }
    }
}
