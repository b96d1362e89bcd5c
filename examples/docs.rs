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
const TOOLS: [Tool; 15] = [
    ("plan-draft", command::<plan_draft::Args>),
    ("plan-parse", plan_parse::command),
    ("route", command::<route::Args>),
    ("codex-exec", command::<codex_exec::Args>),
    ("claude-exec", claude_exec::command),
    ("verify", verify::command),
    ("approve", approve::command),
    ("journal", command::<journal::Args>),
    ("decide", command::<decide::Args>),
    ("land", land::command),
    ("plan-batch", command::<plan_batch::Args>),
    ("plan-run", command::<plan_run::Args>),
    ("plan-tick", command::<plan_tick::Args>),
    ("plan-report", command::<plan_report::Args>),
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

/// The man page: what clap knows, the variables, and the rest of the help in sections of its own.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut command = command.clone();
    command.build();
    let man = clap_mangen::Man::new(command.clone()).source(format!("plan-and-execute {VERSION}"));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    synopsis(&command, &mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    environment(&command, &mut page)?;
    let rest = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
    rest_of_help(&rest, &mut page)?;
    let others = TOOLS.iter().map(|(name, _)| *name).filter(|name| *name != command.get_name());
    let others: Vec<_> = others.map(|name| format!("\\fB{}\\fR(1)", safe(name))).collect();
    writeln!(page, ".SH \"SEE ALSO\"\n{}", others.join(", "))?;
    Ok(page)
}

/// How the tool is called, every option with the name of its value.
fn synopsis(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    // No option is broken at the end of a line.
    writeln!(page, ".SH SYNOPSIS\n.nh\n\\fB{}\\fR", safe(command.get_name()))?;
    let (positionals, options): (Vec<_>, Vec<_>) =
        command.get_arguments().filter(|arg| !arg.is_hide_set()).partition(|arg| arg.is_positional());
    for arg in options {
        let name = match (arg.get_long(), arg.get_short()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some(short)) => format!("-{short}"),
            (None, None) => continue,
        };
        let takes_value = arg.get_action().takes_values();
        let values = arg.get_value_names().filter(|_| takes_value).unwrap_or_default();
        let values: String = values.iter().map(|value| format!("\\~\\fI{}\\fR", safe(value))).collect();
        writeln!(page, "[\\fB{}\\fR{values}]", safe(&name))?;
    }
    for arg in positionals {
        let text = safe(&arg.to_string());
        writeln!(page, "{text}")?;
    }
    writeln!(page, ".hy")
}

/// The variables that stand for options.
fn environment(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let mut heading = ".SH ENVIRONMENT\n";
    for arg in command.get_arguments() {
        let (Some(variable), Some(long)) = (arg.get_env(), arg.get_long()) else { continue };
        let variable = variable.to_string_lossy();
        writeln!(page, "{heading}.TP\n\\fB{}\\fR\nas \\fB{}\\fR", safe(&variable), safe(&format!("--{long}")))?;
        heading = "";
    }
    Ok(())
}

/// Paragraphs are filled to the width of the page; indented lines stay as they are.
fn rest_of_help(rest: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut section = "";
    let mut is_filled = true;
    for line in rest.lines() {
        let wanted = if line.starts_with("Examples") {
            "EXAMPLES"
        } else if line.starts_with("Exit ") {
            "EXIT STATUS"
        } else if section.is_empty() || (!line.is_empty() && !line.starts_with(' ')) {
            "NOTES"
        } else {
            section
        };
        if wanted != section {
            section = wanted;
            writeln!(page, "{}.SH \"{section}\"", if is_filled { "" } else { ".fi\n" })?;
            is_filled = true;
        }
        let line = match line.strip_prefix("Exit codes:") {
            Some(codes) => codes.trim_start(),
            None => line.strip_prefix("Examples:").unwrap_or(line),
        };
        let fills = !line.starts_with(' ');
        if fills != is_filled && !line.is_empty() {
            writeln!(page, "{}", if fills { ".fi" } else { ".nf" })?;
            is_filled = fills;
        }
        let line = safe(line);
        if line.is_empty() {
            writeln!(page, ".PP")?;
        } else {
            writeln!(page, "{}{line}", if line.starts_with(['.', '\'']) { "\\&" } else { "" })?;
        }
    }
    if !is_filled {
        writeln!(page, ".fi")?;
    }
    Ok(())
}

/// A text that is no request to roff, with hyphens and not dashes.
fn safe(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

fn file(folder: &Path, place: &str, name: &str) -> Result<File, Box<dyn Error>> {
    let place = folder.join(place);
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let path = place.join(name);
    Ok(File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}
