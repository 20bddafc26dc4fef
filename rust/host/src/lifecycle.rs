//! Opening and closing: whether calls may start, and whether running ones should end.

use std::sync::atomic::{AtomicBool, Ordering};

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
