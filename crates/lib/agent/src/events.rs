//! Lines of an agent's event stream.

/// The longest event line that is looked at, in bytes. A longer one goes to the log and is otherwise left alone.
const LONGEST: usize = 64 << 20;

/// Puts the pieces of a stream together into lines.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    rest: Vec<u8>,
    skipping: bool,
}

impl LineBuffer {
    /// Adds a piece and hands every line that is now complete to `each`, without its line end.
    pub fn push(&mut self, piece: &[u8], mut each: impl FnMut(&[u8])) {
        let mut from = 0;
        while let Some(at) = piece[from..].iter().position(|byte| *byte == b'\n') {
            let end = from + at;
            if self.rest.is_empty() && !self.skipping {
                each(&piece[from..end]);
            } else {
                self.rest.extend_from_slice(&piece[from..end]);
                if !self.skipping {
                    each(&self.rest);
                }
                self.rest.clear();
                self.skipping = false;
            }
            from = end + 1;
        }
        if self.rest.len() + piece.len() - from > LONGEST {
            self.rest.clear();
            self.skipping = true;
        } else if !self.skipping {
            self.rest.extend_from_slice(&piece[from..]);
        }
    }

    /// The last line, when the stream ended without a line end.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.rest.is_empty()).then(|| std::mem::take(&mut self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::LineBuffer;

    #[test]
    fn pieces_make_lines() {
        let text = b"one\ntwo\n\nthree";
        for size in 1..=text.len() {
            let mut buffer = LineBuffer::default();
            let mut lines = Vec::new();
            for piece in text.chunks(size) {
                buffer.push(piece, |line| lines.push(line.to_vec()));
            }
            assert_eq!(lines, [b"one".to_vec(), b"two".to_vec(), b"".to_vec()], "{size}");
            assert_eq!(buffer.finish().as_deref(), Some(&b"three"[..]));
        }
    }
}
