//! The pipe that is to be started: the stages of the table, with the user's commands in their places.

use std::ffi::OsString;
use std::path::PathBuf;

use stage::Error;

use crate::args::Swaps;
use crate::stages::{JOURNAL, Job, STAGES, Stage, Words, asks};
use crate::tools::Tools;

/// One stage of this run.
#[derive(Debug)]
pub(crate) struct Link {
    /// What it is called when it is spoken of.
    pub name: String,
    pub command: What,
    /// It may ask on the terminal.
    pub asks: bool,
    /// It is our journal, which owns the run file.
    pub is_journal: bool,
}

/// What is run.
#[derive(Debug)]
pub(crate) enum What {
    /// A tool of ours.
    Tool { program: PathBuf, name: &'static str, args: Vec<OsString> },
    /// A command of the user.
    Shell(String),
}

impl Link {
    /// Whether it is a command of the user.
    pub fn is_foreign(&self) -> bool {
        matches!(self.command, What::Shell(_))
    }

    /// What it is, for people.
    pub fn told(&self) -> String {
        match &self.command {
            What::Tool { .. } => self.name.clone(),
            What::Shell(command) => format!("{} ({command})", self.name),
        }
    }
}

/// The whole pipe, in order.
pub(crate) fn line(job: &Job, swaps: &Swaps, tools: &Tools) -> Result<Vec<Link>, Error> {
    let mut line = Vec::new();
    for stage in &STAGES {
        line.push(Link { name: stage.name.into(), ..link(stage, job, swaps, tools)? });
        let behind = swaps.after.iter().filter(|(name, _)| name == stage.name);
        for (number, (_, command)) in (1..).zip(behind) {
            let name = format!("{}+{number}", stage.name);
            line.push(Link { name, command: What::Shell(command.clone()), asks: false, is_journal: false });
        }
    }
    Ok(line)
}

fn link(stage: &Stage, job: &Job, swaps: &Swaps, tools: &Tools) -> Result<Link, Error> {
    let asks = asks(stage.name);
    if let Some((_, command)) = swaps.instead.iter().find(|(name, _)| name == stage.name) {
        let command = What::Shell(command.clone());
        return Ok(Link { name: stage.name.into(), command, asks, is_journal: false });
    }
    let program = tools.find(stage.program).ok_or_else(|| {
        let name = stage.name;
        Error::Refused(format!(
            "{}: no such program, neither beside plan-run nor on PATH: run `make install`, or name a command: --{name} CMD",
            stage.program
        ))
    })?;
    let mut words = Words::default();
    (stage.arguments)(job, &mut words);
    let command = What::Tool { program, name: stage.program, args: words.0 };
    Ok(Link { name: stage.name.into(), command, asks, is_journal: stage.name == JOURNAL })
}
