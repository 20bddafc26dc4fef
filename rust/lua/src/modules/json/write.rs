//! Tables to JSON, straight off the state's own stack.
//!
//! Only what is in order is written here. At anything else this gives up, and `encode` begins again, value by value through
//! the library: it tells what is wrong, and has no bounds but those that are promised.

use std::ffi::c_int;
use std::io::Write;

use mlua::{Lua, Value, ffi};

use super::encode::{float, string};
use super::{Stop, count};
use crate::copy::deep;
use crate::copy::stack::{self, Top};
use crate::modules::args::{OUTPUT, too_large};

/// What a table takes on the stack besides its entries: the table, a key, a value, and what the library takes.
const ROOM: c_int = 5;
/// Entries of objects inside each other that are on the stack: a fraction of what a stack may have, and 256 KB of the
/// state's memory.
const HELD: usize = 8192;

/// Writes a table of so many values at most.
pub(super) fn table(lua: &Lua, table: &Value, values: usize) -> Result<Option<Vec<u8>>, Stop> {
    if !table.is_table() {
        return Ok(None);
    }
    lua.exec_raw_lua(|raw| {
        let state = raw.state();
        let _top = Top::of(state);
        let mut writer = Writer { lua, state, out: Vec::new(), left: values, held: 0, stop: None };
        // SAFETY: nothing in the walk raises, so that it may own what it writes: it makes nothing in the state, and asks for
        // the entry after one that is there, in tables that nobody changes meanwhile.
        let written = unsafe { writer.whole(|| raw.push_value(table).ok()) };
        match (writer.stop, written) {
            (Some(stop), _) => Err(stop),
            (None, written) => Ok(written.map(|()| writer.out)),
        }
    })
}

struct Writer<'a> {
    lua: &'a Lua,
    state: *mut ffi::lua_State,
    out: Vec<u8>,
    left: usize,
    /// Entries on the stack.
    held: usize,
    /// Why it gives up where beginning again would come to the same.
    stop: Option<Stop>,
}

/// What a table is written as.
enum Shape<'a> {
    Array(i64),
    /// Keys, and where on the stack their values are.
    Object(Vec<(&'a [u8], c_int)>),
}

impl Writer<'_> {
    /// Writes the table that is pushed.
    ///
    /// # Safety
    /// A table is.
    unsafe fn whole(&mut self, push: impl FnOnce() -> Option<()>) -> Option<()> {
        self.check_room()?;
        push()?;
        let counted = count(self.lua, &mut self.left);
        self.go_on(counted)?;
        // SAFETY: as above.
        unsafe { self.table(1) }
    }

    fn go_on<E: Into<Stop>>(&mut self, result: Result<(), E>) -> Option<()> {
        result.map_err(|stop| self.stop = Some(stop.into())).ok()
    }

    fn check_room(&self) -> Option<()> {
        // SAFETY: the state is locked; this tells of a failure by what it returns.
        (unsafe { ffi::lua_checkstack(self.state, ROOM) } != 0).then_some(())
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes the value on top of the stack. Where this fails, the stack may keep more than it had.
    ///
    /// # Safety
    /// There is one.
    unsafe fn value(&mut self, depth: usize) -> Option<()> {
        if self.out.len() > OUTPUT {
            return self.go_on(Err(too_large()));
        }
        let counted = count(self.lua, &mut self.left);
        self.go_on(counted)?;
        let state = self.state;
        // SAFETY: as above. A number is not asked for as text: that would change it.
        unsafe {
            match ffi::lua_type(state, -1) {
                ffi::LUA_TNIL => self.text("null"),
                ffi::LUA_TBOOLEAN => {
                    self.text(if ffi::lua_toboolean(state, -1) != 0 { "true" } else { "false" })
                }
                ffi::LUA_TNUMBER if ffi::lua_isinteger(state, -1) != 0 => {
                    write!(self.out, "{}", ffi::lua_tointeger(state, -1)).ok()?;
                }
                ffi::LUA_TNUMBER => self.text(&float(ffi::lua_tonumber(state, -1))),
                ffi::LUA_TSTRING => {
                    let written = string(&mut self.out, stack::string(state, -1));
                    self.go_on(written)?;
                }
                ffi::LUA_TTABLE => self.table(depth + 1)?,
                _ => return None,
            }
        }
        Some(())
    }

    /// # Safety
    /// A table is on top of the stack.
    unsafe fn table(&mut self, depth: usize) -> Option<()> {
        self.go_on(deep(depth))?;
        self.check_room()?;
        // SAFETY: as above. The keys that the shape refers to are on the stack until the table is written.
        unsafe {
            let at = ffi::lua_gettop(self.state);
            match self.shape(at)? {
                Shape::Array(len) => self.array(at, len, depth)?,
                Shape::Object(entries) => self.object(&entries, depth)?,
            }
            ffi::lua_settop(self.state, at);
        }
        Some(())
    }

    /// Tells sequences from objects. Of an object, keys and values stay on the stack: so they stay alive, whatever kind of
    /// table it is.
    ///
    /// # Safety
    /// A table is there, on top of the stack, with room for a key and a value. The shape is used while what is on the
    /// stack now stays.
    unsafe fn shape<'a>(&self, at: c_int) -> Option<Shape<'a>> {
        let (state, mut count, mut last, mut entries) = (self.state, 0, 0, Vec::new());
        // SAFETY: as above; for each further key and value there is a check.
        unsafe {
            ffi::lua_pushnil(state);
            while ffi::lua_next(state, at) != 0 {
                match ffi::lua_type(state, -2) {
                    ffi::LUA_TSTRING if count == 0 && self.held + entries.len() < HELD => {
                        entries.push((stack::string(state, -2), ffi::lua_gettop(state)));
                        self.check_room()?;
                        ffi::lua_pushvalue(state, -2);
                    }
                    ffi::LUA_TNUMBER if entries.is_empty() && ffi::lua_isinteger(state, -2) != 0 => {
                        let index = ffi::lua_tointeger(state, -2);
                        if index <= 0 {
                            return None;
                        }
                        (count, last) = (count + 1, index.max(last));
                        ffi::lua_settop(state, -2);
                    }
                    _ => return None,
                }
            }
        }
        if entries.is_empty() {
            return (count == last).then_some(Shape::Array(count));
        }
        entries.sort_unstable_by_key(|(key, _)| *key);
        Some(Shape::Object(entries))
    }

    /// # Safety
    /// A table is there, with room for a value above it.
    unsafe fn array(&mut self, at: c_int, len: i64, depth: usize) -> Option<()> {
        self.text("[");
        for index in 1..=len {
            if index > 1 {
                self.text(",");
            }
            // SAFETY: as above.
            unsafe {
                ffi::lua_rawgeti(self.state, at, index);
                self.value(depth)?;
                ffi::lua_settop(self.state, -2);
            }
        }
        self.text("]");
        Some(())
    }

    /// # Safety
    /// The entries are on the stack, with room for a value above them.
    unsafe fn object(&mut self, entries: &[(&[u8], c_int)], depth: usize) -> Option<()> {
        self.text("{");
        self.held += entries.len();
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.text(",");
            }
            let written = string(&mut self.out, key);
            self.go_on(written)?;
            self.text(":");
            // SAFETY: as above.
            unsafe {
                ffi::lua_pushvalue(self.state, *value);
                self.value(depth)?;
                ffi::lua_settop(self.state, -2);
            }
        }
        self.held -= entries.len();
        self.text("}");
        Some(())
    }
}
