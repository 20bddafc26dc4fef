//! Streams of TCP that count what they carry.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use crate::net::guest::GuestNetwork;
use crate::net::quota::Over;

/// Has the two streams of a connection count for `guest`.
pub fn count(
    table: &mut ResourceTable,
    guest: &Arc<GuestNetwork>,
    input: &Resource<DynInputStream>,
    output: &Resource<DynOutputStream>,
) -> wasmtime::Result<()> {
    let stream = table.get_mut(input)?;
    let inner = std::mem::replace(stream, Box::new(Gone));
    *stream = Box::new(Input { inner, guest: Arc::clone(guest) });
    let stream = table.get_mut(output)?;
    let inner = std::mem::replace(stream, Box::new(Gone));
    *stream = Box::new(Output { inner, guest: Arc::clone(guest) });
    Ok(())
}

/// What an operation fails with that takes a guest over a limit.
fn within(guest: &GuestNetwork, counted: Result<(), Over>) -> StreamResult<()> {
    let told = guest.access.within(counted);
    told.map_err(|over| StreamError::LastOperationFailed(wasmtime::Error::msg(guest.access.over(over))))
}

struct Input {
    inner: DynInputStream,
    guest: Arc<GuestNetwork>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.inner.read(size)?;
        within(&self.guest, self.guest.meter.receive(bytes.len()))?;
        Ok(bytes)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

struct Output {
    inner: DynOutputStream,
    guest: Arc<GuestNetwork>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        within(&self.guest, self.guest.meter.send(bytes.len()))?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// Stands in while a stream is wrapped.
struct Gone;

#[wasmtime_wasi::async_trait]
impl Pollable for Gone {
    async fn ready(&mut self) {}
}

impl InputStream for Gone {
    fn read(&mut self, _: usize) -> StreamResult<Bytes> {
        Err(StreamError::Closed)
    }
}

impl OutputStream for Gone {
    fn write(&mut self, _: Bytes) -> StreamResult<()> {
        Err(StreamError::Closed)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Err(StreamError::Closed)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Err(StreamError::Closed)
    }
}
