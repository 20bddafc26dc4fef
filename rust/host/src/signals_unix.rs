//! The Unix half of [`super`]: the handler, and putting it in front.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use libc::{sigaction, siginfo_t};

use super::is_guest_code;

/// What wasmtime catches.
const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGBUS];

/// The handlers behind ours, for one signal. Never changed once published, never freed: a handler may be reading it.
struct Behind {
    /// wasmtime's own.
    wasmtime: sigaction,
    /// Whoever was in front when we last took the place.
    other: sigaction,
}

type Published = [AtomicPtr<Behind>; SIGNALS.len()];

/// Behind [`first_handler`]: who was there when the engine was made.
static AT_FIRST: Published = [const { AtomicPtr::new(ptr::null_mut()) }; SIGNALS.len()];
/// Behind [`later_handler`]: who took our place last.
static LATER: Published = [const { AtomicPtr::new(ptr::null_mut()) }; SIGNALS.len()];
static READY: AtomicBool = AtomicBool::new(false);
static INSTALL: Mutex<()> = Mutex::new(());
/// The thread whose fault is being passed on; its next one ends the process.
static REPORTING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Calls on this thread that may be inside a guest. Constant and without a destructor: the handler reads it.
    static GUESTS: Cell<u32> = const { Cell::new(0) };
    /// A signal raised again was let pass: the next fault that is no guest's is final.
    static PASSED: Cell<bool> = const { Cell::new(false) };
}

/// A call on this thread that may run guest code, until dropped.
pub struct InGuest(());

impl InGuest {
    pub fn enter() -> Self {
        GUESTS.set(GUESTS.get() + 1);
        InGuest(())
    }
}

impl Drop for InGuest {
    fn drop(&mut self) {
        GUESTS.set(GUESTS.get() - 1);
    }
}

/// To be called once wasmtime's first engine exists.
pub fn installed_by_wasmtime() {
    let _lock = INSTALL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if READY.load(Ordering::Acquire) {
        return;
    }
    for (index, signal) in SIGNALS.into_iter().enumerate() {
        let current = current(signal);
        // What wasmtime delegates to is known to wasmtime alone: a fault outside guest code goes to it the first time.
        publish(&AT_FIRST[index], Behind { wasmtime: current, other: current });
    }
    READY.store(true, Ordering::Release);
    for signal in SIGNALS {
        install(signal, first_handler);
    }
}

/// Puts our handler back in front where another took its place. Each signal is asked about: a program may well set one
/// of them alone.
pub fn ensure_in_front() {
    if READY.load(Ordering::Acquire) && !SIGNALS.into_iter().all(|signal| is_ours(&current(signal))) {
        take_front();
    }
}

#[cold]
fn take_front() {
    let _lock = INSTALL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (index, signal) in SIGNALS.into_iter().enumerate() {
        let current = current(signal);
        let Some(at_first) = read(&AT_FIRST[index]) else { continue };
        if is_ours(&current) {
            continue;
        }
        let known = read(&LATER[index]).is_some_and(|later| {
            current.sa_sigaction == later.other.sa_sigaction && current.sa_flags == later.other.sa_flags
        });
        if !known {
            publish(&LATER[index], Behind { wasmtime: at_first.wasmtime, other: current });
        }
        install(signal, later_handler);
    }
}

fn publish(place: &AtomicPtr<Behind>, behind: Behind) {
    place.store(Box::into_raw(Box::new(behind)), Ordering::Release);
}

fn read(place: &AtomicPtr<Behind>) -> Option<&'static Behind> {
    // SAFETY: null, or leaked by `publish`.
    unsafe { place.load(Ordering::Acquire).as_ref() }
}

fn current(signal: c_int) -> sigaction {
    // SAFETY: asks only; `action` is fully written, or stays zeroed (the default action) if the signal is unknown.
    unsafe {
        let mut action: sigaction = mem::zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut action);
        action
    }
}

fn is_ours(action: &sigaction) -> bool {
    [first_handler as Handler, later_handler]
        .into_iter()
        .any(|ours| action.sa_sigaction == (ours as *const ()).addr())
}

fn install(signal: c_int, handler: Handler) {
    // SAFETY: the flags are those wasmtime's handler asks for: it needs the registers, an alternate stack, and may be
    // entered again while it runs.
    unsafe {
        let mut action: sigaction = mem::zeroed();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_ONSTACK;
        action.sa_sigaction = (handler as *const ()).addr();
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Installed with the engine. Where it is in front again, everybody who came later has taken themselves out: a handler
/// like faulthandler's, switched off, puts back what it found, and then passes on nothing any more.
extern "C" fn first_handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    handle(&AT_FIRST, signal, info, context);
}

/// Installed in front of whoever came later.
extern "C" fn later_handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    handle(&LATER, signal, info, context);
}

fn handle(places: &Published, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(index) = SIGNALS.iter().position(|known| *known == signal) else { return };
    let Some(behind) = read(&places[index]) else { return default_action(signal) };
    // SAFETY: the kernel gave both.
    let (raised, pc) = unsafe { ((*info).si_code <= 0, program_counter(context)) };
    if raised {
        // Not a fault: somebody raised the signal again who was in front of us (see the module's documentation).
        if GUESTS.get() > 0 && !PASSED.replace(true) {
            return;
        }
    } else if is_guest_code(pc) {
        PASSED.set(false);
        return delegate(&behind.wasmtime, signal, info, context);
    }
    if PASSED.replace(false) {
        return default_action(signal);
    }
    // A crash of the host. Handlers such as faulthandler's report, put back what was there before them (us) and raise
    // the signal again: then there is nothing left to report.
    // SAFETY: names the calling thread, no more.
    let this = unsafe { libc::pthread_self() } as usize;
    if REPORTING.swap(this, Ordering::SeqCst) == this {
        return default_action(signal);
    }
    delegate(&behind.other, signal, info, context);
    // Handlers that mend the fault return: the thread may fault again later.
    REPORTING.store(0, Ordering::SeqCst);
}

fn delegate(to: &sigaction, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let address = to.sa_sigaction;
    if address == libc::SIG_DFL || address == libc::SIG_IGN {
        return default_action(signal);
    }
    // SAFETY: the address was installed as a handler of the kind that its flags say.
    unsafe {
        if to.sa_flags & libc::SA_SIGINFO != 0 {
            let call: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = mem::transmute(address);
            call(signal, info, context);
        } else {
            let call: extern "C" fn(c_int) = mem::transmute(address);
            call(signal);
        }
    }
}

/// Lets the fault happen again without a handler, so that the process ends as it would have without us.
fn default_action(signal: c_int) {
    // SAFETY: `sigaction` and `raise` may be called in a handler.
    unsafe {
        let mut action: sigaction = mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const action, ptr::null_mut());
        libc::raise(signal);
    }
}

/// The instruction that faulted.
///
/// # Safety
/// `context` is what the kernel gave a handler installed with `SA_SIGINFO`.
unsafe fn program_counter(context: *mut c_void) -> usize {
    // SAFETY: promised by the caller.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    cfg_select! {
        all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64") => {
            context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
        }
        all(any(target_os = "linux", target_os = "android"), target_arch = "aarch64") => {
            context.uc_mcontext.pc as usize
        }
        all(any(target_os = "linux", target_os = "android"), target_arch = "riscv64") => {
            context.uc_mcontext.__gregs[libc::REG_PC] as usize
        }
        all(target_os = "linux", target_arch = "s390x") => {
            // The address points behind the instruction there: one back lies within it.
            (context.uc_mcontext.psw.addr - 1) as usize
        }
        all(target_vendor = "apple", target_arch = "x86_64") => {
            // SAFETY: set by the kernel.
            unsafe { (*context.uc_mcontext).__ss.__rip as usize }
        }
        all(target_vendor = "apple", target_arch = "aarch64") => {
            // SAFETY: set by the kernel.
            unsafe { (*context.uc_mcontext).__ss.__pc as usize }
        }
        all(target_os = "freebsd", target_arch = "x86_64") => {
            context.uc_mcontext.mc_rip as usize
        }
        all(target_os = "freebsd", target_arch = "aarch64") => {
            context.uc_mcontext.mc_gpregs.gp_elr as usize
        }
    }
}
