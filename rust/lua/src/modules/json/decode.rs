//! JSON to values.

use std::fmt;

use mlua::{Lua, Value as LuaValue};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::build::{Builder, Plain};
use crate::copy::DEPTH;
use crate::error::{ErrorValue, Kind};
use crate::modules::args::Result;
use crate::value::Value;

/// Reads a value. What the Lua state itself refuses, memory, is raised.
pub fn decode(lua: &Lua, text: &[u8]) -> mlua::Result<Result<LuaValue>> {
    let (mut builder, mut raised) = (Builder::new(lua), None);
    let mut reader = serde_json::Deserializer::from_slice(text);
    // Levels are counted here: the reader's own limit is another one.
    reader.disable_recursion_limit();
    let read = Seed { builder: &mut builder, raised: &mut raised, depth: 0, is_key: false }
        .deserialize(&mut reader)
        .and_then(|_| reader.end());
    match (raised, read) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => builder.finish().map(Ok),
        (None, Err(error)) => Ok(Err(problem(&error))),
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

struct Seed<'a, 'de> {
    builder: &'a mut Builder<'de>,
    /// An error of Lua, which an error of the reader cannot hold.
    raised: &'a mut Option<mlua::Error>,
    depth: usize,
    is_key: bool,
}

impl<'de> Seed<'_, 'de> {
    fn keep<E: Error>(&mut self, result: mlua::Result<()>) -> std::result::Result<(), E> {
        result.map_err(|error| {
            *self.raised = Some(error);
            E::custom("the Lua state refused")
        })
    }

    fn plain<E: Error>(mut self, value: Plain) -> std::result::Result<Filled, E> {
        let filled = !matches!(value, Plain::Nil);
        let done = self.builder.plain(value);
        self.keep(done).map(|()| filled)
    }

    fn check_depth<E: Error>(&self) -> std::result::Result<(), E> {
        if self.depth == DEPTH {
            return Err(E::custom(format!("nested deeper than {DEPTH} levels")));
        }
        Ok(())
    }

    /// For what is inside this value.
    fn inner(&mut self, is_key: bool) -> Seed<'_, 'de> {
        Seed { builder: self.builder, raised: self.raised, depth: self.depth + 1, is_key }
    }
}

/// Whether a value is there at all: null is none.
type Filled = bool;

impl<'de> DeserializeSeed<'de> for Seed<'_, 'de> {
    type Value = Filled;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Filled, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, 'de> {
    type Value = Filled;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> std::result::Result<Filled, E> {
        self.plain(Plain::Nil)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> std::result::Result<Filled, E> {
        self.plain(Plain::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> std::result::Result<Filled, E> {
        self.plain(Plain::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> std::result::Result<Filled, E> {
        self.plain(i64::try_from(number).map_or(Plain::Float(number as f64), Plain::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> std::result::Result<Filled, E> {
        self.plain(Plain::Float(number))
    }

    fn visit_str<E: Error>(mut self, text: &str) -> std::result::Result<Filled, E> {
        let done = self.builder.text(text.as_bytes(), self.is_key);
        self.keep(done).map(|()| true)
    }

    fn visit_borrowed_str<E: Error>(mut self, text: &'de str) -> std::result::Result<Filled, E> {
        let done = self.builder.text_there(text.as_bytes(), self.is_key);
        self.keep(done).map(|()| true)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> std::result::Result<Filled, A::Error> {
        self.check_depth()?;
        let done = self.builder.begin_list();
        self.keep(done)?;
        let (mut count, mut has_holes) = (0, false);
        while let Some(filled) = items.next_element_seed(self.inner(false))? {
            count += 1;
            has_holes |= !filled;
        }
        // Where there are holes, the length that Lua finds depends on how the table has grown.
        let done = self.builder.end(if has_holes { 0 } else { count });
        self.keep(done).map(|()| true)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> std::result::Result<Filled, A::Error> {
        self.check_depth()?;
        let done = self.builder.begin_map();
        self.keep(done)?;
        let mut count = 0;
        // A key is a string: anything else the reader refuses.
        while entries.next_key_seed(self.inner(true))?.is_some() {
            let filled = entries.next_value_seed(self.inner(false))?;
            count += usize::from(filled);
        }
        let done = self.builder.end(count);
        self.keep(done).map(|()| true)
    }
}
