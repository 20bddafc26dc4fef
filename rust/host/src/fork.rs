//! Noticing a `fork`: threads, timers and fibers of the parent do not exist in the child.
//!
//! A counter rises in every child, so that asking costs one load and works however deep processes fork.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static FORKS: AtomicU64 = AtomicU64::new(0);

/// The process, counted from the first one that loaded this library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

impl Generation {
    pub fn current() -> Self {
        static WATCH: Once = Once::new();
        WATCH.call_once(watch);
        Generation(FORKS.load(Ordering::Relaxed))
    }

    /// How many forks lie between this process and the start of the library.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Whether no fork lies between this process and the start of the library.
    pub fn is_first(self) -> bool {
        self.0 == 0
    }

    pub fn is_current(self) -> bool {
        FORKS.load(Ordering::Relaxed) == self.0
    }
}

/// What only the process that made it may drop: in a child of `fork` a thread of the parent may have held the locks
/// that dropping takes, for ever. It is leaked there.
pub struct Owned<T> {
    inner: ManuallyDrop<T>,
    generation: Generation,
}

impl<T> Owned<T> {
    pub fn new(inner: T) -> Self {
        Owned { inner: ManuallyDrop::new(inner), generation: Generation::current() }
    }

    pub fn into_inner(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither used again nor dropped.
        unsafe { ManuallyDrop::take(&mut this.inner) }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.generation.is_current() {
            // SAFETY: dropped here and nowhere else; `into_inner` forgets `self`.
            unsafe { ManuallyDrop::drop(&mut self.inner) }
        }
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

#[cfg(unix)]
fn watch() {
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler only touches an atomic, which is allowed between `fork` and `exec`. The one way this can
    // fail is lack of memory; then a child is not noticed, as if this module did not exist.
    let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

#[cfg(not(unix))]
fn watch() {}
