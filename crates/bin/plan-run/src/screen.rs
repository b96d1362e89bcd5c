//! What people see while it runs: progress that is redrawn in place on a terminal, else a line for each event.

use std::env;
use std::io::{self, IsTerminal};

use stage::Shown;
use stage::terminal::{Talk, Terminal};

use crate::NAME;
use crate::progress::Picture;

/// Where people are told what happens.
#[derive(Debug)]
pub(crate) struct Screen {
    /// Where progress is drawn; `None` where nobody looks, or the cursor cannot be moved.
    terminal: Option<Terminal>,
    /// What stands on the screen, as far as we know.
    drawn: Vec<String>,
}

impl Screen {
    pub fn new() -> Self {
        let can_move = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let terminal = if io::stderr().is_terminal() && can_move { Terminal::open().ok() } else { None };
        Self { terminal: terminal.filter(Terminal::keeps_apart), drawn: Vec::new() }
    }

    /// Columns and rows, where progress is drawn.
    pub fn size(&self) -> Option<(usize, usize)> {
        self.terminal.as_ref().map(Terminal::size)
    }

    /// Something of our own.
    pub fn tell(&mut self, text: &str) {
        self.relay(&format!("{NAME}: {text}"));
    }

    /// An event, which progress shows in its own way.
    pub fn news(&mut self, text: &str) {
        if self.terminal.is_none() {
            self.tell(text);
        }
    }

    /// Something that a stage has said, in its own words.
    pub fn relay(&mut self, text: &str) {
        let talk = self.terminal.as_ref().and_then(Terminal::try_take);
        match talk {
            // While a question is open, the line gets a place of its own, and the question is shown again below it.
            None => stage::relay(text),
            Some(mut talk) => {
                // A terminal that has gone is no reason to stop.
                let _ = talk.say(&format!("{}\n", Shown(text)));
                show(talk, &self.drawn);
            }
        }
    }

    /// Draws this from now on.
    pub fn draw(&mut self, picture: &Picture) {
        let Some(terminal) = &self.terminal else { return };
        let drawn = picture.drawn(terminal.size().0, Terminal::has_colour());
        if drawn == self.drawn {
            return;
        }
        // Not while somebody is asked.
        if let Some(talk) = terminal.try_take() {
            show(talk, &drawn);
            self.drawn = drawn;
        }
    }

    /// Wipes the progress away for good.
    pub fn close(&mut self) {
        if let Some(mut talk) = self.terminal.as_ref().and_then(Terminal::try_take) {
            let _ = talk.say("");
        }
        self.terminal = None;
    }
}

fn show(talk: Talk, drawn: &[String]) {
    let rows = u8::try_from(drawn.len()).unwrap_or(u8::MAX);
    let _ = talk.show(&drawn.concat(), rows);
}
