//! Room for connections of HTTP: each takes a file descriptor of the process, idle or not.
//!
//! A runtime's connections take a quarter of the process's descriptors at most. Where all of that is in use, an idle one
//! of any function is closed for the one that is needed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::http::pool::Pool;
use crate::imports::filesystem::descriptors;

/// Where the process may open very many.
const MOST: usize = 16_384;
const LEAST: usize = 8;

/// See the module's documentation.
pub struct Descriptors {
    open: AtomicUsize,
    pub most: usize,
    pools: Mutex<Vec<Weak<Pool>>>,
}

impl Descriptors {
    pub fn new() -> Arc<Descriptors> {
        let most = (descriptors() / 4).clamp(LEAST, MOST);
        Arc::new(Descriptors { open: AtomicUsize::new(0), most, pools: Mutex::default() })
    }

    /// Has the idle connections of `pool` closed where others need the room.
    pub fn watch(&self, pool: &Arc<Pool>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(pool));
    }

    /// Room for one more; none if all are in use.
    pub fn take(self: &Arc<Self>) -> Option<Descriptor> {
        loop {
            let more = |open| (open < self.most).then_some(open + 1);
            if self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok() {
                return Some(Descriptor(Arc::clone(self)));
            }
            if !self.close_idle() {
                return None;
            }
        }
    }

    /// Closes an idle connection, if there is one.
    fn close_idle(&self) -> bool {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner).clone();
        pools.iter().filter_map(Weak::upgrade).any(|pool| pool.drop_one())
    }
}

/// Room for one connection, until dropped.
pub struct Descriptor(Arc<Descriptors>);

impl Drop for Descriptor {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}
