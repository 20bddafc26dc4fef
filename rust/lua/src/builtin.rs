//! The modules there are, by name, and the parts of them that wait or ask the embedder.

use std::time::Duration;

use mlua::{Lua, Table, Value as LuaValue};

use crate::copy::copy_in;
use crate::error::{ErrorValue, Kind};
use crate::host::Waiting;
use crate::modules::{self, errors};
use crate::operations::start;
use crate::patterns;
use crate::value::Value;
use crate::watch::host;

/// What a chunk may require once it declares it.
pub const NAMES: &[&str] = &[
    "base64",
    "channel",
    "coroutine",
    "ctx",
    "env",
    "errors",
    "fs",
    "funcs",
    "hash",
    "http_client",
    "json",
    "logger",
    "payload",
    "process",
    "text",
    "time",
    "uuid",
    "yaml",
];

/// What is a global too, and may be required without being declared (L-6).
pub const GLOBALS: &[&str] = &["channel", "coroutine", "errors", "payload", "process"];

/// What suspends a call, so that it must be able to wait.
pub const WAITING: &[&str] = &["env", "fs", "funcs", "http_client", "time"];

/// What needs the call's place in a tree of calls.
pub const OUTSIDE: &[&str] = &["ctx", "env", "fs", "funcs", "http_client"];

/// What reaches the network.
pub const NETWORK: &[&str] = &["http_client"];

/// The table of a module, or of its part in Rust.
pub(crate) fn open(lua: &Lua, name: &str) -> mlua::Result<Table> {
    match name {
        "base64" => modules::base64::open(lua),
        "ctx" => open_ctx(lua),
        "env" => open_env(lua),
        "errors" => errors::open(lua),
        "fs" => modules::fs::open(lua),
        "funcs" => modules::funcs::open(lua),
        "hash" => modules::hash::open(lua),
        "http_client" => modules::http_client::open(lua),
        "json" => modules::json::open(lua),
        "patterns" => patterns::open(lua),
        "text" => modules::text::open(lua),
        "time" => open_time(lua),
        "uuid" => modules::uuid::open(lua),
        "yaml" => modules::yaml::open(lua),
        other => Err(mlua::Error::runtime(format!("module '{other}' is not supported here"))),
    }
}

fn open_ctx(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("get", lua.create_function(ctx_get)?)?;
    table.raw_set("all", lua.create_function(ctx_all)?)?;
    Ok(table)
}

fn open_env(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("get", lua.create_function(start_env_get)?)?;
    table.raw_set("set", lua.create_function(start_env_set)?)?;
    table.raw_set("get_all", lua.create_function(start_env_all)?)?;
    Ok(table)
}

fn open_time(lua: &Lua) -> mlua::Result<Table> {
    let table = modules::time::open(lua)?;
    table.raw_set("sleep", lua.create_function(start_sleep)?)?;
    Ok(table)
}

/// The number of an operation, or nil and an error.
type Started = (Option<i64>, LuaValue);

fn started(lua: &Lua, waiting: Result<Waiting, ErrorValue>) -> mlua::Result<Started> {
    match waiting {
        Ok(waiting) => Ok((Some(start(lua, waiting)?), LuaValue::Nil)),
        Err(error) => Ok((None, errors::push(lua, error)?)),
    }
}

fn invalid<T>(text: impl Into<String>) -> Result<T, ErrorValue> {
    Err(ErrorValue::new(Kind::Invalid, text))
}

fn start_sleep(lua: &Lua, duration: LuaValue) -> mlua::Result<Started> {
    started(lua, modules::time::duration(&duration).map(sleep))
}

fn sleep(duration: Duration) -> Waiting {
    Box::pin(async move {
        tokio::time::sleep(duration).await;
        Ok(Ok(Value::Nil))
    })
}

fn key(value: &LuaValue) -> Result<String, ErrorValue> {
    match value {
        LuaValue::String(text) if !text.as_bytes().is_empty() => Ok(text.to_string_lossy()),
        LuaValue::String(_) => invalid("empty key"),
        other => invalid(format!("expected a key (string), got {}", other.type_name())),
    }
}

fn start_env_get(lua: &Lua, name: LuaValue) -> mlua::Result<Started> {
    let host = host(lua)?;
    started(lua, key(&name).map(|key| host.env(key)))
}

fn start_env_set(lua: &Lua, (name, value): (LuaValue, LuaValue)) -> mlua::Result<Started> {
    let host = host(lua)?;
    let value = match lua.coerce_string(value)? {
        Some(text) => Ok(text.to_string_lossy()),
        None => invalid("expected a value (string)"),
    };
    started(lua, key(&name).and_then(|key| Ok(host.set_env(key, value?))))
}

fn start_env_all(lua: &Lua, (): ()) -> mlua::Result<Started> {
    let host = host(lua)?;
    started(lua, Ok(host.all_env()))
}

/// (L-37)
fn ctx_get(lua: &Lua, name: LuaValue) -> mlua::Result<(LuaValue, LuaValue)> {
    let host = host(lua)?;
    let found = key(&name).and_then(|key| {
        let missing = || ErrorValue::new(Kind::NotFound, format!("context value not found: {key}"));
        host.context().get(&key).ok_or_else(missing)
    });
    Ok(match found {
        Ok(value) => (copy_in(lua, value)?, LuaValue::Nil),
        Err(error) => (LuaValue::Nil, errors::push(lua, error)?),
    })
}

fn ctx_all(lua: &Lua, (): ()) -> mlua::Result<LuaValue> {
    match host(lua)?.context() {
        Value::Nil => Ok(LuaValue::Table(lua.create_table()?)),
        values => copy_in(lua, values),
    }
}
