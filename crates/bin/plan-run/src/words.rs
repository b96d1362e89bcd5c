//! What a stage says on stderr, line by line.

use std::io::{ErrorKind, PipeReader, Read};

/// A longer line is cut.
const MOST: usize = 8 << 10;

/// Gives each line of what a stage says, until nobody can say anything any more.
pub(crate) fn read(mut from: PipeReader, mut give: impl FnMut(String)) {
    let mut line = Vec::new();
    let mut block = [0; 4096];
    loop {
        let count = match from.read(&mut block) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.unwrap_or(0),
        };
        if count == 0 {
            break;
        }
        for byte in &block[..count] {
            if *byte == b'\n' {
                give(text(&line));
                line.clear();
            } else if line.len() < MOST {
                line.push(*byte);
            }
        }
    }
    if !line.is_empty() {
        give(text(&line));
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches('\r').to_owned()
}
