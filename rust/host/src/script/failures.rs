//! Errors of calls as errors of programs, and back: kind, message and details are kept (L-14, L-24).

use wippy_lua::error::ErrorValue;
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
    let kind = failure.what.kind();
    match failure.what {
        What::Raised(error) => *error,
        _ => ErrorValue { retryable: Some(false), ..ErrorValue::new(kind, failure.message) },
    }
}
