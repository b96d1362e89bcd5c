//! A member of a pipe: a program that runs beside us until it ends by itself.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::StartError;
use crate::run::end_with_parent;
use crate::strays::{Waited, adopt_orphans};

/// What is to be run, and what it is connected to.
#[derive(Debug)]
pub struct Member {
    /// The program: a path, or a name that is looked for on PATH.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables that it gets beside those of this process.
    pub env: Vec<(OsString, OsString)>,
    /// `None`: an empty one; what is to be read by it is closed here once it has started.
    pub stdin: Option<OwnedFd>,
    /// Its stdout, closed here once it has started.
    pub stdout: OwnedFd,
    /// Its stderr, closed here once it has started.
    pub stderr: OwnedFd,
    /// Whether it stays in our own process group, so that it may read from the terminal. Else it gets one of its own, so
    /// that it can be ended together with all that it starts.
    pub stays_in_our_group: bool,
}

/// A member that has been started.
#[derive(Debug)]
pub struct Started {
    handle: duct::Handle,
    pid: Pid,
    has_group: bool,
    _waited: Waited,
}

impl Member {
    /// Starts it. To be called on the main thread: it gets TERM when the thread that started it ends, so that killing us
    /// leaves nobody behind.
    pub fn start(self) -> Result<Started, StartError> {
        adopt_orphans();
        let Self { program, args, env, stdin, stdout, stderr, stays_in_our_group } = self;
        let shown = program.to_string_lossy().into_owned();
        let mut expression = duct::cmd(program, args).stdout_file(stdout).stderr_file(stderr).unchecked();
        expression = match stdin {
            Some(stdin) => expression.stdin_file(stdin),
            None => expression.stdin_null(),
        };
        for (name, value) in env {
            expression = expression.env(name, value);
        }
        let expression = expression.before_spawn(move |command| {
            if !stays_in_our_group {
                command.process_group(0);
            }
            end_with_parent(command);
            Ok(())
        });
        let started = expression.start();
        let handle = started.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StartError::Missing(shown.clone()),
            _ => StartError::System { program: shown.clone(), source },
        })?;
        let number = handle.pids().first().and_then(|pid| i32::try_from(*pid).ok()).and_then(Pid::from_raw);
        let Some(pid) = number else {
            return Err(StartError::System { program: shown, source: io::Error::other("it has no number") });
        };
        Ok(Started { handle, pid, has_group: !stays_in_our_group, _waited: Waited::new(pid.as_raw_nonzero().get()) })
    }
}

impl Started {
    /// Its process id, which is also the number of its group if it has one of its own.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether it has a process group of its own.
    pub fn has_group(&self) -> bool {
        self.has_group
    }

    /// Waits for its end.
    pub fn wait(&self) -> io::Result<ExitStatus> {
        self.handle.wait().map(|output| output.status)
    }

    /// Sends a signal to it and to all of its group, if it has one. That nobody is left there is no error.
    pub fn signal(&self, signal: Signal) {
        let _ = if self.has_group { kill_process_group(self.pid, signal) } else { kill_process(self.pid, signal) };
    }
}
