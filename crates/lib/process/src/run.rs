//! One child from its start to the end of everything it started.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use crate::strays::{self, MARK, Process, Waited};
use crate::{Job, Output, StartError, Stop};

/// Which of the child's streams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// stdout, or both when they arrive together.
    Out,
    /// stderr.
    Err,
}

/// What an observer makes of a piece of output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The child is getting on: its stall clock begins anew.
    Made,
    /// The child is alive, but this is no progress.
    None,
    /// There is no point in waiting any longer: the child is ended.
    Enough,
}

/// Looks at the output of a child as it comes.
pub trait Observer {
    /// A piece of output, cut anywhere.
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> Progress;
}

/// How the child itself ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

/// Why we ended it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// Its total time was over.
    Timeout,
    /// It made no progress for too long.
    Stalled,
    /// Somebody stopped it.
    Stopped,
    /// The observer had seen enough.
    Enough,
}

/// What became of a child.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Why we ended it; `None` when it ended by itself.
    pub cut: Option<Cut>,
    /// How long it took.
    pub time: Duration,
    /// How many processes it left behind, which were ended.
    pub left_behind: usize,
}

impl Outcome {
    /// How many processes stayed at work after a child that ended by itself.
    pub fn stayed(&self) -> usize {
        if self.cut.is_none() { self.left_behind } else { 0 }
    }
}

/// After the child and all its descendants are gone, a pipe can only be held by somebody we cannot see.
const DRAIN: Duration = Duration::from_millis(500);
/// How often it is looked whether those that were asked to end have ended.
const LOOK: Duration = Duration::from_millis(5);
/// How long what belongs to the child may take to end after it, before it counts as left behind.
const SETTLE: Duration = Duration::from_millis(100);
/// How long a killed process may take to vanish.
const VANISH: Duration = Duration::from_secs(5);

/// Runs a child to its end and ends what it leaves behind.
///
/// Must be called from the main thread (a current-thread runtime): the child gets TERM when the thread that started it
/// ends, so that killing us leaves no agent behind.
pub async fn run(job: &Job, observer: &mut impl Observer, mut stop: Stop) -> Result<Outcome, StartError> {
    let started = Instant::now();
    let mark = strays::new_mark();
    let (mut child, mut out, mut err) = start(job, &mark)?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    let _waited = pid.map(Waited::new);
    feed(&mut child, job.input.clone());

    let total = job.limits.total.map(|limit| started + limit);
    let mut progress = started;
    let (status, cut) = loop {
        let stalled = job.limits.stall.map(|limit| progress + limit);
        tokio::select! {
            status = child.wait() => break (Some(status), None),
            read = next_piece(&mut out, &mut err) => match observer.output(read.0, &read.1) {
                Progress::Made => progress = Instant::now(),
                Progress::None => {}
                Progress::Enough => break (None, Some(Cut::Enough)),
            },
            () = at(total) => break (None, Some(Cut::Timeout)),
            () = at(stalled) => break (None, Some(Cut::Stalled)),
            () = stop.wait() => break (None, Some(Cut::Stopped)),
        }
    };
    let time = started.elapsed();

    // From here on the child is over or has to be. Output is still taken in, so that nobody blocks on a full pipe.
    let group = Group { pid, mark, known: pid.map(strays::descendants).unwrap_or_default() };
    let ended = end(&group, &mut child, status, job.limits.grace);
    tokio::pin!(ended);
    let (status, left_behind) = loop {
        tokio::select! {
            ended = &mut ended => break ended,
            read = next_piece(&mut out, &mut err) => { observer.output(read.0, &read.1); }
        }
    };
    let drain = async {
        while let Some((stream, bytes)) = piece(&mut out, &mut err).await {
            observer.output(stream, &bytes);
        }
    };
    // A holder that we cannot see is not waited for.
    let _ = timeout(DRAIN, drain).await;

    let status = status.map_err(|source| StartError::System { program: shown(&job.program), source })?;
    let end = status.code().map_or_else(|| End::Signalled(status.signal().unwrap_or_default()), End::Exited);
    Ok(Outcome { end, cut, time, left_behind })
}

type Pipes = (Child, Option<pipe::Receiver>, Option<pipe::Receiver>);

fn start(job: &Job, mark: &str) -> Result<Pipes, StartError> {
    strays::adopt_orphans();
    if !fs::metadata(&job.folder).is_ok_and(|folder| folder.is_dir()) {
        return Err(StartError::NoFolder(job.folder.display().to_string()));
    }
    let system = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => StartError::Missing(shown(&job.program)),
        _ => StartError::System { program: shown(&job.program), source },
    };
    let mut command = Command::new(&job.program);
    command.args(&job.args).current_dir(&job.folder).process_group(0).stdin(Stdio::piped()).kill_on_drop(true);
    for (name, value) in &job.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env(MARK, mark);
    let (out_read, out_write) = io::pipe().map_err(system)?;
    let err_read = match job.output {
        Output::Together => {
            command.stderr(out_write.try_clone().map_err(system)?);
            None
        }
        Output::Apart => {
            let (read, write) = io::pipe().map_err(system)?;
            command.stderr(write);
            Some(read)
        }
    };
    command.stdout(out_write);
    end_with_parent(command.as_std_mut());
    let child = command.spawn().map_err(system)?;
    // The command still holds our copies of the writing ends; without this the pipes would never end.
    drop(command);
    let receiver = |read: io::PipeReader| pipe::Receiver::from_owned_fd(OwnedFd::from(read)).map_err(system);
    Ok((child, Some(receiver(out_read)?), err_read.map(receiver).transpose()?))
}

/// Has the kernel send TERM to the child when we are gone, even by KILL. A shim that passes TERM on (the npm package of
/// the Codex CLI does) then ends its own child too.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "code between fork and exec cannot be written in safe Rust")]
pub(crate) fn end_with_parent(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    let parent = rustix::process::getpid();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed: these are two bare system calls
    // (prctl, getppid), which neither allocate nor take a lock.
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
            // We may have died before the line above; then nobody will send the signal.
            if rustix::process::getppid() != Some(parent) {
                return Err(io::Error::from_raw_os_error(rustix::io::Errno::CANCELED.raw_os_error()));
            }
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn end_with_parent(_: &mut std::process::Command) {}

/// Writes the input and closes stdin, however slowly the child reads.
fn feed(child: &mut Child, input: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        tokio::spawn(async move {
            // A child that does not want its input may close it.
            let _ = stdin.write_all(&input).await;
            let _ = stdin.shutdown().await;
        });
    }
}

/// As [`piece`], but never returns when both streams have ended.
async fn next_piece(out: &mut Option<pipe::Receiver>, err: &mut Option<pipe::Receiver>) -> (Stream, Vec<u8>) {
    match piece(out, err).await {
        Some(piece) => piece,
        None => std::future::pending().await,
    }
}

/// The next piece of output of either stream; a stream that has ended becomes `None`. `None` when both have.
async fn piece(out: &mut Option<pipe::Receiver>, err: &mut Option<pipe::Receiver>) -> Option<(Stream, Vec<u8>)> {
    while out.is_some() || err.is_some() {
        let (stream, read) = tokio::select! {
            read = read_piece(out.as_mut()) => (Stream::Out, read),
            read = read_piece(err.as_mut()) => (Stream::Err, read),
        };
        match read {
            Some(bytes) => return Some((stream, bytes)),
            None => match stream {
                Stream::Out => *out = None,
                Stream::Err => *err = None,
            },
        }
    }
    None
}

async fn read_piece(from: Option<&mut pipe::Receiver>) -> Option<Vec<u8>> {
    let Some(from) = from else { return std::future::pending().await };
    let mut bytes = Vec::with_capacity(64 << 10);
    match from.read_buf(&mut bytes).await {
        Ok(1..) => Some(bytes),
        // An error on a pipe is its end: there is nothing else that could be done with it.
        Ok(0) | Err(_) => None,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Everything that belongs to one child.
struct Group {
    pid: Option<i32>,
    mark: String,
    /// Descendants that were alive when the end began; those that clear their environment are only known from here.
    known: Vec<Process>,
}

impl Group {
    /// Those who left the process group or outlived the child.
    fn survivors(&self) -> Vec<Process> {
        let mut found = strays::orphans(&self.mark);
        found.extend(
            self.known
                .iter()
                .copied()
                .filter(|process| process.is_alive() && !found.contains(process))
                .collect::<Vec<_>>(),
        );
        found
    }

    fn signal(&self, signal: Signal) -> Vec<Process> {
        let survivors = self.survivors();
        if let Some(pid) = self.pid.and_then(Pid::from_raw) {
            // Nobody may be left in it.
            let _ = kill_process_group(pid, signal);
        }
        for survivor in &survivors {
            survivor.signal(signal);
        }
        survivors
    }

    fn is_gone(&self) -> bool {
        // Survivors first: looking for them clears away the dead ones that would keep the group alive.
        let survivors = self.survivors();
        let group = self.pid.and_then(Pid::from_raw);
        survivors.is_empty() && group.is_none_or(|group| rustix::process::test_kill_process_group(group).is_err())
    }
}

/// TERM to all, KILL after the grace, until nobody is left. Returns the child's status and how many others there were.
async fn end(
    group: &Group,
    child: &mut Child,
    status: Option<io::Result<ExitStatus>>,
    grace: Duration,
) -> (io::Result<ExitStatus>, usize) {
    let cut = status.is_none();
    let mut status = status;
    if !cut {
        let settled = Instant::now() + SETTLE;
        loop {
            if group.is_gone() {
                return (status.unwrap_or_else(|| Err(io::ErrorKind::Other.into())), 0);
            }
            if Instant::now() >= settled {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    let mut left_behind = group.signal(Signal::TERM).len();
    let patience = Instant::now() + grace;
    while Instant::now() < patience {
        if status.is_none() {
            status = timeout(LOOK, child.wait()).await.ok();
        } else {
            tokio::time::sleep(LOOK).await;
        }
        if status.is_some() && group.is_gone() {
            return (status.unwrap_or_else(|| Err(io::ErrorKind::Other.into())), left_behind);
        }
    }
    let last = Instant::now() + VANISH;
    loop {
        left_behind = left_behind.max(group.signal(Signal::KILL).len());
        if status.is_none() {
            status = timeout(LOOK, child.wait()).await.ok();
        } else {
            tokio::time::sleep(LOOK).await;
        }
        if (status.is_some() && group.is_gone()) || Instant::now() > last {
            return (status.unwrap_or_else(|| Err(io::Error::other("does not end, even when killed"))), left_behind);
        }
    }
}

fn shown(program: &OsString) -> String {
    program.to_string_lossy().into_owned()
}
