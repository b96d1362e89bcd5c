//! Questions to the person at the terminal, while data flows through stdin and stdout.
//!
//! The terminal is `/dev/tty`, whatever the standard streams are. Its settings are never changed, so there is nothing
//! to restore however a tool ends. Whoever wants to say something to the person takes the terminal first
//! ([`Terminal::take`]), so that questions and progress of the tools of one pipe do not run into each other.
//!
//! A message on stderr cannot wait for an answer. It breaks the line of a question that is open and leaves a mark in the
//! lock file, by which the one who asks sees that the prompt has to be shown again.
//!
//! Progress ([`Talk::show`]) keeps nobody waiting either: it stays on the screen and leaves a mark too, and whoever takes
//! the terminal next wipes it away before he says anything.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, getsid, getuid, test_kill_process};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

/// The terminal of this process.
#[derive(Debug)]
pub struct Terminal {
    tty: File,
    /// `None` where no lock file can be made; then nothing keeps two questions apart.
    lock: Option<File>,
}

/// In the lock file while the cursor stands behind a prompt.
const PROMPT: u8 = b'?';
/// In the lock file otherwise.
const NO_PROMPT: u8 = b'.';
/// In the lock file while lines of progress stand above the cursor; how many, and whose they are, stands behind it.
const PROGRESS: u8 = b'p';
/// How soon a prompt is shown again after a message has come between.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

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
        Ok(Self { tty, lock: lock_file(true) })
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
        Ok(self.taken())
    }

    /// As [`Terminal::take`], but `None` at once while another tool has it, or where nothing would keep us apart.
    pub fn try_take(&self) -> Option<Talk<'_>> {
        self.lock.as_ref()?.try_lock().ok().map(|()| self.taken())
    }

    /// Whether there is something that keeps the tools of this session apart.
    pub fn keeps_apart(&self) -> bool {
        self.lock.is_some()
    }

    fn taken(&self) -> Talk<'_> {
        let above = self.lock.as_ref().map_or(0, progress);
        let talk = Talk { terminal: self, typed: Vec::new(), above };
        if above == 0 {
            // Somebody may have died at his prompt.
            talk.mark(NO_PROMPT);
        }
        talk
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

/// Who sits at the terminal.
pub fn person() -> String {
    let named = |name: &str| env::var(name).ok().filter(|name| !name.trim().is_empty());
    named("USER").or_else(|| named("LOGNAME")).unwrap_or_else(|| ACCOUNT.clone())
}

/// The name of the account, wherever the system keeps it; its number when it has none.
static ACCOUNT: LazyLock<String> = LazyLock::new(|| {
    let said = Command::new("id").arg("-un").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let said = said.map(|said| said.stdout).unwrap_or_default();
    let name = String::from_utf8_lossy(&said);
    let name = name.trim();
    if name.is_empty() { getuid().as_raw().to_string() } else { name.to_owned() }
});

/// The terminal while it is ours. What is written must have been made safe to look at, see [`Shown`](crate::Shown).
#[derive(Debug)]
pub struct Talk<'a> {
    terminal: &'a Terminal,
    /// What was read and is not a whole line yet.
    typed: Vec<u8>,
    /// So many lines of progress are to be wiped away before anything is said.
    above: u8,
}

impl Talk<'_> {
    /// Writes a text.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        if self.above == 0 {
            return (&self.terminal.tty).write_all(text.as_bytes());
        }
        // At once, so that nothing flickers: up, and everything from there on away.
        let text = format!("\x1b[{}F\x1b[J{text}", self.above);
        self.above = 0;
        self.mark(NO_PROMPT);
        (&self.terminal.tty).write_all(text.as_bytes())
    }

    /// Writes whole lines that stay until somebody has something to say, and lets go of the terminal. `text` takes this
    /// many lines of the screen and ends with a line end.
    pub fn show(mut self, text: &str, lines: u8) -> io::Result<()> {
        self.say(text)?;
        let mut mark = vec![PROGRESS, lines];
        mark.extend(std::process::id().to_le_bytes());
        if self.terminal.lock.as_ref().is_some_and(|lock| lock.write_all_at(&mark, 0).is_ok()) {
            self.above = lines;
        }
        Ok(())
    }

    /// Begins a new line, unless a message has done so since the prompt was shown.
    pub fn break_line(&mut self) -> io::Result<()> {
        if self.terminal.lock.as_ref().is_none_or(is_at_prompt) {
            self.mark(NO_PROMPT);
            self.say("\n")?;
        }
        Ok(())
    }

    /// Drops what has been typed so far: it was not meant for the question that comes now.
    pub fn forget_typed(&mut self) {
        self.typed.clear();
        // A terminal that has gone is noticed by the next question.
        let _ = tcflush(&self.terminal.tty, QueueSelector::IFlush);
    }

    /// Asks for a line. The question stays open until one comes, or until `cancel` becomes readable or its other
    /// end is closed. Only a line leaves the cursor at the begin of one, see [`Talk::break_line`].
    pub fn ask(&mut self, prompt: &str, cancel: impl AsFd) -> io::Result<Reply> {
        let is_marked = self.mark(PROMPT);
        self.say(prompt)?;
        let reply = self.reply(prompt, is_marked, cancel)?;
        if matches!(reply, Reply::Line(_)) {
            self.mark(NO_PROMPT);
        }
        Ok(reply)
    }

    fn reply(&mut self, prompt: &str, mut is_marked: bool, cancel: impl AsFd) -> io::Result<Reply> {
        loop {
            // Enter is `\r` on a terminal that somebody left in raw mode.
            if let Some(at) = self.typed.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                let line = String::from_utf8_lossy(&self.typed[..at]).into_owned();
                self.typed.drain(..=at);
                return Ok(Reply::Line(line));
            }
            let tty = &self.terminal.tty;
            let mut ends = [PollFd::new(tty, PollFlags::IN), PollFd::new(&cancel, PollFlags::IN)];
            // Where no mark can be set, none that is gone means anything.
            match poll(&mut ends, is_marked.then_some(&LOOK_EVERY)) {
                Ok(0) => {
                    if self.terminal.lock.as_ref().is_some_and(|lock| !is_at_prompt(lock)) {
                        is_marked = self.mark(PROMPT);
                        self.say(prompt)?;
                    }
                    continue;
                }
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

impl Talk<'_> {
    /// Sets the mark; false when that is not possible, which is no reason not to ask.
    fn mark(&self, mark: u8) -> bool {
        self.terminal.lock.as_ref().is_some_and(|lock| lock.write_all_at(&[mark], 0).is_ok())
    }
}

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        if self.above == 0 {
            self.mark(NO_PROMPT);
        }
        if let Some(lock) = &self.terminal.lock {
            // The system lets go of it at the latest when the process ends.
            let _ = lock.unlock();
        }
    }
}

/// Writes a message to stderr by `write`, on a line of its own even where a question of this session is open.
pub(crate) fn between_questions(write: impl FnOnce()) {
    let lock = if io::stderr().is_terminal() { lock_file(false) } else { None };
    // Messages do not keep each other waiting, and nobody begins to ask in the middle of one.
    let asked = lock.as_ref().filter(|lock| lock.try_lock_shared().is_err() && is_at_prompt(lock));
    if asked.is_some() {
        // Nobody can be told that stderr is closed.
        let _ = io::stderr().write_all(b"\n");
    }
    write();
    if let Some(lock) = asked {
        // Then the prompt is not shown again, no more.
        let _ = lock.write_all_at(&[NO_PROMPT], 0);
    }
}

fn is_at_prompt(lock: &File) -> bool {
    let mut mark = [0];
    lock.read_at(&mut mark, 0).is_ok() && mark[0] == PROMPT
}

/// How many lines of progress stand above the cursor. Those of somebody who has died may be anywhere by now.
fn progress(lock: &File) -> u8 {
    let mut mark = [0; 6];
    if lock.read_exact_at(&mut mark, 0).is_err() || mark[0] != PROGRESS {
        return 0;
    }
    let pid = i32::from_le_bytes([mark[2], mark[3], mark[4], mark[5]]);
    let lives = Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    if lives { mark[1] } else { 0 }
}

/// `/dev/tty` is the same file for every terminal of the machine, so the lock cannot be on it. A terminal belongs to
/// one session, and the session's number names the lock. It is made by those who ask.
fn lock_file(asks: bool) -> Option<File> {
    let session = getsid(None).ok()?.as_raw_nonzero();
    let folder = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let folder = folder.unwrap_or_else(|| env::temp_dir().join(format!("plan-and-execute-{}", getuid().as_raw())));
    if asks {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&folder).ok()?;
    }
    // Nobody may make us open a file of his choice through a link.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).ok()?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(asks)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(folder.join(format!("plan-and-execute-terminal-{session}.lock")))
        .ok()
}
