//! Copies out of Lua.

use std::ffi::c_int;

use mlua::{FromLua, Lua, Value as LuaValue, ffi};

use super::stack::{Top, scalar, string};
use super::{VALUE_BYTES, deep, invalid};
use crate::error::{ErrorValue, Kind};
use crate::modules::errors;
use crate::value::Value;

/// A list up to this long may be as sparse as it likes.
const SPARSE: usize = 1024;
/// What a level of tables takes on the stack: a key and a value, which may be the next table. The library takes two more
/// for a moment.
const ROOM: c_int = 4;

/// Copies a value out of Lua. It is refused where the copy would take more than about `budget` bytes.
pub fn copy_out(value: &LuaValue, budget: usize) -> Result<Value, ErrorValue> {
    CopyOut::new(budget).copy(value)
}

/// Copies out several values, such as a call's arguments, with one budget for all.
pub struct CopyOut {
    budget: usize,
    left: usize,
}

impl CopyOut {
    pub fn new(budget: usize) -> Self {
        CopyOut { budget, left: budget }
    }

    pub fn copy(&mut self, value: &LuaValue) -> Result<Value, ErrorValue> {
        match value {
            LuaValue::Table(table) => {
                let Owner(lua) = table.raw_get(LuaValue::Nil).map_err(|error| internal(&error))?;
                self.tree(&lua, value)
            }
            LuaValue::String(text) => self.bytes(&text.as_bytes()).map(Value::Str),
            LuaValue::UserData(_) | LuaValue::Error(_) => self.error(value, 0),
            LuaValue::Boolean(flag) => self.plain(Value::Bool(*flag)),
            LuaValue::Integer(number) => self.plain(Value::Int(*number)),
            LuaValue::Number(number) => self.plain(Value::Float(*number)),
            _ => self.plain(Value::Nil),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), ErrorValue> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                let text = format!("value is larger than {} bytes", self.budget);
                return Err(ErrorValue::new(Kind::RateLimited, text));
            }
        }
        Ok(())
    }

    fn plain(&mut self, value: Value) -> Result<Value, ErrorValue> {
        self.spend(VALUE_BYTES)?;
        Ok(value)
    }

    fn bytes(&mut self, text: &[u8]) -> Result<Vec<u8>, ErrorValue> {
        self.spend(VALUE_BYTES.saturating_add(text.len()))?;
        Ok(text.to_vec())
    }

    fn error(&mut self, value: &LuaValue, depth: usize) -> Result<Value, ErrorValue> {
        self.spend(VALUE_BYTES)?;
        let Some(size) = errors::measure_lua(value) else { return Ok(Value::Nil) };
        // An error may have errors in its details, which have errors: they count as tables inside each other.
        deep(depth + size.depth)?;
        self.spend(size.bytes)?;
        Ok(errors::from_lua(value).map_or(Value::Nil, |error| Value::Error(Box::new(error))))
    }

    /// Copies a table.
    fn tree(&mut self, lua: &Lua, table: &LuaValue) -> Result<Value, ErrorValue> {
        lua.exec_raw_lua(|raw| {
            let state = raw.state();
            let _top = Top::of(state);
            let mut walk = Walk { lua, state, copy: self };
            walk.check_room()?;
            // SAFETY: there is room. Nothing in the walk raises, so that it may own what it copies: it makes nothing in
            // the state, and asks for the entry after one that is there, in tables that nobody changes meanwhile.
            unsafe {
                raw.push_value(table).map_err(|error| internal(&error))?;
                walk.table(0)
            }
        })
    }
}

/// The state that a table is in.
struct Owner(Lua);

impl FromLua for Owner {
    fn from_lua(_: LuaValue, lua: &Lua) -> mlua::Result<Self> {
        Ok(Owner(lua.clone()))
    }
}

/// A table being copied, with all in it.
struct Walk<'a> {
    lua: &'a Lua,
    state: *mut ffi::lua_State,
    copy: &'a mut CopyOut,
}

impl Walk<'_> {
    fn check_room(&self) -> Result<(), ErrorValue> {
        // SAFETY: the state is locked; this tells of a failure by what it returns.
        match unsafe { ffi::lua_checkstack(self.state, ROOM) } {
            0 => Err(internal(&mlua::Error::StackError)),
            _ => Ok(()),
        }
    }

    /// Copies the value on top of the stack. Where it is refused, the stack may keep more than it had.
    ///
    /// # Safety
    /// There is one.
    unsafe fn value(&mut self, depth: usize) -> Result<Value, ErrorValue> {
        let state = self.state;
        // SAFETY: as above.
        unsafe {
            match ffi::lua_type(state, -1) {
                ffi::LUA_TTABLE => self.table(depth),
                ffi::LUA_TSTRING => self.copy.bytes(string(state, -1)).map(Value::Str),
                ffi::LUA_TUSERDATA => self.object(depth),
                _ => self.copy.plain(scalar(state, -1).unwrap_or_default()),
            }
        }
    }

    /// # Safety
    /// A table is on top of the stack.
    unsafe fn table(&mut self, depth: usize) -> Result<Value, ErrorValue> {
        deep(depth + 1)?;
        self.copy.spend(VALUE_BYTES)?;
        self.check_room()?;
        let (state, mut parts) = (self.state, Parts::default());
        // SAFETY: as above, and there is room for a key and a value. The key stays as it is: what reads it as text does
        // so where it is text.
        unsafe {
            let at = ffi::lua_gettop(state);
            ffi::lua_pushnil(state);
            while ffi::lua_next(state, at) != 0 {
                parts.add(self, depth)?;
                // An entry that cannot be copied may have left more than its value.
                ffi::lua_settop(state, at + 1);
            }
        }
        parts.finish(self.copy)
    }

    /// Copies an object, which is the library's to look into.
    ///
    /// # Safety
    /// One is on top of the stack.
    unsafe fn object(&mut self, depth: usize) -> Result<Value, ErrorValue> {
        self.check_room()?;
        // SAFETY: as above, and there is room.
        let object = self.lua.exec_raw_lua(|raw| unsafe { LuaValue::from_stack(-1, raw) });
        self.copy.error(&object.map_err(|error| internal(&error))?, depth)
    }

    /// The key under the value on top of the stack, where it is an index of a list.
    ///
    /// # Safety
    /// Both are there.
    unsafe fn index(&self) -> Option<usize> {
        // SAFETY: as above.
        let key = unsafe {
            if ffi::lua_isinteger(self.state, -2) == 0 {
                return None;
            }
            ffi::lua_tointeger(self.state, -2)
        };
        (key > 0).then(|| usize::try_from(key).unwrap_or(usize::MAX))
    }

    /// The key under the value on top of the stack, as text, where it has one.
    ///
    /// # Safety
    /// Both are there.
    unsafe fn key(&mut self) -> Result<Option<Vec<u8>>, ErrorValue> {
        let state = self.state;
        // SAFETY: as above.
        Ok(Some(unsafe {
            match ffi::lua_type(state, -2) {
                ffi::LUA_TSTRING => self.copy.bytes(string(state, -2))?,
                ffi::LUA_TNUMBER if ffi::lua_isinteger(state, -2) != 0 => {
                    ffi::lua_tointeger(state, -2).to_string().into_bytes()
                }
                ffi::LUA_TNUMBER => format!("{:?}", ffi::lua_tonumber(state, -2)).into_bytes(),
                ffi::LUA_TBOOLEAN => (ffi::lua_toboolean(state, -2) != 0).to_string().into_bytes(),
                _ => return Ok(None),
            }
        }))
    }
}

fn internal(error: &mlua::Error) -> ErrorValue {
    ErrorValue::new(Kind::Internal, error.to_string())
}

/// What was found in a table so far.
#[derive(Default)]
struct Parts {
    /// Elements 1, 2, 3 and so on, in which order Lua gives them first.
    list: Vec<Value>,
    /// Other elements with positive keys.
    strays: Vec<(usize, Value)>,
    entries: Vec<(Vec<u8>, Value)>,
    /// What `entries` took of the budget.
    entry_bytes: usize,
    /// Why an entry cannot be copied. It does not matter where the table turns out to be a list.
    bad_entry: Option<ErrorValue>,
}

impl Parts {
    fn is_list(&self) -> bool {
        !self.list.is_empty() || !self.strays.is_empty()
    }

    /// # Safety
    /// A key and its value are on top of the stack.
    unsafe fn add(&mut self, walk: &mut Walk, depth: usize) -> Result<(), ErrorValue> {
        // SAFETY: as above.
        match unsafe { walk.index() } {
            Some(index) => {
                if !self.is_list() {
                    self.drop_entries(walk.copy);
                }
                // SAFETY: as above.
                let value = unsafe { walk.value(depth + 1)? };
                match index {
                    index if index == self.list.len() + 1 => self.list.push(value),
                    index => self.strays.push((index, value)),
                }
            }
            None if self.is_list() || self.bad_entry.is_some() => (),
            None => {
                let before = walk.copy.left;
                // SAFETY: as above.
                match unsafe { self.entry(walk, depth) } {
                    Ok(()) => self.entry_bytes += before - walk.copy.left,
                    Err(error) => (self.bad_entry, walk.copy.left) = (Some(error), before),
                }
            }
        }
        Ok(())
    }

    /// The table is a list: its other keys are not part of the value.
    fn drop_entries(&mut self, copy: &mut CopyOut) {
        copy.left += self.entry_bytes;
        (self.entries, self.entry_bytes, self.bad_entry) = (Vec::new(), 0, None);
    }

    /// # Safety
    /// As for `add`.
    unsafe fn entry(&mut self, walk: &mut Walk, depth: usize) -> Result<(), ErrorValue> {
        // SAFETY: as above.
        unsafe {
            let Some(key) = walk.key()? else { return Ok(()) };
            walk.copy.spend(VALUE_BYTES)?;
            self.entries.push((key, walk.value(depth + 1)?));
        }
        Ok(())
    }

    fn finish(mut self, copy: &mut CopyOut) -> Result<Value, ErrorValue> {
        if let Some(error) = self.bad_entry {
            return Err(error);
        }
        if !self.is_list() {
            // Lua's own order changes from process to process.
            self.entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            return Ok(Value::Map(self.entries));
        }
        let count = self.list.len() + self.strays.len();
        let last = self.strays.iter().map(|(index, _)| *index).max().unwrap_or(0);
        if last > SPARSE && last > 2 * count + 16 {
            return Err(invalid("table has holes"));
        }
        if last > self.list.len() {
            copy.spend((last - self.list.len()).saturating_mul(VALUE_BYTES))?;
            self.list.resize(last, Value::Nil);
        }
        for (index, value) in self.strays {
            self.list[index - 1] = value;
        }
        Ok(Value::List(self.list))
    }
}
