//! Opening and closing: whether calls may start, how many run, and whether those should end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Shared by all functions of one table.
#[derive(Debug, Default)]
pub struct Lifecycle {
    closed: AtomicBool,
    cancelled: AtomicBool,
    ended: Notify,
}

impl Lifecycle {
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Refuses new calls.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Ends running calls at their next look.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Waits until running calls are to end.
    pub async fn cancellation(&self) {
        // Made before the look, so that a call of `cancel` in between is not missed.
        let ended = self.ended.notified();
        if !self.is_cancelled() {
            ended.await;
        }
    }
}

/// The calls of one function that are running.
#[derive(Debug, Default)]
pub struct InFlight(AtomicUsize);

impl InFlight {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub fn enter(&self) -> Entered<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Entered(self)
    }
}

/// A call in progress.
pub struct Entered<'a>(&'a InFlight);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}
