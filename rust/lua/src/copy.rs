//! Deep copies between Lua's values and [`Value`]: every crossing into or out of a Lua state (V-24, V-25, L-15).
//!
//! A copy shares nothing, so neither side sees what the other does later. Programs are not trusted: a table may contain
//! itself, share a subtable a million times, or have one key at 2^40. So a copy out of Lua has a budget and a depth, and
//! it reads tables as they are: metamethods are not called, since they could run forever or change the table meanwhile.
//!
//! Both ways go over the state's own stack, a whole table with all in it at once: through the library, each value would be
//! a protected call and a reference taken and given back, which is most of what a table of ten fields costs.

use crate::error::{ErrorValue, Kind};
use crate::value::Value;

mod into;
mod out;
pub(crate) mod stack;

pub use into::copy_in;
pub use out::{CopyOut, copy_out};

/// Tables inside each other.
pub const DEPTH: usize = 128;
/// What a value costs of a budget, besides the bytes of its strings: about what it takes here.
const VALUE_BYTES: usize = 32;

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

/// Refuses what is deeper than [`DEPTH`].
pub(crate) fn deep(depth: usize) -> Result<(), ErrorValue> {
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
