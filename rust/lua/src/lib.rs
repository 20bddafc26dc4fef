//! `function.lua` and `library.lua` entries: Lua functions that guests, Python and each other call (L-1 to L-39).
//!
//! Nothing here knows of WebAssembly or Python. What a program reaches outside, it reaches through its [`host`].
//!
//! | what | where |
//! |---|---|
//! | a source: types erased, syntax judged | `source`, `unit` |
//! | a function and the workers that serve it | `program`, `worker`, `prelude` |
//! | a call | `run`, `operations`, `watch`, `host`, `raised` |
//! | what programs use | `builtin`, `modules`, `natives`, `patterns` |
//! | values and errors that cross | `value`, `error`, `copy` |

#![deny(unsafe_op_in_unsafe_fn)]

pub mod builtin;
pub mod copy;
pub mod error;
pub mod host;
pub mod modules;
mod natives;
mod operations;
mod patterns;
mod prelude;
pub mod program;
mod raised;
pub mod run;
pub mod source;
pub mod unit;
pub mod value;
pub mod watch;
mod worker;

#[cfg(test)]
mod tests;
