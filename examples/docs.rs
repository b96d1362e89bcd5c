//! Writes the man pages and the shell completions of every tool into a folder.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Command, Parser};
use clap_complete::Shell;

/// Writes the man pages and the shell completions of every tool into a folder
///
/// FOLDER gets share/man/man1/NAME.1, share/bash-completion/completions/NAME, share/zsh/site-functions/_NAME and
/// share/fish/vendor_completions.d/NAME.fish: below /usr/local or ~/.local that is where man and the shells look.
#[derive(Debug, Parser)]
struct Args {
    /// Where to write to; made when it is not there
    folder: PathBuf,
}

type Tool = (&'static str, fn() -> Command);

/// Every tool that is installed, and its command line.
const TOOLS: [Tool; 9] = [
    ("plan-parse", plan_parse::command),
    ("route", command::<route::Args>),
    ("codex-exec", command::<codex_exec::Args>),
    ("verify", verify::command),
    ("approve", approve::command),
    ("journal", command::<journal::Args>),
    ("decide", command::<decide::Args>),
    ("plan-batch", command::<plan_batch::Args>),
    ("stage-check", stage_check::command),
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn command<A: clap::CommandFactory>() -> Command {
    A::command()
}

fn main() -> ExitCode {
    match write_all(&Args::parse().folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told when even stderr is closed.
            let _ = writeln!(io::stderr(), "docs: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (name, command) in TOOLS {
        // What stands in the environment of whoever makes the pages is nobody else's business.
        let command = command().version(VERSION).mut_args(|arg| arg.hide_env_values(true));
        file(folder, "share/man/man1", &format!("{name}.1"))?.write_all(&page(&command)?)?;
        for (shell, place, called) in [
            (Shell::Bash, "share/bash-completion/completions", name.to_owned()),
            (Shell::Zsh, "share/zsh/site-functions", format!("_{name}")),
            (Shell::Fish, "share/fish/vendor_completions.d", format!("{name}.fish")),
        ] {
            clap_complete::generate(shell, &mut command.clone(), name, &mut file(folder, place, &called)?);
        }
    }
    Ok(())
}

/// The man page: what clap knows, and the rest of the help in sections of its own, whose lines stay as they are.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let rest = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
    let bare = command.clone().after_help("").after_long_help("");
    let mut page = Vec::new();
    clap_mangen::Man::new(bare).source(format!("plan-and-execute {VERSION}")).render(&mut page)?;
    let mut section = "";
    for line in rest.lines() {
        let wanted = if line.starts_with("Examples") {
            "EXAMPLES"
        } else if line.starts_with("Exit ") {
            "EXIT STATUS"
        } else if section.is_empty() {
            "NOTES"
        } else {
            section
        };
        if wanted != section {
            section = wanted;
            writeln!(page, ".SH \"{section}\"\n.nf")?;
            if line.trim_end() == "Examples:" || line.trim_end() == "Exit codes:" {
                continue;
            }
        }
        // A hyphen, not a dash; and no line is a request to roff.
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        writeln!(page, "{}{line}", if line.starts_with(['.', '\'']) { "\\&" } else { "" })?;
    }
    if !section.is_empty() {
        writeln!(page, ".fi")?;
    }
    Ok(page)
}

fn file(folder: &Path, place: &str, name: &str) -> Result<File, Box<dyn Error>> {
    let place = folder.join(place);
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let path = place.join(name);
    Ok(File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}
