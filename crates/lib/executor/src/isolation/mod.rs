//! A git worktree for each task that writes, and one for all that read the same commit.
//!
//! Everything a task needs comes from a commit that holds the user's work as it is when the task starts; everything it
//! leaves becomes one commit. The user's own tree is neither read by agents nor touched.

mod setup;
mod tampering;

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use process::{Limits, Stop};
use record::{Class, Sandbox};
use stage::Error;
use tokio::sync::OnceCell;
use worktree::{Pool, Repository, Tree, files, include, is_commit_id};

use crate::options::{Isolate, Options};
use setup::{Run, Setup};
use tampering::Guard;

/// Hands out the trees.
pub(crate) struct Isolation {
    repository: Repository,
    pool: Pool,
    /// The folder to work in, from the root of the repository.
    inside: PathBuf,
    setup: Option<Setup>,
    includes: Vec<PathBuf>,
    shared: HashMap<String, Weak<Workplace>>,
    /// The user's work as it is now; forgotten once what can start at the same moment has started.
    snapshot: Option<String>,
}

/// Where one task works, or several that only read.
pub(crate) struct Workplace {
    repository: Repository,
    tree: Tree,
    /// The parent of the commit to be.
    base: String,
    folder: PathBuf,
    reads: bool,
    setup: Option<Setup>,
    includes: Vec<PathBuf>,
    ready: OnceCell<Result<(), (Class, String)>>,
    made: Mutex<Made>,
    /// A reader has written: nobody else is to read here.
    is_spoiled: AtomicBool,
}

/// What was put into a tree before the agent began.
#[derive(Default)]
struct Made {
    paths: Vec<PathBuf>,
    guard: Option<Guard>,
}

/// What a task has left.
#[derive(Default)]
pub(crate) struct Left {
    pub base: Option<String>,
    pub head: Option<String>,
    pub changed: Vec<String>,
    /// The tree, when it was kept.
    pub kept: Option<PathBuf>,
    pub tampering: Vec<String>,
    /// Why its work could not be made a commit.
    pub error: Option<String>,
}

/// What is needed to make a tree ready.
pub(crate) struct Preparation<'a> {
    pub limits: Limits,
    /// Makes a file for what the setup prints.
    pub log: &'a (dyn Fn() -> Option<(PathBuf, File)> + Sync),
    pub stop: Stop,
    pub tell: &'a (dyn Fn(&str) + Sync),
    /// Whether the agent's own sandbox keeps it out of the repository.
    pub is_confined: bool,
}

/// How a task's work is called.
pub(crate) struct Names {
    /// The message of its commit.
    pub title: String,
    pub branch: String,
    /// Of a tree that is kept.
    pub kept: String,
}

impl Isolation {
    /// As the options ask for it; `folder` is where agents are to work.
    pub fn open(options: &Options, folder: &Path, backend: &str) -> Result<Option<Self>, Error> {
        if options.isolate == Isolate::None {
            return match (&options.setup, options.include.is_empty()) {
                (None, true) => Ok(None),
                _ => Err(Error::Usage("--setup and --include are for worktrees: add --isolate worktree".into())),
            };
        }
        let usage = |error: worktree::Error| Error::Usage(format!("--isolate worktree: {error}"));
        let repository = Repository::open(folder).map_err(usage)?;
        let top = repository.top().to_owned();
        let includes = options.include.iter().map(|path| include::checked(&top, path)).collect::<Result<_, _>>();
        Ok(Some(Self {
            pool: Pool::open(&repository, backend, usize::from(options.jobs)).map_err(usage)?,
            inside: folder.strip_prefix(&top).unwrap_or(Path::new("")).to_owned(),
            setup: options.setup.clone().map(|command| Setup { command }),
            includes: includes.map_err(Error::Usage)?,
            shared: HashMap::new(),
            snapshot: None,
            repository,
        }))
    }

    /// The commit that work on a task was left at, with its only parent; `None` when there is no such commit here.
    pub fn earlier(&self, head: &str) -> Option<(String, String)> {
        let head = Some(head).filter(|head| is_commit_id(head))?;
        let parents = self.repository.git().text(["rev-list", "--parents", "--max-count=1", head]).ok()?;
        match parents.split(' ').collect::<Vec<_>>()[..] {
            [found, parent] => Some((found.to_owned(), parent.to_owned())),
            _ => None,
        }
    }

    /// A place for a task that goes on from `earlier`, or begins with the user's work as it is now.
    pub fn place(&mut self, sandbox: Sandbox, earlier: Option<(String, String)>) -> Result<Arc<Workplace>, String> {
        let place = self.find(sandbox == Sandbox::ReadOnly, earlier).map_err(|error| error.to_string())?;
        if let Some(folder) = files::within(place.tree.path(), &self.inside) {
            fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        } else {
            return Err(format!("{}: a link leads out of the tree", self.inside.display()));
        }
        Ok(place)
    }

    /// The folder that all trees of the repository share.
    pub fn common_dir(&self) -> &Path {
        self.repository.common_dir()
    }

    /// What is there now may be another thing soon.
    pub fn forget(&mut self) {
        self.snapshot = None;
    }

    fn find(&mut self, reads: bool, earlier: Option<(String, String)>) -> Result<Arc<Workplace>, worktree::Error> {
        let (start, base) = if let Some(earlier) = earlier {
            earlier
        } else {
            let commit = match self.snapshot.take() {
                Some(commit) => commit,
                None => self.repository.snapshot()?.commit,
            };
            self.snapshot = Some(commit.clone());
            (commit.clone(), commit)
        };
        self.shared.retain(|_, place| place.strong_count() > 0);
        let shared = self.shared.get(&start).filter(|_| reads).and_then(Weak::upgrade);
        if let Some(place) = shared.filter(|place| !place.is_spoiled.load(Ordering::Relaxed)) {
            return Ok(place);
        }
        let tree = self.pool.take(&start)?;
        let place = Arc::new(Workplace {
            repository: self.repository.clone(),
            folder: tree.path().join(&self.inside),
            tree,
            base,
            reads,
            setup: self.setup.clone(),
            includes: self.includes.clone(),
            ready: OnceCell::new(),
            made: Mutex::default(),
            is_spoiled: AtomicBool::new(false),
        });
        if reads {
            self.shared.insert(start, Arc::downgrade(&place));
        }
        Ok(place)
    }
}

impl Workplace {
    /// The folder that the agent works in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes everything ready for the agent, once.
    pub async fn make_ready(&self, preparation: Preparation<'_>) -> Result<(), (Class, String)> {
        self.ready.get_or_init(|| self.prepare(preparation)).await.clone()
    }

    async fn prepare(&self, preparation: Preparation<'_>) -> Result<(), (Class, String)> {
        let Preparation { limits, log, stop, tell, is_confined } = preparation;
        let mut paths = match &self.setup {
            Some(setup) => setup.make_ready(&self.tree, Run { limits, log, stop, tell }).await?,
            None => Vec::new(),
        };
        for path in &self.includes {
            let copied = include::copy(self.repository.top(), path, self.tree.path());
            paths.extend(copied.map_err(|why| (Class::Other, why))?);
        }
        let guard = Some(Guard::before(&self.tree, &self.repository, is_confined));
        *self.made() = Made { paths, guard };
        Ok(())
    }

    /// Takes what the task has left. The work of one that went well becomes a commit on its branch; the tree of one that
    /// failed is kept when there is something to see in it.
    pub fn finish(self: Arc<Self>, well: bool, names: &Names) -> Left {
        let made = std::mem::take(&mut *self.made());
        if self.reads {
            let left = self.finish_reading(made.guard.as_ref());
            *self.made() = made;
            return left;
        }
        let mut left = Left { base: Some(self.base.clone()), ..Left::default() };
        left.tampering = made.guard.map(|guard| guard.after(&self.repository)).unwrap_or_default();
        // Secrets and installed packages are no work, also where the agent has told git not to ignore them any more.
        let cleared = made.paths.iter().try_for_each(|path| files::remove(self.tree.path(), path));
        let committed = cleared.map_err(|error| error.to_string()).and_then(|()| {
            let commit = self.tree.commit_all(&self.base, &names.title).map_err(|error| error.to_string())?;
            if well {
                self.repository.set_branch(&names.branch, &commit.id).map_err(|error| error.to_string())?;
            }
            Ok(commit)
        });
        match committed {
            Ok(commit) => {
                left.head = well.then_some(commit.id);
                left.changed = commit.changed.iter().map(|path| path.to_string_lossy().into_owned()).collect();
                let nested = commit.nested.iter().map(|path| format!("made a repository in {}", path.display()));
                left.tampering.extend(nested);
            }
            Err(why) => left.error = Some(format!("the work could not be made a commit: {why}")),
        }
        if (!well && !left.changed.is_empty()) || left.error.is_some() {
            // Nobody else has it by now.
            if let Some(place) = Arc::into_inner(self) {
                left.kept = place.tree.keep(&names.kept).ok();
            }
        }
        left
    }

    fn finish_reading(&self, guard: Option<&Guard>) -> Left {
        let mut left =
            Left { tampering: guard.map(|guard| guard.after(&self.repository)).unwrap_or_default(), ..Left::default() };
        let status = ["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"];
        match self.tree.git().run(status) {
            Ok(out) => {
                let entries = out.split(|byte| *byte == 0).filter_map(|entry| entry.split_at_checked(3));
                left.changed = entries.map(|(_, name)| String::from_utf8_lossy(name).into_owned()).collect();
            }
            Err(error) => left.error = Some(error.to_string()),
        }
        if !left.changed.is_empty() || left.error.is_some() {
            self.is_spoiled.store(true, Ordering::Relaxed);
        }
        left
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
