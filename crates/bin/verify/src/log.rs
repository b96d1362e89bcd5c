//! What a check prints: all of it in a file, the end of it in the record.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use process::{Cleaner, Observer, Progress, Secrets, Stream};

/// A file takes this much of one check's output.
const FILE: usize = 16 << 20;
/// The record takes this much.
const TAIL: usize = 4 << 10;

/// Where the output of one check goes, without the secrets in it.
pub struct Log {
    secrets: Secrets,
    cleaner: Cleaner,
    kept: Kept,
}

/// What is kept of it.
struct Kept {
    file: Option<(PathBuf, File)>,
    written: usize,
    full: bool,
    failure: Option<String>,
    tail: Vec<u8>,
    cut: bool,
}

impl Log {
    /// Output into `file`, if there is one.
    pub fn new(file: Option<(PathBuf, File)>, secrets: &Secrets) -> Self {
        let kept = Kept { file, written: 0, full: false, failure: None, tail: Vec::new(), cut: false };
        Self { secrets: secrets.clone(), cleaner: secrets.stream(), kept }
    }

    /// The path of the file and the end of the output, followed by `notes` of our own.
    pub fn finish(self, notes: &[String]) -> (Option<String>, String) {
        let Self { secrets, mut cleaner, mut kept } = self;
        cleaner.finish(|bytes| kept.take(bytes));
        let (log, tail) = kept.finish(notes);
        // Once more for the notes, and for what only looks like a secret since bytes that are no text became text.
        (log, secrets.remove(tail))
    }
}

impl Kept {
    fn take(&mut self, bytes: &[u8]) {
        self.write(bytes);
        self.remember(bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        let Some((_, file)) = &mut self.file else { return };
        if self.full || self.failure.is_some() {
            return;
        }
        let room = FILE - self.written;
        let (now, rest) = bytes.split_at(bytes.len().min(room));
        self.written += now.len();
        let mut written = file.write_all(now);
        if !rest.is_empty() {
            self.full = true;
            let note = format!("\n[verify: the log ends here, after {} MiB; the check printed more]\n", FILE >> 20);
            written = written.and_then(|()| file.write_all(note.as_bytes()));
        }
        // A full disk is no fault of the check.
        self.failure = written.err().map(|error| error.to_string());
    }

    fn remember(&mut self, bytes: &[u8]) {
        let end = &bytes[bytes.len().saturating_sub(TAIL)..];
        self.cut |= end.len() < bytes.len();
        self.tail.extend_from_slice(end);
        // Moved only when it has doubled, so that many short pieces cost no more than a few long ones.
        if self.tail.len() > 2 * TAIL {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let over = self.tail.len().saturating_sub(TAIL);
        self.cut |= over > 0;
        self.tail.drain(..over);
    }

    fn finish(mut self, notes: &[String]) -> (Option<String>, String) {
        self.trim();
        if self.cut {
            // The first character may have lost its beginning; if a line begins soon, so does the tail.
            let whole = self.tail.iter().take(4).position(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
            let line = self.tail.iter().take(TAIL / 4).position(|byte| *byte == b'\n').map(|at| at + 1);
            self.tail.drain(..line.unwrap_or(whole));
        }
        let mut tail = String::from_utf8_lossy(&self.tail).into_owned();
        let failure = self.failure.map(|error| format!("the log is not complete: {error}"));
        for text in notes.iter().chain(&failure) {
            note(&mut tail, text);
        }
        (self.file.map(|(path, _)| path.to_string_lossy().into_owned()), tail)
    }
}

/// Adds a note of our own to the end of an output.
pub fn note(tail: &mut String, text: &str) {
    if !tail.is_empty() && !tail.ends_with('\n') {
        tail.push('\n');
    }
    tail.push_str("[verify: ");
    tail.push_str(text);
    tail.push_str("]\n");
}

impl Observer for Log {
    fn output(&mut self, _: Stream, bytes: &[u8]) -> Progress {
        let Self { cleaner, kept, .. } = self;
        cleaner.push(bytes, |bytes| kept.take(bytes));
        Progress::Made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(pieces: &[&[u8]], notes: &[String]) -> String {
        let mut log = Log::new(None, &Secrets::default());
        for piece in pieces {
            log.output(Stream::Out, piece);
        }
        log.finish(notes).1
    }

    #[test]
    fn short_output_is_kept_as_it_is() {
        assert_eq!(tail_of(&[b"a\n", b"b"], &[]), "a\nb");
        assert_eq!(tail_of(&[], &["x".into()]), "[verify: x]\n");
        assert_eq!(tail_of(&[b"a"], &["x".into()]), "a\n[verify: x]\n");
        assert_eq!(tail_of(&[b"\xff\x1b["], &[]), "\u{fffd}\x1b[");
    }

    #[test]
    fn the_end_of_long_output_is_kept_however_it_arrives() {
        let lines: Vec<u8> = (0..5000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
        let whole = tail_of(&[&lines], &[]);
        assert!(whole.starts_with("line ") && whole.ends_with("line 4999\n") && whole.len() > TAIL - 20);
        for size in [1, 7, 4096, 9000] {
            assert_eq!(tail_of(&lines.chunks(size).collect::<Vec<_>>(), &[]), whole, "{size}");
        }
    }

    #[test]
    fn no_character_is_cut_in_two() {
        let text = "€".repeat(TAIL);
        for skip in 0..3 {
            let tail = tail_of(&[&text.as_bytes()[skip..], &b"xyz"[..skip]], &[]);
            assert!(!tail.contains('\u{fffd}'), "{skip}");
        }
    }

    #[test]
    fn the_file_is_bounded_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = Log::new(Some((path.clone(), File::create(&path).unwrap())), &Secrets::default());
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..40 {
            log.output(Stream::Out, &piece);
        }
        assert_eq!(log.finish(&[]).0.as_deref(), path.to_str());
        let written = std::fs::read(&path).unwrap();
        assert!((FILE..FILE + 200).contains(&written.len()), "{}", written.len());
        assert!(written.ends_with(b"the check printed more]\n"));
    }
}
