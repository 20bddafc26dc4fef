//! Where a guest's standard output goes.
//!
//! Captured output waits in a buffer that the embedder empties whenever it holds the call anyway, so that a guest that
//! prints costs no lock hold a line. A full buffer either makes the guest wait (somebody reads it) or drops what does
//! not fit and says how much (a log, which must not grow with the guest's chatter). The buffer of an instance that is
//! made before its call, or serves several, is led to each call anew.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// What a guest may write at once.
const CHUNK: usize = 64 << 10;

/// A guest's stream, as a call configures it.
#[derive(Clone, Default)]
pub enum Sink {
    #[default]
    Discard,
    Capture(Arc<Buffer>),
}

/// What to do with output that nobody has read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Let the guest wait.
    Wait,
    /// Keep this many bytes of the whole call and drop the rest.
    Drop { after: usize },
    /// Drop everything, without counting.
    Discard,
    /// End the guest: nobody will read until it is ready.
    Refuse,
}

/// Captured output.
pub struct Buffer {
    /// Whether what the guest writes ends on a terminal (H-36).
    terminal: AtomicBool,
    state: Mutex<State>,
}

struct State {
    full: Full,
    bytes: Vec<u8>,
    /// Bytes accepted over the whole call.
    accepted: usize,
    dropped: usize,
    waiting: Vec<Waker>,
    /// Nobody reads any more.
    closed: bool,
}

/// What [`Buffer::take`] found.
#[derive(Debug, Default)]
pub struct Taken {
    pub bytes: Vec<u8>,
    /// Bytes that were dropped since the last time.
    pub dropped: usize,
}

impl Buffer {
    pub fn new(full: Full, terminal: bool) -> Self {
        let state =
            State { full, bytes: Vec::new(), accepted: 0, dropped: 0, waiting: Vec::new(), closed: false };
        Buffer { terminal: AtomicBool::new(terminal), state: Mutex::new(state) }
    }

    /// Leads the buffer to another call; what is in it goes there.
    pub fn lead(&self, full: Full, terminal: bool) {
        self.terminal.store(terminal, Ordering::Relaxed);
        let mut state = self.lock();
        (state.full, state.closed, state.accepted) = (full, false, 0);
        let early = std::mem::take(&mut state.bytes);
        state.accept(&early);
    }

    /// Empties the buffer; a guest that waits for room goes on.
    pub fn take(&self) -> Taken {
        let mut state = self.lock();
        state.waiting.drain(..).for_each(Waker::wake);
        Taken { bytes: std::mem::take(&mut state.bytes), dropped: std::mem::take(&mut state.dropped) }
    }

    /// Nobody will read any more: the guest's writes fail.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.bytes.clear();
        state.waiting.drain(..).for_each(Waker::wake);
    }

    pub fn is_empty(&self) -> bool {
        let state = self.lock();
        state.bytes.is_empty() && state.dropped == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, bytes: &[u8]) {
        self.lock().accept(bytes);
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.lock();
        match state.room() {
            0 if !state.closed && state.full == Full::Wait => {
                state.waiting.push(context.waker().clone());
                Poll::Pending
            }
            room => Poll::Ready(room),
        }
    }
}

impl State {
    fn room(&self) -> usize {
        match self.full {
            Full::Wait | Full::Refuse => CHUNK.saturating_sub(self.bytes.len()),
            Full::Drop { .. } | Full::Discard => CHUNK,
        }
    }

    fn accept(&mut self, bytes: &[u8]) {
        let keep = match self.full {
            Full::Wait | Full::Refuse => bytes.len(),
            Full::Drop { after } => bytes.len().min(after.saturating_sub(self.accepted)),
            Full::Discard => return,
        };
        self.bytes.extend_from_slice(&bytes[..keep]);
        self.accepted += keep;
        self.dropped += bytes.len() - keep;
    }
}

/// One guest's handle on a [`Buffer`].
#[derive(Clone)]
pub struct Captured(pub Arc<Buffer>);

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        self.0.terminal.load(Ordering::Relaxed)
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {
        std::future::poll_fn(|context| self.0.poll_room(context)).await;
    }
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let state = self.0.lock();
        match state.room() {
            _ if state.closed => Err(StreamError::Closed),
            0 if state.full == Full::Refuse => {
                Err(StreamError::Trap(wasmtime::Error::msg("nobody reads yet")))
            }
            room => Ok(room),
        }
    }
}

impl AsyncWrite for Captured {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_room(context).map(|room| {
            let fits = bytes.len().min(room);
            self.0.write(&bytes[..fits]);
            Ok(fits)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_first_bytes_and_counts_the_rest() {
        let buffer = Buffer::new(Full::Drop { after: 5 }, false);
        buffer.write(b"abc");
        buffer.write(b"defg");
        let taken = buffer.take();
        assert_eq!((taken.bytes.as_slice(), taken.dropped), (&b"abcde"[..], 2));
        buffer.write(b"more");
        let taken = buffer.take();
        assert_eq!((taken.bytes.as_slice(), taken.dropped), (&b""[..], 4));
    }

    #[test]
    fn a_read_buffer_makes_the_guest_wait() {
        let buffer = Arc::new(Buffer::new(Full::Wait, false));
        let mut guest = Captured(Arc::clone(&buffer));
        buffer.write(&vec![b'x'; CHUNK]);
        assert_eq!(guest.check_write().unwrap(), 0);
        assert_eq!(buffer.take().bytes.len(), CHUNK);
        assert_eq!(guest.check_write().unwrap(), CHUNK);
    }

    #[test]
    fn what_is_written_early_goes_to_the_call() {
        let buffer = Arc::new(Buffer::new(Full::Refuse, false));
        let mut guest = Captured(Arc::clone(&buffer));
        buffer.write(b"early");
        buffer.lead(Full::Drop { after: 4 }, true);
        assert!(guest.is_terminal());
        let taken = buffer.take();
        assert_eq!((taken.bytes.as_slice(), taken.dropped), (&b"earl"[..], 1));
        buffer.lead(Full::Drop { after: 4 }, false);
        buffer.write(b"more");
        assert_eq!(buffer.take().bytes, b"more", "each call has the whole limit");
        buffer.lead(Full::Discard, false);
        buffer.write(b"x");
        assert!(buffer.is_empty() && guest.check_write().is_ok());
    }

    #[test]
    fn too_much_early_output_ends_the_guest() {
        let buffer = Arc::new(Buffer::new(Full::Refuse, false));
        buffer.write(&vec![b'x'; CHUNK]);
        assert!(matches!(Captured(buffer).check_write(), Err(StreamError::Trap(_))));
    }
}
