//! Framing: bytes into lines.

use std::io::{self, ErrorKind, Read};

/// The longest line that is read, in bytes. A longer one is refused rather than filling the memory.
pub const MAX_LINE: usize = 256 << 20;

/// How much is read at once.
pub(crate) const BLOCK: usize = 256 << 10;

/// Lines of a byte stream, numbered from 1. Blank lines are left out, `\r` before `\n` stays with its line.
pub struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// What has not been given out yet: `buffer[start..end]`.
    start: usize,
    end: usize,
    /// `buffer[start..searched]` holds no line end.
    searched: usize,
    number: u64,
    at_end: bool,
}

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_LINE`].
    #[error("longer than {} MiB", MAX_LINE >> 20)]
    TooLong,
    /// Not UTF-8.
    #[error("not UTF-8 at byte {0} of the line")]
    NotUtf8(usize),
    /// The system refused to read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
}

impl<R: Read> Lines<R> {
    /// Lines of `input`.
    pub fn new(input: R) -> Self {
        Self { input, buffer: vec![0; BLOCK], start: 0, end: 0, searched: 0, number: 0, at_end: false }
    }

    /// The number of the line that was given out last.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether the input has ended; lines may still be there.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// How many bytes have been read and not given out.
    pub(crate) fn buffered(&self) -> usize {
        self.end - self.start
    }

    /// Reads once.
    pub(crate) fn more(&mut self) -> Result<(), (u64, LineError)> {
        if self.at_end { Ok(()) } else { self.fill().map_err(|error| (self.number + 1, error)) }
    }

    /// All complete lines that have been read, with the number of the first one; empty when there is none.
    pub(crate) fn block(&mut self) -> (u64, &[u8]) {
        let first = self.number + 1;
        let read = self.start..self.end;
        let length = memchr::memrchr(b'\n', &self.buffer[read.clone()]).map_or(0, |last| last + 1);
        let block = &self.buffer[read.start..read.start + length];
        self.number += memchr::memchr_iter(b'\n', block).count() as u64;
        self.start += length;
        self.searched = self.searched.max(self.start);
        (first, block.strip_suffix(b"\n").unwrap_or(block))
    }

    /// Whether the next line can be had without reading.
    pub fn is_ready(&mut self) -> bool {
        self.find_end().is_some()
    }

    /// Passes over blank lines that can be had without reading.
    pub(crate) fn skip_blank(&mut self) {
        while let Some(end) = self.find_end() {
            if !self.buffer[self.start..end].iter().all(u8::is_ascii_whitespace) {
                return;
            }
            self.number += 1;
            self.start = end + 1;
            self.searched = self.start;
        }
    }

    /// The next line that is not blank, without its `\n`; `None` at the end.
    pub fn next_line(&mut self) -> Result<Option<&str>, (u64, LineError)> {
        loop {
            let Some(range) = self.next_range().map_err(|error| (self.number + 1, error))? else {
                return Ok(None);
            };
            self.number += 1;
            if self.buffer[range.clone()].iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return match str::from_utf8(&self.buffer[range]) {
                Ok(line) => Ok(Some(line)),
                Err(error) => Err((self.number, LineError::NotUtf8(error.valid_up_to() + 1))),
            };
        }
    }

    fn next_range(&mut self) -> Result<Option<std::ops::Range<usize>>, LineError> {
        loop {
            if let Some(end) = self.find_end() {
                let line = self.start..end;
                self.start = end + 1;
                self.searched = self.start;
                return Ok(Some(line));
            }
            if self.at_end {
                let line = self.start..self.end;
                self.start = self.end;
                return Ok((!line.is_empty()).then_some(line));
            }
            self.fill()?;
        }
    }

    fn find_end(&mut self) -> Option<usize> {
        if self.searched < self.end {
            let found = memchr::memchr(b'\n', &self.buffer[self.searched..self.end]);
            if let Some(at) = found {
                self.searched += at;
                return Some(self.searched);
            }
            self.searched = self.end;
        }
        None
    }

    fn fill(&mut self) -> Result<(), LineError> {
        if self.end - self.start > MAX_LINE {
            return Err(LineError::TooLong);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.searched -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        } else if self.buffer.len() > 4 * BLOCK && self.end < BLOCK {
            // A huge line has gone by; its memory goes too.
            self.buffer.truncate(BLOCK);
            self.buffer.shrink_to_fit();
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes out a few at a time.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn all(bytes: &[u8], drop: usize) -> Vec<(u64, String)> {
        let mut lines = Lines::new(Drops(bytes, drop));
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap().map(str::to_owned) {
            found.push((lines.number(), line));
        }
        found
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let text = "one\n\n  \r\ntwo\r\n\u{e4}\nlast".as_bytes();
        let wanted = vec![(1, "one".into()), (4, "two\r".into()), (5, "\u{e4}".into()), (6, "last".into())];
        for drop in [1, 2, 3, 5, 100] {
            assert_eq!(all(text, drop), wanted, "{drop}");
        }
        assert!(all(b"", 1).is_empty() && all(b"\n\n", 1).is_empty());
    }

    #[test]
    fn a_line_longer_than_a_block_is_whole_and_its_memory_goes() {
        let long = "x".repeat(5 * BLOCK + 7);
        let text = format!("a\n{long}\nb\n{}\nc\n", "y".repeat(BLOCK));
        let mut lines = Lines::new(text.as_bytes());
        let mut lengths = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [1, long.len(), 1, BLOCK, 1]);
        assert!(lines.buffer.len() <= 4 * BLOCK, "{}", lines.buffer.len());
    }

    #[test]
    fn what_is_not_utf_8_is_told_with_its_place() {
        let mut lines = Lines::new(&b"ok\nab\xff\n"[..]);
        assert_eq!(lines.next_line().unwrap(), Some("ok"));
        let (number, error) = lines.next_line().unwrap_err();
        assert_eq!((number, error.to_string()), (2, "not UTF-8 at byte 3 of the line".into()));
    }
}
