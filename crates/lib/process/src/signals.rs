//! SIGINT and SIGTERM, counted so that one that comes by two ways counts once.
//!
//! A terminal sends Ctrl-C to its whole foreground group. A process of that group that is also sent on what its parent
//! has received would count the same Ctrl-C twice, and a second one means "end at once". So a signal that is sent on says
//! which one it is, the first or the second ([`send_on`]), and the receiver takes the higher of the two counts.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use rustix::process::{Pid, Signal, getppid};

static DIRECT: AtomicUsize = AtomicUsize::new(0);
static SENT_ON: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicI32 = AtomicI32::new(0);
static BY_TERMINAL: AtomicBool = AtomicBool::new(false);

/// What has come of SIGINT and SIGTERM since [`count_signals`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Signals {
    /// How often somebody has asked us to end.
    pub count: usize,
    /// The number of the signal that came last; 0 before the first one.
    pub last: i32,
    /// The one that came last was a key at the terminal, so everybody in our process group has it too.
    pub by_terminal: bool,
}

/// Begins to count. To be called before anything else listens to these signals, so that a count is up to date by the time
/// somebody else is woken up.
pub fn count_signals() -> io::Result<()> {
    static BEGUN: OnceLock<Result<(), i32>> = OnceLock::new();
    let begun = BEGUN.get_or_init(|| {
        for signal in [Signal::INT, Signal::TERM] {
            register(signal).map_err(|error| error.raw_os_error().unwrap_or_default())?;
        }
        Ok(())
    });
    begun.map_err(io::Error::from_raw_os_error)
}

/// What has come so far.
pub fn signals() -> Signals {
    let count = DIRECT.load(Ordering::SeqCst).max(SENT_ON.load(Ordering::SeqCst));
    Signals { count, last: LAST.load(Ordering::SeqCst), by_terminal: BY_TERMINAL.load(Ordering::SeqCst) }
}

#[expect(unsafe_code, reason = "what a signal tells about itself is only given to a handler")]
fn register(signal: Signal) -> io::Result<()> {
    let number = signal.as_raw();
    // SAFETY: the handler only reads its argument, asks for the parent's number (a bare system call) and changes
    // atomics, all of which is allowed in a signal handler.
    let registered = unsafe {
        signal_hook_registry::register_sigaction(number, move |info| {
            if info.si_code == libc::SI_QUEUE && Pid::from_raw(info.si_pid()) == getppid() {
                SENT_ON.fetch_max(info.si_value().sival_ptr as usize, Ordering::SeqCst);
            } else {
                DIRECT.fetch_add(1, Ordering::SeqCst);
            }
            LAST.store(number, Ordering::SeqCst);
            #[cfg(target_os = "linux")]
            BY_TERMINAL.store(info.si_code == libc::SI_KERNEL, Ordering::SeqCst);
        })
    };
    registered.map(drop)
}

/// Sends a child the signal that has come to us as the first, second ... one (from 1).
#[expect(unsafe_code, reason = "no safe call sends a value along with a signal")]
pub fn send_on(child: Pid, signal: Signal, ordinal: usize) -> io::Result<()> {
    let value = libc::sigval { sival_ptr: std::ptr::without_provenance_mut(ordinal) };
    // SAFETY: a bare system call; the value is a number that nobody follows as a pointer.
    let sent = unsafe { libc::sigqueue(child.as_raw_nonzero().get(), signal.as_raw(), value) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
