//! The first step of a call: its arguments go in, and mostly its result comes out.
//!
//! This is what a small call costs, so it goes past the library where all values are plain: onto the stack of the
//! coroutine that calls run in, and off it, in one protected call. What comes of it otherwise the kernel is handed.

use std::ffi::c_int;

use mlua::{MultiValue, Value as LuaValue, ffi};

use super::Yielded;
use crate::copy::copy_in;
use crate::copy::stack::{push_plain, scalar, string};
use crate::value::Value;
use crate::watch::Main;
use crate::worker::Worker;

/// How far a call came.
pub(super) enum First {
    /// The function has returned this, and no error.
    Value(Value),
    Yielded(Yielded),
}

/// More arguments than this take the other way.
const FEW: usize = 8;

pub(super) fn step(worker: &Worker, arguments: &[Value], budget: usize) -> mlua::Result<First> {
    let plain = arguments.len() <= FEW && arguments.iter().all(is_plain);
    if plain { raw(worker, arguments, budget) } else { through_values(worker, arguments) }
}

fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Nil)
}

fn through_values(worker: &Worker, arguments: &[Value]) -> mlua::Result<First> {
    let Worker { kernel, lua, entry, .. } = worker;
    let mut values = MultiValue::with_capacity(arguments.len() + 1);
    values.push_back(LuaValue::Function(entry.clone()));
    for argument in arguments {
        values.push_back(copy_in(lua, argument)?);
    }
    kernel.resume(values).map(First::Yielded)
}

fn raw(worker: &Worker, arguments: &[Value], budget: usize) -> mlua::Result<First> {
    let Some(main) = worker.watch.main() else { return through_values(worker, arguments) };
    let (kernel, entry) = (worker.kernel_state(), worker.entry_anchor());
    let watch = &*worker.watch;
    let mut value = None;
    // SAFETY: both states are coroutines that the worker holds, and nobody else runs anything in the worker. What raises
    // leaves by a long jump over these frames, which hold nothing to drop; the library catches it. The coroutines are
    // suspended, with room for a few values after the checks.
    let yielded: Yielded = unsafe {
        worker.lua.exec_raw((), |state| {
            let co = main.state;
            if ffi::lua_checkstack(co, ROOM) == 0 || ffi::lua_checkstack(kernel, ROOM) == 0 {
                ffi::luaL_error(state, c"not enough memory".as_ptr());
            }
            ffi::lua_rawgeti(co, ffi::LUA_REGISTRYINDEX, entry);
            arguments.iter().for_each(|argument| push_plain(co, argument));
            let mut results = 0;
            let status = ffi::lua_resume(co, state, 1 + arguments.len() as c_int, &raw mut results);
            let stirred = watch.take_stirred();
            if status == ffi::LUA_YIELD && !stirred {
                value = done(main, results, budget);
                if value.is_some() {
                    return ffi::lua_settop(co, -results - 1);
                }
            }
            hand_over(main, kernel, status, results);
            resume_kernel(kernel, state);
        })?
    };
    Ok(value.map_or(First::Yielded(yielded), First::Value))
}

/// Values that are pushed at most.
const ROOM: c_int = 2 + FEW as c_int;

/// Gives the kernel what the main coroutine has yielded, at most its first three values, or raised.
///
/// # Safety
/// The coroutine has just stopped so, with so many results; both have room.
unsafe fn hand_over(main: Main, kernel: *mut ffi::lua_State, status: c_int, results: c_int) {
    let co = main.state;
    // SAFETY: as above.
    unsafe {
        ffi::lua_pushboolean(kernel, 1);
        ffi::lua_pushboolean(kernel, c_int::from(status == ffi::LUA_YIELD));
        if status == ffi::LUA_YIELD {
            let wanted = results.min(3);
            // One that the hook has stopped has given nothing, and its stack is to be left as it is.
            if results > wanted {
                ffi::lua_settop(co, wanted - results - 1);
            }
            ffi::lua_xmove(co, kernel, wanted);
            (wanted..3).for_each(|_| ffi::lua_pushnil(kernel));
        } else {
            ffi::lua_xmove(co, kernel, 1);
            ffi::lua_pushnil(kernel);
            ffi::lua_pushnil(kernel);
        }
    }
}

/// Resumes the kernel with the five values on its stack; what it yields goes to `state`.
///
/// # Safety
/// As for `hand_over`, which has just run.
unsafe fn resume_kernel(kernel: *mut ffi::lua_State, state: *mut ffi::lua_State) {
    let mut results = 0;
    // SAFETY: as above. What is raised here is for want of memory, if at all.
    unsafe {
        if ffi::lua_resume(kernel, state, 5, &raw mut results) != ffi::LUA_YIELD {
            ffi::lua_xmove(kernel, state, 1);
            ffi::lua_error(state);
        }
        ffi::lua_xmove(kernel, state, results);
    }
}

/// The value of a call that is done, where it is plain and there is no error beside it.
///
/// # Safety
/// So many values are on top of the coroutine's stack.
unsafe fn done(main: Main, results: c_int, budget: usize) -> Option<Value> {
    let co = main.state;
    // SAFETY: as above; a string's bytes are copied while it is on the stack.
    unsafe {
        if results < 1 || ffi::lua_topointer(co, -results) != main.idle {
            return None;
        }
        if results == 1 {
            return Some(Value::Nil);
        }
        if results > 2 && ffi::lua_type(co, 2 - results) != ffi::LUA_TNIL {
            return None;
        }
        let at = 1 - results;
        if ffi::lua_type(co, at) != ffi::LUA_TSTRING {
            return scalar(co, at);
        }
        let bytes = string(co, at);
        // What is too large is told of elsewhere.
        (bytes.len() <= budget).then(|| Value::Str(bytes.to_vec()))
    }
}
