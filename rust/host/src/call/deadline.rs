//! When a call must end, and whose limit that is.

use std::time::{Duration, Instant};

/// See the module's documentation.
#[derive(Clone, Copy, Default)]
pub(super) struct Deadline {
    pub at: Option<Instant>,
    /// Name and milliseconds of the call's own limit; absent where the end is that of the call around it.
    pub limit: Option<(&'static str, u64)>,
}

impl Deadline {
    /// The earliest of the entry's limit, the caller's wish and the deadline of the call this one is part of.
    pub fn new(entry: Option<Duration>, wish: Option<Duration>, outer: Option<Instant>) -> Self {
        if entry.is_none() && wish.is_none() {
            return Deadline { at: outer, limit: None };
        }
        let now = Instant::now();
        let from_now = |limit: Option<Duration>, name| {
            limit.and_then(|limit| Some((now.checked_add(limit)?, (name, limit.as_millis() as u64))))
        };
        let own = [from_now(entry, "max_execution_ms"), from_now(wish, "timeout")];
        let own = own.into_iter().flatten().min_by_key(|(at, _)| *at);
        match (own, outer) {
            (Some((at, limit)), None) => Deadline { at: Some(at), limit: Some(limit) },
            (Some((at, limit)), Some(outer)) if at < outer => Deadline { at: Some(at), limit: Some(limit) },
            (_, outer) => Deadline { at: outer, limit: None },
        }
    }
}
