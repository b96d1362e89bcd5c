//! Lines out, from a stage that must not wait for its reader.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{Error, Input, Intake, Sink};

/// As long as this many bytes wait to be written, a stage takes nothing new in.
const FULL: usize = 8 << 20;

/// Writes lines to stdout from a thread of its own, in order, each one as soon as the reader takes it.
pub struct Outlet {
    queue: Option<UnboundedSender<String>>,
    waiting: Arc<Waiting>,
    /// Where the writer takes its lines from; it is started for the first one.
    lines: Cell<Option<UnboundedReceiver<String>>>,
    writer: Cell<Option<io::Result<Writer>>>,
}

type Writer = JoinHandle<Result<(), Error>>;

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    fell: Notify,
    failed: Notify,
    ended: Notify,
}

impl Waiting {
    fn fail(&self) {
        self.failed.notify_one();
        self.fell.notify_one();
    }
}

impl Outlet {
    /// Writes to stdout.
    pub fn stdout() -> Self {
        let (queue, lines) = mpsc::unbounded_channel();
        let lines = Cell::new(Some(lines));
        Self { queue: Some(queue), waiting: Arc::default(), lines, writer: Cell::default() }
    }

    /// Puts a line in the queue; `line` has no line end.
    pub fn line(&self, line: String) {
        if let Some(lines) = self.lines.take() {
            self.start(lines);
        }
        self.waiting.bytes.fetch_add(line.len(), Ordering::Relaxed);
        if let Some(queue) = &self.queue {
            // A writer that has ended tells why in `failed` and `finish`.
            let _ = queue.send(line);
        }
    }

    fn start(&self, lines: UnboundedReceiver<String>) {
        let shared = Arc::clone(&self.waiting);
        let writer = thread::Builder::new().name("outlet".into()).spawn(move || {
            let written = write(lines, &shared);
            if written.is_err() {
                shared.fail();
            }
            shared.ended.notify_one();
            written
        });
        if writer.is_err() {
            self.waiting.fail();
            self.waiting.ended.notify_one();
        }
        self.writer.set(Some(writer));
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

    /// Waits until everything has been written, however slow the reader is, and still hears what happens outside: a
    /// second signal ends the process. Returns the number of a signal that came meanwhile.
    pub async fn close(mut self, intake: &mut Intake) -> Result<Option<i32>, Error> {
        self.queue = None;
        let mut signal = None;
        let is_started = self.lines.take().is_none();
        if !is_started {
            return Ok(None);
        }
        loop {
            tokio::select! {
                () = self.waiting.ended.notified() => break,
                input = intake.outside() => match input {
                    Input::Signal(number) => signal = Some(number),
                    Input::ReaderGone => return Err(Error::ReaderGone),
                    _ => {}
                },
            }
        }
        self.finish().map(|()| signal)
    }

    /// Waits until everything has been written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.queue = None;
        match self.writer.take() {
            None => Ok(()),
            Some(Err(error)) => Err(Error::system("cannot start a thread", error)),
            Some(Ok(writer)) => match writer.join() {
                Ok(written) => written,
                Err(_) => Err(Error::system("stdout", io::Error::other("the writing thread ended early"))),
            },
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
