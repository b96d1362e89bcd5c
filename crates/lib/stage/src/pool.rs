//! Whole blocks of lines, looked at by several threads at once, for a stage whose tasks do not depend on each other.
//!
//! The order of the lines stays, and so does what is told of a bad one: only the looking is done side by side.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use record::Record;

use crate::filter::{Filter, Out, identity, twice};
use crate::identity::Key;
use crate::{Error, Identities};

/// A stage's work on one task, on a thread of its own.
pub trait Worker: Send {
    /// As [`crate::Filter::task`].
    fn task(&mut self, record: &mut Record) -> Result<(), String>;
}

/// Lines as they came.
struct Block {
    first: u64,
    bytes: Vec<u8>,
}

/// What has become of a block.
#[derive(Default)]
struct Done {
    out: Vec<u8>,
    tasks: Vec<Seen>,
    bad: Option<(u64, String)>,
}

/// A task of a block: whether it has been there before is only known once everything before it is settled.
struct Seen {
    hash: u64,
    line: u64,
    /// Where its line begins in `out`.
    at: usize,
}

struct Hand {
    blocks: SyncSender<Block>,
    done: Receiver<Done>,
}

/// Threads that look at blocks, each in its turn, so that what they give back is in order too.
pub(crate) struct Pool {
    hands: Vec<Hand>,
    next: usize,
    /// Whose turn it is to be waited for.
    waiting: VecDeque<usize>,
}

/// Blocks that a thread may have before it: one to work on and one to go on with.
const AHEAD: usize = 2;

impl Pool {
    /// A thread for each processor, four at most; `None` when there is only one, or no thread is to be had.
    pub fn new(key: &Key, mut worker: impl FnMut() -> Option<Box<dyn Worker>>) -> Option<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from).min(4);
        let mut hands = Vec::new();
        for _ in 0..count {
            let (worker, key) = (worker()?, key.clone());
            let (blocks, to_do) = sync_channel::<Block>(AHEAD);
            let (finished, done) = sync_channel(AHEAD);
            let work = move || look(worker, &key, &to_do, &finished);
            thread::Builder::new().name("worker".into()).spawn(work).ok()?;
            hands.push(Hand { blocks, done });
        }
        (count > 1).then_some(Self { hands, next: 0, waiting: VecDeque::new() })
    }

    /// Hands a block over, whose first line has this number.
    pub fn give(
        &mut self,
        first: u64,
        bytes: &[u8],
        seen: &mut Identities,
        out: &mut Out<impl Filter>,
    ) -> Result<(), Error> {
        if self.waiting.len() == AHEAD * self.hands.len() {
            self.settle(seen, out)?;
        }
        let block = Block { first, bytes: bytes.to_vec() };
        self.hands[self.next].blocks.send(block).map_err(|_| lost())?;
        self.waiting.push_back(self.next);
        self.next = (self.next + 1) % self.hands.len();
        Ok(())
    }

    /// Waits for all that was handed over.
    pub fn finish(&mut self, seen: &mut Identities, out: &mut Out<impl Filter>) -> Result<(), Error> {
        while !self.waiting.is_empty() {
            self.settle(seen, out)?;
        }
        Ok(())
    }

    /// Takes back the oldest block and writes it. After an error nothing that comes behind it counts any more.
    fn settle(&mut self, seen: &mut Identities, out: &mut Out<impl Filter>) -> Result<(), Error> {
        let settled = self.write_oldest(seen, out);
        if settled.is_err() {
            self.waiting.clear();
        }
        settled
    }

    fn write_oldest(&mut self, seen: &mut Identities, out: &mut Out<impl Filter>) -> Result<(), Error> {
        let Some(hand) = self.waiting.pop_front() else { return Ok(()) };
        let Done { out: lines, tasks, bad } = self.hands[hand].done.recv().map_err(|_| lost())?;
        for task in tasks {
            if !seen.insert_hash(task.hash) {
                out.block(&lines[..task.at])?;
                return Err(Error::input(task.line, again(&lines[task.at..])));
            }
        }
        out.block(&lines)?;
        bad.map_or(Ok(()), |(line, reason)| Err(Error::input(line, reason)))
    }
}

fn lost() -> Error {
    Error::system("a thread ended early", std::io::Error::other("its message is above"))
}

/// What is told of the task whose line begins here, and which has been there before.
fn again(out: &[u8]) -> String {
    let line = out.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let record = str::from_utf8(line).ok().and_then(|line| Record::parse(line).ok()).unwrap_or_default();
    identity(&record).map_or_else(|reason| reason, |(id, attempt)| twice(&id, attempt))
}

fn look(mut worker: Box<dyn Worker>, key: &Key, blocks: &Receiver<Block>, finished: &SyncSender<Done>) {
    let mut record = Record::default();
    while let Ok(block) = blocks.recv() {
        let mut done = Done { out: Vec::with_capacity(block.bytes.len() * 5 / 4), ..Done::default() };
        for (number, line) in (block.first..).zip(block.bytes.split(|byte| *byte == b'\n')) {
            if let Err(reason) = one(&mut *worker, key, &mut record, number, line, &mut done) {
                done.bad = Some((number, reason));
                break;
            }
        }
        if finished.send(done).is_err() {
            return;
        }
    }
}

fn one(
    worker: &mut dyn Worker,
    key: &Key,
    record: &mut Record,
    number: u64,
    line: &[u8],
    done: &mut Done,
) -> Result<(), String> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let text = str::from_utf8(line).map_err(|error| crate::LineError::NotUtf8(error.valid_up_to() + 1).to_string())?;
    record.read(text).map_err(|error| error.to_string())?;
    if record.kind() == "task" {
        let (id, attempt) = identity(record)?;
        done.tasks.push(Seen { hash: key.hash(&id, attempt), line: number, at: done.out.len() });
        worker.task(record)?;
    }
    done.out.extend_from_slice(record.as_str().as_bytes());
    done.out.push(b'\n');
    Ok(())
}
