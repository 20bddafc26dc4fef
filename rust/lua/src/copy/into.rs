//! Copies into Lua.

use std::ffi::c_int;

use mlua::{Lua, Value as LuaValue, ffi};

use super::stack::{push_bytes, push_plain};
use super::{DEPTH, deep};
use crate::modules::errors;
use crate::value::Value;

/// Copies a value into Lua.
pub fn copy_in(lua: &Lua, value: &Value) -> mlua::Result<LuaValue> {
    match levels(value, 0) {
        Some(levels @ 1..) => at_once(lua, value, levels),
        _ => one_by_one(lua, value, 0),
    }
}

/// Tables inside each other. None where there are too many, or errors among the values.
fn levels(value: &Value, depth: usize) -> Option<usize> {
    match value {
        Value::List(_) | Value::Map(_) if depth == DEPTH => None,
        Value::List(items) => deepest(items.iter(), depth + 1),
        Value::Map(entries) => deepest(entries.iter().map(|(_, item)| item), depth + 1),
        Value::Error(_) => None,
        _ => Some(0),
    }
}

fn deepest<'a>(mut items: impl Iterator<Item = &'a Value>, depth: usize) -> Option<usize> {
    let most = items.try_fold(0, |most: usize, item| levels(item, depth).map(|levels| most.max(levels)));
    most.map(|most| most + 1)
}

/// Copies a table in one protected call.
fn at_once(lua: &Lua, value: &Value, levels: usize) -> mlua::Result<LuaValue> {
    // A table and a key for each level, and a value.
    let room = 2 * levels as c_int + 1;
    let mut has_room = false;
    // SAFETY: what raises, for want of memory, leaves by a long jump over these frames, which only borrow: the value is
    // the caller's. The library catches it. Nothing in here panics.
    let made = unsafe {
        lua.exec_raw((), |state| {
            has_room = ffi::lua_checkstack(state, room) != 0;
            if has_room {
                push(state, value);
            }
        })?
    };
    if has_room { Ok(made) } else { Err(mlua::Error::StackError) }
}

/// Pushes a value with all in it.
///
/// # Safety
/// The call is protected, no frame below it has anything to drop, and the stack has room for two values a level and one
/// more. There is no error in the value.
unsafe fn push(state: *mut ffi::lua_State, value: &Value) {
    // SAFETY: as above. A key that is set is a string or an integer, in a table just made and on the stack.
    unsafe {
        match value {
            Value::List(items) => {
                ffi::lua_createtable(state, size(items.len()), 0);
                for (index, item) in (1..).zip(items) {
                    push(state, item);
                    ffi::lua_rawseti(state, -2, index);
                }
            }
            Value::Map(entries) => {
                ffi::lua_createtable(state, 0, size(entries.len()));
                for (key, item) in entries {
                    push_bytes(state, key);
                    push(state, item);
                    ffi::lua_rawset(state, -3);
                }
            }
            plain => push_plain(state, plain),
        }
    }
}

fn size(count: usize) -> c_int {
    c_int::try_from(count).unwrap_or(c_int::MAX)
}

/// The same value by value, for what has errors in it, which are the library's to make, or is too deep.
fn one_by_one(lua: &Lua, value: &Value, depth: usize) -> mlua::Result<LuaValue> {
    Ok(match value {
        Value::Nil => LuaValue::Nil,
        Value::Bool(flag) => LuaValue::Boolean(*flag),
        Value::Int(number) => LuaValue::Integer(*number),
        Value::Float(number) => LuaValue::Number(*number),
        Value::Str(text) => LuaValue::String(lua.create_string(text)?),
        Value::List(items) => {
            deep(depth + 1).map_err(mlua::Error::external)?;
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (index, item) in items.iter().enumerate() {
                table.raw_seti(index + 1, one_by_one(lua, item, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Map(entries) => {
            deep(depth + 1).map_err(mlua::Error::external)?;
            let table = lua.create_table_with_capacity(0, entries.len())?;
            for (key, item) in entries {
                table.raw_set(lua.create_string(key)?, one_by_one(lua, item, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Error(error) => errors::push(lua, (**error).clone())?,
    })
}
