//! `funcs` and `payload`: the parts in Rust of calls of other functions (L-24, L-30, L-31, L-33).

use std::cell::Cell;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mlua::{Lua, Table, Value as LuaValue, Variadic};

use super::{errors, time};
use crate::builtin;
use crate::copy::{CopyOut, measure};
use crate::error::{ErrorValue, Kind};
use crate::host::{Call, Outcome, Waiting};
use crate::natives::{answer, plan};
use crate::operations::operations;
use crate::watch::host;

/// What `prelude/calls.lua` calls.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("call", lua.create_function(call)?)?;
    table.raw_set("start_call", lua.create_function(start_call)?)?;
    table.raw_set("transcode", lua.create_function(transcode)?)?;
    Ok(table)
}

/// What a call has come to, or how to wait for it: see `await` in `prelude/kernel.lua`.
type Called = (LuaValue, LuaValue, LuaValue);
type Arguments = (Option<Table>, LuaValue, Variadic<LuaValue>);

/// `true`, the value and the error of a call that has nothing to wait for, as most have; else as `start_call`.
fn call(lua: &Lua, arguments: Arguments) -> mlua::Result<Called> {
    let (bytes, mut waiting) = match prepared(lua, arguments)? {
        Ok(prepared) => prepared,
        Err(error) => return refused(lua, error),
    };
    match now(&mut waiting) {
        Some(Ok(outcome)) => {
            let (value, error) = answer(lua, outcome)?;
            Ok((LuaValue::Boolean(true), value, error))
        }
        // What ends the caller's own call, whoever polls that is to find.
        Some(Err(ended)) => waits(lua, 0, Box::pin(std::future::ready(Err(ended)))),
        None => waits(lua, bytes, waiting),
    }
}

/// The number of the operation, or nil and an error (L-30).
fn start_call(lua: &Lua, arguments: Arguments) -> mlua::Result<Called> {
    match prepared(lua, arguments)? {
        Ok((bytes, waiting)) => waits(lua, bytes, waiting),
        Err(error) => refused(lua, error),
    }
}

fn waits(lua: &Lua, bytes: usize, waiting: Waiting) -> mlua::Result<Called> {
    let number = operations(lua)?.start_holding(bytes, waiting);
    Ok((LuaValue::Integer(number), LuaValue::Nil, LuaValue::Nil))
}

fn refused(lua: &Lua, error: ErrorValue) -> mlua::Result<Called> {
    Ok((LuaValue::Nil, errors::push(lua, error)?, LuaValue::Nil))
}

/// Calls made at once inside each other, at most.
const INSIDE: u32 = 2;

thread_local! {
    /// How many there are.
    static NOW: Cell<u32> = const { Cell::new(0) };
}

/// Puts back how many there were.
struct Inside(u32);

impl Drop for Inside {
    fn drop(&mut self) {
        NOW.set(self.0);
    }
}

/// What a future gives when it is polled once, unless it has to wait; then whoever polls it next is woken.
///
/// All that the program has called inside itself stays on this thread's stack meanwhile. So only few do this inside each
/// other: the next one waits first, which takes its program off the stack. Timers and the like need the runtime, where
/// there may be none yet.
fn now(waiting: &mut Waiting) -> Option<Outcome> {
    let inside = NOW.get();
    if inside == INSIDE || tokio::runtime::Handle::try_current().is_err() {
        return None;
    }
    let _inside = Inside(NOW.replace(inside + 1));
    match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// A call that is ready to be polled, and the bytes that it holds outside of the state.
fn prepared(
    lua: &Lua,
    (options, target, arguments): Arguments,
) -> mlua::Result<Result<(usize, Waiting), ErrorValue>> {
    let call = match call_of(lua, options, &target, &arguments) {
        Ok(call) => call,
        Err(error) => return Ok(Err(error)),
    };
    let arguments = call.arguments.iter().map(|value| measure(value).bytes);
    let bytes = arguments.sum::<usize>() + measure(&call.context).bytes;
    let most = plan(lua)?.memory;
    if !operations(lua)?.has_room(bytes, most) {
        let text = format!("arguments of calls under way would take more than {most} bytes");
        return Ok(Err(ErrorValue::new(Kind::RateLimited, text)));
    }
    Ok(Ok((bytes, host(lua)?.call(call))))
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
            call.timeout = timeout_ms(&options)?;
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

/// `timeout` of a call's options: a number is milliseconds (L-33).
fn timeout_ms(options: &Table) -> Result<Option<Duration>, ErrorValue> {
    match options.raw_get::<LuaValue>("timeout") {
        Ok(LuaValue::Nil) | Err(_) => Ok(None),
        Ok(LuaValue::Integer(ms)) => Ok(Some(Duration::from_millis(ms.max(0) as u64))),
        Ok(LuaValue::Number(ms)) if ms.is_finite() => {
            Ok(Some(Duration::try_from_secs_f64(ms.max(0.0) / 1000.0).unwrap_or(Duration::MAX)))
        }
        Ok(text @ LuaValue::String(_)) => time::duration(&text).map(Some),
        Ok(other) => {
            let found = other.type_name();
            let text = format!("timeout: expected milliseconds or a duration, got {found}");
            Err(ErrorValue::new(Kind::Invalid, text))
        }
    }
}

/// A payload's value from one format into another.
fn transcode(
    lua: &Lua,
    (value, from, to): (LuaValue, String, LuaValue),
) -> mlua::Result<(LuaValue, LuaValue)> {
    let to = to.as_string().map(|text| text.to_string_lossy()).unwrap_or_default();
    let via = |module: &str, function: &str, value: LuaValue| -> mlua::Result<(LuaValue, LuaValue)> {
        builtin::open(lua, module)?.raw_get::<mlua::Function>(function)?.call(value)
    };
    let plain = match &*from {
        "json/plain" => via("json", "decode", value)?,
        "yaml/plain" => via("yaml", "decode", value)?,
        _ => (value, LuaValue::Nil),
    };
    if !plain.1.is_nil() {
        return Ok(plain);
    }
    match (&*to, plain.0) {
        (to, value) if to == from => Ok((value, LuaValue::Nil)),
        ("lua/any" | "golang/any", value) => Ok((value, LuaValue::Nil)),
        ("json/plain", value) => via("json", "encode", value),
        ("yaml/plain", value) => via("yaml", "encode", value),
        ("text/plain" | "application/octet-stream", value @ LuaValue::String(_)) => {
            Ok((value, LuaValue::Nil))
        }
        (to, value) => {
            let text =
                format!("failed to transcode payload: no way from {from} ({}) to {to:?}", value.type_name());
            Ok((LuaValue::Nil, errors::push(lua, ErrorValue::new(Kind::Invalid, text))?))
        }
    }
}
