//! The process's own stdout and stderr, written without ever waiting for who reads them.
//!
//! A pipe that nobody empties must not hold a call past its deadline. What there is no room for stays with the caller,
//! who tries again. The descriptors belong to the process and are shared with its children, so they are never made
//! non-blocking; each write asks not to wait instead, in the way that its kind of descriptor has.

use std::io;

#[cfg(unix)]
pub use unix::write;

#[cfg(not(unix))]
pub fn write(fd: u8, pending: &mut Vec<u8>) -> io::Result<()> {
    use io::Write as _;
    let bytes = std::mem::take(pending);
    match fd {
        1 => io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()),
        _ => io::stderr().write_all(&bytes),
    }
}

pub fn is_terminal(fd: u8) -> bool {
    use io::IsTerminal as _;
    if fd == 1 { io::stdout().is_terminal() } else { io::stderr().is_terminal() }
}

#[cfg(unix)]
#[path = "inherited_unix.rs"]
mod unix;
