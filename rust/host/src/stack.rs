//! How much native stack the calling thread has left.
//!
//! wasmtime checks a guest's use of stack against a limit of its own, not against the thread's: on a thread with less
//! stack than that, endless guest recursion would run into the guard page and end the process. Such threads (Python's
//! `threading.stack_size(256 * 1024)`, musl's defaults) run guests on a fiber, which brings its own stack.

use std::cell::Cell;

use crate::engine::GUEST_STACK;

/// What the host's own functions may need below a guest that used up its stack.
pub const MARGIN: usize = 256 << 10;

/// What a call made by a guest's callee needs to run, and to fail in an orderly way.
const NESTED: usize = 48 << 10;

/// What one call of a script may take: Lua has limits of its own on what calls itself inside it.
const SCRIPT: usize = 384 << 10;
/// Polls of scripts inside each other where nothing is known of the stack, which is a fiber's then: a level takes some
/// 15 KiB, and where a program has called much inside itself 110 more, though not on every level (see `now` in
/// `rust/lua/src/modules/funcs.rs`). Fibers have a megabyte beyond what guests use.
const POLLED: u32 = 16;
/// A further stack for scripts.
const SEGMENT: usize = 1 << 20;

thread_local! {
    /// Polls of scripts inside each other.
    static POLLS: Cell<u32> = const { Cell::new(0) };
    /// This thread's stack; asked for once, because asking reads `/proc` on the main thread.
    static STACK: Cell<Option<Option<Bounds>>> = const { Cell::new(None) };
}

/// The lowest address of a stack, and the one above its highest.
#[derive(Clone, Copy)]
struct Bounds {
    lowest: usize,
    end: usize,
}

/// Whether a guest may run directly on this thread's stack.
pub fn has_room_for_guest() -> bool {
    left().is_some_and(|left| left >= GUEST_STACK + MARGIN)
}

/// Whether a callee on this thread may call a guest again. Where nothing is known of the stack, the depth limit alone
/// decides.
pub fn has_room_for_nested_call() -> bool {
    left().is_none_or(|left| left >= NESTED)
}

/// Polls a script, on a further stack where this one may be too small.
pub fn polled<R>(poll: impl FnOnce() -> R) -> R {
    let polls = POLLS.get() + 1;
    POLLS.set(polls);
    let _restored = Restored(|| POLLS.set(polls - 1));
    let has_room = match left() {
        Some(left) => left >= SCRIPT,
        None => !polls.is_multiple_of(POLLED),
    };
    if has_room { poll() } else { on_a_further_stack(poll) }
}

fn on_a_further_stack<R>(work: impl FnOnce() -> R) -> R {
    stacker::grow(SEGMENT, || {
        let here = ptr_to_here();
        // All that is called from here is below.
        let bounds = Bounds { lowest: here.saturating_sub(SEGMENT), end: here };
        let stack = STACK.replace(Some(Some(bounds)));
        let _restored = Restored(|| STACK.set(stack));
        work()
    })
}

/// Puts something back, also where a panic passes by.
struct Restored<F: Fn()>(F);

impl<F: Fn()> Drop for Restored<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Bytes below here on this thread's stack; none where nothing is known of it, or this is another one.
fn left() -> Option<usize> {
    let bounds = STACK.get().unwrap_or_else(|| {
        let bounds = bounds();
        STACK.set(Some(bounds));
        bounds
    });
    let (here, Bounds { lowest, end }) = (ptr_to_here(), bounds?);
    (lowest..end).contains(&here).then(|| here - lowest)
}

#[inline(never)]
fn ptr_to_here() -> usize {
    let marker = 0u8;
    (&raw const marker).addr()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn bounds() -> Option<Bounds> {
    // SAFETY: plain calls of the documented sequence; `attr` is initialised by the first and destroyed by the last.
    unsafe {
        let mut attr: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attr) != 0 {
            return None;
        }
        let (mut address, mut size) = (std::ptr::null_mut(), 0);
        let got = libc::pthread_attr_getstack(&raw const attr, &raw mut address, &raw mut size);
        libc::pthread_attr_destroy(&raw mut attr);
        (got == 0).then(|| Bounds { lowest: address.addr(), end: address.addr().saturating_add(size) })
    }
}

#[cfg(target_vendor = "apple")]
fn bounds() -> Option<Bounds> {
    // SAFETY: both functions only read the calling thread's own attributes.
    unsafe {
        let this = libc::pthread_self();
        let end = libc::pthread_get_stackaddr_np(this).addr();
        Some(Bounds { lowest: end - libc::pthread_get_stacksize_np(this), end })
    }
}

/// Elsewhere nothing is known: every call takes a fiber, which is safe and costs about a microsecond.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn bounds() -> Option<Bounds> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room_on_a_thread_with(bytes: usize) -> bool {
        std::thread::Builder::new().stack_size(bytes).spawn(has_room_for_guest).unwrap().join().unwrap()
    }

    #[test]
    fn small_stacks_are_noticed() {
        // The C library may give a new thread the stack of one that ended, up to four times as large.
        assert!(!room_on_a_thread_with(256 << 10));
        assert!(room_on_a_thread_with(8 << 20));
    }
}
