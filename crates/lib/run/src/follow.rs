//! Reading the run file while it grows.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::Error;

/// Gives each finished line of a run file once.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    /// Where the first line begins that has not been given yet.
    offset: u64,
    number: u64,
}

impl Follower {
    /// Begins before the first line. The file need not be there yet.
    pub fn new(run: &Path) -> Self {
        Self { path: run.to_owned(), offset: 0, number: 0 }
    }

    /// The run file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives every line that has been finished since the last call, with its number from 1 and without its line end.
    pub fn new_lines(&mut self, mut give: impl FnMut(u64, &str)) -> Result<(), Error> {
        let refused = || Error::system(&self.path);
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            file => file.map_err(refused())?,
        };
        let length = file.metadata().map_err(refused())?.len();
        if length < self.offset {
            // Nobody shortens a line that was finished: this is another file under the same name.
            (self.offset, self.number) = (0, 0);
        }
        if length == self.offset {
            return Ok(());
        }
        let mut reader = BufReader::with_capacity(256 << 10, file);
        reader.seek(SeekFrom::Start(self.offset)).map_err(refused())?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let count = reader.read_until(b'\n', &mut line).map_err(Error::system(&self.path))?;
            if line.pop() != Some(b'\n') {
                return Ok(());
            }
            self.offset += count as u64;
            self.number += 1;
            match str::from_utf8(&line) {
                Ok(line) => give(self.number, line),
                Err(_) => return Err(Error::NotUtf8 { path: self.path.clone(), line: self.number }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn new(follower: &mut Follower) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        follower.new_lines(|number, line| lines.push((number, line.to_owned()))).unwrap();
        lines
    }

    #[test]
    fn each_finished_line_comes_once() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        let mut follower = Follower::new(&run);
        assert!(new(&mut follower).is_empty());
        fs::write(&run, "one\ntw").unwrap();
        assert_eq!(new(&mut follower), [(1, "one".into())]);
        assert!(new(&mut follower).is_empty());
        fs::write(&run, "one\ntwo\nthree\n").unwrap();
        assert_eq!(new(&mut follower), [(2, "two".into()), (3, "three".into())]);
        fs::write(&run, "new\n").unwrap();
        assert_eq!(new(&mut follower), [(1, "new".into())]);
        fs::write(&run, b"new\n\xff\n").unwrap();
        let error = follower.new_lines(|_, _| ()).unwrap_err().to_string();
        assert!(error.ends_with("run.jsonl:2: not UTF-8"), "{error}");
    }
}
