//! Errors of calls as errors of programs, and back: kind, message and details are kept (L-14, L-24).

use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::host::Ended;

use crate::error::{Failure, What};

/// The failure of a script that raised or returned an error.
pub(super) fn raised(entry: &str, error: ErrorValue) -> Failure {
    let message = format!("{entry}: {}", error.message);
    Failure::new(What::Raised(Box::new(error)), message)
}

/// A failure that ended a script's whole call comes back as it was.
pub(super) fn ended(reason: Ended) -> Failure {
    match reason.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(reason) => Failure::aborted(reason),
    }
}

/// What a program learns of a failed call.
pub(crate) fn error_value(failure: Failure) -> ErrorValue {
    let Failure { what, message } = failure;
    let kind = match what {
        What::Raised(error) => return *error,
        What::Load => Kind::Invalid,
        What::Method => Kind::NotFound,
        What::Denied { .. } => Kind::PermissionDenied,
        What::Limit { limit: "max_execution_ms" | "timeout" | "total_timeout", .. } => Kind::Timeout,
        What::Limit { .. } => Kind::Invalid,
        What::Closed | What::Ended | What::Forked => Kind::Unavailable,
        What::Conflict => Kind::Conflict,
        What::Cancelled => Kind::Canceled,
        What::Trap { .. } | What::Exit { .. } | What::Aborted(_) | What::Internal => Kind::Internal,
    };
    ErrorValue { retryable: Some(false), ..ErrorValue::new(kind, message) }
}
