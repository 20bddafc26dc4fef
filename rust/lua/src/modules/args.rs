//! Arguments and answers of modules' functions.

use mlua::{IntoLua, Lua, Value};

use super::errors;
use crate::error::{ErrorValue, Kind};
use crate::watch::refuse_late;

/// What a function makes for Lua at most: until it is copied into the state, nothing else limits it.
pub const OUTPUT: usize = 64 << 20;

pub type Result<T> = std::result::Result<T, ErrorValue>;
/// What functions return: a value and nil, or nil and an error (L-20).
pub type Answer = mlua::Result<(Value, Value)>;

pub fn invalid(message: impl Into<String>) -> ErrorValue {
    ErrorValue::new(Kind::Invalid, message)
}

pub fn too_large() -> ErrorValue {
    invalid(format!("the result would be larger than {OUTPUT} bytes"))
}

/// Makes a function's two results, unless the call is over.
pub fn answer<T: IntoLua>(lua: &Lua, result: Result<T>) -> Answer {
    refuse_late(lua)?;
    Ok(match result {
        Ok(value) => (value.into_lua(lua)?, Value::Nil),
        Err(error) => (Value::Nil, errors::push(lua, error)?),
    })
}

/// The same for bytes, which become a string.
pub fn answer_bytes(lua: &Lua, result: Result<impl AsRef<[u8]>>) -> Answer {
    match result {
        Ok(bytes) if bytes.as_ref().len() > OUTPUT => answer::<Value>(lua, Err(too_large())),
        Ok(bytes) => answer(lua, Ok(lua.create_string(bytes)?)),
        Err(error) => answer::<Value>(lua, Err(error)),
    }
}

/// A string, or a number as text, as Lua's own functions take them.
pub fn string(lua: &Lua, value: &Value, name: &str) -> Result<mlua::String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(_) | Value::Number(_) => match lua.coerce_string(value.clone()) {
            Ok(Some(text)) => Ok(text),
            _ => Err(wrong(value, name, "a string")),
        },
        _ => Err(wrong(value, name, "a string")),
    }
}

/// An integer, or a float that is one.
pub fn integer(value: &Value, name: &str) -> Result<i64> {
    match value {
        Value::Integer(number) => Ok(*number),
        Value::Number(number) => whole(*number).ok_or_else(|| wrong(value, name, "an integer")),
        _ => Err(wrong(value, name, "an integer")),
    }
}

/// An integer that may be left out.
pub fn integer_or(value: &Value, name: &str, default: i64) -> Result<i64> {
    if value.is_nil() { Ok(default) } else { integer(value, name) }
}

/// The integer that a float is, where it is one.
pub fn whole(number: f64) -> Option<i64> {
    // 2^63 itself is a float, and no integer here.
    let limit = 2_f64.powi(63);
    (number.fract() == 0.0 && (-limit..limit).contains(&number)).then_some(number as i64)
}

pub fn wrong(value: &Value, name: &str, wanted: &str) -> ErrorValue {
    invalid(format!("{name} must be {wanted}, not {}", value.type_name()))
}
