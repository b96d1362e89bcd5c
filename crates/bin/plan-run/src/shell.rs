//! The pipe as a command for a shell.

use std::ffi::OsStr;
use std::fmt::Write as _;

use crate::line::{Link, What};
use crate::tools::Tools;

/// A command that does what this run would do, but for the watching.
pub(crate) fn command(line: &[Link], tools: &Tools) -> String {
    let stages: Vec<String> = line.iter().map(|link| stage(link, tools)).collect();
    let mut text = String::new();
    // Not every shell has it; without it the code is that of the last stage.
    let _ = write!(text, "(set -o pipefail) 2>/dev/null && set -o pipefail\n{} >/dev/null", stages.join(" |\n  "));
    text
}

fn stage(link: &Link, tools: &Tools) -> String {
    match &link.command {
        What::Tool { program, name, args } => {
            let program = if tools.is_found_by_name(name, program) { OsStr::new(name) } else { program.as_os_str() };
            let words = std::iter::once(program).chain(args.iter().map(AsRef::as_ref)).map(quoted);
            words.collect::<Vec<_>>().join(" ")
        }
        What::Shell(command) => {
            let path = tools.missing_folder().map(|folder| format!("PATH={}:\"$PATH\" ", quoted(folder)));
            format!("{}sh -c {}", path.unwrap_or_default(), quoted(OsStr::new(command)))
        }
    }
}

/// A word that a shell takes as it is.
pub(crate) fn quoted(word: &OsStr) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(byte);
    let text = word.to_string_lossy();
    // `a=b` in front of a command is no word, and a `~` is one only in the middle.
    if !word.is_empty() && word.as_encoded_bytes().iter().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
