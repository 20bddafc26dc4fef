//! Values of Lua programs into a guest and back: the Lua column of the value rules (V-1 to V-28).
//!
//! The program that made the values is not trusted, and neither is its size: depth is bounded by the types, what a call
//! holds by [`Arguments::MAX_BYTES`] for all of it together, and the work by the values' size times what the types name.
//! Nothing is planned ahead: the names of the types are compared as they are, which costs less than the tables around it.
//!
//! Where the rules leave a choice:
//! - A side or case without payload comes out as `{ok=true}`, `{err=true}`, `{case=true}`: in Lua a key with nil would
//!   be an empty table, which tells nothing. In go `true`, `{}`, nil, and the name alone: `"case"`, `"ok"`.
//! - None as a payload comes out as a key with nil, so that `r.ok` is the value. The empty table Lua makes of it goes
//!   in again where only one side or case may hold none.
//! - An option inside an option comes out as `{some=v}`, and `{some=nil}` goes in as the empty table it is. A value that
//!   is no such table goes in as it is.
//! - Names go in as the WIT spells them or in snake_case, the former first; they come out as the WIT spells them.
//! - A fixed list of bytes is a string, as any list of bytes.
//! - A single value where a `result` is expected is an error: `{ok=v}` must be said.
//! - Positions in a path count from 1, so that `users[3].tags` is what the program would write.

use std::fmt;

mod choices;
mod failure;
mod from_guest;
mod into_guest;
mod names;
mod scalars;
mod tables;

pub use from_guest::Answer;

#[cfg(doc)]
use super::Arguments;

/// How a function's own `result` comes out (V-20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResultStyle {
    /// As anywhere else: a table, `{ok=v}` or `{err=e}`.
    #[default]
    Table,
    /// The value, or an error.
    Pair,
}

/// An argument does not fit its parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where: `users[3].tags`; empty if the number of arguments is wrong.
    pub path: String,
    /// In the words of F-43 and V-28 after `encode params: `.
    pub message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}
