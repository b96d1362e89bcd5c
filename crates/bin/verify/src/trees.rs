//! Trees of our own that hold one commit each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use worktree::{Error, Pool, Repository, Tree};

/// How our trees are named in `.plan/worktrees/`.
const KIND: &str = "verify";
/// One for the work and one for what was there before it, for two of us at once.
const SIZE: usize = 4;

/// The trees of every repository that we meet; made once, and used again for the next task.
#[derive(Default)]
pub struct Trees {
    repositories: RefCell<HashMap<PathBuf, Repository>>,
    pools: RefCell<HashMap<PathBuf, Arc<Pool>>>,
}

impl Trees {
    /// Notes what the configuration of a repository names, so that it is known what an agent has added to it.
    pub fn note(&self, root: &Path) -> Result<Repository, Error> {
        if let Some(known) = self.repositories.borrow().get(root) {
            return Ok(known.clone());
        }
        let repository = Repository::open(root)?;
        self.repositories.borrow_mut().insert(root.to_owned(), repository.clone());
        Ok(repository)
    }

    /// A tree at this commit that nobody else has.
    pub async fn take(&self, root: &Path, commit: &str) -> Result<Tree, String> {
        let pool = self.pool(root).map_err(|error| error.to_string())?;
        let commit = commit.to_owned();
        let taken = tokio::task::spawn_blocking(move || pool.take(&commit)).await;
        taken.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    fn pool(&self, root: &Path) -> Result<Arc<Pool>, Error> {
        if let Some(pool) = self.pools.borrow().get(root) {
            return Ok(pool.clone());
        }
        let pool = Arc::new(Pool::open(&self.note(root)?, KIND, SIZE)?);
        self.pools.borrow_mut().insert(root.to_owned(), pool.clone());
        Ok(pool)
    }

    /// Removes those that nobody uses, also what a killed process has left. Nobody could do anything about a failure; the
    /// next of us tries again.
    pub fn clear(&self) {
        for pool in self.pools.borrow().values() {
            let _ = pool.clear();
        }
    }
}
