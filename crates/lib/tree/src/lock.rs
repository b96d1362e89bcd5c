//! Who may touch the tree.

use std::fs::{File, TryLockError};
use std::time::Duration;

use crate::folder::PlaceError;
use crate::places::Places;

/// How often a lock that somebody else holds is tried again, at first and at most.
const FIRST: Duration = Duration::from_millis(2);
const LAST: Duration = Duration::from_millis(50);

/// The lock on a tree, held for as long as the value lives and let go by the system when the process dies.
///
/// A writing agent needs it alone ([`TreeLock::exclusive`]); checks of finished work can hold it together
/// ([`TreeLock::shared`]). It is a lock on the file `.plan/tree.lock`, so it holds between processes; the file stays.
#[derive(Debug)]
#[must_use = "the lock is let go when the value is dropped"]
pub struct TreeLock(#[expect(dead_code, reason = "held, not used")] File);

impl TreeLock {
    /// Waits until nobody else holds it.
    pub async fn exclusive(places: &Places) -> Result<Self, PlaceError> {
        Self::wait(places, File::try_lock).await
    }

    /// Waits until nobody holds it alone.
    pub async fn shared(places: &Places) -> Result<Self, PlaceError> {
        Self::wait(places, File::try_lock_shared).await
    }

    /// As [`TreeLock::exclusive`], without waiting: `None` when somebody else holds it.
    pub fn try_exclusive(places: &Places) -> Result<Option<Self>, PlaceError> {
        Self::attempt(&Self::file(places)?, places, File::try_lock)
    }

    /// As [`TreeLock::shared`], without waiting: `None` when somebody holds it alone.
    pub fn try_shared(places: &Places) -> Result<Option<Self>, PlaceError> {
        Self::attempt(&Self::file(places)?, places, File::try_lock_shared)
    }

    fn file(places: &Places) -> Result<File, PlaceError> {
        places.open()?.open_file("tree.lock")
    }

    /// A thread that blocks in the system's own call could not be told that nobody waits any more and would keep the
    /// process from ending, so the lock is tried again and again.
    async fn wait(places: &Places, lock: fn(&File) -> Result<(), TryLockError>) -> Result<Self, PlaceError> {
        let file = Self::file(places)?;
        let mut pause = FIRST;
        loop {
            if let Some(held) = Self::attempt(&file, places, lock)? {
                return Ok(held);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST);
        }
    }

    fn attempt(
        file: &File,
        places: &Places,
        lock: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Option<Self>, PlaceError> {
        let failed = |error| PlaceError::new(places.private().join("tree.lock"), error);
        match lock(file) {
            // The copy shares the lock with the original and keeps it when that one is closed.
            Ok(()) => file.try_clone().map(|file| Some(Self(file))).map_err(failed),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn checks_share_and_a_writer_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(folder.path()).unwrap();
        let one = TreeLock::try_shared(&places).unwrap().unwrap();
        let two = run(TreeLock::shared(&places)).unwrap();
        assert!(TreeLock::try_exclusive(&places).unwrap().is_none());
        drop(one);
        assert!(TreeLock::try_exclusive(&places).unwrap().is_none());
        drop(two);
        let writer = run(TreeLock::exclusive(&places)).unwrap();
        assert!(TreeLock::try_shared(&places).unwrap().is_none());
        assert!(TreeLock::try_exclusive(&places).unwrap().is_none());
        drop(writer);
        assert!(TreeLock::try_exclusive(&places).unwrap().is_some());
    }

    #[test]
    fn waiting_stops_nothing_else_and_ends_when_the_lock_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(folder.path()).unwrap();
        run(async {
            let writer = TreeLock::try_exclusive(&places).unwrap().unwrap();
            let waiting = TreeLock::shared(&places);
            tokio::pin!(waiting);
            tokio::select! {
                _ = &mut waiting => panic!("nobody may have it now"),
                () = tokio::task::yield_now() => {}
            }
            drop(writer);
            assert!(waiting.await.is_ok());
        });
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of(folder.path()).unwrap();
        std::fs::create_dir(places.private()).unwrap();
        std::os::unix::fs::symlink(folder.path().join("victim"), places.private().join("tree.lock")).unwrap();
        let error = TreeLock::try_shared(&places).unwrap_err();
        assert!(error.to_string().contains("tree.lock: is a symbolic link"), "{error}");
        assert!(!error.is_read_only());
        assert!(!folder.path().join("victim").exists());
    }
}
