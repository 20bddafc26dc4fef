//! What a guest can do wrong with a value, as types the caller can tell apart from traps.

use std::fmt;

/// The guest broke the canonical ABI: a pointer out of bounds, an unknown discriminant, text that is not UTF-8.
///
/// The message names the rule that was broken. The instance is still usable only where the error came after the call
/// (discriminants, characters and text are looked at when the image is read).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestValueError(pub String);

impl fmt::Display for GuestValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guest gave an invalid value: {}", self.0)
    }
}

impl std::error::Error for GuestValueError {}

/// The result, all its strings and lists together, has more bytes than the caller allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultTooLarge {
    pub limit: usize,
}

impl fmt::Display for ResultTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the result is larger than {} bytes", self.limit)
    }
}

impl std::error::Error for ResultTooLarge {}

/// A [`GuestValueError`] as wasmtime carries it.
pub(super) fn guest_error(message: impl Into<String>) -> wasmtime::Error {
    wasmtime::Error::new(GuestValueError(message.into()))
}
