//! A file that the parent has left open for us.

use std::env;
use std::fs::File;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

/// The open file whose descriptor the parent has named in this variable; `None` when there is none.
///
/// To be called once for a variable, and before other files are handed to children: from now on it is closed for them.
#[expect(unsafe_code, reason = "a descriptor that is known by its number only")]
pub fn inherited_file(variable: &str) -> Option<File> {
    let number: RawFd = env::var(variable).ok()?.parse().ok().filter(|number| *number > 2)?;
    // SAFETY: the descriptor is only asked about; when it is not open the system says so.
    let named = unsafe { BorrowedFd::borrow_raw(number) };
    // Whatever this process has opened by itself is closed for its children, so what is open for them was there before
    // us and belongs to nobody here.
    let flags = fcntl_getfd(named).ok().filter(|flags| !flags.contains(FdFlags::CLOEXEC))?;
    fcntl_setfd(named, flags | FdFlags::CLOEXEC).ok()?;
    // SAFETY: it is open, and nobody else in this process owns it (see above).
    Some(File::from(unsafe { OwnedFd::from_raw_fd(number) }))
}
