//! Lines out, from a stage that must not wait for its reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{Error, Sink};

/// As long as this many bytes wait to be written, a stage takes nothing new in.
const FULL: usize = 8 << 20;

/// Writes lines to stdout from a thread of its own, in order, each one as soon as the reader takes it.
pub struct Outlet {
    queue: Option<UnboundedSender<String>>,
    waiting: Arc<Waiting>,
    writer: Option<JoinHandle<Result<(), Error>>>,
}

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    fell: Notify,
    failed: Notify,
}

impl Outlet {
    /// Starts to write to stdout.
    pub fn stdout() -> Result<Self, Error> {
        let (queue, lines) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let shared = Arc::clone(&waiting);
        let writer = thread::Builder::new()
            .name("outlet".into())
            .spawn(move || {
                let written = write(lines, &shared);
                if written.is_err() {
                    shared.failed.notify_one();
                    shared.fell.notify_one();
                }
                written
            })
            .map_err(|error| Error::system("cannot start a thread", error))?;
        Ok(Self { queue: Some(queue), waiting, writer: Some(writer) })
    }

    /// Puts a line in the queue; `line` has no line end.
    pub fn line(&self, line: String) {
        self.waiting.bytes.fetch_add(line.len(), Ordering::Relaxed);
        if let Some(queue) = &self.queue {
            // A writer that has ended tells why in `failed` and `finish`.
            let _ = queue.send(line);
        }
    }

    /// Returns once there is room to take in more.
    pub async fn room(&self) {
        while self.waiting.bytes.load(Ordering::Relaxed) > FULL {
            self.waiting.fell.notified().await;
        }
    }

    /// Returns once writing has failed; [`Outlet::finish`] tells why.
    pub async fn failed(&self) {
        self.waiting.failed.notified().await;
    }

    /// Waits until everything has been written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.queue = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            _ => Err(Error::system("stdout", std::io::Error::other("the writing thread ended early"))),
        }
    }
}

fn write(mut lines: UnboundedReceiver<String>, waiting: &Waiting) -> Result<(), Error> {
    let mut sink = Sink::stdout();
    while let Some(line) = lines.blocking_recv() {
        let mut line = Some(line);
        while let Some(next) = line {
            sink.line(&next)?;
            waiting.bytes.fetch_sub(next.len(), Ordering::Relaxed);
            waiting.fell.notify_one();
            line = lines.try_recv().ok();
        }
        sink.flush()?;
    }
    Ok(())
}
