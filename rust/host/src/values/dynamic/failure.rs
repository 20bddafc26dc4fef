//! Why a value does not fit, and where (V-28).
//!
//! The place is put together only when something fails, each level adding its part on the way out.

use std::fmt::Write;

use wippy_lua::value::Value;

use super::Misfit;
use crate::values::{TooLong, Ty};

pub(super) type Lowered<T = ()> = Result<T, Fail>;

/// A misfit whose place is not known to the end. Boxed: every step of the walk returns one.
pub(super) struct Fail(Box<Parts>);

struct Parts {
    /// Innermost first.
    path: Vec<Segment>,
    kind: &'static str,
    text: String,
}

enum Segment {
    Name(String),
    Position(usize),
}

impl Fail {
    /// `kind` is one of V-28's: `type_mismatch`, `field_missing`, `invalid_data`, `overflow`, `invalid_utf8`.
    pub fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self(Box::new(Parts { path: Vec::new(), kind, text: text.into() }))
    }

    /// The value is of another type than the parameter.
    #[cold]
    pub fn mismatch(ty: &Ty, found: &Value) -> Self {
        Self::expected("type_mismatch", ty, &describe(found))
    }

    /// The number does not fit its type.
    #[cold]
    pub fn overflow(ty: &Ty, found: &Value) -> Self {
        Self::expected("overflow", ty, &describe(found))
    }

    /// Of the right type, but none of its values.
    #[cold]
    pub fn invalid(ty: &Ty, found: &Value) -> Self {
        Self::expected("invalid_data", ty, &describe(found))
    }

    /// No label of the type.
    #[cold]
    pub fn no_label(ty: &Ty, label: &[u8]) -> Self {
        Self::expected("invalid_data", ty, &shown(label).unwrap_or_else(|| "another name".to_owned()))
    }

    /// A payload for a case that has none.
    #[cold]
    pub fn unit(found: &Value) -> Self {
        Self::new("type_mismatch", format!("expected no payload, got {}", describe(found)))
    }

    /// More or fewer elements than `expected`.
    #[cold]
    pub fn count(ty: &Ty, expected: usize, found: usize) -> Self {
        Self::expected("invalid_data", ty, &format!("{found} of {expected} items"))
    }

    fn expected(kind: &'static str, ty: &Ty, found: &str) -> Self {
        Self::new(kind, format!("expected {ty}, got {found}"))
    }

    /// The element at `index`, which counts from 0.
    pub fn at_index(mut self, index: usize) -> Self {
        self.0.path.push(Segment::Position(index + 1));
        self
    }

    pub fn at(mut self, name: &str) -> Self {
        self.0.path.push(Segment::Name(name.to_owned()));
        self
    }

    /// The misfit of parameter `index`, whose name is in the path already.
    pub fn of_parameter(self, index: usize) -> Misfit {
        let path = self.path();
        let Parts { kind, text, .. } = *self.0;
        let message = format!(
            "[encode] invalid_data at param[{index}]: failed to encode parameter {index}: [encode] {kind}: {path}: {text}"
        );
        Misfit { path, message }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.0.path.iter().rev() {
            // Writing to a string does not fail.
            let _ = match segment {
                Segment::Position(position) => write!(path, "[{position}]"),
                Segment::Name(name) if path.is_empty() => write!(path, "{name}"),
                Segment::Name(name) => write!(path, ".{name}"),
            };
        }
        path
    }
}

impl From<TooLong> for Fail {
    fn from(TooLong: TooLong) -> Self {
        Self::new("overflow", "more than the arguments of a call may hold")
    }
}

impl Misfit {
    pub(super) fn count(expected: usize, given: usize) -> Self {
        let message =
            format!("[encode] invalid_data: parameter count mismatch: expected {expected}, got {given}");
        Self { path: String::new(), message }
    }
}

/// The type of a value, with the value where that is short.
fn describe(found: &Value) -> String {
    let name = found.type_name();
    let value = match found {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => Some(format!("{value:?}")),
        Value::Str(bytes) => shown(bytes),
        Value::List(items) => Some(counted(items.len(), "item")),
        Value::Map(entries) => Some(counted(entries.len(), "key")),
        Value::Nil | Value::Error(_) => None,
    };
    value.map_or_else(|| name.to_owned(), |value| format!("{name} ({value})"))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Short text, in quotes.
fn shown(bytes: &[u8]) -> Option<String> {
    const LONGEST: usize = 40;
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST)?;
    Some(format!("{text:?}"))
}
