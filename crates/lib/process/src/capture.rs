//! Short commands of our own, whose output is wanted whole.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;

/// What a command said.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Whether it exited with 0.
    pub success: bool,
    /// Its stdout.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: String,
}

/// Why a command said nothing.
#[derive(Debug, thiserror::Error)]
#[error("{program}: cannot be run: {source}")]
pub struct CaptureError {
    program: String,
    source: io::Error,
}

/// Runs a command to its end with an empty stdin. Only for programs that we trust to end, such as `git`.
pub fn capture<A: AsRef<OsStr>>(program: &str, args: &[A], folder: &Path) -> Result<Captured, CaptureError> {
    let output = duct::cmd(program, args.iter().map(AsRef::as_ref))
        .dir(folder)
        .stdin_null()
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        // Ctrl-C is for us to deal with: it must not look as if git had failed.
        .before_spawn(|command| {
            command.process_group(0);
            Ok(())
        })
        .run()
        .map_err(|source| CaptureError { program: program.to_owned(), source })?;
    Ok(Captured {
        success: output.status.success(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
    })
}
