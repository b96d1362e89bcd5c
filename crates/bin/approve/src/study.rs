//! Reading the changes of tasks on a thread of its own: git may take its time while other tasks pass.

use std::sync::mpsc::{self, Sender};
use std::thread;

use change::Change;
use stage::Error;
use tokio::sync::mpsc::UnboundedSender;

use crate::item::Item;
use crate::sheet::Outcome;

/// Where tasks go to have their change read, one after the other.
pub(crate) struct Study {
    done: UnboundedSender<Item>,
    /// The thread's end; it is started for the first task.
    give: Option<Sender<Item>>,
}

impl Study {
    /// Each task comes back through `done`, in the order in which it was given.
    pub fn new(done: UnboundedSender<Item>) -> Self {
        Self { done, give: None }
    }

    /// Has the change of a task read.
    pub fn give(&mut self, item: Item) -> Result<(), Error> {
        if self.give.is_none() {
            self.give = Some(start(self.done.clone())?);
        }
        if let Some(give) = &self.give {
            // The thread only ends when this value does.
            let _ = give.send(item);
        }
        Ok(())
    }
}

fn start(done: UnboundedSender<Item>) -> Result<Sender<Item>, Error> {
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
        .map(drop)
        .map_err(|error| Error::system("cannot start a thread", error))?;
    Ok(give)
}
