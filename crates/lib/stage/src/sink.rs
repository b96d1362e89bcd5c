//! Lines out.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

use crate::Error;

const BLOCK: usize = 256 << 10;

/// Where lines go: stdout, in blocks.
///
/// Nothing is written before [`Sink::flush`] or before a block is full.
pub struct Sink {
    buffer: Vec<u8>,
    out: io::Stdout,
}

impl Sink {
    /// A sink for stdout. Only one may be in use: lines of two would mix.
    pub fn stdout() -> Self {
        Self { buffer: Vec::new(), out: io::stdout() }
    }

    /// Adds a line; `line` has no line end.
    pub fn line(&mut self, line: &str) -> Result<(), Error> {
        if !self.has_room(line) {
            self.flush()?;
        }
        self.keep(line);
        if self.has_room("") { Ok(()) } else { self.flush() }
    }

    /// Whether the line still fits into the block that is waiting.
    pub(crate) fn has_room(&self, line: &str) -> bool {
        self.buffer.is_empty() || self.buffer.len() + line.len() < BLOCK
    }

    /// Adds a line to the block that is waiting, however long that becomes.
    pub(crate) fn keep(&mut self, line: &str) {
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
    }

    /// What is waiting to be written: whole lines.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.buffer
    }

    /// Forgets what is waiting.
    pub(crate) fn forget(&mut self) {
        self.buffer.clear();
    }

    /// Whether whole lines are so few that they are better kept than written apart.
    pub(crate) fn is_small(lines: &[u8]) -> bool {
        lines.len() < BLOCK / 4
    }

    /// Adds whole lines, each with its line end, to the block that is waiting.
    pub(crate) fn keep_lines(&mut self, lines: &[u8]) {
        self.buffer.extend_from_slice(lines);
    }

    /// Writes whole lines, each with its line end, as they are. Nothing may be waiting.
    pub(crate) fn write_through(&mut self, lines: &[u8]) -> Result<(), Error> {
        write_all(self.out.as_fd(), lines)
    }

    /// Writes all that is waiting.
    pub fn flush(&mut self) -> Result<(), Error> {
        let written = write_all(self.out.as_fd(), &self.buffer);
        self.buffer.clear();
        self.buffer.shrink_to(2 * BLOCK);
        written
    }

    /// Whether anything is waiting to be written.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

/// std's own stdout looks for line ends and writes a block and its last line apart; the descriptor does neither.
fn write_all(out: BorrowedFd, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        match rustix::io::write(out, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) => match io::Error::from(error) {
                error if error.kind() == ErrorKind::Interrupted => {}
                error if error.kind() == ErrorKind::BrokenPipe => return Err(Error::ReaderGone),
                error if error.kind() == ErrorKind::WouldBlock => wait_for_room(out)?,
                error => return Err(Error::system("stdout", error)),
            },
        }
    }
    Ok(())
}

/// Somebody has set the pipe to "non-blocking"; then waiting is our own task.
fn wait_for_room(out: BorrowedFd) -> Result<(), Error> {
    use rustix::event::{PollFd, PollFlags, poll};
    match poll(&mut [PollFd::from_borrowed_fd(out, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(Error::system("stdout", error.into())),
    }
}
