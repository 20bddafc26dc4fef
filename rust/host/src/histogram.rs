//! How long calls took: a log-linear histogram that many threads add to.
//!
//! Every power of two of ticks has [`STEPS`] buckets of equal width, so that a bucket's middle is within 1/32 (3.2 %) of
//! every value in it, from 16 ticks on; below, every value has a bucket of its own. No exact sum is kept: a third of what
//! recording costs would buy a mean that is a little more exact than the percentiles.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of each power of two, and the bits that tell them apart.
const STEPS: u64 = 1 << STEP_BITS;
const STEP_BITS: u32 = 4;
/// Values from here on are counted in the last bucket: 2.4 hours where a nanosecond has four ticks.
const END: u64 = 1 << 45;
const BUCKETS: usize = bucket_of(END - 1) + 1;

/// See the module's documentation.
#[derive(Debug)]
pub struct Histogram {
    max: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// What a histogram held at some moment, in ticks.
#[derive(Debug, Default)]
pub struct Recorded {
    pub max: u64,
    /// The middle of each bucket that holds values, and how many, ascending.
    pub buckets: Vec<(f64, u64)>,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = [const { AtomicU64::new(0) }; BUCKETS];
        Histogram { max: AtomicU64::new(0), buckets }
    }
}

impl Histogram {
    #[inline]
    pub fn record(&self, ticks: u64) {
        // Most values are no new maximum, and looking is cheaper than asking for the cache line.
        if ticks > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(ticks, Ordering::Relaxed);
        }
        // Last, and ordered: whoever waits for calls to end looks at the number of values.
        self.buckets[bucket_of(ticks.min(END - 1))].fetch_add(1, Ordering::SeqCst);
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::SeqCst)).sum()
    }

    pub fn recorded(&self) -> Recorded {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::SeqCst)).enumerate();
        let buckets = counts.filter(|(_, count)| *count > 0).map(|(index, count)| (middle(index), count));
        let buckets = buckets.collect();
        Recorded { max: self.max.load(Ordering::Relaxed), buckets }
    }
}

#[inline]
const fn bucket_of(ticks: u64) -> usize {
    if ticks < STEPS {
        return ticks as usize;
    }
    let shift = ticks.ilog2() - STEP_BITS;
    (((shift as u64 + 1) << STEP_BITS) + ((ticks >> shift) - STEPS)) as usize
}

/// The middle of the values of a bucket.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket as f64;
    }
    let shift = (bucket >> STEP_BITS) - 1;
    let (first, width) = ((STEPS + bucket % STEPS) << shift, 1u64 << shift);
    first as f64 + (width - 1) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values around every bucket's edge, and others.
    fn values() -> impl Iterator<Item = u64> {
        let edges =
            (0..45).flat_map(|power| (STEPS..2 * STEPS).map(move |step| (step << power) >> STEP_BITS));
        edges.flat_map(|edge| [edge.saturating_sub(1), edge, edge + 1]).chain([0, 3, 2_300, 3_001_234])
    }

    #[test]
    fn the_middle_of_a_bucket_is_near_all_its_values() {
        for value in values().filter(|value| *value < END) {
            let error = (middle(bucket_of(value)) - value as f64).abs();
            assert!(error <= value as f64 / 32.0, "{value}: {error}");
        }
    }

    #[test]
    fn buckets_ascend_without_gaps() {
        let mut last = 0;
        for value in 0..100_000 {
            let bucket = bucket_of(value);
            assert!(bucket == last || bucket == last + 1, "{value}: {bucket} after {last}");
            last = bucket;
        }
        assert!((1..BUCKETS).all(|bucket| middle(bucket - 1) < middle(bucket)));
    }

    #[test]
    fn what_was_recorded_comes_back() {
        let histogram = Histogram::default();
        for ticks in [5, 5, 1_000, u64::MAX >> 8] {
            histogram.record(ticks);
        }
        let recorded = histogram.recorded();
        assert_eq!(histogram.count(), 4);
        assert_eq!(recorded.max, u64::MAX >> 8);
        // 1000 is in 992..1024; the last is beyond the end.
        assert_eq!(recorded.buckets, [(5.0, 2), (1007.5, 1), (middle(BUCKETS - 1), 1)]);
    }

    #[test]
    fn threads_lose_nothing() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let histogram = &histogram;
                scope.spawn(move || (0..1_000).for_each(|value| histogram.record(value * 4 + thread)));
            }
        });
        let recorded = histogram.recorded();
        assert_eq!((histogram.count(), recorded.max), (4_000, 3_999));
        assert_eq!(recorded.buckets.iter().map(|(_, count)| count).sum::<u64>(), 4_000);
    }
}
