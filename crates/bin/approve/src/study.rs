//! Reading the changes of tasks on a thread of its own: git may take its time while other tasks pass.

use std::sync::mpsc::{self, Sender};
use std::thread;

use change::Change;
use stage::Error;
use tokio::sync::mpsc::UnboundedSender;

use crate::item::Item;
use crate::sheet::Outcome;

/// Where tasks go to have their change read, one after the other.
pub(crate) struct Study(Sender<Item>);

impl Study {
    /// Starts to read; each task comes back through `done`, in the order in which it was given.
    pub fn start(done: UnboundedSender<Item>) -> Result<Self, Error> {
        let (give, items) = mpsc::channel::<Item>();
        thread::Builder::new()
            .name("study".into())
            .spawn(move || {
                for mut item in items {
                    item.change = Change::read(item.sheet.result.as_ref().map(Outcome::work).as_ref());
                    if done.send(item).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| Error::system("cannot start a thread", error))?;
        Ok(Self(give))
    }

    /// Has the change of a task read.
    pub fn give(&self, item: Item) {
        // The thread only ends when this value does.
        let _ = self.0.send(item);
    }
}
