//! Deep copies between Lua's values and [`Value`]: every crossing into or out of a Lua state (V-24, V-25, L-15).
//!
//! A copy shares nothing, so neither side sees what the other does later. Programs are not trusted: a table may contain
//! itself, share a subtable a million times, or have one key at 2^40. So a copy out of Lua has a budget and a depth, and
//! it reads tables as they are: metamethods are not called, since they could run forever or change the table meanwhile.

use mlua::{Lua, Table, Value as LuaValue};

use crate::error::{ErrorValue, Kind};
use crate::modules::errors;
use crate::value::Value;

/// Tables inside each other.
pub const DEPTH: usize = 128;
/// What a value costs of a budget, besides the bytes of its strings: about what it takes here.
const VALUE_BYTES: usize = 32;
/// A list up to this long may be as sparse as it likes.
const SPARSE: usize = 1024;

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
        self.value(value, 0)
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

    fn bytes(&mut self, text: &mlua::String) -> Result<Vec<u8>, ErrorValue> {
        let text = text.as_bytes();
        self.spend(VALUE_BYTES.saturating_add(text.len()))?;
        Ok(text.to_vec())
    }

    fn value(&mut self, value: &LuaValue, depth: usize) -> Result<Value, ErrorValue> {
        let plain = match value {
            LuaValue::String(text) => return self.bytes(text).map(Value::Str),
            LuaValue::Table(table) => return self.table(table, depth),
            LuaValue::UserData(_) | LuaValue::Error(_) => return self.error(value, depth),
            LuaValue::Boolean(flag) => Value::Bool(*flag),
            LuaValue::Integer(number) => Value::Int(*number),
            LuaValue::Number(number) => Value::Float(*number),
            _ => Value::Nil,
        };
        self.spend(VALUE_BYTES)?;
        Ok(plain)
    }

    fn error(&mut self, value: &LuaValue, depth: usize) -> Result<Value, ErrorValue> {
        self.spend(VALUE_BYTES)?;
        let Some(size) = errors::measure_lua(value) else { return Ok(Value::Nil) };
        // An error may have errors in its details, which have errors: they count as tables inside each other.
        deep(depth + size.depth)?;
        self.spend(size.bytes)?;
        Ok(errors::from_lua(value).map_or(Value::Nil, |error| Value::Error(Box::new(error))))
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<Value, ErrorValue> {
        deep(depth + 1)?;
        self.spend(VALUE_BYTES)?;
        let mut parts = Parts::default();
        let mut failed = None;
        let walked = table.for_each(|key: LuaValue, value: LuaValue| {
            if let Err(error) = parts.add(self, &key, &value, depth) {
                // Ends the walk; the error itself is kept as it is.
                failed = Some(error);
                return Err(mlua::Error::StackError);
            }
            Ok(())
        });
        match (failed, walked) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(ErrorValue::new(Kind::Internal, error.to_string())),
            (None, Ok(())) => parts.finish(self),
        }
    }
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

    fn add(
        &mut self,
        copy: &mut CopyOut,
        key: &LuaValue,
        value: &LuaValue,
        depth: usize,
    ) -> Result<(), ErrorValue> {
        match key {
            LuaValue::Integer(index) if *index > 0 => {
                self.drop_entries(copy);
                let value = copy.value(value, depth + 1)?;
                match usize::try_from(*index).unwrap_or(usize::MAX) {
                    index if index == self.list.len() + 1 => self.list.push(value),
                    index => self.strays.push((index, value)),
                }
            }
            _ if self.is_list() || self.bad_entry.is_some() => (),
            _ => {
                let before = copy.left;
                match self.entry(copy, key, value, depth) {
                    Ok(()) => self.entry_bytes += before - copy.left,
                    Err(error) => (self.bad_entry, copy.left) = (Some(error), before),
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

    fn entry(
        &mut self,
        copy: &mut CopyOut,
        key: &LuaValue,
        value: &LuaValue,
        depth: usize,
    ) -> Result<(), ErrorValue> {
        let key = match key {
            LuaValue::String(text) => copy.bytes(text)?,
            LuaValue::Integer(number) => number.to_string().into_bytes(),
            LuaValue::Number(number) => format!("{number:?}").into_bytes(),
            LuaValue::Boolean(flag) => flag.to_string().into_bytes(),
            _ => return Ok(()),
        };
        copy.spend(VALUE_BYTES)?;
        self.entries.push((key, copy.value(value, depth + 1)?));
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

/// Copies a value into Lua.
pub fn copy_in(lua: &Lua, value: &Value) -> mlua::Result<LuaValue> {
    into_lua(lua, value, 0)
}

fn into_lua(lua: &Lua, value: &Value, depth: usize) -> mlua::Result<LuaValue> {
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
                table.raw_seti(index + 1, into_lua(lua, item, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Map(entries) => {
            deep(depth + 1).map_err(mlua::Error::external)?;
            let table = lua.create_table_with_capacity(0, entries.len())?;
            for (key, item) in entries {
                table.raw_set(lua.create_string(key)?, into_lua(lua, item, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Error(error) => errors::push(lua, (**error).clone())?,
    })
}

/// What a value takes, and how deep it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub bytes: usize,
    pub depth: usize,
}

/// What a copied value takes, and how deep it is. Recurses as deep as the value, which [`copy_out`] bounds.
pub fn measure(value: &Value) -> Size {
    let mut size = Size { bytes: VALUE_BYTES, depth: 0 };
    match value {
        Value::Str(text) => size.bytes = size.bytes.saturating_add(text.len()),
        Value::List(items) => {
            size.depth = 1;
            items.iter().for_each(|item| add_to(&mut size, measure(item)));
        }
        Value::Map(entries) => {
            size.depth = 1;
            for (key, item) in entries {
                size.bytes = size.bytes.saturating_add(VALUE_BYTES + key.len());
                add_to(&mut size, measure(item));
            }
        }
        Value::Error(error) => add_to(&mut size, measure_error(error)),
        _ => (),
    }
    size
}

fn add_to(size: &mut Size, inner: Size) {
    size.bytes = size.bytes.saturating_add(inner.bytes);
    size.depth = size.depth.max(inner.depth + 1);
}

/// The same of an error.
pub fn measure_error(error: &ErrorValue) -> Size {
    let details = measure(&error.details);
    let texts = error.message.len() + error.traceback.len();
    Size { bytes: details.bytes.saturating_add(texts), depth: details.depth + 1 }
}

fn deep(depth: usize) -> Result<(), ErrorValue> {
    if depth > DEPTH {
        return Err(invalid(format!("table is nested deeper than {DEPTH} levels, or contains itself")));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> ErrorValue {
    ErrorValue::new(Kind::Invalid, message)
}

#[cfg(test)]
mod tests;
