//! Keeping wasmtime's trap handlers in front of everybody else's.
//!
//! wasmtime turns `unreachable`, divisions by zero and accesses out of bounds into traps by catching `SIGILL`, `SIGFPE`
//! and `SIGSEGV`. It installs its handlers once. A library that installs its own later (`faulthandler.enable()` after
//! the first engine, `faulthandler.disable()` when it was on before) takes the signals away, and the next trap ends the
//! process. `signals_based_traps(false)` would need no signals, but it replaces guard pages by bounds checks in every
//! access and drops the Spectre mitigations of those checks, which untrusted code should not be given.
//!
//! So we stand in front: before every call, and at every tick while calls run, one `sigaction` call (60 ns) tells
//! whether our handler is still first; where it is not, it is put there again and remembers who was. A fault inside
//! guest code goes to wasmtime, every other to whoever came before, so that `faulthandler` still reports real crashes.
//! What remains: a library that installs handlers from another thread, less than a tick before a guest of that moment
//! traps.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Code of loaded modules. Readers are signal handlers: they may not lock, so old tables are leaked, not freed. A
/// table is a few dozen bytes a module, and one is made for each module loaded.
static CODE: AtomicPtr<Vec<Range<usize>>> = AtomicPtr::new(std::ptr::null_mut());
static CODE_WRITER: Mutex<()> = Mutex::new(());

/// Makes the code of a module known to the handler.
pub fn register_code(range: Range<*const u8>) {
    let _writer = CODE_WRITER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut ranges = code().to_vec();
    ranges.push(range.start.addr()..range.end.addr());
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup();
    CODE.store(Box::into_raw(Box::new(ranges)), Ordering::Release);
}

fn code() -> &'static [Range<usize>] {
    // SAFETY: null or leaked by `register_code`, never changed afterwards.
    unsafe { CODE.load(Ordering::Acquire).as_ref() }.map_or(&[], Vec::as_slice)
}

#[cfg_attr(not(unix), expect(dead_code, reason = "only the Unix handler asks"))]
fn is_guest_code(pc: usize) -> bool {
    let ranges = code();
    let after = ranges.partition_point(|range| range.start <= pc);
    ranges[..after].iter().rev().any(|range| range.contains(&pc))
}

#[cfg(unix)]
pub use unix::{ensure_in_front, installed_by_wasmtime};

#[cfg(not(unix))]
pub fn installed_by_wasmtime() {}

#[cfg(not(unix))]
pub fn ensure_in_front() {}

#[cfg(unix)]
#[path = "signals_unix.rs"]
mod unix;
