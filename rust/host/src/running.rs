//! The calls that this thread is in the middle of.
//!
//! An embedder's code runs inside calls in many places: callees, receivers of output, hooks, signal handlers. When it
//! calls a function again on the same thread, the call further down cannot end before; its permits stay taken, and its
//! part of the stack stays used. Both are looked at before a call starts.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::pool::Pool;

thread_local! {
    /// Addresses of the pools: the calls keep them alive.
    static POOLS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// A call on this thread, until dropped.
pub struct Running {
    // Dropped on the thread that made it.
    _not_send: PhantomData<*const ()>,
}

impl Running {
    pub fn enter(pool: &Pool) -> Self {
        POOLS.with_borrow_mut(|pools| pools.push(pool.address()));
        Running { _not_send: PhantomData }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        POOLS.with_borrow_mut(Vec::pop);
    }
}

/// How many calls this thread is in the middle of.
pub fn depth() -> usize {
    POOLS.with_borrow(Vec::len)
}

/// How many of them hold a permit of `pool`.
pub fn holding(pool: &Pool) -> usize {
    POOLS.with_borrow(|pools| pools.iter().filter(|running| **running == pool.address()).count())
}
