//! Children that behave, and children that do not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use process::{Cut, End, Job, Observer, Outcome, Output, Progress, StartError, Stop, Stopper, Stream, run};

/// Keeps everything; a line "progress" is progress, a line "enough" is enough.
#[derive(Default)]
struct Seen {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Observer for Seen {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> Progress {
        match stream {
            Stream::Out => self.out.extend_from_slice(bytes),
            Stream::Err => self.err.extend_from_slice(bytes),
        }
        if bytes.ends_with(b"enough\n") {
            Progress::Enough
        } else if bytes.ends_with(b"progress\n") {
            Progress::Made
        } else {
            Progress::None
        }
    }
}

fn go(job: &Job, stop: Stop) -> (Result<Outcome, StartError>, Seen) {
    // A process looks after its children from one thread; here every test has its own, so they take turns.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut seen = Seen::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(run(job, &mut seen, stop));
    (outcome, seen)
}

fn shell(script: &str) -> Job {
    Job::new("sh").args(["-c", script])
}

fn limited(script: &str, total: u64, grace: u64) -> Job {
    let mut job = shell(script);
    job.limits.total = Some(Duration::from_millis(total));
    job.limits.grace = Duration::from_millis(grace);
    job
}

fn is_running(pid_file: &Path) -> bool {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn exit_code_input_and_both_streams() {
    let mut job = shell("cat; echo bad >&2; exit 7");
    job.input = vec![b'x'; 5 << 20];
    let (outcome, seen) = go(&job, Stopper::new().1);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.end, outcome.cut, outcome.left_behind), (End::Exited(7), None, 0));
    assert_eq!((seen.out.len(), seen.err.as_slice()), (5 << 20, b"bad\n".as_slice()));
}

#[test]
fn a_child_that_does_not_read_its_input_is_not_waited_for() {
    let mut job = shell("exit 0");
    job.input = vec![b'x'; 5 << 20];
    assert_eq!(go(&job, Stopper::new().1).0.unwrap().end, End::Exited(0));
}

#[test]
fn together_keeps_the_order() {
    let mut job = shell("for i in 1 2 3; do echo out; echo err >&2; done");
    job.output = Output::Together;
    assert_eq!(go(&job, Stopper::new().1).1.out, b"out\nerr\n".repeat(3));
}

#[test]
fn what_cannot_be_started_is_named() {
    let missing = go(&Job::new("no-such-program-anywhere"), Stopper::new().1).0.unwrap_err();
    assert!(matches!(&missing, StartError::Missing(name) if name == "no-such-program-anywhere"), "{missing}");
    let mut job = shell("true");
    job.folder = "/no/such/folder".into();
    let folder = go(&job, Stopper::new().1).0.unwrap_err();
    assert!(matches!(folder, StartError::NoFolder(_)), "{folder}");
}

#[test]
fn a_child_that_ignores_term_is_killed_after_the_grace() {
    let job = limited("trap '' TERM; while :; do sleep 1; done", 100, 100);
    let before = Instant::now();
    let outcome = go(&job, Stopper::new().1).0.unwrap();
    assert_eq!((outcome.end, outcome.cut), (End::Signalled(9), Some(Cut::Timeout)));
    assert!(before.elapsed() < Duration::from_secs(4), "{:?}", before.elapsed());
}

#[test]
fn a_grandchild_in_a_session_of_its_own_that_holds_the_pipe_is_ended_too() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!(
        "setsid sh -c 'echo $$ > {0}; trap \"\" TERM; while :; do sleep 1; done' & while :; do sleep 1; done",
        pid.display()
    );
    let outcome = go(&limited(&script, 300, 100), Stopper::new().1).0.unwrap();
    assert_eq!(outcome.cut, Some(Cut::Timeout));
    assert!(outcome.left_behind > 0);
    assert!(!is_running(&pid));
}

#[test]
fn a_grandchild_without_our_mark_is_found_through_its_parents() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script =
        format!("env -i setsid sh -c 'echo $$ > {0}; exec sleep 1000' & while :; do sleep 1; done", pid.display());
    go(&limited(&script, 300, 100), Stopper::new().1).0.unwrap();
    assert!(!is_running(&pid));
}

#[test]
fn what_a_child_leaves_behind_at_its_normal_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!(
        "setsid sh -c 'echo $$ > {0}; exec sleep 1000' & while ! [ -s {0} ]; do :; done; echo done",
        pid.display()
    );
    let before = Instant::now();
    let (outcome, seen) = go(&shell(&script), Stopper::new().1);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.end, outcome.cut), (End::Exited(0), None));
    assert_eq!(seen.out, b"done\n");
    assert!(!is_running(&pid));
    assert!(before.elapsed() < Duration::from_secs(4), "{:?}", before.elapsed());
}

#[test]
fn output_without_progress_does_not_reset_the_stall_clock() {
    let mut job = shell("while :; do echo reconnecting; sleep 0.05; done");
    job.limits.stall = Some(Duration::from_millis(400));
    assert_eq!(go(&job, Stopper::new().1).0.unwrap().cut, Some(Cut::Stalled));
    // Longer in all than the limit, and each step far shorter, so that a slow machine does not make it a stall.
    let mut job = shell("for i in 1 2 3 4 5 6 7 8 9 10; do echo progress; sleep 0.3; done");
    job.limits.stall = Some(Duration::from_secs(2));
    assert_eq!(go(&job, Stopper::new().1).0.unwrap().cut, None);
}

#[test]
fn stopping_and_having_seen_enough() {
    let (stopper, stop) = Stopper::new();
    stopper.stop();
    let outcome = go(&shell("while :; do sleep 1; done"), stop).0.unwrap();
    assert_eq!((outcome.cut, outcome.end), (Some(Cut::Stopped), End::Signalled(15)));
    let outcome = go(&shell("echo enough; while :; do sleep 1; done"), Stopper::new().1).0.unwrap();
    assert_eq!(outcome.cut, Some(Cut::Enough));
}

#[test]
fn a_child_in_the_group_that_ends_when_asked_is_not_waited_for_any_longer() {
    let mut job = shell("sleep 1000 & exit 0");
    job.limits.grace = Duration::from_secs(30);
    let before = Instant::now();
    let outcome = go(&job, Stopper::new().1).0.unwrap();
    assert_eq!((outcome.end, outcome.left_behind > 0), (End::Exited(0), true));
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
}

#[test]
fn what_hides_its_environment_and_its_parents_is_ended_when_nothing_else_runs() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!(
        "env -i setsid sh -c 'echo $$ > {0}; exec sleep 1000' & while ! [ -s {0} ]; do :; done; exit 0",
        pid.display()
    );
    go(&shell(&script), Stopper::new().1).0.unwrap();
    assert!(!is_running(&pid));
}
