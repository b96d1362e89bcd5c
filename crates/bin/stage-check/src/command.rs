//! The command under test, and how it is started.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};

use crate::session;

/// A program and its arguments.
#[derive(Debug)]
pub struct Command {
    program: OsString,
    arguments: Vec<OsString>,
    ourselves: PathBuf,
}

impl Command {
    /// What the user typed: words, or one shell command line.
    pub fn new(words: &[OsString], ourselves: PathBuf) -> Self {
        let mut parts = match words {
            [line] => of_line(line),
            _ => words.to_vec(),
        };
        let program = if parts.is_empty() { OsString::new() } else { parts.remove(0) };
        Self { program, arguments: parts, ourselves }
    }

    /// Starts it in a session of its own, with pipes on all sides and no agent within reach.
    pub fn start(&self) -> std::io::Result<Child> {
        Process::new(&self.ourselves)
            .arg(session::ASKED)
            .arg(&self.program)
            .args(&self.arguments)
            .env("CODEX_BIN", "/nonexistent/stage-check-lets-no-agent-run")
            .env("CLAUDE_BIN", "/nonexistent/stage-check-lets-no-agent-run")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// A line of plain words needs no shell; and without one, signals reach the command and nobody else.
fn of_line(line: &OsStr) -> Vec<OsString> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:,+@% ".contains(byte);
    match line.to_str() {
        Some(text) if text.bytes().all(|byte| plain(&byte)) => text.split_whitespace().map(OsString::from).collect(),
        _ => vec!["sh".into(), "-c".into(), line.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::of_line;

    #[test]
    fn only_what_needs_a_shell_gets_one() {
        assert_eq!(of_line("jq -c .".as_ref()), ["jq", "-c", "."]);
        assert_eq!(of_line("a | b".as_ref()), ["sh", "-c", "a | b"]);
        assert_eq!(of_line("A=1 b".as_ref()), ["sh", "-c", "A=1 b"]);
    }
}
