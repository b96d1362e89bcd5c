//! A session of its own for each run: no terminal to ask on, and everybody in it can be found and ended.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

/// The first argument of stage-check when it only has to become the command in a new session.
pub const ASKED: &str = "--in-a-session-of-its-own";

/// The exit code of a shell that cannot find a program.
pub const NOT_FOUND: i32 = 127;

/// The command to become, if this process was started for that.
pub fn asked_for() -> Option<Vec<OsString>> {
    let mut arguments = env::args_os().skip(1);
    (arguments.next()? == ASKED).then(|| arguments.collect())
}

/// Becomes the command. Only returns when that is not possible.
pub fn exec(command: Vec<OsString>) -> ExitCode {
    // A session leader has no terminal until it opens one; failing means that we are one already.
    let _ = rustix::process::setsid();
    // A shell starts background jobs with SIGINT ignored, and that is inherited; a caught signal is not.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let _ = signal_hook::flag::register(signal, std::sync::Arc::default());
    }
    let mut words = command.into_iter();
    let program = words.next().unwrap_or_default();
    let error = Command::new(&program).args(words).exec();
    stage::tell("stage-check", &format!("{}: {error}", program.to_string_lossy()));
    ExitCode::from(u8::try_from(NOT_FOUND).unwrap_or(1))
}

/// Sends a signal to everybody in the command's process group, as a terminal would.
pub fn signal(leader: Pid, signal: Signal) {
    // A group that is gone needs no signal.
    let _ = kill_process_group(leader, signal);
}

/// Ends everybody in the session for good.
pub fn end(leader: Pid) {
    let _ = kill_process_group(leader, Signal::KILL);
    for (pid, _) in members(leader) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Who still lives in the session: process id and name.
pub fn members(leader: Pid) -> Vec<(Pid, String)> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        // Without /proc only the group can be asked, and it does not tell names.
        let alive = test_kill_process_group(leader).is_ok();
        return if alive { vec![(leader, "its process group".into())] } else { Vec::new() };
    };
    processes
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
            let mut fields = rest.split(' ');
            // state, parent, group, session; a zombie has ended and only waits for its parent.
            let (state, session) = (fields.next()?, fields.nth(2)?);
            let lives = !matches!(state, "Z" | "X") && session == leader.as_raw_nonzero().to_string();
            lives.then(|| (pid, name.to_owned()))
        })
        .collect()
}
