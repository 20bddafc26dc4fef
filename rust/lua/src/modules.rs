//! What programs `require`, and the globals they find: a file a module, each with an `open` that makes its table.
//!
//! All of it is called by programs that are not trusted. So a function answers bad data and arguments of the wrong type
//! with `nil, error` (L-20), ends in bounded time, and makes nothing outside the Lua state that outgrows its arguments:
//! only what is inside the state counts against a call's memory.

pub mod args;
pub mod base64;
pub mod errors;
pub mod fs;
pub mod funcs;
pub mod hash;
pub mod http_client;
pub mod json;
pub mod text;
pub mod time;
pub mod uuid;
pub mod yaml;
