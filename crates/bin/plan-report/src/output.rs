//! Where a report goes to.

use std::borrow::Cow;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use stage::Error;

use crate::args::{Args, Format};

/// Where a report goes to.
#[derive(Debug)]
pub(crate) enum Output {
    Stdout,
    /// The file is replaced as a whole.
    File {
        path: PathBuf,
        /// Nobody named it, so it is told.
        is_told: bool,
    },
}

impl Output {
    pub fn of(args: &Args, format: Format) -> Result<Self, Error> {
        let file = match &args.output {
            Some(path) if path.as_os_str() == "-" => return stdout(args),
            Some(path) => Self::File { path: path.clone(), is_told: false },
            None if format == Format::Html => Self::File { path: args.run.with_extension("html"), is_told: true },
            None => return stdout(args),
        };
        let Self::File { path, .. } = &file else { return Ok(file) };
        let real = |path: &Path| path.canonicalize().ok();
        for input in [Some(&args.run), args.plan.as_ref()].into_iter().flatten() {
            if real(path).is_some_and(|path| Some(path) == real(input)) {
                return Err(Error::Usage(format!(
                    "{}: is read, so nothing is written there; name another --output",
                    path.display()
                )));
            }
        }
        if path.is_dir() {
            return Err(Error::Usage(format!("{}: a folder; name a file in it as --output", path.display())));
        }
        Ok(file)
    }

    /// The file that is written.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File { path, .. } => Some(path),
        }
    }

    pub fn write(&self, text: &str) -> Result<(), Error> {
        match self {
            Self::Stdout => to_stdout(text),
            Self::File { path, is_told } => {
                replace(path, text).map_err(|error| Error::system(path.display().to_string(), error))?;
                if *is_told { to_stdout(&format!("{}\n", path.display())) } else { Ok(()) }
            }
        }
    }

    /// Writes it again, without telling where.
    pub fn write_again(&self, text: &str) -> Result<(), Error> {
        match self {
            Self::Stdout => to_stdout(text),
            Self::File { path, .. } => {
                replace(path, text).map_err(|error| Error::system(path.display().to_string(), error))
            }
        }
    }
}

fn stdout(args: &Args) -> Result<Output, Error> {
    if args.follow {
        return Err(Error::Usage("--follow writes a file again and again: name one as --output".into()));
    }
    Ok(Output::Stdout)
}

/// Colour is left out where it would not be shown.
fn to_stdout(text: &str) -> Result<(), Error> {
    let mut out = anstream::AutoStream::auto(io::stdout());
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Error::ReaderGone),
        Err(error) => Err(Error::system("stdout", error)),
    }
}

/// Puts a whole file into the place of another: who opens it finds the old one or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A device or a pipe stays what it is.
    let text = if text.contains('\x1b') {
        Cow::Owned(anstream::adapter::strip_str(text).to_string())
    } else {
        Cow::Borrowed(text)
    };
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, text.as_bytes());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".plan-report.").permissions(open_to_umask()).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// What the user's umask leaves of it, as for any other file.
fn open_to_umask() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// How many columns a text may take.
pub(crate) fn width(asked: Option<u16>) -> usize {
    const ELSE: u16 = 100;
    let terminal = || {
        let stdout = io::stdout();
        let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten()?;
        (size.ws_col > 0).then_some(size.ws_col)
    };
    let variable = || std::env::var("COLUMNS").ok()?.parse().ok();
    usize::from(asked.or_else(terminal).or_else(variable).unwrap_or(ELSE).max(40))
}
