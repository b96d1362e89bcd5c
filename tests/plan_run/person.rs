//! A person at a terminal: progress, questions, Ctrl-C.

use std::fs;
use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty};

use crate::bench::{Bench, Job, quick};
use crate::harness::{self, until};

/// What stands on a terminal: just enough of one for what our tools write.
#[derive(Default)]
struct Screen {
    rows: Vec<String>,
    row: usize,
    /// Everything that ever came.
    raw: String,
}

impl Screen {
    fn take(&mut self, text: &str) {
        self.raw.push_str(text);
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            self.rows.resize(self.rows.len().max(self.row + 1), String::new());
            match character {
                '\n' => self.row += 1,
                '\r' => {}
                '\x1b' => {
                    assert_eq!(characters.next(), Some('['));
                    let mut number = String::new();
                    let end = loop {
                        let next = characters.next().expect("a whole sequence");
                        if next.is_ascii_alphabetic() {
                            break next;
                        }
                        number.push(next);
                    };
                    match end {
                        'F' => self.row -= number.parse::<usize>().unwrap(),
                        'J' => {
                            self.rows.truncate(self.row);
                            self.rows.push(String::new());
                        }
                        'm' => {}
                        other => panic!("a sequence that ends with {other}"),
                    }
                }
                other => self.rows[self.row].push(other),
            }
        }
    }

    fn text(&self) -> String {
        self.rows.join("\n")
    }
}

struct Person {
    child: Child,
    keys: Arc<Mutex<Pty>>,
    screen: Arc<Mutex<Screen>>,
    reader: thread::JoinHandle<()>,
}

impl Person {
    fn at(bench: &Bench, args: &[&str]) -> Self {
        Self::with(bench, args, &[])
    }

    fn with(bench: &Bench, args: &[&str], more: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 100)).unwrap();
        let mut out = fs::File::from(rustix::io::dup(&pty).unwrap());
        let mut command = Command::new(harness::bin("plan-run")).args(args).current_dir(bench.root()).env_clear();
        for (name, value) in bench.environment() {
            command = command.env(name, value);
        }
        let child = command.env("TERM", "xterm").env("USER", "ada").envs(more.iter().copied()).spawn(pts).unwrap();
        let screen = Arc::<Mutex<Screen>>::default();
        let shown = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut pending = Vec::new();
            let mut buffer = [0; 4096];
            // A terminal ends with an error once nobody has it open any more.
            while let Ok(count @ 1..) = out.read(&mut buffer) {
                pending.extend_from_slice(&buffer[..count]);
                // Up to the last character, and the last sequence, that are whole.
                let text = String::from_utf8_lossy(&pending).into_owned();
                let whole = match text.rfind('\x1b') {
                    Some(at) if !text[at..].contains(|c: char| c.is_ascii_alphabetic()) => at,
                    _ if text.ends_with('\u{fffd}') => continue,
                    _ => text.len(),
                };
                shown.lock().unwrap().take(&text[..whole]);
                pending = text.as_bytes()[whole..].to_vec();
            }
        });
        Self { child, keys: Arc::new(Mutex::new(pty)), screen, reader }
    }

    fn types(&self, keys: &str) {
        self.keys.lock().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn sees(&self, what: &str) -> String {
        self.waits(what, |seen| seen.contains(what))
    }

    fn sees_at_the_end(&self, what: &str) -> String {
        self.waits(what, |seen| seen.ends_with(what))
    }

    fn waits(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + harness::PATIENCE;
        loop {
            let seen = self.screen.lock().unwrap().text();
            if is_it(&seen) {
                return seen;
            }
            assert!(Instant::now() < end, "waited in vain for {what:?}; there is only:\n{seen}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its exit code and what stands on the terminal at the end.
    fn ends(mut self) -> (i32, Screen) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        drop(self.keys);
        self.reader.join().unwrap();
        let screen = Arc::try_unwrap(self.screen).ok().unwrap().into_inner().unwrap();
        (code, screen)
    }
}

/// Only the result is asked about.
const START: &str = "[[rule]]\ngate = \"plan\"\ndecision = \"approved\"\n";

#[test]
fn questions_and_progress_share_the_terminal() {
    let slow = Job { id: "2", seconds: 3.0, writes: &[], needs: &[] };
    let bench = Bench::new(&[quick("1", &[], &[]), slow, quick("3", &["c.txt"], &["1"])]);
    bench.file("start.toml", START);
    let person = Person::at(&bench, &["--approve-policy", "../start.toml", "plan.md"]);
    let working = person.sees("codex-exec 0:0");
    assert!(working.contains("A plan: 0 of 3 finished, batch 1"), "{working}");
    let asked = person.sees("task 1: approve this result?");
    assert!(!asked.contains("codex-exec 0:0"), "the progress has gone: {asked}");
    // The other one gets on meanwhile, and nothing comes between.
    person.sees("verify: task 2: pass");
    let asked = person.sees_at_the_end("task 1: approve this result? [a d r v m o q ?] ");
    assert!(!asked.contains(" finished, batch"), "{asked}");
    person.types("a\r");
    person.sees("task 2: approve this result?");
    person.types("a\r");
    person.sees("task 3: approve this result?");
    person.types("a\r");
    let (code, screen) = person.ends();
    let text = screen.text();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("plan-run: 3 of 3 tasks finished"), "{text}");
    assert!(!text.contains(" finished, batch"), "nothing of the progress is left: {text}");
    assert!(screen.raw.contains("\u{1b}[32m✓\u{1b}[0m 1 finished"), "it was there: {}", screen.raw);
}

#[test]
fn control_c_at_a_question_leaves_it_pending_and_the_same_command_goes_on() {
    let bench = Bench::new(&[quick("1", &["a.txt"], &[]), quick("2", &[], &["1"])]);
    bench.file("start.toml", START);
    let args = ["--approve-policy", "../start.toml", "plan.md"];
    let person = Person::at(&bench, &args);
    person.sees("task 1: approve this result?");
    // The terminal sends it to plan-run and to approve, and plan-run sends it on: it counts once.
    person.types("\x03");
    let (code, screen) = person.ends();
    assert_eq!(code, 130, "{}", screen.text());
    assert_eq!(bench.last("1")["decisions"].as_array().unwrap().last().unwrap()["status"], "pending");
    assert!(screen.text().contains("plan-run: task 1: waits at gate result: decide "), "{}", screen.text());

    let person = Person::at(&bench, &args);
    for id in ["1", "2"] {
        person.sees(&format!("task {id}: approve this result?"));
        person.types("a\r");
    }
    let (code, screen) = person.ends();
    assert_eq!(code, 0, "{}", screen.text());
    assert_eq!((bench.begun("1"), bench.begun("2")), (1, 1));
}

#[test]
fn a_kill_right_after_a_typed_yes_loses_neither_the_yes_nor_the_work() {
    // In the middle of the question, too: then the work is asked about again and not done again.
    for (victim, moment) in [("all", 0), ("all", 2), ("approve", 0), ("journal", 0), ("plan-run", 1), ("all", 99)] {
        let bench = Bench::new(&[quick("1", &["a.txt"], &[]), quick("2", &[], &["1"])]);
        bench.file("start.toml", START);
        let args = ["--approve-policy", "../start.toml", "plan.md"];
        let person = Person::at(&bench, &args);
        person.sees("task 1: approve this result?");
        let is_said = moment < 99;
        if is_said {
            person.types("a\r");
            until("the yes is on disk", || {
                let run = fs::read_to_string(bench.run_file()).unwrap();
                run.lines().any(|line| line.contains(r#""gate":"result","status":"approved""#))
            });
        }
        let there = crate::kills::killed_after(&person.child, victim, Duration::from_millis(moment % 99));
        let (_, screen) = person.ends();
        for (name, pid) in there {
            until(&format!("{name} has ended"), || !harness::is_running(pid));
        }
        let person = Person::at(&bench, &args);
        if !is_said {
            person.sees("task 1: approve this result?");
            person.types("a\r");
        }
        person.sees("task 2: approve this result?");
        person.types("a\r");
        let (code, last) = person.ends();
        assert_eq!(code, 0, "{victim}: {}\n{}", screen.text(), last.text());
        assert_eq!(last.text().contains("task 1: approve this result?"), !is_said, "{victim}: {}", last.text());
        assert_eq!((bench.begun("1"), bench.begun("2")), (1, 1), "{victim}: {}\n{}", screen.text(), last.text());
        assert_eq!(fs::read_to_string(bench.root().join("a.txt")).unwrap(), "1\n");
    }
}

#[test]
fn control_c_ends_an_agent_and_twice_ends_everything() {
    let bench = Bench::new(&[Job { id: "1", seconds: 600.0, writes: &[], needs: &[] }]);
    for keys in ["\x03", "\x03\x03"] {
        let person = Person::at(&bench, &["--approve-policy", "../trust.toml", "plan.md"]);
        let before = bench.agents().len();
        until("the agent works", || bench.agents().len() > before);
        let stages = crate::deaths::children(person.child.id());
        for key in keys.chars() {
            person.types(&key.to_string());
            person.sees("plan-run: stopping");
        }
        let (code, screen) = person.ends();
        assert_eq!(code, 130, "{}", screen.text());
        assert!(bench.agents().iter().all(|pid| !harness::is_running(*pid)));
        assert!(stages.iter().all(|(_, pid)| !harness::is_running(*pid)));
    }
}

#[test]
fn no_colour_where_none_is_wanted() {
    let bench = Bench::new(&[Job { id: "1", seconds: 0.5, writes: &[], needs: &[] }]);
    let args = ["--approve-policy", "../trust.toml", "plan.md"];
    let (code, screen) = Person::with(&bench, &args, &[("NO_COLOR", "1")]).ends();
    assert_eq!(code, 0);
    assert!(screen.raw.contains("▸ 1 codex-exec 0:00") && !screen.raw.contains("\x1b[0m"), "{}", screen.raw);
    let (code, screen) =
        Person::with(&bench, &["--from", "scratch", args[0], args[1], args[2]], &[("TERM", "dumb")]).ends();
    assert_eq!(code, 0);
    assert!(!screen.raw.contains('\x1b') && screen.raw.contains("plan-run: task 1: released"), "{}", screen.raw);
}
