//! Where a guest's standard output goes.
//!
//! Captured output waits in a buffer that the embedder empties whenever it holds the call anyway, so that a guest that
//! prints costs no lock hold a line. A full buffer either makes the guest wait (somebody reads it) or drops what does
//! not fit and says how much (a log, which must not grow with the guest's chatter).

use std::io;
use std::pin::Pin;
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
    Capture {
        buffer: Arc<Buffer>,
        /// Whether what the guest writes ends on a terminal (H-36).
        terminal: bool,
    },
}

/// What to do with output that nobody has read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Let the guest wait.
    Wait,
    /// Keep this many bytes of the whole call and drop the rest.
    Drop { after: usize },
}

/// Captured output.
pub struct Buffer {
    full: Full,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
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
    pub fn new(full: Full) -> Self {
        Buffer { full, state: Mutex::default() }
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

    fn room(&self, state: &State) -> usize {
        match self.full {
            Full::Wait => CHUNK.saturating_sub(state.bytes.len()),
            Full::Drop { .. } => CHUNK,
        }
    }

    fn write(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let keep = match self.full {
            Full::Wait => bytes.len(),
            Full::Drop { after } => bytes.len().min(after.saturating_sub(state.accepted)),
        };
        state.bytes.extend_from_slice(&bytes[..keep]);
        state.accepted += keep;
        state.dropped += bytes.len() - keep;
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.lock();
        match self.room(&state) {
            0 if !state.closed => {
                state.waiting.push(context.waker().clone());
                Poll::Pending
            }
            room => Poll::Ready(room),
        }
    }
}

/// One guest's handle on a [`Buffer`].
#[derive(Clone)]
pub struct Captured {
    buffer: Arc<Buffer>,
    terminal: bool,
}

impl Captured {
    pub fn new(buffer: Arc<Buffer>, terminal: bool) -> Self {
        Captured { buffer, terminal }
    }
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        self.terminal
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
        std::future::poll_fn(|context| self.buffer.poll_room(context)).await;
    }
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.buffer.write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let state = self.buffer.lock();
        if state.closed { Err(StreamError::Closed) } else { Ok(self.buffer.room(&state)) }
    }
}

impl AsyncWrite for Captured {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.buffer.poll_room(context).map(|room| {
            let fits = bytes.len().min(room);
            self.buffer.write(&bytes[..fits]);
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
        let buffer = Buffer::new(Full::Drop { after: 5 });
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
        let buffer = Arc::new(Buffer::new(Full::Wait));
        let mut guest = Captured::new(Arc::clone(&buffer), false);
        buffer.write(&vec![b'x'; CHUNK]);
        assert_eq!(guest.check_write().unwrap(), 0);
        assert_eq!(buffer.take().bytes.len(), CHUNK);
        assert_eq!(guest.check_write().unwrap(), CHUNK);
    }
}
