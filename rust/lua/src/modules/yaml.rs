//! `yaml`: text of tables, and tables of text, by the core schema of YAML 1.2.
//!
//! Text is read event by event, straight into tables, without recursion. An alias gives a copy of what it stands for, as
//! if that were written there, and copies have a budget: nine lines of aliases can stand for a billion values.

use mlua::{Lua, Table, Value};

use super::args::{self, Answer, invalid};

mod decode;
mod encode;
mod scalar;

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("encode", lua.create_function(lua_encode)?)?;
    table.raw_set("decode", lua.create_function(lua_decode)?)?;
    Ok(table)
}

/// `encode(table[, {field_order, sort_unordered}])`. Fields are sorted in any case.
fn lua_encode(lua: &Lua, (value, options): (Value, Value)) -> Answer {
    let Value::Table(table) = &value else {
        return args::answer::<Value>(lua, Err(args::wrong(&value, "data", "a table")));
    };
    let order = match &options {
        Value::Table(options) => options.raw_get("field_order")?,
        _ => Value::Nil,
    };
    args::answer_bytes(lua, encode::encode(table, &order))
}

/// `decode(text)`: the first document.
fn lua_decode(lua: &Lua, text: Value) -> Answer {
    let text = match args::string(lua, &text, "YAML") {
        Ok(text) => text,
        Err(error) => return args::answer::<Value>(lua, Err(error)),
    };
    let bytes = text.as_bytes();
    let decoded = match std::str::from_utf8(&bytes) {
        Ok("") => Err(invalid("YAML is empty")),
        Ok(text) => decode::decode(lua, text)?,
        Err(_) => Err(invalid("YAML is not valid UTF-8")),
    };
    args::answer(lua, decoded)
}

#[cfg(test)]
mod tests;
