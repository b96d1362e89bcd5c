//! A person at a real terminal (a pty), for tools that ask.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;

/// Looks until there is something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A text that another thread adds to.
#[derive(Clone, Default)]
pub struct Growing(Arc<(Mutex<Grown>, Condvar)>);

#[derive(Default)]
struct Grown {
    text: String,
    ended: bool,
}

impl Growing {
    pub fn fed_by(mut source: impl Read + Send + 'static) -> Self {
        let growing = Self::default();
        let shared = growing.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut buffer = [0; 4096];
            // A terminal ends with an error once nobody has it open any more.
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..count]);
                shared.0.0.lock().unwrap().text = String::from_utf8_lossy(&bytes).into_owned();
                shared.0.1.notify_all();
            }
            shared.0.0.lock().unwrap().ended = true;
            shared.0.1.notify_all();
        });
        growing
    }

    pub fn text(&self) -> String {
        self.0.0.lock().unwrap().text.clone()
    }

    /// Waits for the end, and gives all of the text.
    pub fn whole(&self) -> String {
        let (grown, changed) = &*self.0;
        let (grown, timeout) =
            changed.wait_timeout_while(grown.lock().unwrap(), PATIENCE, |grown| !grown.ended).unwrap();
        assert!(!timeout.timed_out(), "no end of: {}", grown.text);
        grown.text.clone()
    }

    /// Waits until the text holds `wanted` `times` times.
    pub fn wait_for(&self, wanted: &str, times: usize) -> String {
        let (grown, changed) = &*self.0;
        let is_missing = |grown: &mut Grown| !grown.ended && grown.text.matches(wanted).count() < times;
        let (grown, _) = changed.wait_timeout_while(grown.lock().unwrap(), PATIENCE, is_missing).unwrap();
        let text = &grown.text;
        assert!(text.matches(wanted).count() >= times, "{wanted:?} never came; there is only: {text}");
        text.clone()
    }
}

/// A tool that has a terminal of its own, and the person who sits there.
pub struct Person {
    /// Until the tool has opened its terminal, somebody else must: a terminal that nobody has open is at its end.
    pub held: Option<pty_process::blocking::Pts>,
    pub child: Child,
    pub keys: Arc<Mutex<pty_process::blocking::Pty>>,
    pub screen: Growing,
    pub out: Growing,
    pub err: Growing,
    pub stdin: Option<ChildStdin>,
}

/// The terminal's own end, readable while somebody else writes to it.
struct Screen(std::os::fd::OwnedFd);

impl Read for Screen {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        Ok(rustix::io::read(&self.0, buffer)?)
    }
}

impl Person {
    /// Starts `program` in `folder` with these variables and not many more.
    pub fn sits_down(program: &Path, args: &[&str], variables: &[(&str, &str)], folder: Option<&Path>) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 100)).unwrap();
        let screen = Screen(rustix::io::dup(&pty).unwrap());
        let mut child = pty_process::blocking::Command::new(program);
        if let Some(folder) = folder {
            child = child.current_dir(folder);
        }
        let mut child = child
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("USER", "ada")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn_borrowed(&pts)
            .unwrap();
        Self {
            held: Some(pts),
            keys: Arc::new(Mutex::new(pty)),
            screen: Growing::fed_by(screen),
            out: Growing::fed_by(child.stdout.take().unwrap()),
            err: Growing::fed_by(child.stderr.take().unwrap()),
            stdin: child.stdin.take(),
            child,
        }
    }

    pub fn feed(&mut self, lines: &[Value]) -> &mut Self {
        self.stdin
            .as_mut()
            .unwrap()
            .write_all(lines.iter().map(|line| line.to_string() + "\n").collect::<String>().as_bytes())
            .unwrap();
        self
    }

    pub fn feed_all(&mut self, lines: &[Value]) -> &mut Self {
        self.feed(lines);
        self.stdin = None;
        self
    }

    pub fn sees(&mut self, text: &str) -> &mut Self {
        self.screen.wait_for(text, 1);
        self
    }

    pub fn types(&mut self, keys: &str) -> &mut Self {
        self.keys.lock().unwrap().write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Waits for the end: the exit code and what came out.
    pub fn leaves(&mut self) -> (i32, Vec<Value>) {
        let ended = eventually("the end of the tool", || self.child.try_wait().unwrap());
        let out = self.out.whole();
        // What was told and shown arrives a little after the tool has ended; the terminal is at its end once nobody has
        // it open.
        self.err.whole();
        self.held = None;
        self.screen.whole();
        (ended.code().unwrap_or(-1), out.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // A test that failed must not leave its question open.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
