//! What the component call in progress on this thread expects back.
//!
//! A thread-local, because wasmtime lifts through a function without `self`. Calls nest through host functions, so each
//! scope restores what was there before; fibers move between threads, so the scope of an asynchronous call is that of a
//! poll, on the stack of whoever resumes the fiber.

use std::cell::Cell;
use std::ptr;

use super::Ty;

/// The result of a call.
pub(super) struct Expected<'a> {
    pub result: Option<&'a Ty>,
    /// Bytes it may have.
    pub limit: usize,
}

thread_local! {
    static EXPECTED: Cell<*const Expected<'static>> = const { Cell::new(ptr::null()) };
}

/// Makes an expectation current until dropped.
pub(super) struct Scope {
    previous: *const Expected<'static>,
}

impl Scope {
    pub fn enter(expected: &Expected<'_>) -> Self {
        Self { previous: replace(ptr::from_ref(expected).cast()) }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        replace(self.previous);
    }
}

/// Gives `use_it` the innermost expectation, if there is any.
pub(super) fn with_current<R>(use_it: impl FnOnce(&Expected<'_>) -> R) -> Option<R> {
    let current = get();
    // SAFETY: null, or the pointer of a `Scope` that has not been dropped: it is further down this thread's stack, or on
    // the stack of the poll that resumed this fiber. `use_it` cannot keep the reference.
    unsafe { current.as_ref() }.map(use_it)
}

// Never inlined: a function of a fiber that goes on on another thread must not keep the address of the first one's
// variable.
#[inline(never)]
fn replace(new: *const Expected<'static>) -> *const Expected<'static> {
    EXPECTED.replace(new)
}

#[inline(never)]
fn get() -> *const Expected<'static> {
    EXPECTED.get()
}
