//! A worker: one Lua state with a program in it, which serves one call at a time (L-1, L-2).
//!
//! A state is made with everything a program may use and nothing else: the libraries of Lua that reach out of it are not
//! opened, the rest is guarded (`prelude/sandbox.lua`). Between calls it keeps what the program keeps in it.

use std::ffi::c_int;
use std::sync::{Arc, LazyLock};

use mlua::{Function, Lua, LuaOptions, StdLib, Table, Thread, Value as LuaValue, ffi};

use crate::natives;
use crate::operations::Operations;
use crate::patterns;
use crate::program::Plan;
use crate::unit::compiled;
use crate::watch::{Clock, Watch};

/// A part of the prelude: Lua of our own that every worker begins with.
struct Prelude {
    name: &'static str,
    bytecode: Vec<u8>,
}

macro_rules! prelude {
    ($name:literal) => {{
        let text = include_str!(concat!("prelude/", $name, ".lua"));
        // Frames of these files are not shown to anybody, and the hook leaves them alone: the name marks them.
        let bytecode = compiled(text, concat!("=[wippy]", $name)).unwrap_or_else(|error| panic!("{error}"));
        Prelude { name: $name, bytecode }
    }};
}

static KERNEL: LazyLock<Prelude> = LazyLock::new(|| prelude!("kernel"));
static PATTERNS: LazyLock<Prelude> = LazyLock::new(|| prelude!("patterns"));
static SANDBOX: LazyLock<Prelude> = LazyLock::new(|| prelude!("sandbox"));
static CHANNEL: LazyLock<Prelude> = LazyLock::new(|| prelude!("channel"));
static CALLS: LazyLock<Prelude> = LazyLock::new(|| prelude!("calls"));
static FS: LazyLock<Prelude> = LazyLock::new(|| prelude!("fs"));
static HTTP_CLIENT: LazyLock<Prelude> = LazyLock::new(|| prelude!("http_client"));
static MODULES: LazyLock<Prelude> = LazyLock::new(|| prelude!("modules"));
static PROGRAM: LazyLock<Prelude> = LazyLock::new(|| prelude!("program"));

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
        // Its options leave Lua's own `pcall` and `xpcall` in place: theirs could not wait.
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
        let (kernel, entry) = prepare(&lua, plan)?;
        hook_only_programs(&lua, &kernel)?;
        let mut worker = Worker { kernel, entry, anchor: ffi::LUA_NOREF, lua, watch, operations };
        worker.anchor_entry()?;
        Ok(worker)
    }

    /// Has `entry_anchor` be that of the present entry.
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

/// Runs the prelude; the kernel's coroutine, and the function that calls begin with.
fn prepare(lua: &Lua, plan: &Arc<Plan>) -> mlua::Result<(Thread, Function)> {
    let native = natives::table(lua, plan)?;
    let kernel: Table = run(lua, &KERNEL, &native)?;
    patterns::install(lua, &native)?;
    let string: Table = lua.globals().raw_get("string")?;
    let matchers: Table = run(lua, &PATTERNS, (&kernel, &native, string))?;
    let globals: Table = run(lua, &SANDBOX, (&kernel, &native, matchers))?;
    let channel: Table = run(lua, &CHANNEL, &kernel)?;
    let calls: Table = run(lua, &CALLS, (&kernel, &native, &channel))?;
    let fs: Function = run(lua, &FS, (&kernel, &native, &calls))?;
    let http_client: Function = run(lua, &HTTP_CLIENT, (&kernel, &native, &calls, &channel))?;
    let modules: Table = run(lua, &MODULES, (&kernel, &native, &globals, &channel, &calls, fs, http_client))?;
    let boot: Function = run(lua, &PROGRAM, (&kernel, &native, &globals, modules))?;
    // Nobody runs in these: every chunk has globals of its own.
    lua.globals().clear()?;
    Ok((kernel.raw_get("serve")?, boot))
}

fn run<R: mlua::FromLuaMulti>(
    lua: &Lua,
    prelude: &Prelude,
    arguments: impl mlua::IntoLuaMulti,
) -> mlua::Result<R> {
    let chunk = lua.load(&prelude.bytecode[..]).set_name(prelude.name);
    chunk.set_mode(mlua::ChunkMode::Binary).into_function()?.call(arguments)
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
