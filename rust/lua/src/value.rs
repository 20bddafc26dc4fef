//! Values on their way between Lua and everything else: what a call's arguments and results are copied into.
//!
//! Lua is always at one end, so a string is bytes, an integer has 64 bits with a sign, and a table is a list or a map
//! (V-24). Functions, threads and userdata have no value here: they become nil (L-15).

use crate::error::ErrorValue;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    #[default]
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Any bytes; text where they are UTF-8.
    Str(Vec<u8>),
    /// A table with positive integer keys, or a sequence: element 1 first, holes nil.
    List(Vec<Value>),
    /// Any other table, its keys as text, in no order. An empty table is an empty map.
    Map(Vec<(Vec<u8>, Value)>),
    /// An error object (L-22).
    Error(Box<ErrorValue>),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Value::Str(text.into().into_bytes())
    }

    /// What Lua calls its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Float(_) => "float",
            Value::Str(_) => "string",
            Value::List(_) | Value::Map(_) => "table",
            Value::Error(_) => "error",
        }
    }

    /// The value of a map's key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(entries) => {
                entries.iter().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}
