//! Plain values on a state's own stack.

use std::ffi::c_int;

use mlua::ffi;

use crate::value::Value;

/// Takes off the stack what was pushed since.
pub(crate) struct Top(*mut ffi::lua_State, c_int);

impl Top {
    pub fn of(state: *mut ffi::lua_State) -> Self {
        // SAFETY: the caller has the state locked.
        Top(state, unsafe { ffi::lua_gettop(state) })
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        // SAFETY: the state is locked still, and has at least as many values as it had.
        unsafe { ffi::lua_settop(self.0, self.1) }
    }
}

/// The bytes of a string.
///
/// # Safety
/// A string is there, and stays there while its bytes are looked at. A number would be changed into one.
pub(crate) unsafe fn string<'a>(state: *mut ffi::lua_State, index: c_int) -> &'a [u8] {
    let mut length = 0;
    // SAFETY: as above.
    unsafe {
        let bytes = ffi::lua_tolstring(state, index, &raw mut length);
        std::slice::from_raw_parts(bytes.cast(), length)
    }
}

/// A value that is no string, table or object; none for those and for functions.
///
/// # Safety
/// A value is there.
pub(crate) unsafe fn scalar(state: *mut ffi::lua_State, index: c_int) -> Option<Value> {
    // SAFETY: as above. A number is read as the kind that it is, and stays it.
    unsafe {
        Some(match ffi::lua_type(state, index) {
            ffi::LUA_TNIL => Value::Nil,
            ffi::LUA_TBOOLEAN => Value::Bool(ffi::lua_toboolean(state, index) != 0),
            ffi::LUA_TNUMBER if ffi::lua_isinteger(state, index) != 0 => {
                Value::Int(ffi::lua_tointeger(state, index))
            }
            ffi::LUA_TNUMBER => Value::Float(ffi::lua_tonumber(state, index)),
            _ => return None,
        })
    }
}

/// Pushes a value that is no table and no error; nil for those.
///
/// # Safety
/// There is room for a value. The call is protected, and no frame below it has anything to drop: for want of memory this
/// leaves by a long jump.
pub(crate) unsafe fn push_plain(state: *mut ffi::lua_State, value: &Value) {
    // SAFETY: as above.
    unsafe {
        match value {
            Value::Bool(flag) => ffi::lua_pushboolean(state, c_int::from(*flag)),
            Value::Int(number) => ffi::lua_pushinteger(state, *number),
            Value::Float(number) => ffi::lua_pushnumber(state, *number),
            Value::Str(text) => push_bytes(state, text),
            Value::Nil | Value::List(_) | Value::Map(_) | Value::Error(_) => ffi::lua_pushnil(state),
        }
    }
}

/// Pushes a string.
///
/// # Safety
/// As for [`push_plain`].
pub(crate) unsafe fn push_bytes(state: *mut ffi::lua_State, bytes: &[u8]) {
    // SAFETY: as above.
    unsafe {
        ffi::lua_pushlstring(state, bytes.as_ptr().cast(), bytes.len());
    }
}
