//! Questions to the person at the terminal, while data flows through stdin and stdout.
//!
//! The terminal is `/dev/tty`, whatever the standard streams are. Its settings are never changed, so there is nothing
//! to restore however a tool ends. Whoever wants to say something to the person takes the terminal first
//! ([`Terminal::take`]), so that questions and progress of the tools of one pipe do not run into each other.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{getsid, getuid};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

/// The terminal of this process.
#[derive(Debug)]
pub struct Terminal {
    tty: File,
    /// `None` where no lock file can be made; then nothing keeps two questions apart.
    lock: Option<File>,
}

/// What came back on a question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// A line, without its end.
    Line(String),
    /// The person has ended the input (Ctrl-D), or the terminal has gone.
    End,
    /// The question is no longer open.
    Cancelled,
}

impl Terminal {
    /// Opens the terminal; an error when this process has none.
    pub fn open() -> io::Result<Self> {
        let flags = (OFlags::NOCTTY | OFlags::CLOEXEC).bits();
        let flags = i32::try_from(flags).map_err(io::Error::other)?;
        let tty = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty")?;
        Ok(Self { tty, lock: lock_file() })
    }

    /// Takes the terminal for as long as the value lives; waits while another tool of the session has it.
    pub fn take(&self) -> io::Result<Talk<'_>> {
        if let Some(lock) = &self.lock {
            loop {
                match lock.lock() {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    done => break done?,
                }
            }
        }
        Ok(Talk { terminal: self, typed: Vec::new() })
    }

    /// Columns and lines; 80 and 24 when the terminal does not tell.
    pub fn size(&self) -> (usize, usize) {
        match tcgetwinsize(&self.tty) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
            _ => (80, 24),
        }
    }

    /// Whether colours are welcome: not with `NO_COLOR` and not on a terminal that is `dumb`.
    pub fn has_colour() -> bool {
        let said = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        said("NO_COLOR").is_none() && said("TERM").is_some_and(|term| term != "dumb")
    }

    /// Another handle on the terminal, for a pager.
    pub fn handle(&self) -> io::Result<File> {
        self.tty.try_clone()
    }
}

/// Who sits at the terminal, by the name of the login.
pub fn person() -> String {
    let named = |name: &str| env::var(name).ok().filter(|name| !name.trim().is_empty());
    named("USER").or_else(|| named("LOGNAME")).unwrap_or_else(|| getuid().as_raw().to_string())
}

/// The terminal while it is ours. What is written must have been made safe to look at, see [`Shown`](crate::Shown).
#[derive(Debug)]
pub struct Talk<'a> {
    terminal: &'a Terminal,
    /// What was read and is not a whole line yet.
    typed: Vec<u8>,
}

impl Talk<'_> {
    /// Writes a text.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        (&self.terminal.tty).write_all(text.as_bytes())
    }

    /// Drops what has been typed so far: it was not meant for the question that comes now.
    pub fn forget_typed(&mut self) {
        self.typed.clear();
        // A terminal that has gone is noticed by the next question.
        let _ = tcflush(&self.terminal.tty, QueueSelector::IFlush);
    }

    /// Asks for a line. The question stays open until one comes, or until `cancel` becomes readable or its other
    /// end is closed.
    pub fn ask(&mut self, prompt: &str, cancel: impl AsFd) -> io::Result<Reply> {
        self.say(prompt)?;
        loop {
            // Enter is `\r` on a terminal that somebody left in raw mode.
            if let Some(at) = self.typed.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                let line = String::from_utf8_lossy(&self.typed[..at]).into_owned();
                self.typed.drain(..=at);
                return Ok(Reply::Line(line));
            }
            let tty = &self.terminal.tty;
            let mut ends = [PollFd::new(tty, PollFlags::IN), PollFd::new(&cancel, PollFlags::IN)];
            match poll(&mut ends, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if !ends[1].revents().is_empty() {
                return Ok(Reply::Cancelled);
            }
            let mut buffer = [0; 4096];
            match rustix::io::read(tty, &mut buffer) {
                // Ctrl-D behind a begun line hands that line over without its end.
                Ok(0) if self.typed.is_empty() => return Ok(Reply::End),
                Ok(0) => self.typed.push(b'\n'),
                Ok(count) => self.typed.extend_from_slice(&buffer[..count]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                // A terminal that has gone, or one that no longer is ours.
                Err(Errno::IO | Errno::NXIO) => return Ok(Reply::End),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        if let Some(lock) = &self.terminal.lock {
            // The system lets go of it at the latest when the process ends.
            let _ = lock.unlock();
        }
    }
}

/// `/dev/tty` is the same file for every terminal of the machine, so the lock cannot be on it. A terminal belongs to
/// one session, and the session's number names the lock.
fn lock_file() -> Option<File> {
    let session = getsid(None).ok()?.as_raw_nonzero();
    let folder = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let folder = folder.unwrap_or_else(|| env::temp_dir().join(format!("plan-and-execute-{}", getuid().as_raw())));
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(&folder).ok()?;
    // Nobody may make us open a file of his choice through a link.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).ok()?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(folder.join(format!("plan-and-execute-terminal-{session}.lock")))
        .ok()
}
