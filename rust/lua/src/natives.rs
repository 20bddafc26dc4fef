//! What the prelude calls of Rust: the `native` table. Programs never see it.

use std::sync::Arc;

use mlua::{Lua, Table, Value as LuaValue};

use crate::builtin;
use crate::copy::{copy_in, copy_out};
use crate::error::{ErrorValue, Kind};
use crate::host::Level;
use crate::modules::errors;
use crate::operations::operations;
use crate::prelude::part;
use crate::program::{Plan, Required};
use crate::value::Value;
use crate::watch::{self, host};
use crate::worker::is_memory_error;

/// Bytes that the fields of one log line take.
const MOST_FIELDS: usize = 1 << 16;

pub(crate) fn table(lua: &Lua, plan: &Arc<Plan>) -> mlua::Result<Table> {
    let native = lua.create_table()?;
    watch::add_functions(lua, &native)?;
    native.raw_set("attend", lua.create_function(|lua, (main, idle)| watch::attend(lua, &main, &idle))?)?;
    native
        .raw_set("is_memory_error", lua.create_function(|_, value: LuaValue| Ok(is_memory_error(&value)))?)?;
    native.raw_set("new_error", lua.create_function(new_error)?)?;
    native.raw_set("log", lua.create_function(log)?)?;
    native.raw_set("log_failure", lua.create_function(log_failure)?)?;
    native.raw_set(
        "cancel",
        lua.create_function(|lua, number| operations(lua).map(|all| all.cancel(number)))?,
    )?;
    native.raw_set("merge", lua.create_function(merge)?)?;
    native.raw_set("resolve", lua.create_function(resolve)?)?;
    native.raw_set("load", lua.create_function(load)?)?;
    native.raw_set("open", lua.create_function(|lua, name: String| builtin::open(lua, &name))?)?;
    native.raw_set("part", lua.create_function(|lua, name: String| part(lua, &name))?)?;
    native.raw_set("mentions", mentions(lua, plan)?)?;
    native.raw_set("method", plan.method.as_str())?;
    native.raw_set("no_method", lua.create_function(no_method)?)?;
    native.raw_set("booted", lua.create_function(|lua, entry: mlua::Function| booted(lua, entry))?)?;
    Ok(native)
}

pub(crate) fn plan(lua: &Lua) -> mlua::Result<Arc<Plan>> {
    let found = lua.app_data_ref::<Arc<Plan>>().map(|plan| Arc::clone(&plan));
    found.ok_or_else(|| mlua::Error::runtime("the worker has no program"))
}

/// The program's function, once it is known.
pub(crate) struct Booted(pub mlua::Function);

fn booted(lua: &Lua, entry: mlua::Function) -> mlua::Result<()> {
    lua.set_app_data(Booted(entry));
    Ok(())
}

/// A set of the words that the program has in its text, of those that parts of the prelude are for.
fn mentions(lua: &Lua, plan: &Plan) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    plan.mentions().try_for_each(|word| table.raw_set(word, true))?;
    Ok(table)
}

fn new_error(lua: &Lua, (kind, message): (String, String)) -> mlua::Result<LuaValue> {
    let error = ErrorValue::new(Kind::parse(&kind).unwrap_or_default(), message);
    errors::push(lua, ErrorValue { traceback: errors::traceback(lua), ..error })
}

fn no_method(lua: &Lua, (): ()) -> mlua::Result<LuaValue> {
    let text = format!("method \"{}\" not found in module", plan(lua)?.method);
    errors::push(lua, ErrorValue::new(Kind::NotFound, text))
}

/// A chunk's module or library: what kind it is, and which; or nothing, and why there is none (L-3).
fn resolve(lua: &Lua, (unit, name): (usize, String)) -> mlua::Result<(Option<&'static str>, LuaValue)> {
    let text = |text: String| lua.create_string(text).map(LuaValue::String);
    Ok(match plan(lua)?.resolve(unit, &name) {
        Ok(Required::Module) => (Some("module"), text(name)?),
        Ok(Required::Unit(index)) => (Some("import"), LuaValue::Integer(index as i64)),
        Err(problem) => (None, text(problem)?),
    })
}

fn load(lua: &Lua, (unit, env): (usize, Table)) -> mlua::Result<mlua::Function> {
    plan(lua)?.unit(unit).load(lua, env)
}

fn log(
    lua: &Lua,
    (level, name, message, fields): (String, Option<String>, LuaValue, LuaValue),
) -> mlua::Result<()> {
    let level = match &*level {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    };
    let message = match errors::from_lua(&message) {
        Some(error) => error.message,
        None => lua.coerce_string(message)?.map(|text| text.to_string_lossy()).unwrap_or_default(),
    };
    let fields = match fields {
        LuaValue::Table(_) => copy_out(&fields, MOST_FIELDS).unwrap_or_default(),
        _ => Value::Nil,
    };
    host(lua)?.log(level, name.as_deref().unwrap_or(""), &message, &fields);
    Ok(())
}

/// A spawned coroutine has failed; nobody waits for it.
fn log_failure(lua: &Lua, (error, trace): (LuaValue, String)) -> mlua::Result<()> {
    let error = crate::raised::raised(&error, &trace);
    let text = format!("a spawned coroutine failed: {}\n{}", error.message, error.traceback);
    host(lua)?.log(Level::Error, "", text.trim_end(), &Value::Nil);
    Ok(())
}

/// `options` with the values of another table over them.
fn merge(lua: &Lua, (before, values): (Option<Table>, Table)) -> mlua::Result<Table> {
    let merged = lua.create_table()?;
    for table in before.iter().chain([&values]) {
        table.for_each(|key: LuaValue, value: LuaValue| merged.raw_set(key, value))?;
    }
    Ok(merged)
}

/// An outcome as the kernel wants it: the value, or nil and an error.
pub(crate) fn answer(lua: &Lua, answer: Result<Value, ErrorValue>) -> mlua::Result<(LuaValue, LuaValue)> {
    Ok(match answer {
        Ok(value) => (copy_in(lua, &value)?, LuaValue::Nil),
        Err(error) => (LuaValue::Nil, errors::push(lua, error)?),
    })
}
