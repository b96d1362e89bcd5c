//! Processes that a child left behind, or that left its group.
//!
//! On Linux we ask to be the reaper of all our descendants: whatever loses its parent becomes our own child instead of
//! init's, so it can be found. Which call it belongs to is told by a variable that each call puts into its environment.
//! Elsewhere only the process group can be ended.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// The variable that marks every process of a call.
pub(crate) const MARK: &str = "PLAN_AND_EXECUTE_CALL";

/// A mark that no other call has.
pub(crate) fn new_mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{}", std::process::id(), now.as_nanos(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a child has been started at all.
static ASKED: OnceLock<()> = OnceLock::new();

/// Asks once to be given the orphans among our descendants.
pub(crate) fn adopt_orphans() {
    ASKED.get_or_init(|| {
        #[cfg(target_os = "linux")]
        // A kernel that refuses leaves us with the process group alone, as on other systems.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    });
}

/// The children that somebody else waits for.
fn ours() -> MutexGuard<'static, HashSet<i32>> {
    static OURS: OnceLock<Mutex<HashSet<i32>>> = OnceLock::new();
    OURS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks a child as waited for, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Waited(i32);

impl Waited {
    pub(crate) fn new(pid: i32) -> Self {
        ours().insert(pid);
        Self(pid)
    }
}

impl Drop for Waited {
    fn drop(&mut self) {
        ours().remove(&self.0);
    }
}

/// A process, told apart from a later one with the same number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Process {
    pid: i32,
    started: u64,
}

impl Process {
    fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, started: stat(pid)?.started })
    }

    pub(crate) fn signal(self, signal: Signal) {
        if Self::of(self.pid) == Some(self)
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            // It may have ended meanwhile, which is what we want.
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether it still does anything. A dead one that is our own child is cleared away.
    pub(crate) fn is_alive(self) -> bool {
        match stat(self.pid) {
            Some(stat) if stat.started != self.started => false,
            Some(stat) if matches!(stat.state, b'Z' | b'X') => {
                if !ours().contains(&self.pid)
                    && let Some(pid) = Pid::from_raw(self.pid)
                {
                    // Not our child: then its own parent clears it away.
                    let _ = waitpid(Some(pid), WaitOptions::NOHANG);
                }
                false
            }
            found => found.is_some(),
        }
    }
}

/// All living descendants of a process, itself not included.
pub(crate) fn descendants(pid: i32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in children(parent) {
            // A tree cannot have circles, but it changes while we read it.
            if found.len() < 100_000
                && let Some(process) = Process::of(child)
                && !found.contains(&process)
            {
                found.push(process);
                parents.push(child);
            }
        }
    }
    found
}

/// The orphans that carry the mark of a call, and all their descendants. While no other call runs, an orphan without
/// any mark can only be of this one: it has cleared its environment.
pub(crate) fn orphans(mark: &str) -> Vec<Process> {
    let wanted = format!("{MARK}={mark}");
    let alone = ours().len() <= 1;
    orphans_that(|pid| {
        let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
        let mut pairs = environment.split(|byte| *byte == 0).filter(|pair| pair.starts_with(MARK.as_bytes()));
        pairs.next().map_or(alone, |pair| pair == wanted.as_bytes())
    })
}

fn orphans_that(belongs: impl Fn(i32) -> bool) -> Vec<Process> {
    let Ok(me) = i32::try_from(std::process::id()) else { return Vec::new() };
    let waited = ours().clone();
    let mut found = Vec::new();
    for pid in children(me).into_iter().filter(|pid| !waited.contains(pid)) {
        let Some(process) = Process::of(pid) else { continue };
        // The environment of a dead process cannot be read any more; it is cleared away by being looked at.
        if process.is_alive() && belongs(pid) {
            found.push(process);
            found.extend(descendants(pid));
        }
    }
    found
}

/// Ends every process that our children have left behind and that no call could be found for. To be used when no
/// child is running any more.
pub fn end_strays() {
    if ASKED.get().is_none() {
        return;
    }
    for _ in 0..50 {
        let strays = orphans_that(|_| true);
        if strays.is_empty() {
            return;
        }
        for stray in strays {
            stray.signal(Signal::KILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Ends every process below this one, at once and whoever waits for it. To be used when this process is about to end.
/// Where descendants cannot be listed, it reaches the process groups of the calls that are running.
pub fn end_all() {
    let Ok(me) = i32::try_from(std::process::id()) else { return };
    // What is started while we look is found in the next round.
    for _ in 0..50 {
        for group in ours().iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // Nobody may be left in it.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let living: Vec<_> = descendants(me).into_iter().filter(|process| process.is_alive()).collect();
        if living.is_empty() {
            return;
        }
        for process in living {
            process.signal(Signal::KILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[cfg(target_os = "linux")]
fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        // Gone meanwhile, or a kernel without this file: then nothing is found here.
        let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn children(_: i32) -> Vec<i32> {
    Vec::new()
}

struct Stat {
    state: u8,
    started: u64,
}

/// From `/proc/PID/stat`: the name in brackets may hold anything, so fields are counted from its end.
fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let fields: Vec<&[u8]> = text.get(end + 2..)?.split(|byte| *byte == b' ').collect();
    let started = str::from_utf8(fields.get(19)?).ok()?.parse().ok()?;
    Some(Stat { state: *fields.first()?.first()?, started })
}
