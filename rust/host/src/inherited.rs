//! The process's own stdout and stderr, written without ever waiting for who reads them.
//!
//! A pipe that nobody empties must not hold a call past its deadline. A pipe that says it can be written has room for
//! `PIPE_BUF` bytes, so pieces of that size never wait; the rest stays with the caller, who tries again.

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
mod unix {
    use std::io;

    /// Writes what there is room for, and takes it off `pending`.
    pub fn write(fd: u8, pending: &mut Vec<u8>) -> io::Result<()> {
        let mut written = 0;
        let result = loop {
            if written == pending.len() {
                break Ok(());
            }
            match has_room(fd) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
            match write_piece(fd, &pending[written..]) {
                Ok(size) => written += size,
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                {
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        pending.drain(..written);
        result
    }

    fn has_room(fd: u8) -> io::Result<bool> {
        let mut asked = libc::pollfd { fd: i32::from(fd), events: libc::POLLOUT, revents: 0 };
        // SAFETY: one descriptor, which `poll` writes back to.
        match unsafe { libc::poll(&raw mut asked, 1, 0) } {
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => Ok(false),
            -1 => Err(io::Error::last_os_error()),
            // Also where it is closed or broken: the write tells.
            ready => Ok(ready > 0),
        }
    }

    fn write_piece(fd: u8, bytes: &[u8]) -> io::Result<usize> {
        let size = bytes.len().min(libc::PIPE_BUF);
        // SAFETY: the bytes are valid for reads of `size`.
        let written = unsafe { libc::write(i32::from(fd), bytes.as_ptr().cast(), size) };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }
}
