//! Errors as Lua programs know them: a kind, a message, whether trying again may help, details (L-20 to L-24).

use std::fmt;

use crate::value::Value;

/// What kind of error it is, by the names of the platform (L-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Unknown,
    NotFound,
    AlreadyExists,
    Invalid,
    PermissionDenied,
    Unavailable,
    Internal,
    Canceled,
    Conflict,
    Timeout,
    RateLimited,
}

impl Kind {
    /// Every kind, with the name of its constant in `errors` and its text.
    pub const ALL: [(Kind, &'static str, &'static str); 11] = [
        (Kind::Unknown, "UNKNOWN", "Unknown"),
        (Kind::NotFound, "NOT_FOUND", "NotFound"),
        (Kind::AlreadyExists, "ALREADY_EXISTS", "AlreadyExists"),
        (Kind::Invalid, "INVALID", "Invalid"),
        (Kind::PermissionDenied, "PERMISSION_DENIED", "PermissionDenied"),
        (Kind::Unavailable, "UNAVAILABLE", "Unavailable"),
        (Kind::Internal, "INTERNAL", "Internal"),
        (Kind::Canceled, "CANCELED", "Canceled"),
        (Kind::Conflict, "CONFLICT", "Conflict"),
        (Kind::Timeout, "TIMEOUT", "Timeout"),
        (Kind::RateLimited, "RATE_LIMITED", "RateLimited"),
    ];

    pub fn name(self) -> &'static str {
        Kind::ALL[self as usize].2
    }

    /// By its text, or by the name of its constant.
    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL
            .iter()
            .find(|(_, constant, name)| text == *name || text == *constant)
            .map(|(kind, ..)| *kind)
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ErrorValue {
    pub kind: Kind,
    /// With those of its causes, `A: B`.
    pub message: String,
    /// None where nobody said.
    pub retryable: Option<bool>,
    /// Nil, or a map.
    pub details: Value,
    /// Where it was raised: the entry's file and line, then a line a frame.
    pub traceback: String,
}

impl ErrorValue {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        ErrorValue { kind, message: message.into(), ..ErrorValue::default() }
    }
}

impl fmt::Display for ErrorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ErrorValue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_in_their_order_and_have_two_names() {
        for (index, (kind, constant, name)) in Kind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, kind.name()), (index, name));
            assert_eq!((Kind::parse(constant), Kind::parse(name)), (Some(kind), Some(kind)));
        }
        assert_eq!(Kind::parse("notfound"), None);
    }
}
