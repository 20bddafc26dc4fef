//! Tests of the values layer against small guests. Layout and flattening are compared with wasmtime's own `Val` path.

mod async_calls;
mod core_modules;
mod dynamic;
mod encodings;
mod flat;
mod guests;
mod hostile;
mod memory;
mod model;
mod signatures;
mod texts;
mod wit_texts;
