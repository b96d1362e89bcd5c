//! Where the checks of a task run.

use std::path::{Path, PathBuf};

use tree::{Places, TreeLock};

use worktree::{Tree, is_commit_id};

use crate::git::{self, NoGit};
use crate::sandbox::Ground;
use crate::scratch::{Scratch, remove_leftovers, scratch};
use crate::task::Task;
use crate::trees::Trees;
use crate::words::tell;

/// A place to run in, kept ready for as long as the value lives.
pub struct Site {
    tree: PathBuf,
    repository: PathBuf,
    folder: PathBuf,
    scratch: Scratch,
    _own: Option<Tree>,
    _lock: Option<TreeLock>,
}

/// Where a task's work is, before anything is made ready.
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// Finds it. The line says where, so only what belongs to the work at `present` is believed: a folder elsewhere
    /// would open that to writing.
    pub async fn find(task: &Task, present: &Path) -> Result<Self, NoSite> {
        let workdir = match &task.workdir {
            Some(folder) => ground(&present.join(folder), present)?,
            None => Some(present.to_owned()),
        };
        let Some(commit) = &task.head else {
            return match (workdir, &task.workdir) {
                (Some(folder), _) => Ok(Self::InPlace(folder)),
                (None, folder) => {
                    let folder = present.join(folder.as_deref().unwrap_or_default());
                    Err(NoSite::Work(format!("{}: the folder of the work is not there", folder.display())))
                }
            };
        };
        if !is_commit_id(commit) {
            return Err(NoSite::Work(format!("result.head is not a full commit id: {commit}")));
        }
        let places = |folder: &Path| Places::of(folder).ok().filter(Places::is_repository);
        let workdir = workdir.filter(|_| task.workdir.is_some());
        let agents = workdir.as_deref().and_then(places);
        let own = places(present);
        let within = |places: &Places, folder: &Path| folder.strip_prefix(places.root()).map(Path::to_owned).ok();
        let below = match (&agents, &workdir, &own) {
            (Some(agents), Some(folder), _) => within(agents, folder),
            (_, _, Some(own)) => within(own, present),
            _ => None,
        };
        let below = below.unwrap_or_default();
        // The present repository comes first: an agent's worktree may be removed while we are at it.
        for repository in [own, agents].into_iter().flatten() {
            if has_commit(repository.root(), commit).await.map_err(NoSite::Here)? {
                return Ok(Self::Commit { repository, commit: commit.clone(), below });
            }
        }
        Err(NoSite::Work(format!("no repository here has the commit {commit}")))
    }

    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Self::InPlace(folder) => format!("in {}", folder.display()),
            Self::Commit { repository, commit, .. } => {
                format!("in a tree of {} in {}", commit.get(..12).unwrap_or(commit), repository.root().display())
            }
        }
    }
}

/// Whether the repository of `folder` has the commit; an error when git cannot be run.
async fn has_commit(folder: &Path, commit: &str) -> Result<bool, String> {
    match git::answer(folder, &["cat-file", "-e", &format!("{commit}^{{commit}}")]).await {
        Ok(_) => Ok(true),
        Err(NoGit::Refused(_)) => Ok(false),
        Err(NoGit::NotRun(reason)) => Err(reason),
    }
}

/// Where programs and settings of the system live.
const SYSTEM: [&str; 9] = ["/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr"];

/// The folder without links, if checks may work in it. An executor may work wherever it likes, but a sandbox opens that
/// place for writing: one that holds more than work (the system's, the home folder, one above the present tree) is not
/// believed. `None` when there is no such folder.
fn ground(folder: &Path, present: &Path) -> Result<Option<PathBuf>, NoSite> {
    let Ok(found) = folder.canonicalize() else { return Ok(None) };
    if !found.is_dir() {
        return Ok(None);
    }
    let places = Places::of(present).map_err(|error| NoSite::Here(error.to_string()))?;
    if found.starts_with(places.root()) {
        return Ok(Some(found));
    }
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    let holds_more = places.root().starts_with(&found) || home.is_some_and(|home| home.starts_with(&found));
    if holds_more || SYSTEM.iter().any(|system| found.starts_with(system)) {
        let why =
            "holds more than the work of a task; nothing is run there (start verify there, or name it with --workdir)";
        return Err(NoSite::Work(format!("result.workdir {} {why}", found.display())));
    }
    Ok(Some(found))
}

/// Why there is no site.
#[derive(Debug)]
pub enum NoSite {
    /// The work cannot be run; the reason belongs into the verdict.
    Work(String),
    /// It is no fault of the work; the reason is told with checks that were skipped.
    Here(String),
}

impl Site {
    /// Makes it ready: a tree of its own for a commit, the lock on the tree for work in place.
    pub async fn prepare(place: Where, trees: &Trees) -> Result<Self, NoSite> {
        remove_leftovers();
        let scratch = scratch().map_err(|error| NoSite::Here(error.to_string()))?;
        match place {
            Where::InPlace(folder) => {
                let work = |error: &dyn std::fmt::Display| NoSite::Work(error.to_string());
                if folder.canonicalize().map_err(|error| work(&error))? != folder {
                    return Err(NoSite::Work(format!("{}: a link has taken its place", folder.display())));
                }
                let places = Places::of(&folder).map_err(|error| work(&error))?;
                let tree = places.root().to_owned();
                let lock = lock(&places).await;
                Ok(Self { repository: tree.clone(), tree, folder, scratch, _own: None, _lock: lock })
            }
            Where::Commit { repository, commit, below } => {
                let root = repository.root().to_owned();
                let own = trees.take(&root, &commit).await.map_err(NoSite::Here)?;
                let tree = own.path().to_owned();
                // The commit may have put a link in its place.
                let below = tree.join(below).canonicalize().ok();
                let folder = below.filter(|folder| folder.is_dir() && folder.starts_with(&tree));
                let folder = folder.unwrap_or_else(|| tree.clone());
                Ok(Self { tree, repository: root, folder, scratch, _own: Some(own), _lock: None })
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
            tell(&format!(
                "{}: an agent is at work there; the check begins when it is done, which is normal",
                places.root().display()
            ));
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
