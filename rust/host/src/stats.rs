//! What is counted of one function's calls, always and at the price of a few atomic operations a call.
//!
//! A call that was refused before it started (closed, re-entered, wrong arguments) is an error and no call. How many
//! calls have ended is nowhere but in the histogram of their times, which saves an operation a call.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Failure, What};
use crate::histogram::{Histogram, Recorded};
use crate::stopwatch::Stopwatch;

/// What an error is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Load,
    Method,
    Trap,
    Denied,
    Exit,
    Limit,
    Closed,
    Conflict,
    Cancelled,
    Forked,
    Aborted,
    Internal,
    /// The arguments did not fit.
    Argument,
    /// The guest returned the error side of its `result`.
    Guest,
    /// The script raised or returned an error.
    Raised,
}

impl Kind {
    pub const ALL: [Kind; 15] = [
        Kind::Load,
        Kind::Method,
        Kind::Trap,
        Kind::Denied,
        Kind::Exit,
        Kind::Limit,
        Kind::Closed,
        Kind::Conflict,
        Kind::Cancelled,
        Kind::Forked,
        Kind::Aborted,
        Kind::Internal,
        Kind::Argument,
        Kind::Guest,
        Kind::Raised,
    ];
}

impl From<&What> for Kind {
    fn from(what: &What) -> Self {
        match what {
            What::Load => Kind::Load,
            What::Method => Kind::Method,
            What::Trap { .. } => Kind::Trap,
            What::Denied { .. } => Kind::Denied,
            What::Exit { .. } => Kind::Exit,
            What::Limit { .. } => Kind::Limit,
            What::Closed => Kind::Closed,
            What::Conflict | What::Ended => Kind::Conflict,
            What::Cancelled => Kind::Cancelled,
            What::Forked => Kind::Forked,
            What::Aborted(_) => Kind::Aborted,
            What::Internal => Kind::Internal,
            What::Raised(_) => Kind::Raised,
        }
    }
}

/// See the module's documentation. On a cache line of its own: what every call reads should not move with it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Stats {
    started: AtomicU64,
    /// Of calls that have ended. Made at the first call: 5.3 KB that most of a large registry never need.
    ended: OnceLock<Box<Histogram>>,
    stopwatch: Stopwatch,
    instances: AtomicU64,
    most_memory: AtomicU64,
    queued: AtomicU64,
    errors: [AtomicU64; Kind::ALL.len()],
}

/// The counts at some moment. Calls that start or end meanwhile are in some of them and not yet in others.
#[derive(Debug)]
pub struct Snapshot {
    pub started: u64,
    pub finished: u64,
    /// Calls that wait for a permit.
    pub queued: u64,
    pub instances: u64,
    /// Bytes of linear memory of one instance.
    pub most_memory: u64,
    pub errors: Vec<(Kind, u64)>,
    pub ended: Recorded,
    pub is_timed: bool,
    pub seconds_per_tick: f64,
}

impl Stats {
    /// Without `timed` the times of calls are not taken.
    pub fn new(timed: bool) -> Self {
        let stopwatch = if timed { Stopwatch::new() } else { Stopwatch::Off };
        Stats { stopwatch, ..Stats::default() }
    }

    /// A call starts.
    #[inline]
    pub fn enter(&self) -> Entered<'_> {
        let ended = self.ended.get_or_init(Box::default);
        self.started.fetch_add(1, Ordering::SeqCst);
        Entered { ended, stopwatch: self.stopwatch, start: self.stopwatch.read() }
    }

    /// So many calls start, one after another on this thread. Their counters are changed together: two threads that
    /// change the same ones for each call take turns at that.
    pub fn enter_chunk(&self, calls: usize) -> EnteredChunk<'_> {
        let ended = self.ended.get_or_init(Box::default);
        self.started.fetch_add(calls as u64, Ordering::SeqCst);
        EnteredChunk { stats: self, ended, left: calls as u64, times: Vec::with_capacity(calls) }
    }

    /// A call has to wait for its turn.
    pub fn wait(&self) -> Waiting<'_> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// An instance was made for calls.
    #[inline]
    pub fn made_instance(&self) {
        self.instances.fetch_add(1, Ordering::Relaxed);
    }

    /// An instance has, or had, so many bytes of linear memory.
    #[inline]
    pub fn saw_memory(&self, bytes: u64) {
        if bytes > self.most_memory.load(Ordering::Relaxed) {
            self.most_memory.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    pub fn count_error(&self, kind: Kind) {
        self.errors[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_failure(&self, failure: &Failure) {
        self.count_error(Kind::from(&failure.what));
    }

    /// For a call whose caller may end, and drop it, before it has an outcome.
    pub fn outcome(&self) -> Outcome<'_> {
        Outcome(Some(self))
    }

    /// Calls that started and have not ended: never too few, even while some start and end.
    pub fn in_flight(&self) -> u64 {
        // In this order. A call that ends in between is counted as running still; one that starts, as well.
        let finished = self.finished();
        self.started.load(Ordering::SeqCst) - finished
    }

    fn finished(&self) -> u64 {
        self.ended.get().map_or(0, |ended| ended.count())
    }

    pub fn snapshot(&self) -> Snapshot {
        let ended = self.ended.get().map(|ended| ended.recorded()).unwrap_or_default();
        let errors = Kind::ALL.map(|kind| (kind, self.errors[kind as usize].load(Ordering::Relaxed)));
        Snapshot {
            finished: ended.buckets.iter().map(|(_, count)| count).sum(),
            started: self.started.load(Ordering::SeqCst),
            queued: self.queued.load(Ordering::Relaxed),
            instances: self.instances.load(Ordering::Relaxed),
            most_memory: self.most_memory.load(Ordering::Relaxed),
            errors: errors.into_iter().filter(|(_, count)| *count > 0).collect(),
            ended,
            is_timed: self.stopwatch != Stopwatch::Off,
            seconds_per_tick: self.stopwatch.seconds_per_tick(),
        }
    }
}

/// A call in progress.
pub struct Entered<'a> {
    ended: &'a Histogram,
    stopwatch: Stopwatch,
    start: u64,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // The counters of two processors may differ by a few ticks.
        self.ended.record(self.stopwatch.read().saturating_sub(self.start));
    }
}

/// A row of calls in progress. Those that were not begun by the end count as never started.
pub struct EnteredChunk<'a> {
    stats: &'a Stats,
    ended: &'a Histogram,
    left: u64,
    times: Vec<u64>,
}

impl EnteredChunk<'_> {
    /// Runs one of the calls.
    pub fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = self.stats.stopwatch.read();
        let result = call();
        self.times.push(self.stats.stopwatch.read().saturating_sub(start));
        self.left -= 1;
        result
    }

    /// Counts the calls that have ended.
    pub fn flush(&mut self) {
        self.times.drain(..).for_each(|ticks| self.ended.record(ticks));
    }
}

impl Drop for EnteredChunk<'_> {
    fn drop(&mut self) {
        self.flush();
        self.stats.started.fetch_sub(self.left, Ordering::SeqCst);
    }
}

/// A call that waits for its turn.
pub struct Waiting<'a>(&'a Stats);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a call comes to; cancelled, if dropped before.
pub struct Outcome<'a>(Option<&'a Stats>);

impl Outcome<'_> {
    pub fn of<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let (Some(stats), Err(failure)) = (self.0.take(), &result) {
            stats.count_failure(failure);
        }
        result
    }
}

impl Outcome<'_> {
    /// Somebody else counts it.
    pub fn elsewhere(mut self) {
        self.0 = None;
    }
}

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        if let Some(stats) = self.0 {
            stats.count_error(Kind::Cancelled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_in_the_order_of_their_counters() {
        assert!(Kind::ALL.iter().enumerate().all(|(index, kind)| *kind as usize == index));
    }

    #[test]
    fn a_call_is_in_flight_until_it_is_dropped() {
        for timed in [true, false] {
            let stats = Stats::new(timed);
            let (first, second) = (stats.enter(), stats.enter());
            drop(first);
            let snapshot = stats.snapshot();
            assert_eq!((stats.in_flight(), snapshot.started, snapshot.finished), (1, 2, 1));
            drop(second);
            assert_eq!((stats.in_flight(), stats.snapshot().finished), (0, 2));
            assert_eq!(stats.snapshot().ended.max > 0, timed);
        }
    }

    #[test]
    fn a_call_that_is_dropped_was_cancelled() {
        let stats = Stats::new(true);
        drop(stats.outcome());
        assert!(stats.outcome().of(Ok(())).is_ok());
        assert!(stats.outcome().of::<()>(Err(Failure::load("no"))).is_err());
        assert_eq!(stats.snapshot().errors, [(Kind::Load, 1), (Kind::Cancelled, 1)]);
    }

    #[test]
    fn memory_is_the_most_that_was_seen() {
        let stats = Stats::new(true);
        [3, 9, 4].into_iter().for_each(|bytes| stats.saw_memory(bytes));
        assert_eq!(stats.snapshot().most_memory, 9);
    }
}
