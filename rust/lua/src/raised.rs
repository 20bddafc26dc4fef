//! What a program raised or returned as its error, as an [`ErrorValue`] (L-12 to L-14).

use mlua::Value as LuaValue;

use crate::copy::copy_out;
use crate::error::{ErrorValue, Kind};
use crate::modules::errors;
use crate::prelude::{FRAME, PLACE};
use crate::value::Value;

/// Bytes of a raised table that are kept as details.
const DETAILS: usize = 1 << 16;
/// Of a message.
const LONGEST: usize = 1 << 16;

/// An error that was raised, and where.
pub(crate) fn raised(error: &LuaValue, trace: &str) -> ErrorValue {
    let mut found = match error {
        LuaValue::String(text) => internal(shortened(own_words(&text.to_string_lossy()))),
        LuaValue::Integer(number) => internal(number.to_string()),
        LuaValue::Number(number) => internal(number.to_string()),
        other => errors::from_lua(other).unwrap_or_else(|| of_object(other)),
    };
    if found.traceback.is_empty() {
        found.traceback = frames(trace);
    }
    if let LuaValue::String(text) = error
        && (text.as_bytes().starts_with(PLACE.as_bytes()) || is_of_library(trace))
        && let Some(place) = place(&found.traceback)
    {
        found.message = format!("{place} {}", found.message);
    }
    found
}

/// The error in second place of a return, if that counts as one (L-13).
pub(crate) fn returned(error: &LuaValue) -> Option<ErrorValue> {
    match error {
        LuaValue::String(text) => {
            Some(ErrorValue { retryable: Some(false), ..internal(shortened(&text.to_string_lossy())) })
        }
        other => errors::from_lua(other),
    }
}

/// Whether a function of Lua's own has raised an error that the prelude has called: it tells of no place then.
fn is_of_library(trace: &str) -> bool {
    let mut frames = trace.lines().map(str::trim_start).skip(1);
    let is_library = |frame: &str| frame.starts_with("[C]: in") && frame != "[C]: in function 'error'";
    frames.next().is_some_and(is_library) && frames.next().is_some_and(|frame| frame.starts_with(FRAME))
}

/// `file:line:` of the first frame.
fn place(trace: &str) -> Option<&str> {
    let frame = trace.lines().next()?;
    frame.find(": in ").map(|end| &frame[..=end])
}

/// Without a place in the prelude, where a function of Lua's own was called from there.
fn own_words(text: &str) -> &str {
    text.strip_prefix(PLACE).unwrap_or(text)
}

fn internal(message: String) -> ErrorValue {
    ErrorValue::new(Kind::Internal, message)
}

/// A raised table, or what else is no text: its own `message` if it has one.
fn of_object(object: &LuaValue) -> ErrorValue {
    let details = copy_out(object, DETAILS).unwrap_or_default();
    let message = match details.get("message") {
        Some(Value::Str(text)) => shortened(&String::from_utf8_lossy(text)),
        _ => format!("(error object is a {} value)", object.type_name()),
    };
    let details = if matches!(details, Value::Map(_) | Value::List(_)) { details } else { Value::Nil };
    ErrorValue { details, ..internal(message) }
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

/// The program's own frames of a traceback as Lua writes it, a line each.
fn frames(trace: &str) -> String {
    let lines = trace.lines().map(str::trim_start);
    let own = lines.filter(|line| {
        let hidden = [FRAME, "[C]", "(...tail calls...)", "stack traceback"];
        !line.is_empty() && !hidden.iter().any(|hidden| line.starts_with(hidden))
    });
    own.collect::<Vec<_>>().join("\n")
}
