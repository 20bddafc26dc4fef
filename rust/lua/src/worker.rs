//! A worker: one Lua state with a program in it, which serves one call at a time (L-1, L-2).
//!
//! A state is made with everything a program may use and nothing else: the libraries of Lua that reach out of it are not
//! opened, the rest is guarded (`prelude/sandbox.lua`). Between calls it keeps what the program keeps in it.

use std::ffi::c_int;
use std::sync::Arc;

use mlua::{Function, Lua, LuaOptions, StdLib, Table, Thread, Value as LuaValue, ffi};

use crate::natives;
use crate::operations::Operations;
use crate::prelude::part;
use crate::program::Plan;
use crate::watch::{Clock, Watch};

/// The next round of garbage collection begins when memory has grown to so many percent of what the last one left.
const PAUSE: c_int = 125;

/// See the module's documentation.
pub(crate) struct Worker {
    // Before the state: these refer into it.
    pub kernel: Thread,
    /// What the next call begins with: it finds the program's function first, or is that.
    pub entry: Function,
    /// The same in the state's registry.
    anchor: c_int,
    pub lua: Lua,
    pub watch: Arc<Watch>,
    pub operations: Operations,
}

impl Worker {
    pub fn new(plan: &Arc<Plan>, clock: &Clock) -> mlua::Result<Worker> {
        let libraries =
            StdLib::COROUTINE | StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS | StdLib::DEBUG;
        reserve();
        // These options leave Lua's own `pcall` and `xpcall` in place: the library's could not wait.
        // SAFETY: the unsafe part is the debug library, of which programs get nothing: the prelude takes what it needs
        // and keeps it to itself.
        let lua = unsafe { Lua::unsafe_new_with(libraries, LuaOptions::new()) };
        lua.set_memory_limit(plan.memory)?;
        // Objects of ours take two rounds to go: with the usual pause between rounds, a program would meet its limit in
        // nothing but garbage.
        lua.gc_inc(PAUSE, 0, 0);
        let watch = Watch::new(Arc::clone(clock));
        watch.install(&lua)?;
        let operations = Operations::default();
        lua.set_app_data(operations.clone());
        lua.set_app_data(Arc::clone(plan));
        // Nothing of what is made here goes soon: no round of collection finds anything.
        lua.gc_stop();
        let (kernel, entry) = prepare(&lua, plan)?;
        hook_only_programs(&lua, &kernel)?;
        let mut worker = Worker { kernel, entry, anchor: ffi::LUA_NOREF, lua, watch, operations };
        worker.anchor_entry()?;
        worker.lua.gc_restart();
        put_off_collection(&worker.lua, plan.memory)?;
        Ok(worker)
    }

    /// Makes `entry_anchor` that of the present entry.
    pub fn anchor_entry(&mut self) -> mlua::Result<()> {
        let (before, mut anchor) = (self.anchor, ffi::LUA_NOREF);
        // SAFETY: the function is on the stack, as the only value, and taken off it.
        unsafe {
            self.lua.exec_raw::<()>(&self.entry, |state| {
                anchor = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
                ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, before);
            })?;
        }
        self.anchor = anchor;
        Ok(())
    }

    /// Where the registry has what calls begin with.
    pub fn entry_anchor(&self) -> i64 {
        self.anchor.into()
    }

    /// The coroutine that is resumed; alive as long as the worker.
    pub fn kernel_state(&self) -> *mut ffi::lua_State {
        self.kernel.to_pointer().cast_mut().cast()
    }

    /// Bytes the state takes.
    pub fn memory(&self) -> usize {
        self.lua.used_memory()
    }
}

/// About what a new state takes.
const SIZE: usize = 80 << 10;

/// Has the allocator get memory for a state in one go. Other threads' heaps grow by a page at a time in glibc, and each is
/// a system call: that is a tenth of what a worker takes.
fn reserve() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(SIZE)));
}

/// Has the first round of garbage collection begin when the state has grown to twice its size, or by an eighth of what it
/// may have.
fn put_off_collection(lua: &Lua, most: usize) -> mlua::Result<()> {
    let bytes = lua.used_memory().min(most / 8);
    let kilobytes = i32::try_from(bytes >> 10).unwrap_or(i32::MAX);
    // What counts is how many bytes the collector is behind; it is told of fewer.
    lua.gc_step_kbytes(-kilobytes).map(|_| ())
}

/// Runs the prelude; the kernel's coroutine, and the function that calls begin with.
fn prepare(lua: &Lua, plan: &Arc<Plan>) -> mlua::Result<(Thread, Function)> {
    let native = natives::table(lua, plan)?;
    let kernel: Table = part(lua, "kernel")?.call(&native)?;
    let globals: Table = part(lua, "sandbox")?.call((&kernel, &native))?;
    let openers: Table = part(lua, "modules")?.call((&kernel, &native, &globals))?;
    let boot = part(lua, "program")?.call((&kernel, &native, &globals, openers))?;
    Ok((kernel.raw_get("serve")?, boot))
}

/// Takes the hook off the kernel's own coroutine: nothing in it takes long, every instruction costs less without, and what
/// resumes it does not keep the stack of one that the hook has made yield.
/// The coroutines of programs have it: the first is given it, the others get it from the one that makes them.
fn hook_only_programs(lua: &Lua, kernel: &Thread) -> mlua::Result<()> {
    let state = kernel.to_pointer().cast_mut().cast();
    // SAFETY: the coroutine is held by the caller, and is not running.
    unsafe { lua.exec_raw((), |_| ffi::lua_sethook(state, None, 0, 0)) }
}

/// Whether a value is what Lua raises for want of memory.
pub(crate) fn is_memory_error(value: &LuaValue) -> bool {
    match value {
        LuaValue::Error(error) => {
            error
                .chain()
                .any(|cause| matches!(cause.downcast_ref::<mlua::Error>(), Some(mlua::Error::MemoryError(_))))
                || matches!(&**error, mlua::Error::MemoryError(_))
        }
        LuaValue::String(text) => text.as_bytes() == b"not enough memory",
        _ => false,
    }
}
