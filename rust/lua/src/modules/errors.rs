//! `errors`, a global: error objects of programs, with a kind, and whether trying again may help (L-20 to L-24).
//!
//! An object is a Rust value, so its texts are not in Lua's memory. A program that makes very many of them would not be
//! stopped by its memory limit; so an object that is not small keeps a string of its own size inside the Lua state.

use mlua::{AnyUserData, Lua, MetaMethod, Table, UserData, UserDataMethods, Value as LuaValue};

use super::args;
use crate::copy::{self, Size};
use crate::error::{ErrorValue, Kind};
use crate::value::Value;

/// Bytes of an error's details.
const DETAILS: usize = 1 << 20;
/// What an object may take before it has a counterweight.
const LIGHT: usize = 512;
/// Frames of a stack that are kept.
const FRAMES: usize = 16;

/// An error object.
pub struct LuaError(pub ErrorValue);

impl UserData for LuaError {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_method("kind", kind);
        methods.add_method("message", |lua, error, ()| lua.create_string(&error.0.message));
        methods.add_method("retryable", |_, error, ()| Ok(error.0.retryable));
        methods.add_method("details", |lua, error, ()| copy::copy_in(lua, &error.0.details));
        methods.add_method("stack", |lua, error, ()| lua.create_string(&error.0.traceback));
        methods.add_meta_method(MetaMethod::ToString, |lua, error, ()| lua.create_string(&error.0.message));
        methods.add_meta_function(MetaMethod::Concat, concat);
    }
}

/// `:kind()`, and `:kind(k)`, which programs call to give a new error its kind: `errors.new(text):kind(errors.INVALID)`.
fn kind(lua: &Lua, error: &LuaError, wanted: LuaValue) -> mlua::Result<LuaValue> {
    match wanted.as_string().and_then(|kind| Kind::parse(&kind.to_string_lossy())) {
        Some(kind) => push(lua, ErrorValue { kind, ..error.0.clone() }),
        None => lua.create_string(error.0.kind.name()).map(LuaValue::String),
    }
}

fn concat(lua: &Lua, (left, right): (LuaValue, LuaValue)) -> mlua::Result<mlua::String> {
    let mut text = Vec::new();
    for side in [&left, &right] {
        match from_lua(side) {
            Some(error) => text.extend_from_slice(error.message.as_bytes()),
            None => match lua.coerce_string(side.clone())? {
                Some(part) => text.extend_from_slice(&part.as_bytes()),
                None => {
                    let problem = format!("attempt to concatenate a {} value", side.type_name());
                    return Err(mlua::Error::runtime(problem));
                }
            },
        }
    }
    lua.create_string(text)
}

/// Makes an error object.
pub fn push(lua: &Lua, error: ErrorValue) -> mlua::Result<LuaValue> {
    let size = copy::measure_error(&error).bytes;
    let object = lua.create_userdata(LuaError(error))?;
    if size > LIGHT {
        weigh(lua, &object, size)?;
    }
    Ok(LuaValue::UserData(object))
}

/// Has the Lua state count memory that an object takes outside of it.
pub fn weigh(lua: &Lua, object: &AnyUserData, bytes: usize) -> mlua::Result<()> {
    let counted = || object.set_user_value(lua.create_string(vec![0; bytes])?);
    match counted() {
        // What Lua collects when memory is short are not objects: it would have to call Rust to free them. They go in
        // two rounds: the object, then what it holds.
        Err(mlua::Error::MemoryError(_)) => {
            lua.gc_collect()?;
            lua.gc_collect()?;
            counted()
        }
        other => other,
    }
}

/// The error that a value is: an object, or what Rust raised and Lua caught.
pub fn from_lua(value: &LuaValue) -> Option<ErrorValue> {
    match value {
        LuaValue::UserData(object) => object.borrow::<LuaError>().ok().map(|error| error.0.clone()),
        LuaValue::Error(error) => Some(from_raised(error)),
        _ => None,
    }
}

/// What Rust raised: an error of ours where one is in there, else an internal one (L-14).
pub fn from_raised(error: &mlua::Error) -> ErrorValue {
    if let Some(ours) = error.chain().find_map(|cause| cause.downcast_ref::<ErrorValue>()) {
        return ours.clone();
    }
    match error {
        mlua::Error::CallbackError { traceback, cause } => {
            let inner = from_raised(cause);
            if inner.traceback.is_empty() {
                ErrorValue { traceback: traceback.clone(), ..inner }
            } else {
                inner
            }
        }
        other => ErrorValue::new(Kind::Internal, other.to_string()),
    }
}

/// What an error takes, where the value is one.
pub(crate) fn measure_lua(value: &LuaValue) -> Option<Size> {
    match value {
        LuaValue::UserData(object) => {
            object.borrow::<LuaError>().ok().map(|error| copy::measure_error(&error.0))
        }
        _ => from_lua(value).map(|error| copy::measure_error(&error)),
    }
}

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (_, constant, name) in Kind::ALL {
        table.raw_set(constant, name)?;
    }
    table.raw_set("new", lua.create_function(new)?)?;
    table.raw_set("wrap", lua.create_function(wrap)?)?;
    table.raw_set("is", lua.create_function(is)?)?;
    table.raw_set("call_stack", lua.create_function(call_stack)?)?;
    Ok(table)
}

/// Always gives an error as its first result, also of bad arguments: after `return nil, errors.new(x)` anything else would
/// be a success.
fn new(lua: &Lua, (first, second): (LuaValue, LuaValue)) -> mlua::Result<LuaValue> {
    let made = match (&first, &second) {
        (LuaValue::Table(options), _) => from_options(lua, options)?,
        (LuaValue::String(kind), LuaValue::String(message)) => match Kind::parse(&kind.to_string_lossy()) {
            Some(kind) => Ok(ErrorValue::new(kind, message.to_string_lossy())),
            None => Ok(ErrorValue::new(Kind::Unknown, kind.to_string_lossy())),
        },
        _ => args::string(lua, &first, "message")
            .map(|message| ErrorValue::new(Kind::Unknown, message.to_string_lossy())),
    };
    let mut error = made.unwrap_or_else(|problem| problem);
    error.traceback = traceback(lua);
    push(lua, error)
}

fn from_options(lua: &Lua, options: &Table) -> mlua::Result<args::Result<ErrorValue>> {
    let message: LuaValue = options.raw_get("message")?;
    let kind: LuaValue = options.raw_get("kind")?;
    let retryable: LuaValue = options.raw_get("retryable")?;
    let details: LuaValue = options.raw_get("details")?;
    Ok((|| {
        Ok(ErrorValue {
            kind: kind.as_string().and_then(|kind| Kind::parse(&kind.to_string_lossy())).unwrap_or_default(),
            message: args::string(lua, &message, "message")?.to_string_lossy(),
            retryable: retryable.as_boolean(),
            details: match details {
                LuaValue::Table(_) => copy::copy_out(&details, DETAILS)?,
                _ => Value::Nil,
            },
            traceback: String::new(),
        })
    })())
}

/// `wrap(err, msg)`: nil stays nil; a text becomes an error of no known kind.
fn wrap(lua: &Lua, (inner, message): (LuaValue, LuaValue)) -> mlua::Result<LuaValue> {
    let mut error = match from_lua(&inner) {
        Some(error) => error,
        None if inner.is_nil() => return Ok(LuaValue::Nil),
        None => ErrorValue::new(Kind::Unknown, plain_text(lua, &inner)),
    };
    if error.traceback.is_empty() {
        error.traceback = traceback(lua);
    }
    if !message.is_nil() {
        error.message = format!("{}: {}", plain_text(lua, &message), error.message);
    }
    push(lua, error)
}

fn plain_text(lua: &Lua, value: &LuaValue) -> String {
    match (from_lua(value), lua.coerce_string(value.clone())) {
        (Some(error), _) => error.message,
        (None, Ok(Some(text))) => text.to_string_lossy(),
        _ => format!("({})", value.type_name()),
    }
}

fn is(_: &Lua, (value, kind): (LuaValue, LuaValue)) -> mlua::Result<bool> {
    let kind = kind.as_string().and_then(|kind| Kind::parse(&kind.to_string_lossy()));
    let found = match &value {
        LuaValue::UserData(object) => object.borrow::<LuaError>().ok().map(|error| error.0.kind),
        _ => from_lua(&value).map(|error| error.kind),
    };
    Ok(kind.is_some() && found == kind)
}

/// The stack that is running: a line a frame, `source:line: in name`, the innermost first.
pub fn traceback(lua: &Lua) -> String {
    let mut lines = String::new();
    // Level 0 is the function of this module that was called.
    for level in 1..=FRAMES {
        let frame = lua.inspect_stack(level, |frame| {
            let source = frame.source().short_src.map(|source| source.into_owned()).unwrap_or_default();
            let name = frame.names().name.map(|name| name.into_owned());
            // The prelude's frames are nobody's business; they have no lines.
            frame
                .current_line()
                .map(|line| format!("{source}:{line}: in {}", name.as_deref().unwrap_or("function")))
        });
        match frame {
            None => break,
            Some(None) => (),
            Some(Some(line)) => {
                if !lines.is_empty() {
                    lines.push('\n');
                }
                lines.push_str(&line);
            }
        }
    }
    lines
}

/// `{thread, frames = {{source, line, name}, ...}}`; nil for what is no error.
fn call_stack(lua: &Lua, value: LuaValue) -> mlua::Result<LuaValue> {
    let Some(error) = from_lua(&value) else { return Ok(LuaValue::Nil) };
    let frames = lua.create_table()?;
    for (source, line, name) in error.traceback.lines().filter_map(frame) {
        let entry = lua.create_table_with_capacity(0, 3)?;
        entry.raw_set("source", source)?;
        entry.raw_set("line", line)?;
        entry.raw_set("name", name)?;
        frames.raw_push(entry)?;
    }
    let stack = lua.create_table_with_capacity(0, 2)?;
    stack.raw_set("thread", "main")?;
    stack.raw_set("frames", frames)?;
    Ok(LuaValue::Table(stack))
}

/// Source, line and name of a line of a traceback, ours or Lua's own.
fn frame(text: &str) -> Option<(&str, i64, &str)> {
    let (place, name) = text.trim().split_once(": in ")?;
    let (source, line) = place.rsplit_once(':')?;
    Some((source, line.parse().ok()?, name))
}

#[cfg(test)]
mod tests;
