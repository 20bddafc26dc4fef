//! What the coroutines of a call wait for outside: futures with numbers, by which the kernel knows who waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{FuturesUnordered, StreamExt};
use mlua::Lua;

use crate::host::{Outcome, Waiting};

type Numbered = Abortable<std::pin::Pin<Box<dyn Future<Output = (i64, Outcome)> + Send>>>;

/// Operations of the running call. Cheap to clone.
#[derive(Clone, Default)]
pub struct Operations(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    last: i64,
    /// Started, and not yet where they are polled.
    started: Vec<Numbered>,
    /// How to drop each, and the bytes it holds outside of the state.
    running: HashMap<i64, (AbortHandle, usize)>,
    held: usize,
}

impl Operations {
    /// Starts one; its number.
    pub fn start(&self, waiting: Waiting) -> i64 {
        self.start_holding(0, waiting)
    }

    /// Whether operations may hold so many bytes more, where `most` is what all may.
    pub fn has_room(&self, bytes: usize, most: usize) -> bool {
        let held = self.lock().held;
        held == 0 || held.saturating_add(bytes) <= most
    }

    /// Starts one that holds so many bytes outside of the state.
    pub fn start_holding(&self, bytes: usize, waiting: Waiting) -> i64 {
        let mut inner = self.lock();
        inner.held = inner.held.saturating_add(bytes);
        inner.last += 1;
        let number = inner.last;
        let (handle, registration) = AbortHandle::new_pair();
        inner.running.insert(number, (handle, bytes));
        inner.started.push(Abortable::new(Box::pin(async move { (number, waiting.await) }), registration));
        number
    }

    /// Drops what it is doing; nobody waits for it any more.
    pub fn cancel(&self, number: i64) {
        if let Some(handle) = self.end(number) {
            handle.abort();
        }
    }

    fn take_started(&self) -> Vec<Numbered> {
        std::mem::take(&mut self.lock().started)
    }

    fn end(&self, number: i64) -> Option<AbortHandle> {
        let mut inner = self.lock();
        let (handle, bytes) = inner.running.remove(&number)?;
        inner.held -= bytes;
        Some(handle)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operations of a state.
pub fn operations(lua: &Lua) -> mlua::Result<Operations> {
    let found = lua.app_data_ref::<Operations>().map(|operations| operations.clone());
    found.ok_or_else(|| mlua::Error::runtime("the worker has no operations"))
}

/// Starts an operation for the program.
pub fn start(lua: &Lua, waiting: Waiting) -> mlua::Result<i64> {
    Ok(operations(lua)?.start(waiting))
}

/// Polls the operations of one call.
pub(crate) struct Poller {
    operations: Operations,
    running: FuturesUnordered<Numbered>,
}

impl Poller {
    pub fn new(operations: &Operations) -> Self {
        Poller { operations: operations.clone(), running: FuturesUnordered::new() }
    }

    /// Waits for one to finish. Never comes back where there is none.
    pub async fn next(&mut self) -> (i64, Outcome) {
        loop {
            self.running.extend(self.operations.take_started());
            match self.running.next().await {
                Some(Ok((number, outcome))) => {
                    self.operations.end(number);
                    return (number, outcome);
                }
                // It was cancelled.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// One that has finished, if any has.
    pub async fn try_next(&mut self) -> Option<(i64, Outcome)> {
        let mut next = std::pin::pin!(self.next());
        std::future::poll_fn(|context| match next.as_mut().poll(context) {
            std::task::Poll::Ready(finished) => std::task::Poll::Ready(Some(finished)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        let mut inner = self.operations.lock();
        inner.running.clear();
        inner.held = 0;
        inner.started.clear();
    }
}
