//! The user's branch, index and files, brought from one commit to another: all of it or nothing, whenever it is cut off.
//!
//! What is about to happen is written down first, in `.plan/landing.json`. While it happens, the lock of git on the index
//! is ours, so no other git of the user gets in between; the new index is made aside and put in place at the end. Whoever
//! finds that file later ([`crate::recovery`]) completes what was begun when the branch has moved, and undoes it when not.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tree::{Places, TreeLock};
use worktree::Repository;

use crate::applied::Applied;
use crate::collision::{collisions, refuse};
use crate::recovery;
use crate::refusal::Refusal;
use crate::touched::{Entry, touched};

/// What is about to happen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Intent {
    /// What the files are brought from.
    pub old: String,
    /// And to.
    pub new: String,
    /// The branch that is moved; none when only files are changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

/// How it went.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Transferred {
    Done,
    /// Somebody has moved the branch meanwhile; nothing has happened.
    Moved,
}

/// How long somebody else may hold a lock, and how often it is tried.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// What stands in the lock on the index while it is ours.
const OURS: &[u8] = b"plan-and-execute land\n";

/// The right to change the user's files: no other `land` has it, no agent is at work in place, no check is running there.
pub(crate) struct Turn<'a> {
    repository: &'a Repository,
    intent: PathBuf,
    _lock: Lock,
    _tree: Option<TreeLock>,
}

/// Children of ours inherit it: what was begun by a `land` that was killed is waited for.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Where that fails, closing it does it.
        let _ = self.0.unlock();
    }
}

impl<'a> Turn<'a> {
    /// Waits for it, and clears up after a `land` that was killed; what that was is told by `tell`.
    pub async fn wait(repository: &'a Repository, tell: &dyn Fn(&str)) -> Result<Self, Refusal> {
        let places = Places::of(repository.top()).map_err(|error| Refusal::failed(error.to_string()))?;
        let folder = places.worktrees().map_err(|error| Refusal::failed(error.to_string()))?;
        let lock = folder.open_file("land.lock").map_err(|error| Refusal::failed(error.to_string()))?;
        let mut told = false;
        while lock.try_lock().is_err() {
            if !std::mem::replace(&mut told, true) {
                tell("waits for another land in this repository");
            }
            sleep(PAUSE).await;
        }
        fcntl_setfd(&lock, FdFlags::empty()).map_err(|error| Refusal::failed(format!("land.lock: {error}")))?;
        let lock = Lock(lock);
        let tree = match TreeLock::try_exclusive(&places) {
            Ok(Some(tree)) => Some(tree),
            Ok(None) => {
                tell("waits until nobody works in the tree any more");
                TreeLock::exclusive(&places).await.ok()
            }
            // Where no lock can be taken, nobody else takes one either.
            Err(_) => None,
        };
        let turn = Self { repository, intent: places.private().join("landing.json"), _lock: lock, _tree: tree };
        turn.recover(tell).await?;
        Ok(turn)
    }

    async fn recover(&self, tell: &dyn Fn(&str)) -> Result<(), Refusal> {
        let Ok(text) = fs::read(&self.intent) else {
            // Killed between the two: the lock is there, and nothing has begun.
            if is_ours(&self.lock_path()) {
                Self::remove(&self.lock_path())?;
            }
            return Ok(());
        };
        if let Ok(intent) = serde_json::from_slice::<Intent>(&text) {
            let _index = self.lock_index().await?;
            let how = recovery::recover(self.repository, &intent)?;
            tell(&format!("an earlier land was cut off in the middle: {how}"));
        }
        Self::remove(&self.intent)
    }

    /// Brings the user from `intent.old` to `intent.new`, unless one of the user's own files would be touched. With
    /// `applied`, files that are exactly as `land` has left them are not the user's own.
    pub async fn transfer(&self, intent: &Intent, applied: Option<&mut Applied>) -> Result<Transferred, Refusal> {
        let git = self.repository.git();
        let index = self.lock_index().await?;
        let aside = self.repository.aside()?;
        let mut is_users_index = true;
        if intent.branch.is_none() {
            let now = self.repository.snapshot_in(&aside)?;
            if now.commit != intent.old {
                return Ok(Transferred::Moved);
            }
            is_users_index = now.commit == now.head;
        }
        let touched = touched(git, &intent.old, &intent.new)?;
        let users = self.repository.aside()?;
        let mut theirs = collisions(git, &users.index(), &touched)?;
        if let Some(applied) = &applied {
            let before: HashMap<&Path, Option<&Entry>> =
                touched.iter().map(|touched| (&*touched.path, touched.old.as_ref())).collect();
            theirs.retain(|path| !before.get(&**path).is_some_and(|entry| applied.has(path, *entry)));
        }
        refuse(&theirs)?;
        // The user's own has now what git has just found out about files that only look changed.
        let own = if is_users_index { users.index() } else { aside.index() };
        self.write(intent)?;
        let moved = git.call(["read-tree", "-m", "-u", &intent.old, &intent.new]).index(&own).run();
        let done = moved.map_err(Refusal::from).and_then(|_| self.move_branch(intent));
        if !matches!(done, Ok(Transferred::Done)) {
            recovery::undo(self.repository, intent)?;
            Self::remove(&self.intent)?;
            return done;
        }
        if intent.branch.is_some() {
            self.repository.replace_index(&own)?;
        }
        if let Some(applied) = applied {
            applied.note(&touched)?;
        }
        Self::remove(&self.intent)?;
        drop(index);
        Ok(Transferred::Done)
    }

    /// Only from where it was.
    fn move_branch(&self, intent: &Intent) -> Result<Transferred, Refusal> {
        let Some(branch) = &intent.branch else { return Ok(Transferred::Done) };
        let git = self.repository.git();
        let said = git.call(["update-ref", "--no-deref", "-m", "land", branch, &intent.new, &intent.old]).said()?;
        if said.code == Some(0) {
            return Ok(Transferred::Done);
        }
        let now = self.repository.commit(branch)?;
        if now.as_deref() == Some(&*intent.old) { Err(said.error("update-ref").into()) } else { Ok(Transferred::Moved) }
    }

    fn lock_path(&self) -> PathBuf {
        self.repository.index().with_extension("lock")
    }

    /// The lock of git on the user's index. One that an earlier `land` has left is ours now.
    async fn lock_index(&self) -> Result<IndexLock, Refusal> {
        let path = self.lock_path();
        let end = Instant::now() + PATIENCE;
        loop {
            // It must have its word in it from the beginning, or nobody could tell later whose it was.
            let word = path.with_extension("land");
            fs::write(&word, OURS).map_err(|error| broken(&word, &error))?;
            let made = fs::hard_link(&word, &path);
            Self::remove(&word)?;
            match made {
                Ok(()) => return Ok(IndexLock(path)),
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(broken(&path, &error)),
                Err(_) if is_ours(&path) => return Ok(IndexLock(path)),
                Err(_) if Instant::now() > end => {
                    return Err(Refusal::person(format!(
                        "{}: another git is at work in the repository, or was killed: when there is none, remove this \
                         file, then run the same again",
                        path.display()
                    )));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Another name first: what is cut off in the middle of it has not begun.
    fn write(&self, intent: &Intent) -> Result<(), Refusal> {
        let part = self.intent.with_extension("part");
        let text = serde_json::to_vec(intent).map_err(|error| Refusal::failed(error.to_string()))?;
        let written = fs::write(&part, text).and_then(|()| fs::rename(&part, &self.intent));
        written.map_err(|error| broken(&self.intent, &error))
    }

    fn remove(path: &Path) -> Result<(), Refusal> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(broken(path, &error)),
            _ => Ok(()),
        }
    }
}

/// The lock of git on the index while it is ours.
struct IndexLock(PathBuf);

impl Drop for IndexLock {
    fn drop(&mut self) {
        // The next one knows it by what stands in it.
        let _ = fs::remove_file(&self.0);
    }
}

fn is_ours(path: &Path) -> bool {
    fs::read(path).is_ok_and(|text| text == OURS)
}

fn broken(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::failed(format!("{}: {error}", path.display()))
}
