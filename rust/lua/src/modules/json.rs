//! `json`: text of tables, and tables of text (L-32).
//!
//! Neither direction makes the whole value once more in between: text is read into tables as it comes, and tables are
//! written straight into text. Keys are written in the order of their bytes, so that the same value gives the same text.

use mlua::{Lua, Table, Value};

use super::args::{self, Answer};

mod build;
mod decode;
pub(super) mod encode;
mod write;

pub use decode::decode;
pub use encode::encode;

/// Arrays and objects inside each other.
const DEPTH: usize = 128;

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("encode", lua.create_function(lua_encode)?)?;
    table.raw_set("decode", lua.create_function(lua_decode)?)?;
    Ok(table)
}

fn lua_encode(lua: &Lua, value: Value) -> Answer {
    args::answer_bytes(lua, encode(lua, &value))
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
