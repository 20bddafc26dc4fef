//! The Unix half of [`super`]: writes that return instead of waiting.
//!
//! Asking whether there is room and then writing is not enough: another thread, or another process with the same pipe,
//! may take the room between the two, and the write waits for ever. So the kernel is asked not to wait at all: with a
//! flag on the write (pipes, sockets) or through a description of our own of the same pipe or terminal. Only where
//! neither exists do we ask first; then a lock keeps at least the calls of this process apart.

use std::io;
use std::os::fd::RawFd;
use std::sync::{Mutex, TryLockError};

/// Writes what there is room for, and takes it off `pending`.
pub fn write(fd: u8, pending: &mut Vec<u8>) -> io::Result<()> {
    write_with(write_some, RawFd::from(fd), pending)
}

/// A write that does not wait: how much it wrote, or `WouldBlock`.
type Way = fn(RawFd, &[u8]) -> io::Result<usize>;

fn write_with(way: Way, fd: RawFd, pending: &mut Vec<u8>) -> io::Result<()> {
    let mut written = 0;
    let mut result = Ok(());
    while written < pending.len() {
        match way(fd, &pending[written..]) {
            Ok(size) => written += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                result = if error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(error) };
                break;
            }
        }
    }
    pending.drain(..written);
    result
}

fn write_some(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let ways: &[Way] = match kind(fd)? {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        libc::S_IFIFO => &[linux::with_flag, linux::reopened],
        #[cfg(any(target_os = "linux", target_os = "android"))]
        libc::S_IFCHR => &[linux::reopened],
        libc::S_IFSOCK => &[send],
        // A file has no reader to wait for.
        libc::S_IFREG => &[plain],
        _ => &[],
    };
    for way in ways {
        match way(fd, bytes) {
            // Not known to this kernel, or not allowed in this sandbox: a real failure shows again below.
            Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            }
            done => return done,
        }
    }
    asking_first(fd, bytes)
}

/// The file type bits of what a descriptor refers to.
fn kind(fd: RawFd) -> io::Result<libc::mode_t> {
    // SAFETY: `stat` is plain data, written by the call.
    let info = unsafe {
        let mut info: libc::stat = std::mem::zeroed();
        if libc::fstat(fd, &raw mut info) != 0 {
            return Err(io::Error::last_os_error());
        }
        info
    };
    Ok(info.st_mode & libc::S_IFMT)
}

fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are valid for reads of their length.
    outcome(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) })
}

/// A pipe that says it can be written has room for `PIPE_BUF` bytes, unless somebody else takes it.
fn asking_first(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // Whoever holds it may be stuck in a write that another process made wait: that must not hold this call too.
    let _lock = match ONE_AT_A_TIME.try_lock() {
        Ok(lock) => lock,
        Err(TryLockError::Poisoned(lock)) => lock.into_inner(),
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
    };
    if !has_room(fd)? {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    plain(fd, &bytes[..bytes.len().min(libc::PIPE_BUF)])
}

fn has_room(fd: RawFd) -> io::Result<bool> {
    let mut asked = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one descriptor, which `poll` writes back to.
    match unsafe { libc::poll(&raw mut asked, 1, 0) } {
        -1 => Err(io::Error::last_os_error()),
        // Also where it is closed or broken: the write tells.
        ready => Ok(ready > 0),
    }
}

fn plain(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are valid for reads of their length.
    outcome(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

fn outcome(written: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::fs::OpenOptions;
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::fs::OpenOptionsExt;

    use super::{outcome, plain};

    /// Pipes know the flag since Linux 6.4. The system call is made directly, as older C libraries lack its wrapper.
    pub fn with_flag(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        let piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        // No position, in both halves: a pipe has none.
        let none: libc::c_long = -1;
        // SAFETY: one piece, valid for reads of its length; the kernel does not write to it.
        let written = unsafe {
            libc::syscall(libc::SYS_pwritev2, fd, &raw const piece, 1, none, none, libc::RWF_NOWAIT)
        };
        outcome(written as libc::ssize_t)
    }

    /// A description of our own, for this one write: kept open it would hide from the reader that the process closed
    /// its end.
    pub fn reopened(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        let own = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(format!("/proc/self/fd/{fd}"))?;
        plain(own.as_raw_fd(), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::{PipeReader, PipeWriter, Read as _, pipe};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixStream;

    const PIECE: usize = 200_000;

    /// Fills what `fd` refers to, and says how much was written. A way that waits never returns.
    fn fill(way: Way, fd: RawFd) -> usize {
        let mut total = 0;
        loop {
            let mut pending = vec![b'x'; PIECE];
            write_with(way, fd, &mut pending).unwrap();
            total += PIECE - pending.len();
            if pending.len() == PIECE {
                return total;
            }
        }
    }

    fn fills_a_pipe(way: Way) {
        let (mut reader, writer): (PipeReader, PipeWriter) = pipe().unwrap();
        let written = fill(way, writer.as_raw_fd());
        assert!(written >= libc::PIPE_BUF);
        // SAFETY: asks for flags only.
        let flags = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0, "the process's own descriptor still waits");
        drop(writer);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read.len(), written);
    }

    #[test]
    fn a_full_pipe_takes_nothing_more() {
        fills_a_pipe(write_some);
        fills_a_pipe(asking_first);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_pipe_takes_nothing_more_through_a_description_of_our_own() {
        fills_a_pipe(linux::reopened);
    }

    #[test]
    fn a_full_socket_takes_nothing_more() {
        let (_reader, writer) = UnixStream::pair().unwrap();
        assert!(fill(write_some, writer.as_raw_fd()) > 0);
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_and_keeps_what_was_not_written() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut pending = b"gone".to_vec();
        let error = write_with(write_some, writer.as_raw_fd(), &mut pending).unwrap_err();
        assert_eq!((error.kind(), pending.len()), (io::ErrorKind::BrokenPipe, 4));
    }

    #[test]
    fn a_file_takes_everything() {
        let path = std::env::temp_dir().join(format!("wippy-inherited-{}", std::process::id()));
        let file = std::fs::File::create_new(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut pending = vec![b'x'; PIECE];
        write_with(write_some, file.as_raw_fd(), &mut pending).unwrap();
        assert_eq!((pending.len(), file.metadata().unwrap().len()), (0, PIECE as u64));
    }
}
