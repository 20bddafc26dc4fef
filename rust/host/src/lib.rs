//! Prepared WebAssembly functions: the engine, the import groups, values and calls of `wippy_native`.
//!
//! Nothing here knows of Python. An embedder loads a [`module::Module`], describes an entry in a [`spec::Spec`], prepares
//! a [`function::Function`] in a [`table::Table`] and calls it.
//!
//! | what | where |
//! |---|---|
//! | one per process: engine, pool, ticker, signals | `engine`, `ticker`, `signals`, `fork` |
//! | once per module | `module`, `cache`, `inspect` |
//! | once per entry | `spec`, `groups`, `imports`, `resolve`, `function`, `table`, `reply` |
//! | instances without a call | `warm`, `spares`, `room` |
//! | functions without a module | `script` |
//! | each call | `calling`, `call`, `instance`, `state`, `pool`, `frame`, `running`, `driver`, `mailbox`, `threads`, `input`, `output`, `streams`, `inherited`, `stack`, `stats`, `histogram`, `stopwatch` |
//! | many calls | `batch`, `pace` |
//! | what guests reach outside | `net` |
//! | arguments and results | `values` |

#![deny(unsafe_op_in_unsafe_fn)]

pub mod batch;
pub mod cache;
pub mod call;
mod calling;
pub mod driver;
pub mod engine;
pub mod error;
mod fork;
pub mod frame;
pub mod function;
pub mod groups;
mod histogram;
pub mod imports;
mod inherited;
pub mod input;
pub mod inspect;
mod instance;
pub mod lifecycle;
pub mod limits;
pub mod mailbox;
pub mod module;
pub mod net;
pub mod output;
mod pace;
pub mod pool;
pub mod reply;
mod resolve;
mod room;
mod running;
pub mod script;
pub mod signals;
mod spares;
pub mod spec;
mod stack;
mod state;
pub mod stats;
mod stopwatch;
pub mod streams;
pub mod table;
pub mod threads;
mod ticker;
pub mod values;
mod warm;
