//! Between two stages: lines are copied as they are, and looked at on the way.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// A line is kept until it is whole, unless it is longer than this: then it is passed on as it comes.
const KEPT: usize = 1 << 20;
const BLOCK: usize = 64 << 10;

/// How copying ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The writer has ended, and all it has written was passed on.
    Input,
    /// The reader has gone.
    Reader,
}

/// Whoever looks at the lines.
pub(crate) trait Tap {
    /// A line is about to be passed on. Of a very long one this is only the beginning.
    fn line(&mut self, line: &[u8]);

    /// The writer has ended behind a begun line: whether that is passed on.
    fn fragment(&mut self, fragment: &[u8]) -> bool;
}

/// Copies lines until one side ends. Without a writer they are only looked at.
///
/// Whole lines go on at once and together. Nothing more is read than could be written, so a slow reader slows the writer.
pub(crate) fn copy(mut from: &PipeReader, to: Option<&PipeWriter>, tap: &mut impl Tap) -> End {
    let mut kept = Vec::with_capacity(BLOCK);
    // Behind the beginning of a line that was passed on before it was whole.
    let mut is_inside = false;
    loop {
        if !is_readable(from, to) {
            return End::Reader;
        }
        let start = kept.len();
        kept.resize(start + BLOCK, 0);
        let count = loop {
            match from.read(&mut kept[start..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // An error on a pipe is its end: there is nothing else that could be done with it.
                read => break read.unwrap_or(0),
            }
        };
        kept.truncate(start + count);
        if count == 0 {
            let is_wanted = !kept.is_empty() && (is_inside || tap.fragment(&kept));
            return if is_wanted && pass(to, &kept).is_err() { End::Reader } else { End::Input };
        }
        let whole = memchr::memrchr(b'\n', &kept[start..]).map_or(0, |last| start + last + 1);
        let mut lines = kept[..whole].split_inclusive(|byte| *byte == b'\n');
        if is_inside && lines.next().is_some() {
            is_inside = false;
        }
        lines.for_each(|line| tap.line(line));
        let mut ready = whole;
        if is_inside || kept.len() - whole >= KEPT {
            if !is_inside {
                tap.line(&kept[whole..]);
            }
            is_inside = true;
            ready = kept.len();
        }
        if pass(to, &kept[..ready]).is_err() {
            return End::Reader;
        }
        kept.drain(..ready);
        if kept.is_empty() && kept.capacity() > 4 * BLOCK {
            kept = Vec::with_capacity(BLOCK);
        }
    }
}

fn pass(to: Option<&PipeWriter>, bytes: &[u8]) -> io::Result<()> {
    match to {
        Some(mut to) if !bytes.is_empty() => to.write_all(bytes),
        _ => Ok(()),
    }
}

/// Waits for something to read; false when there is nobody any more to pass it on to.
fn is_readable(from: &PipeReader, to: Option<&PipeWriter>) -> bool {
    loop {
        let mut ends = vec![PollFd::new(from, PollFlags::IN)];
        ends.extend(to.map(|to| PollFd::new(to, PollFlags::empty())));
        match poll(&mut ends, None) {
            Err(Errno::INTR) => continue,
            // Then reading tells.
            Err(_) => return true,
            Ok(_) => {}
        }
        if ends.get(1).is_some_and(|to| to.revents().intersects(PollFlags::ERR | PollFlags::HUP)) {
            return false;
        }
        if !ends[0].revents().is_empty() {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[derive(Default)]
    struct Seen {
        lines: Vec<Vec<u8>>,
        wants_fragment: bool,
    }

    impl Tap for Seen {
        fn line(&mut self, line: &[u8]) {
            self.lines.push(line.to_owned());
        }

        fn fragment(&mut self, _: &[u8]) -> bool {
            self.wants_fragment
        }
    }

    /// What comes out when these pieces go in.
    fn copied(pieces: &[&[u8]], wants_fragment: bool) -> (Vec<u8>, Seen) {
        let (from, mut source) = io::pipe().unwrap();
        let (mut out, to) = io::pipe().unwrap();
        let mut seen = Seen { wants_fragment, ..Seen::default() };
        let out = thread::scope(|scope| {
            let out = scope.spawn(move || {
                let mut bytes = Vec::new();
                out.read_to_end(&mut bytes).unwrap();
                bytes
            });
            scope.spawn(move || pieces.iter().for_each(|piece| source.write_all(piece).unwrap()));
            assert_eq!(copy(&from, Some(&to), &mut seen), End::Input);
            drop(to);
            out.join().unwrap()
        });
        (out, seen)
    }

    #[test]
    fn every_byte_is_passed_on_and_every_line_is_seen_once() {
        let huge = vec![b'x'; 3 * KEPT + 17];
        let pieces: [&[u8]; 6] = [b"one\n\ntw", b"o\r\n", &huge, b"y\n", b"\xff\n{\"a\":", b"1}"];
        let (out, seen) = copied(&pieces, true);
        assert_eq!(out, pieces.concat());
        let whole: Vec<_> = seen.lines.iter().filter(|line| line.len() < 100).map(|line| &line[..]).collect();
        assert_eq!(whole, [&b"one\n"[..], b"\n", b"two\r\n", b"\xff\n"]);
        assert_eq!(seen.lines.len(), 5, "the beginning of the huge line is seen once");
    }

    #[test]
    fn a_fragment_is_only_passed_on_when_it_is_wanted() {
        assert_eq!(copied(&[b"a\n{\"b\""], false).0, b"a\n");
        assert_eq!(copied(&[b"a\n{\"b\""], true).0, b"a\n{\"b\"");
        // The beginning of a huge line has gone already.
        let huge = vec![b'x'; 2 * KEPT];
        assert_eq!(copied(&[&huge], false).0.len(), huge.len());
    }

    #[test]
    fn a_reader_that_goes_ends_it_also_while_nothing_comes() {
        let (from, source) = io::pipe().unwrap();
        let (out, to) = io::pipe().unwrap();
        drop(out);
        assert_eq!(copy(&from, Some(&to), &mut Seen::default()), End::Reader);
        drop(source);
    }
}
