//! What keeps the commands of a plan away from the rest of the machine.

mod bubblewrap;
#[cfg(target_os = "linux")]
mod landlock;

use std::cell::Cell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use stage::Error;

use crate::args::Choice;
use crate::scratch::scratch;
use crate::words::tell;

/// What a sandbox lets through besides the tree.
#[derive(Clone, Debug, Default)]
pub struct Permits {
    /// Folders that may be written.
    pub write: Vec<PathBuf>,
    /// Whether the network may be used.
    pub network: bool,
}

/// The ground that a check works on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The top of what may be written.
    pub tree: &'a Path,
    /// The repository that the tree belongs to; it can be read.
    pub repository: &'a Path,
    /// The folder to run in.
    pub folder: &'a Path,
    /// A private folder for temporary files.
    pub scratch: &'a Path,
}

/// A kind of sandbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `bwrap`.
    Bubblewrap,
    /// The kernel's own.
    Landlock,
    /// None at all.
    None,
}

impl Kind {
    /// The name as people see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bubblewrap => "bwrap",
            Self::Landlock => "landlock",
            Self::None => "none",
        }
    }

    /// Whether it restricts anything.
    pub fn restricts(self) -> bool {
        self != Self::None
    }

    /// The program and arguments that run `command` inside.
    pub fn wrap(self, permits: &Permits, ground: Ground, command: &[OsString]) -> Vec<OsString> {
        match self {
            Self::Bubblewrap => bubblewrap::wrap(permits, ground, command),
            #[cfg(target_os = "linux")]
            Self::Landlock => landlock::wrap(permits, ground, command),
            #[cfg(not(target_os = "linux"))]
            Self::Landlock => command.to_vec(),
            Self::None => command.to_vec(),
        }
    }

    /// Where a check inside finds its folder for temporary files; `None` when it uses the usual one.
    pub fn scratch(self, ground: Ground<'_>) -> Option<&Path> {
        match self {
            Self::Bubblewrap => Some(Path::new("/tmp")),
            Self::Landlock => Some(ground.scratch),
            Self::None => None,
        }
    }

    /// Tries it with a command that does nothing.
    fn probe(self, permits: &Permits, ground: Ground) -> Result<(), String> {
        if !self.restricts() {
            return Ok(());
        }
        if cfg!(not(target_os = "linux")) {
            return Err("there is only one for Linux".into());
        }
        let command = self.wrap(permits, ground, &["sh".into(), "-c".into(), ":".into()]);
        let Some((program, args)) = command.split_first() else { return Ok(()) };
        let tried = process::capture(&program.to_string_lossy(), args, ground.folder);
        match tried {
            Ok(tried) if tried.success => Ok(()),
            Ok(tried) => Err(last_line(&tried.stderr)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The sandbox of a run: chosen when it is first needed, and kept as long as it works.
pub struct Sandbox {
    permits: Permits,
    candidates: Vec<Kind>,
    told: Cell<Option<Kind>>,
}

impl Sandbox {
    /// The sandbox that the user wants. One that was named has to work, or nothing is done at all.
    pub fn choose(choice: Choice, permits: Permits) -> Result<Self, Error> {
        let candidates = match choice {
            Choice::Auto => vec![Kind::Bubblewrap, Kind::Landlock, Kind::None],
            Choice::Bwrap => vec![Kind::Bubblewrap],
            Choice::Landlock => vec![Kind::Landlock],
            Choice::None => vec![Kind::None],
        };
        let sandbox = Self { permits, candidates, told: Cell::default() };
        if choice != Choice::Auto && choice != Choice::None {
            let scratch = scratch()?;
            let folder = std::env::current_dir().map_err(|error| Error::system("the present folder", error))?;
            let ground = Ground { tree: &folder, repository: &folder, folder: &folder, scratch: scratch.path() };
            sandbox.kind(ground).map_err(|reason| {
                Error::Usage(format!("{reason}; another --sandbox may, and --sandbox none goes without"))
            })?;
        }
        Ok(sandbox)
    }

    /// What it lets through.
    pub fn permits(&self) -> &Permits {
        &self.permits
    }

    /// The kind that works on this ground, tried anew each time: what works in one tree may not in another. Which one
    /// it is gets told when it changes.
    pub fn kind(&self, ground: Ground) -> Result<Kind, String> {
        let mut reasons = Vec::new();
        for kind in &self.candidates {
            match kind.probe(&self.permits, ground) {
                Ok(()) => {
                    self.tell(*kind, &reasons);
                    return Ok(*kind);
                }
                Err(reason) => reasons.push(format!("--sandbox {} does not work here: {reason}", kind.name())),
            }
        }
        Err(reasons.join("; "))
    }

    /// Whether it still works, now that a check in it has failed.
    pub fn still_works(&self, kind: Kind, ground: Ground) -> Result<(), String> {
        kind.probe(&self.permits, ground)
    }

    fn tell(&self, kind: Kind, reasons: &[String]) {
        if self.told.replace(Some(kind)) == Some(kind) {
            return;
        }
        let network = if self.permits.network { "the network can be used" } else { "" };
        let text = match kind {
            Kind::Bubblewrap => {
                let network = if network.is_empty() { "there is no network" } else { network };
                format!("sandbox bwrap: only the tree and a private /tmp can be written, {network}")
            }
            Kind::Landlock => {
                let network = if network.is_empty() { "no TCP connections" } else { network };
                format!("sandbox landlock: only the tree (its .git too) and a private TMPDIR can be written, {network}")
            }
            Kind::None if self.candidates.len() > 1 => {
                format!("NO SANDBOX: checks may do all that you may do ({})", reasons.join("; "))
            }
            Kind::None => "no sandbox: checks may do all that you may do".to_owned(),
        };
        tell(&text);
    }
}

/// When this process was started to restrict itself and become a check, does that; returns only when it could not.
/// `None` when it is an ordinary call.
pub fn restricted_child() -> Option<ExitCode> {
    #[cfg(target_os = "linux")]
    return landlock::restricted_child();
    #[cfg(not(target_os = "linux"))]
    None
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or("it says nothing").to_owned()
}
