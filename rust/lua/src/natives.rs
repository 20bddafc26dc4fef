//! What the prelude calls of Rust: the `native` table. Programs never see it.

use std::sync::Arc;

use mlua::{Lua, Table, Value as LuaValue, Variadic};

use crate::builtin;
use crate::copy::{CopyOut, copy_in, copy_out, measure};
use crate::error::{ErrorValue, Kind};
use crate::host::{Call, Level};
use crate::modules::errors;
use crate::operations::operations;
use crate::program::{Plan, Required};
use crate::value::Value;
use crate::watch::{attend, host, watch};
use crate::worker::is_memory_error;

/// Bytes that the fields of one log line take.
const MOST_FIELDS: usize = 1 << 16;

pub(crate) fn table(lua: &Lua, plan: &Arc<Plan>) -> mlua::Result<Table> {
    let native = lua.create_table()?;
    native.raw_set("preempted", lua.create_function(|lua, ()| Ok(watch(lua)?.take_preempted()))?)?;
    native.raw_set("checkpoint", lua.create_function(|lua, ()| Ok(watch(lua)?.has_ticked()))?)?;
    native.raw_set("attend", lua.create_function(|lua, (main, idle)| attend(lua, &main, &idle))?)?;
    native.raw_set("stir", lua.create_function(|lua, ()| watch(lua).map(|watch| watch.stir()))?)?;
    native.raw_set("is_over", lua.create_function(|lua, ()| Ok(watch(lua)?.is_over()))?)?;
    native
        .raw_set("is_memory_error", lua.create_function(|_, value: LuaValue| Ok(is_memory_error(&value)))?)?;
    native.raw_set("new_error", lua.create_function(new_error)?)?;
    native.raw_set("log", lua.create_function(log)?)?;
    native.raw_set("log_failure", lua.create_function(log_failure)?)?;
    native.raw_set(
        "cancel",
        lua.create_function(|lua, number| operations(lua).map(|all| all.cancel(number)))?,
    )?;
    native.raw_set("start_call", lua.create_function(start_call)?)?;
    native.raw_set("merge", lua.create_function(merge)?)?;
    native.raw_set("resolve", lua.create_function(resolve)?)?;
    native.raw_set("load", lua.create_function(load)?)?;
    native.raw_set("open", lua.create_function(builtin::open)?)?;
    native.raw_set("method", plan.method.as_str())?;
    native.raw_set("no_method", lua.create_function(no_method)?)?;
    native.raw_set("booted", lua.create_function(|lua, entry: mlua::Function| booted(lua, entry))?)?;
    builtin::install(lua, &native)?;
    Ok(native)
}

fn plan(lua: &Lua) -> mlua::Result<Arc<Plan>> {
    let found = lua.app_data_ref::<Arc<Plan>>().map(|plan| Arc::clone(&plan));
    found.ok_or_else(|| mlua::Error::runtime("the worker has no program"))
}

/// The program's function, once it is known.
pub(crate) struct Booted(pub mlua::Function);

fn booted(lua: &Lua, entry: mlua::Function) -> mlua::Result<()> {
    lua.set_app_data(Booted(entry));
    Ok(())
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

/// The number of the operation, or nil and an error (L-30).
fn start_call(
    lua: &Lua,
    (options, target, arguments): (Option<Table>, LuaValue, Variadic<LuaValue>),
) -> mlua::Result<(Option<i64>, LuaValue)> {
    match call_of(lua, options, &target, &arguments) {
        Ok(call) => {
            let arguments = call.arguments.iter().map(|value| measure(value).bytes);
            let bytes = arguments.sum::<usize>() + measure(&call.context).bytes;
            let (operations, most) = (operations(lua)?, plan(lua)?.memory);
            if !operations.has_room(bytes, most) {
                let text = format!("arguments of calls under way would take more than {most} bytes");
                let error = ErrorValue::new(Kind::RateLimited, text);
                return Ok((None, errors::push(lua, error)?));
            }
            let waiting = host(lua)?.call(call);
            Ok((Some(operations.start_holding(bytes, waiting)), LuaValue::Nil))
        }
        Err(error) => Ok((None, errors::push(lua, error)?)),
    }
}

fn call_of(
    lua: &Lua,
    options: Option<Table>,
    target: &LuaValue,
    arguments: &[LuaValue],
) -> Result<Call, ErrorValue> {
    let target = checked_target(target)?;
    let budget = plan(lua).map_err(|error| ErrorValue::new(Kind::Internal, error.to_string()))?.budget;
    let mut copy = CopyOut::new(budget);
    let arguments = arguments.iter().map(|value| copy.copy(value)).collect::<Result<_, _>>()?;
    let mut call = Call { target, arguments, ..Call::default() };
    if let Some(options) = options {
        let field = |name: &str| options.raw_get::<LuaValue>(name).unwrap_or(LuaValue::Nil);
        call.context = copy.copy(&field("context"))?;
        if let LuaValue::Table(options) = field("options") {
            call.timeout = builtin::timeout_ms(&options)?;
        }
    }
    Ok(call)
}

fn checked_target(target: &LuaValue) -> Result<String, ErrorValue> {
    let invalid = |text: &str| Err(ErrorValue::new(Kind::Invalid, text));
    let LuaValue::String(target) = target else { return invalid("function ID required") };
    let target = target.to_string_lossy();
    match target.split_once(':') {
        _ if target.is_empty() => invalid("function ID required"),
        None => invalid("namespace required in function ID"),
        Some(("", _)) => invalid("namespace required in function ID"),
        Some((_, "")) => invalid("name required in function ID"),
        Some(_) => Ok(target),
    }
}

/// An outcome as the kernel wants it: the value, or nil and an error.
pub(crate) fn answer(lua: &Lua, answer: Result<Value, ErrorValue>) -> mlua::Result<(LuaValue, LuaValue)> {
    Ok(match answer {
        Ok(value) => (copy_in(lua, &value)?, LuaValue::Nil),
        Err(error) => (LuaValue::Nil, errors::push(lua, error)?),
    })
}
