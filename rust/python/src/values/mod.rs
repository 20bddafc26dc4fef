//! Python objects to arguments and results to Python objects.
//!
//! A [`Converter`] is made once per function: the plan of `wippy_host::values` with the Python strings it needs, interned.
//! Lowering walks the objects once, with the interpreter attached, and writes straight into
//! [`Arguments`](wippy_host::values::Arguments); lifting walks an [`Image`](wippy_host::values::Image). Neither touches a
//! guest, so neither waits for one.
//!
//! | file | what |
//! |---|---|
//! | `plan` | types with their Python names |
//! | `converter` | the parameters of a call, its result |
//! | `lower`, `numbers`, `sequences`, `buffers`, `composites`, `choices` | Python to WIT, by kind of type |
//! | `lift` | WIT to Python |
//! | `plain` | Python to values of Lua and back, without types |
//! | `failure` | why an argument does not fit, and where |
//! | `classes` | `Variant`, `Ok`, `Err`, `Some` |
//!
//! Objects may run code of their own when they are asked for a length, an item or a number, and may change meanwhile.
//! Everything asked for is held by a strong reference, lengths are checked again after the walk, and a change is an
//! error; nothing is ever written outside the arguments' own memory.

mod buffers;
mod choices;
mod classes;
mod composites;
mod converter;
mod failure;
mod lift;
mod lower;
mod numbers;
pub mod plain;
mod plan;
mod sequences;

pub use classes::{ErrValue, OkValue, SomeValue, Variant};
pub use converter::Converter;
pub use lift::{LiftError, Lifted};
pub use plain::{error_value, to_python};
