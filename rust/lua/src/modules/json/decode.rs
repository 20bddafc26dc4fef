//! JSON to values.

use std::cell::RefCell;
use std::fmt;

use mlua::{Lua, Value as LuaValue};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::DEPTH;
use crate::error::{ErrorValue, Kind};
use crate::modules::args::Result;
use crate::value::Value;

/// Reads a value. What the Lua state itself refuses, memory, is raised.
pub fn decode(lua: &Lua, text: &[u8]) -> mlua::Result<Result<LuaValue>> {
    let raised = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(text);
    // Levels are counted here: the reader's own limit is another one.
    reader.disable_recursion_limit();
    let read = Seed { lua, raised: &raised, depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    match (raised.into_inner(), read) {
        (Some(error), _) => Err(error),
        (None, read) => Ok(read.map_err(|error| problem(&error))),
    }
}

fn problem(error: &serde_json::Error) -> ErrorValue {
    let place = |number| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    ErrorValue {
        details: Value::Map(vec![
            (b"line".to_vec(), place(error.line())),
            (b"column".to_vec(), place(error.column())),
        ]),
        ..ErrorValue::new(Kind::Invalid, format!("invalid JSON: {error}"))
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    lua: &'a Lua,
    /// An error of Lua, which an error of the reader cannot hold.
    raised: &'a RefCell<Option<mlua::Error>>,
    depth: usize,
}

impl Seed<'_> {
    fn keep<T, E: Error>(&self, result: mlua::Result<T>) -> std::result::Result<T, E> {
        result.map_err(|error| {
            *self.raised.borrow_mut() = Some(error);
            E::custom("the Lua state refused")
        })
    }

    fn inner<E: Error>(&self) -> std::result::Result<Self, E> {
        if self.depth == DEPTH {
            return Err(E::custom(format!("nested deeper than {DEPTH} levels")));
        }
        Ok(Seed { depth: self.depth + 1, ..*self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = LuaValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<LuaValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = LuaValue;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> std::result::Result<LuaValue, E> {
        Ok(LuaValue::Nil)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> std::result::Result<LuaValue, E> {
        Ok(LuaValue::Boolean(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> std::result::Result<LuaValue, E> {
        Ok(LuaValue::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> std::result::Result<LuaValue, E> {
        Ok(i64::try_from(number).map_or(LuaValue::Number(number as f64), LuaValue::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> std::result::Result<LuaValue, E> {
        Ok(LuaValue::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> std::result::Result<LuaValue, E> {
        self.keep(self.lua.create_string(text)).map(LuaValue::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<LuaValue, A::Error> {
        let (inner, table) = (self.inner()?, self.keep(self.lua.create_table())?);
        let mut index = 0;
        while let Some(item) = items.next_element_seed(inner)? {
            index += 1;
            self.keep(table.raw_seti(index, item))?;
        }
        Ok(LuaValue::Table(table))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<LuaValue, A::Error> {
        let (inner, table) = (self.inner()?, self.keep(self.lua.create_table())?);
        // A key is a string: anything else the reader refuses.
        while let Some(key) = entries.next_key_seed(inner)? {
            let value = entries.next_value_seed(inner)?;
            self.keep(table.raw_set(key, value))?;
        }
        Ok(LuaValue::Table(table))
    }
}
