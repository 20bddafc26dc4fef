//! Tables of what a reader finds, step by step: some hundred steps are kept, and then taken in one protected call.
//!
//! What is kept has a bound, so that text of many small values takes no more memory outside of the state than it is long.

use std::ops::Range;

use mlua::{Lua, MultiValue, Value as LuaValue, ffi};

use crate::copy::stack::push_bytes;
use crate::watch::refuse_overtime;

/// Steps that are kept.
const STEPS: usize = 1024;
/// Bytes of strings that are kept; one that is longer is not.
const TEXT: usize = 16 << 10;

enum Step<'de> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text<'de>),
    /// Of the value that comes next.
    Key(Text<'de>),
    /// The number of its elements where it is known.
    List(i32),
    Map(i32),
    End,
}

enum Text<'de> {
    /// As it is in what is read.
    There(&'de [u8]),
    /// Among what is kept.
    Kept(Range<usize>),
}

/// A table that is not complete.
enum Level {
    /// And the elements it has.
    List(i64),
    Map,
}

/// See the module's documentation. Once a step has failed, no other may follow.
pub(super) struct Builder<'de> {
    lua: &'de Lua,
    steps: Vec<Step<'de>>,
    text: Vec<u8>,
    /// Where among the steps tables begin that have not ended.
    begun: Vec<usize>,
    /// Tables that have not ended, and how many there were at most since steps were taken.
    depth: usize,
    deepest: usize,
    /// Those among them whose beginning is taken.
    levels: Vec<Level>,
    /// The same with their keys, as they are on the stack while steps are taken.
    values: MultiValue,
}

/// Something that a value is made of.
pub(super) enum Plain {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
}

impl<'de> Builder<'de> {
    pub fn new(lua: &'de Lua) -> Self {
        let (steps, text, begun, depth, deepest, levels) = Default::default();
        Builder { lua, steps, text, begun, depth, deepest, levels, values: MultiValue::new() }
    }

    pub fn plain(&mut self, value: Plain) -> mlua::Result<()> {
        self.add(match value {
            Plain::Nil => Step::Nil,
            Plain::Bool(flag) => Step::Bool(flag),
            Plain::Int(number) => Step::Int(number),
            Plain::Float(number) => Step::Float(number),
        })
    }

    /// A string, or the key of the value that comes next, that stays where it is.
    pub fn text_there(&mut self, text: &'de [u8], is_key: bool) -> mlua::Result<()> {
        let text = Text::There(text);
        self.add(if is_key { Step::Key(text) } else { Step::Text(text) })
    }

    /// The same for one that is there only now.
    pub fn text(&mut self, text: &[u8], is_key: bool) -> mlua::Result<()> {
        if text.len() > TEXT {
            return self.take(Some((text, is_key)));
        }
        // Not in `add`, which would find the text among what is kept no more.
        if self.text.len() + text.len() > TEXT || self.steps.len() == STEPS {
            self.take(None)?;
        }
        let start = self.text.len();
        self.text.extend_from_slice(text);
        let text = Text::Kept(start..self.text.len());
        self.add(if is_key { Step::Key(text) } else { Step::Text(text) })
    }

    pub fn begin_list(&mut self) -> mlua::Result<()> {
        self.begin(Step::List(0))
    }

    pub fn begin_map(&mut self) -> mlua::Result<()> {
        self.begin(Step::Map(0))
    }

    fn begin(&mut self, step: Step<'de>) -> mlua::Result<()> {
        self.add(step)?;
        self.begun.push(self.steps.len() - 1);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(())
    }

    /// Ends a table. `size` is what there is to be room for in it from the start, if nothing else is known.
    pub fn end(&mut self, size: usize) -> mlua::Result<()> {
        if let Some(begun) = self.begun.pop()
            && let Step::List(room) | Step::Map(room) = &mut self.steps[begun]
        {
            *room = i32::try_from(size).unwrap_or(0);
        }
        self.add(Step::End)?;
        self.depth -= 1;
        Ok(())
    }

    /// The value that is complete.
    pub fn finish(mut self) -> mlua::Result<LuaValue> {
        self.take(None)?;
        Ok(self.values.pop_front().unwrap_or(LuaValue::Nil))
    }

    fn add(&mut self, step: Step<'de>) -> mlua::Result<()> {
        if self.steps.len() == STEPS {
            self.take(None)?;
        }
        self.steps.push(step);
        Ok(())
    }

    /// Takes the steps that are kept, and one more for a string.
    fn take(&mut self, last: Option<(&[u8], bool)>) -> mlua::Result<()> {
        let lua = self.lua;
        refuse_overtime(lua)?;
        // A table and a key for each level, and the last one's key and value. Levels that are there do not count less: they
        // may end, and others begin, and a list takes one place where a map takes two.
        let room = 2 * self.deepest as i32 + 2;
        let values = std::mem::take(&mut self.values);
        let (steps, text, levels) = (&self.steps[..], &self.text[..], &mut self.levels);
        let mut has_room = false;
        // SAFETY: what raises, for want of memory, leaves by a long jump over these frames, which only borrow: what is
        // kept is the builder's. The library catches it. Nothing in here panics.
        self.values = unsafe {
            lua.exec_raw(values, |state| {
                has_room = ffi::lua_checkstack(state, room) != 0;
                if has_room {
                    steps.iter().for_each(|step| make(state, step, text, levels));
                    if let Some((text, is_key)) = last {
                        push_bytes(state, text);
                        if !is_key {
                            put(state, levels);
                        }
                    }
                }
            })?
        };
        self.steps.clear();
        self.text.clear();
        self.begun.clear();
        self.deepest = self.depth;
        if has_room { Ok(()) } else { Err(mlua::Error::StackError) }
    }
}

/// Takes a step.
///
/// # Safety
/// The call is protected, and no frame below it has anything to drop. On the stack are the tables that are not complete,
/// the outermost first, each but the last under its key where it is a map's, and the last one's key where a value comes
/// next. There is room for two values a level, and two more.
unsafe fn make(state: *mut ffi::lua_State, step: &Step, kept: &[u8], levels: &mut Vec<Level>) {
    // SAFETY: as above.
    unsafe {
        match step {
            Step::Nil => ffi::lua_pushnil(state),
            Step::Bool(flag) => ffi::lua_pushboolean(state, i32::from(*flag)),
            Step::Int(number) => ffi::lua_pushinteger(state, *number),
            Step::Float(number) => ffi::lua_pushnumber(state, *number),
            Step::Text(text) => push_bytes(state, text.bytes(kept)),
            Step::Key(text) => return push_bytes(state, text.bytes(kept)),
            Step::List(size) => {
                ffi::lua_createtable(state, *size, 0);
                return levels.push(Level::List(0));
            }
            Step::Map(size) => {
                ffi::lua_createtable(state, 0, *size);
                return levels.push(Level::Map);
            }
            Step::End => drop_level(levels.pop()),
        }
        put(state, levels);
    }
}

fn drop_level(_: Option<Level>) {}

/// Puts the value on top of the stack into the table that it belongs to, if any.
///
/// # Safety
/// As for `make`, and the value is complete.
unsafe fn put(state: *mut ffi::lua_State, levels: &mut [Level]) {
    // SAFETY: as above. Keys are strings and integers.
    unsafe {
        match levels.last_mut() {
            Some(Level::List(count)) => {
                *count += 1;
                ffi::lua_rawseti(state, -2, *count);
            }
            Some(Level::Map) => ffi::lua_rawset(state, -3),
            None => (),
        }
    }
}

impl Text<'_> {
    fn bytes<'a>(&'a self, kept: &'a [u8]) -> &'a [u8] {
        match self {
            Text::There(text) => text,
            Text::Kept(range) => kept.get(range.clone()).unwrap_or_default(),
        }
    }
}
