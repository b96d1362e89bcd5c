//! The bytes of a plan.

use std::io::Read;
use std::path::Path;

use stage::Error;

/// A plan's file, checked to be UTF-8.
pub struct Input {
    /// As it was given on the command line; `-` for stdin.
    pub path: String,
    whole: String,
}

impl Input {
    /// Reads a file, or stdin for `-`.
    pub fn open(path: &str) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let read = if path == "-" {
            std::io::stdin().lock().read_to_end(&mut bytes)
        } else if Path::new(path).is_dir() {
            return Err(Error::Document(format!("{path}: is a directory; name a plan's file in it")));
        } else {
            std::fs::read(path).map(|read| {
                bytes = read;
                bytes.len()
            })
        };
        read.map_err(|error| Error::Document(format!("{}: cannot be read: {error}", shown(path))))?;
        Self::new(path, bytes)
    }

    /// Takes bytes that were read already.
    pub fn new(path: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        String::from_utf8(bytes).map(|whole| Self { path: path.to_owned(), whole }).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let before = &error.as_bytes()[..at];
            let line = memchr::memchr_iter(b'\n', before).count() + 1;
            let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
            let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
            Error::Document(format!(
                "{}:{line}:{column}: byte {at} (0x{:02x}) is not UTF-8; save the plan as UTF-8",
                shown(path),
                error.as_bytes().get(at).copied().unwrap_or_default()
            ))
        })
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        self.whole.strip_prefix('\u{feff}').unwrap_or(&self.whole)
    }

    /// The file as it was read.
    pub fn bytes(&self) -> &[u8] {
        self.whole.as_bytes()
    }

    /// The byte order mark, where there is one.
    pub fn mark(&self) -> &str {
        &self.whole[..self.whole.len() - self.text().len()]
    }

    /// BLAKE3 of the file, as `b3sum` prints it.
    pub fn digest(&self) -> String {
        blake3::hash(self.whole.as_bytes()).to_hex().to_string()
    }

    /// How messages name the file.
    pub fn name(&self) -> &str {
        shown(&self.path)
    }
}

fn shown(path: &str) -> &str {
    if path == "-" { "stdin" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_bytes_are_named_by_line_and_byte() {
        let error = Input::new("p.md", b"# A\n\xc3\xa4b\xff".to_vec()).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, "p.md:2:3: byte 7 (0xff) is not UTF-8; save the plan as UTF-8");
        assert_eq!(Input::new("-", b"\xef\xbb\xbfa".to_vec()).unwrap().text(), "a");
    }
}
