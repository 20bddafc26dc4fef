//! `function.lua` and `library.lua` entries: Lua functions that guests, Python and each other call (L-1 to L-39).
//!
//! Nothing here knows of WebAssembly or Python. What a program reaches outside, it reaches through the embedder.

#![deny(unsafe_op_in_unsafe_fn)]

pub mod copy;
pub mod error;
pub mod modules;
pub mod source;
pub mod value;
