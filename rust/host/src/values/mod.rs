//! Values on their way between a caller and a guest.
//!
//! Guest code (`cabi_realloc` above all) must never run while Python's lock is held, and Python must never run on a
//! guest's stack. So a value crosses as an owned image in the layout of the canonical ABI: [`Arguments`] are built
//! before the call and copied into the guest during it, an [`Image`] of the result is copied out of the guest and
//! read after it. The price is one extra copy of small values (large byte strings are borrowed, see
//! [`Arguments::borrow`]); the gain is that both sides stay simple and neither waits for the other.
//!
//! | file | what |
//! |---|---|
//! | `ty`, `signature`, `reflect`, `wit_text`, `display` | the plan: types with their layout, where they come from, how they print |
//! | `arguments`, `lower`, `flat` | into the guest |
//! | `copy_out`, `image`, `text` | out of the guest |
//! | `dynamic` | values of Lua programs, both ways |
//! | `component` (with `expected`), `core_module` | the two kinds of guests |
//! | `arena` | memory for both directions |
//!
//! What can go wrong: the guest hands out pointers, discriminants or text that break the ABI ([`GuestValueError`]),
//! or a result larger than allowed ([`ResultTooLarge`]); its own traps pass through untouched.

mod arena;
mod arguments;
pub mod component;
mod copy_out;
pub mod core_module;
mod display;
mod dynamic;
mod error;
mod expected;
mod flat;
mod image;
mod lower;
mod reflect;
mod signature;
#[cfg(test)]
mod tests;
mod text;
mod ty;
mod wit_text;

pub use arguments::{Arguments, SignatureMismatch, TooLong};
pub use dynamic::{Answer, Misfit, ResultStyle};
pub use error::{GuestValueError, ResultTooLarge};
pub use image::Image;
pub use reflect::Unsupported;
pub use signature::{Param, Signature};
pub(crate) use text::quote;
pub use text::{Outcome, go_float};
pub use ty::{Case, Field, Item, Kind, Ty};
pub use wit_text::{WitTextError, parse_wit};

/// A pair of 32-bit words: how the canonical ABI stores a string or a list.
const PAIR: usize = 8;
