//! Standard input of an instance that is made before its call, or serves several: each call brings its own.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

/// A guest's handle; clones share what there is to read.
#[derive(Debug, Clone, Default)]
pub struct Input(Arc<Mutex<Feed>>);

#[derive(Debug, Default)]
struct Feed {
    /// Absent while no call uses the instance.
    bytes: Option<Bytes>,
    /// Somebody read meanwhile.
    missed: bool,
}

impl Input {
    /// What the call brings.
    pub fn lead(&self, bytes: Bytes) {
        self.lock().bytes = Some(bytes);
    }

    /// Whether the guest read before there was a call: nobody knows what it should have got.
    pub fn was_missed(&self) -> bool {
        self.lock().missed
    }

    fn lock(&self) -> MutexGuard<'_, Feed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None without a call.
    fn take(&self, most: usize) -> Option<Bytes> {
        let mut feed = self.lock();
        match &mut feed.bytes {
            Some(bytes) => Some(bytes.split_to(most.min(bytes.len()))),
            None => {
                feed.missed = true;
                None
            }
        }
    }
}

impl IsTerminal for Input {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Input {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {}
}

impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if self.lock().bytes.as_ref().is_some_and(Bytes::is_empty) {
            return Err(StreamError::Closed);
        }
        self.take(size).ok_or_else(|| StreamError::Trap(wasmtime::Error::msg("no call brings input yet")))
    }
}

impl AsyncRead for Input {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.take(buf.remaining()) {
            Some(bytes) => {
                buf.put_slice(&bytes);
                Ok(())
            }
            None => Err(io::Error::other("no call brings input yet")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_brings_its_own_input() {
        let input = Input::default();
        let mut guest = input.clone();
        input.lead(Bytes::from_static(b"abc"));
        assert_eq!(&guest.read(2).unwrap()[..], b"ab");
        input.lead(Bytes::from_static(b"x"));
        assert_eq!(&guest.read(2).unwrap()[..], b"x");
        assert!(matches!(guest.read(2), Err(StreamError::Closed)));
        assert!(!input.was_missed());
    }

    #[test]
    fn reading_before_the_call_is_noticed() {
        let input = Input::default();
        assert!(matches!(input.clone().read(1), Err(StreamError::Trap(_))));
        assert!(input.was_missed());
    }
}
