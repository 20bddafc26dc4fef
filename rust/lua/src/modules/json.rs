//! `json`: text of tables, and tables of text (L-32).
//!
//! Neither direction makes the whole value once more in between: text is read into tables as it comes, and tables are
//! written straight into text. Keys are written in the order of their bytes, so that the same value gives the same text.

use mlua::{Lua, Table, Value};

use super::args::{self, Answer};
use crate::error::ErrorValue;
use crate::watch::{over, refuse_overtime};

mod build;
mod decode;
pub(super) mod encode;
mod write;

pub use decode::decode;
pub use encode::encode;

/// Values that are written between two looks at the clock.
const LOOK: usize = 4096;

/// Why a value is not written.
#[derive(Debug, PartialEq)]
pub enum Stop {
    Refused(ErrorValue),
    /// The call is over.
    Over,
}

impl From<ErrorValue> for Stop {
    fn from(error: ErrorValue) -> Self {
        Stop::Refused(error)
    }
}

/// Counts a value that is written, of those that are left; a table that is in there many times ends so.
fn count(lua: &Lua, left: &mut usize) -> Result<(), Stop> {
    *left = left.checked_sub(1).ok_or_else(|| args::invalid("there are too many values"))?;
    if left.is_multiple_of(LOOK) { refuse_overtime(lua).map_err(|_| Stop::Over) } else { Ok(()) }
}

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("encode", lua.create_function(lua_encode)?)?;
    table.raw_set("decode", lua.create_function(lua_decode)?)?;
    Ok(table)
}

fn lua_encode(lua: &Lua, value: Value) -> Answer {
    match encode(lua, &value) {
        Ok(text) => args::answer_bytes(lua, Ok(text)),
        Err(Stop::Refused(error)) => args::answer::<Value>(lua, Err(error)),
        Err(Stop::Over) => Err(over()),
    }
}

fn lua_decode(lua: &Lua, text: Value) -> Answer {
    let text = match args::string(lua, &text, "JSON") {
        Ok(text) => text,
        Err(error) => return args::answer::<Value>(lua, Err(error)),
    };
    let decoded = decode(lua, &text.as_bytes())?;
    args::answer(lua, decoded)
}

#[cfg(test)]
mod tests;
