//! How many workers a batch has use for, found by trying.
//!
//! More threads are not always faster: guests that grow their memory have the system interrupt every core that runs
//! the process, and two of them get less done than one. So a batch that was not told a number begins with one worker,
//! and takes one more as long as that pays.

use std::time::Duration;

/// What more workers must get done, against fewer.
const WORTH: f64 = 1.1;
/// How long a number of workers is tried, in their time, before it is judged.
const TRIAL: Duration = Duration::from_millis(4);

/// See the module's documentation.
#[derive(Debug)]
pub struct Pace {
    workers: usize,
    most: usize,
    settled: bool,
    /// The best so far: workers, and calls a second of them together.
    best: (usize, f64),
    /// The trial under way.
    time: Duration,
    calls: usize,
}

impl Pace {
    /// Exactly `workers`.
    pub fn fixed(workers: usize) -> Self {
        Pace { workers, most: workers, settled: true, best: (workers, 0.0), time: Duration::ZERO, calls: 0 }
    }

    /// From one to `most`.
    pub fn up_to(most: usize) -> Self {
        Pace { workers: 1, settled: most <= 1, ..Pace::fixed(most) }
    }

    /// How many should run now.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Learns what a worker took for so many calls while `running` of them ran.
    pub fn learn(&mut self, running: usize, took: Duration, calls: usize) {
        // What was begun with other numbers says nothing of this one.
        if self.settled || running != self.workers {
            return;
        }
        self.time += took;
        self.calls += calls;
        if self.time >= TRIAL * self.workers as u32 {
            self.judge();
        }
    }

    fn judge(&mut self) {
        let rate = self.workers as f64 * self.calls as f64 / self.time.as_secs_f64();
        let pays = self.workers == 1 || rate > self.best.1 * WORTH;
        if pays {
            self.best = (self.workers, rate);
        }
        self.settled = !pays || self.workers == self.most;
        self.workers = if self.settled { self.best.0 } else { self.workers + 1 };
        (self.time, self.calls) = (Duration::ZERO, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers settled on, where `workers` of them take `cost` for a call each.
    fn settled(most: usize, cost: impl Fn(usize) -> Duration) -> usize {
        let mut pace = Pace::up_to(most);
        for _ in 0..1000 {
            let workers = pace.workers();
            pace.learn(workers, cost(workers) * 100, 100);
        }
        assert!(pace.settled);
        pace.workers()
    }

    #[test]
    fn more_are_taken_while_they_pay() {
        assert_eq!(settled(8, |_| Duration::from_micros(50)), 8);
        assert_eq!(settled(1, |_| Duration::from_micros(50)), 1);
    }

    #[test]
    fn no_more_than_get_more_done() {
        assert_eq!(settled(8, |workers| Duration::from_micros(20) * workers as u32), 1);
        assert_eq!(settled(8, |workers| Duration::from_micros(20) * workers.max(4) as u32), 4);
    }

    #[test]
    fn a_given_number_stays() {
        let mut pace = Pace::fixed(3);
        for _ in 0..100 {
            pace.learn(3, Duration::from_secs(1), 1);
        }
        assert_eq!(pace.workers(), 3);
    }

    #[test]
    fn what_ran_beside_others_is_not_judged() {
        let mut pace = Pace::up_to(2);
        pace.learn(2, Duration::from_secs(1), 1);
        assert_eq!(pace.workers(), 1);
    }
}
