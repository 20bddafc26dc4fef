//! Keeps programs from running for ever: a hook that every so many instructions looks at a clock.
//!
//! When the clock has moved, the coroutine that runs yields, wherever it is, and the call goes back to whoever polls it:
//! that one looks at deadlines, at Ctrl-C and at other calls, and may never come back. Where Lua cannot yield, inside a
//! callback of one of its own functions, the hook raises once the call is over, and again at each instruction after, so
//! that catching it does not help.

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mlua::{Lua, Table, ffi};

use crate::host::Host;
use crate::prelude::SOURCE;

/// Instructions between two looks. Some of them may take a millisecond (joining long strings), so it is not more; a look
/// costs about as much as five of them, so it is not less.
const EVERY: c_int = 200;

/// Where a look finds the prelude running, so many instructions are looked at one by one: a short loop around one of its
/// functions may come by at the same place every time.
const ONE_BY_ONE: u32 = 256;
/// Then it is one of the prelude's own loops, which every look makes slower.
const LATER: c_int = 4000;

/// A clock that moves every few milliseconds while calls run.
pub type Clock = Arc<AtomicUsize>;

/// See the module's documentation. One a worker.
pub struct Watch {
    clock: Clock,
    seen: AtomicUsize,
    preempted: AtomicBool,
    /// The hook has raised: it does so at every instruction now.
    ended: AtomicBool,
    /// Looks in a row that have found the prelude running.
    in_prelude: AtomicU32,
    /// The coroutine that calls run in, and what it yields first when a function has returned.
    main: AtomicPtr<ffi::lua_State>,
    idle: AtomicPtr<c_void>,
    /// The kernel has something to put in order when the call ends.
    stirred: AtomicBool,
    host: Mutex<Option<Arc<dyn Host>>>,
}

/// The coroutine that calls run in, for one that resumes it itself.
#[derive(Clone, Copy)]
pub(crate) struct Main {
    pub state: *mut ffi::lua_State,
    pub idle: *const c_void,
}

impl Watch {
    pub fn new(clock: Clock) -> Arc<Self> {
        let seen = AtomicUsize::new(clock.load(Ordering::Relaxed));
        Arc::new(Watch {
            clock,
            seen,
            preempted: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            in_prelude: AtomicU32::new(0),
            main: AtomicPtr::default(),
            idle: AtomicPtr::default(),
            stirred: AtomicBool::new(false),
            host: Mutex::default(),
        })
    }

    /// Has the hook run for everything in this state that was not made yet.
    pub fn install(self: &Arc<Self>, lua: &Lua) -> mlua::Result<()> {
        // The state owns what the hook looks at: it lives as long as any of its code can run.
        lua.set_app_data(Arc::clone(self));
        let pointer = Arc::as_ptr(self).cast_mut().cast();
        // SAFETY: three values on a stack with room for twenty; nothing in here raises but for want of memory, which
        // `exec_raw` catches.
        unsafe {
            lua.exec_raw((), |state| {
                ffi::lua_pushlightuserdata(state, pointer);
                ffi::lua_rawsetp(state, ffi::LUA_REGISTRYINDEX, key());
                ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, EVERY);
            })
        }
    }

    /// Whether the kernel has something to put in order when the call ends, which is told once.
    pub(crate) fn take_stirred(&self) -> bool {
        self.stirred.swap(false, Ordering::Relaxed)
    }

    /// Absent where the kernel has to make one first.
    pub(crate) fn main(&self) -> Option<Main> {
        let state = self.main.load(Ordering::Relaxed);
        (!state.is_null()).then(|| Main { state, idle: self.idle.load(Ordering::Relaxed) })
    }

    /// The call that begins, or none.
    pub fn serve(&self, host: Option<Arc<dyn Host>>) {
        self.ended.store(false, Ordering::Relaxed);
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = host;
    }

    pub fn host(&self) -> Option<Arc<dyn Host>> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, left for the next look to find.
    fn is_behind(&self) -> bool {
        self.clock.load(Ordering::Relaxed) != self.seen.load(Ordering::Relaxed)
    }

    /// Instructions until the next look, where one has found the prelude running.
    fn until_program(&self) -> c_int {
        let looks = self.in_prelude.fetch_add(1, Ordering::Relaxed);
        if looks.is_multiple_of(ONE_BY_ONE) && looks > 0 { LATER } else { 1 }
    }

    /// Whether the clock has moved since the last look.
    pub fn has_ticked(&self) -> bool {
        let now = self.clock.load(Ordering::Relaxed);
        self.seen.swap(now, Ordering::Relaxed) != now
    }

    /// Whether the hook has made a coroutine yield, which is told once.
    pub fn take_preempted(&self) -> bool {
        self.preempted.swap(false, Ordering::Relaxed)
    }

    pub fn is_over(&self) -> bool {
        self.host.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|host| host.is_over())
    }
}

/// Has the hook run in the coroutine of calls, which was made where it does not. The kernel holds both as long as it
/// tells of no others.
pub(crate) fn attend(lua: &Lua, main: &mlua::Thread, idle: &Table) -> mlua::Result<()> {
    let watch = watch(lua)?;
    let state = main.to_pointer().cast_mut().cast();
    watch.main.store(state, Ordering::Relaxed);
    watch.idle.store(idle.to_pointer().cast_mut(), Ordering::Relaxed);
    // SAFETY: the coroutine is held by the caller, and is not running.
    unsafe { lua.exec_raw((), |_| ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, EVERY)) }
}

/// Adds what the prelude asks the watch of its state. It does so all the time, so these go past the library.
pub(crate) fn add_functions(lua: &Lua, native: &Table) -> mlua::Result<()> {
    let functions: [(&str, ffi::lua_CFunction); 4] = [
        ("preempted", lua_preempted),
        ("checkpoint", lua_checkpoint),
        ("is_over", lua_is_over),
        ("stir", lua_stir),
    ];
    for (name, function) in functions {
        // SAFETY: they take nothing and give one value, with room for twenty.
        native.raw_set(name, unsafe { lua.create_c_function(function)? })?;
    }
    Ok(())
}

unsafe extern "C-unwind" fn lua_preempted(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: this runs in a state that a watch was installed in.
    unsafe { answer(state, Watch::take_preempted) }
}

unsafe extern "C-unwind" fn lua_checkpoint(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as above. The kernel's own coroutine has no hook.
    unsafe {
        let is_over = installed(state).is_none_or(|watch| watch.ended.load(Ordering::Relaxed));
        if !is_over && ffi::lua_gethook(state).is_some() {
            look_rarely(state);
        }
        answer(state, Watch::has_ticked)
    }
}

unsafe extern "C-unwind" fn lua_is_over(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { answer(state, Watch::is_over) }
}

unsafe extern "C-unwind" fn lua_stir(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { answer(state, |watch| !watch.stirred.swap(true, Ordering::Relaxed)) }
}

/// # Safety
/// There is room for a value on the stack, and [`Watch::install`] was called for the state.
unsafe fn answer(state: *mut ffi::lua_State, ask: fn(&Watch) -> bool) -> c_int {
    // SAFETY: as above.
    let flag = unsafe { installed(state) }.is_some_and(ask);
    // SAFETY: as above. Nothing here is left to drop.
    unsafe { ffi::lua_pushboolean(state, c_int::from(flag)) };
    1
}

/// The watch of a state, by way of its registry.
///
/// # Safety
/// There is room for a value on the stack. What it gives lives as long as the state.
unsafe fn installed<'a>(state: *mut ffi::lua_State) -> Option<&'a Watch> {
    // SAFETY: the pointer is that of the `Arc` which the state holds as long as it exists.
    unsafe {
        ffi::lua_rawgetp(state, ffi::LUA_REGISTRYINDEX, key());
        let pointer = ffi::lua_touserdata(state, -1).cast::<Watch>();
        ffi::lua_pop(state, 1);
        pointer.as_ref()
    }
}

/// The watch of a state.
pub fn watch(lua: &Lua) -> mlua::Result<Arc<Watch>> {
    let found = lua.app_data_ref::<Arc<Watch>>().map(|watch| Arc::clone(&watch));
    found.ok_or_else(|| mlua::Error::runtime("the worker has no watch"))
}

/// The running call's embedder.
pub fn host(lua: &Lua) -> mlua::Result<Arc<dyn Host>> {
    watch(lua)?.host().ok_or_else(|| mlua::Error::runtime("no call is running"))
}

/// Raises where the call is over; for work in Rust that may take long. A state without a watch has no calls.
pub fn refuse_overtime(lua: &Lua) -> mlua::Result<()> {
    let is_over = lua.app_data_ref::<Arc<Watch>>().is_some_and(|watch| watch.is_over());
    if is_over { Err(over()) } else { Ok(()) }
}

/// The same where the clock has moved since anybody looked: what takes long once is not called many times before the hook
/// has its turn.
pub fn refuse_late(lua: &Lua) -> mlua::Result<()> {
    let is_behind = lua.app_data_ref::<Arc<Watch>>().is_some_and(|watch| watch.is_behind());
    if is_behind { refuse_overtime(lua) } else { Ok(()) }
}

/// What is raised where the call is over.
pub fn over() -> mlua::Error {
    mlua::Error::runtime("the call is over")
}

/// Where a state's registry has its watch: an address nobody else has.
fn key() -> *const c_void {
    static KEY: u8 = 0;
    std::ptr::from_ref(&KEY).cast()
}

/// Whether the function that runs is one of the prelude's: what it does is not to be interrupted halfway.
///
/// # Safety
/// `frame` is the one that a hook in `state` was given.
unsafe fn is_prelude(state: *mut ffi::lua_State, frame: *mut ffi::lua_Debug) -> bool {
    // SAFETY: as above; the source is text with an end, as long as its function lives, which is on the stack.
    unsafe {
        ffi::lua_getinfo(state, c"S".as_ptr(), frame) != 0
            && !(*frame).source.is_null()
            && CStr::from_ptr((*frame).source).to_bytes() == SOURCE
    }
}

/// # Safety
/// The state is one that the hook may run in.
unsafe fn look_rarely(state: *mut ffi::lua_State) {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_gethookcount(state) != EVERY {
            ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, EVERY);
        }
    }
}

unsafe extern "C-unwind" fn hook(state: *mut ffi::lua_State, frame: *mut ffi::lua_Debug) {
    // SAFETY: a hook has room for twenty values on the stack, and was installed by its watch. `lua_yield` with no values
    // is what a count hook may do where the state can yield; it returns. `luaL_error` leaves by a long jump, over no frame
    // with anything to drop.
    unsafe {
        let Some(watch) = installed(state) else { return };
        let ended = watch.ended.load(Ordering::Relaxed);
        if !ended && !watch.is_behind() {
            return look_rarely(state);
        }
        if is_prelude(state, frame) {
            ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, watch.until_program());
            return;
        }
        watch.has_ticked();
        watch.in_prelude.store(0, Ordering::Relaxed);
        if !ended {
            look_rarely(state);
        }
        if ffi::lua_isyieldable(state) != 0 {
            watch.preempted.store(true, Ordering::Relaxed);
            ffi::lua_yield(state, 0);
        } else if ended || watch.is_over() {
            watch.ended.store(true, Ordering::Relaxed);
            ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
            ffi::luaL_error(state, c"the call is over".as_ptr());
        }
    }
}
