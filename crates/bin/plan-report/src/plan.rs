//! The plan as it is now, by `plan-parse`.

use std::path::{Path, PathBuf};

use process::capture;
use stage::Error;

/// The lines that `plan-parse` makes of a plan.
pub(crate) fn lines(plan: &Path) -> Result<String, Error> {
    let program = beside("plan-parse");
    let plan_arg =
        if plan.as_os_str().to_string_lossy().starts_with('-') { Path::new(".").join(plan) } else { plan.to_owned() };
    let done = capture(&program.to_string_lossy(), &[plan_arg.as_os_str()], Path::new("."))
        .map_err(|error| Error::Refused(error.to_string()))?;
    if !done.success {
        let said = done.stderr.lines().next().unwrap_or("plan-parse could not read it").to_owned();
        return Err(Error::Document(format!("{}: {said}", plan.display())));
    }
    String::from_utf8(done.stdout).map_err(|_| Error::Document(format!("{}: plan-parse wrote no text", plan.display())))
}

/// A tool of ours: the one beside the running program, else the one in PATH.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok().map(|program| program.with_file_name(name));
    own.filter(|program| program.is_file()).unwrap_or_else(|| PathBuf::from(name))
}
