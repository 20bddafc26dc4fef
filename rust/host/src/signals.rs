//! Keeping wasmtime's trap handlers in front of everybody else's.
//!
//! wasmtime turns `unreachable`, divisions by zero and accesses out of bounds into traps by catching `SIGILL`, `SIGFPE`
//! and `SIGSEGV`. It installs its handlers once. A library that installs its own later (`faulthandler.enable()` after
//! the first engine, `faulthandler.disable()` when it was on before) takes the signals away, and the next trap ends the
//! process. `signals_based_traps(false)` would need no signals, but it replaces guard pages by bounds checks in every
//! access and drops the Spectre mitigations of those checks, which untrusted code should not be given.
//!
//! So we stand in front, and look often whether we still do: at every tick while calls run, when the first call after
//! a pause starts, after every piece of the embedder's code that ran inside a call, and whenever the embedder knows of a
//! change. Asking costs a system call (0.25 us where those are slow), too much for every call. Where our handler is not
//! first, it is put there again and remembers who was. A fault inside guest code goes to wasmtime, every other to
//! whoever came before, so that `faulthandler` still reports real crashes.
//!
//! Between two looks another handler may be in front when a guest traps. Those of Python's kind report, put back what
//! was there before (us) and raise the signal again; we let that one pass, the instruction runs again, faults again, and
//! now the fault is ours: the guest's call ends with its trap, and only a needless report was written. What remains is a
//! handler that ends the process at once, installed less than a tick before a guest traps. The default action is one, and
//! what `faulthandler.disable()` puts back where it was enabled before the engine.

use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The code of one module, and of those registered before it.
struct Code {
    range: Range<usize>,
    earlier: *const Code,
}

/// Code of every module loaded so far. Its readers are signal handlers, which may not lock, so that entries are never
/// freed: 24 bytes for each module ever loaded.
static LATEST: AtomicPtr<Code> = AtomicPtr::new(ptr::null_mut());

/// Makes the code of a module known to the handler.
pub fn register_code(range: Range<*const u8>) {
    let range = range.start.addr()..range.end.addr();
    if is_registered(&range) {
        return;
    }
    let code = Box::into_raw(Box::new(Code { range, earlier: ptr::null() }));
    let mut latest = LATEST.load(Ordering::Acquire);
    loop {
        // SAFETY: not published yet.
        unsafe { (*code).earlier = latest };
        match LATEST.compare_exchange_weak(latest, code, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(newer) => latest = newer,
        }
    }
}

fn ranges() -> impl Iterator<Item = &'static Range<usize>> {
    let mut next = LATEST.load(Ordering::Acquire).cast_const();
    std::iter::from_fn(move || {
        // SAFETY: null, or published by `register_code` and never changed or freed.
        let code = unsafe { next.as_ref() }?;
        next = code.earlier;
        Some(&code.range)
    })
}

/// A module loaded again often gets the addresses it had before.
fn is_registered(range: &Range<usize>) -> bool {
    ranges().any(|known| known == range)
}

#[cfg_attr(not(unix), expect(dead_code, reason = "only the Unix handler asks"))]
fn is_guest_code(pc: usize) -> bool {
    ranges().any(|range| range.contains(&pc))
}

#[cfg(unix)]
pub use unix::{InGuest, ensure_in_front, installed_by_wasmtime};

#[cfg(not(unix))]
pub fn installed_by_wasmtime() {}

#[cfg(not(unix))]
pub fn ensure_in_front() {}

#[cfg(not(unix))]
pub struct InGuest;

#[cfg(not(unix))]
impl InGuest {
    pub fn enter() -> Self {
        InGuest
    }
}

#[cfg(unix)]
#[path = "signals_unix.rs"]
mod unix;
