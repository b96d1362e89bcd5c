//! Adding to the run file.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Owner};

/// Adds lines to the run file, all of them or none. When this returns they are on disk.
///
/// `lines` are without line ends. The file is made when it is not there. A cut-off last line is moved aside when
/// nobody owns the file, and otherwise left to the owner: then nothing is added.
pub fn append<L: AsRef<str>>(run: &Path, lines: &[L]) -> Result<(), Error> {
    append_as(run, lines, None)
}

pub(crate) fn append_as<L: AsRef<str>>(run: &Path, lines: &[L], owner: Option<&Owner>) -> Result<(), Error> {
    append_block(run, &block(run, lines)?, owner)
}

/// Adds whole lines, each with its line end.
pub(crate) fn append_block(run: &Path, block: &[u8], owner: Option<&Owner>) -> Result<(), Error> {
    if block.is_empty() {
        return Ok(());
    }
    let refused = || Error::system(run);
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(run).map_err(refused())?;
    file.lock().map_err(refused())?;
    let mut end = file_end(&mut file).map_err(refused())?;
    if end.fragment > 0 {
        // Everybody who adds holds the lock that we hold now, so nobody is still writing this.
        let start = end.length - end.fragment;
        match owner {
            Some(owner) => owner.move_aside(&mut file, start)?,
            None => match Owner::take(run) {
                Ok(owner) => owner.move_aside(&mut file, start)?,
                Err(Error::Owned { path, pid }) => return Err(Error::CutOff { path, pid }),
                Err(error) => return Err(error),
            },
        }
        end.length = start;
    }
    let written = write_once(&mut file, block).and_then(|()| file.sync_data());
    if let Err(source) = written {
        // Half a line would stand in everybody's way; if it cannot be taken back either, the owner mends it.
        let _ = file.set_len(end.length);
        return Err(refused()(source));
    }
    if end.length == 0 {
        sync_folder(run).map_err(refused())?;
    }
    Ok(())
}

fn block<L: AsRef<str>>(run: &Path, lines: &[L]) -> Result<Vec<u8>, Error> {
    let mut block = Vec::with_capacity(lines.iter().map(|line| line.as_ref().len() + 1).sum());
    for line in lines {
        let line = line.as_ref();
        if line.contains('\n') {
            return Err(Error::LineEnd { path: run.to_owned() });
        }
        block.extend_from_slice(line.as_bytes());
        block.push(b'\n');
    }
    Ok(block)
}

/// One write, so that a reader never sees a line grow.
fn write_once(file: &mut File, block: &[u8]) -> io::Result<()> {
    loop {
        return match file.write(block) {
            Ok(count) if count == block.len() => Ok(()),
            Ok(count) => Err(io::Error::new(
                ErrorKind::WriteZero,
                format!("only {count} of {} bytes could be written (is the disk full?)", block.len()),
            )),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
    }
}

/// How a run file ends.
pub(crate) struct End {
    pub length: u64,
    /// How many bytes stand behind the last line end.
    pub fragment: u64,
}

pub(crate) fn file_end(file: &mut File) -> io::Result<End> {
    const BLOCK: u64 = 64 << 10;
    let length = file.metadata()?.len();
    let mut from = length;
    let mut buffer = Vec::new();
    while from > 0 {
        // The last byte alone nearly always tells.
        let start = if from == length { length - 1 } else { from.saturating_sub(BLOCK) };
        buffer.clear();
        file.seek(SeekFrom::Start(start))?;
        Read::take(&mut *file, from - start).read_to_end(&mut buffer)?;
        if let Some(at) = buffer.iter().rposition(|byte| *byte == b'\n') {
            return Ok(End { length, fragment: length - start - at as u64 - 1 });
        }
        from = start;
    }
    Ok(End { length, fragment: length })
}

/// A new file is only safe once its folder is.
fn sync_folder(run: &Path) -> io::Result<()> {
    let folder = match run.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    #[test]
    fn lines_of_several_writers_never_mix() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        thread::scope(|scope| {
            for writer in 0..4 {
                let run = &run;
                scope.spawn(move || {
                    for number in 0..10 {
                        let line = format!("{writer} {number} {}", "x".repeat(100_000));
                        append(run, &[&line, &line]).unwrap();
                    }
                });
            }
        });
        let text = fs::read_to_string(&run).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 80);
        for pair in lines.chunks(2) {
            assert_eq!(pair[0], pair[1]);
            assert_eq!(pair[0].len(), 100_004);
        }
    }

    #[test]
    fn a_cut_off_line_never_swallows_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        let long = "y".repeat(200_000);
        fs::write(&run, format!("one\n{long}")).unwrap();
        append(&run, &["two"]).unwrap();
        assert_eq!(fs::read_to_string(&run).unwrap(), "one\ntwo\n");
        fs::write(&run, "cut").unwrap();
        let owner = Owner::take(&run).unwrap();
        let refusal = append(&run, &["three"]).unwrap_err();
        assert!(matches!(refusal, Error::CutOff { .. }), "{refusal}");
        assert_eq!(fs::read_to_string(&run).unwrap(), "cut");
        owner.append(&["three"]).unwrap();
        assert_eq!(fs::read_to_string(&run).unwrap(), "three\n");
    }

    #[test]
    fn all_lines_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run.jsonl");
        assert!(append(&run, &["good", "bad\nline"]).is_err());
        assert!(!run.exists());
        append::<&str>(&run, &[]).unwrap();
        assert!(!run.exists());
    }
}
