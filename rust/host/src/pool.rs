//! Permits: how many calls of one function run at once (F-20 to F-26), and how many instances the engine has room for.
//!
//! A call over the limit waits its turn. A call made by a guest could wait for itself: an `inline` function that is
//! entered again fails at once (F-39), and so does a wait that can never end because every permit is held by calls
//! that wait in turn. Rings are looked for only when such a call has to wait; free permits cost nothing more.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{Failure, What};
use crate::frame::Frame;
use crate::running;

/// How often a waiting call looks whether it still has something to wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A number of permits. Calls hold them until their instance is gone.
pub struct Pool {
    /// The entry, or what else runs out of permits; for messages.
    name: String,
    /// Only one call at a time, and never one within another.
    inline: bool,
    capacity: u32,
    permits: Semaphore,
    /// Frame and permits of the holders that may themselves wait for others; only they can form a ring.
    holders: Mutex<Vec<(u64, u32)>>,
}

/// A call that waits for so many permits of a pool.
struct Wait {
    pool: Arc<Pool>,
    weight: u32,
    /// The frames that cannot end before: the caller's and those that led to it.
    blocked: Vec<u64>,
}

static WAITING: Mutex<BTreeMap<u64, Wait>> = Mutex::new(BTreeMap::new());

impl Pool {
    pub fn new(name: impl Into<String>, capacity: usize, inline: bool) -> Arc<Self> {
        let capacity = u32::try_from(capacity.max(1)).unwrap_or(u32::MAX).min(MOST);
        let permits = Semaphore::new(capacity as usize);
        Arc::new(Pool { name: name.into(), inline, capacity, permits, holders: Mutex::default() })
    }

    /// Tells it from every other pool.
    pub fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Permits nobody holds.
    pub fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Takes permits if they are free, without waiting. `holder` is the frame of a call that may itself call others.
    pub fn try_enter(&self, weight: u32, holder: Option<&Frame>) -> Option<Permit<'_>> {
        let permit = self.permits.try_acquire_many(weight).ok()?;
        Some(self.hold(permit, weight, holder))
    }

    /// Fails where a call would wait for one it is itself part of: through `funcs` (`caller`), or because this thread
    /// is in the middle of it.
    pub fn refuse_reentry(&self, caller: Option<&Frame>) -> Result<(), Failure> {
        let name = &self.name;
        let here = running::holding(self);
        if self.inline && (here > 0 || caller.is_some_and(|caller| caller.calls_of(self.address()) > 0)) {
            let text = format!(
                "inline pool re-entered: {name}: the function is called by a call of itself; \
                 a pool of type lazy allows that"
            );
            return Err(Failure::new(What::Conflict, text));
        }
        if here >= self.capacity as usize {
            let text = format!(
                "pool exhausted by its own callers: {name}: this thread is in the middle of {here} calls of it, as many \
                 as may run at once; raise pool.max_size"
            );
            return Err(Failure::new(What::Conflict, text));
        }
        Ok(())
    }

    /// Waits for permits.
    pub async fn enter(
        self: &Arc<Self>,
        weight: u32,
        caller: Option<&Frame>,
        holder: Option<&Frame>,
    ) -> Result<Permit<'_>, Failure> {
        let mut acquired = pin!(self.permits.acquire_many(weight));
        let permit = match caller {
            None => acquired.await,
            Some(caller) => {
                let waiting = Waiting::new(caller, self, weight);
                let mut first = true;
                loop {
                    // A ring may close behind a call that waits already, where permits go to several calls at once.
                    waiting.refuse_ring(first)?;
                    first = false;
                    if let Ok(permit) = tokio::time::timeout(LOOK_AGAIN, acquired.as_mut()).await {
                        break permit;
                    }
                }
            }
        };
        let permit = permit.map_err(|_| Failure::new(What::Closed, "pool is closed"))?;
        Ok(self.hold(permit, weight, holder))
    }

    fn hold<'a>(&'a self, permit: SemaphorePermit<'a>, weight: u32, holder: Option<&Frame>) -> Permit<'a> {
        Permit { _holder: self.lend(weight, holder), permit }
    }

    /// Counts permits that are held without a call as those of a call, while it runs.
    pub fn lend(&self, weight: u32, holder: Option<&Frame>) -> Option<Lent<'_>> {
        let holder = (holder?.id(), weight);
        lock(&self.holders).push(holder);
        Some(Lent { pool: self, holder })
    }

    /// The permits these frames hold.
    fn held_by(&self, frames: &BTreeSet<u64>) -> u64 {
        let holders = lock(&self.holders);
        holders.iter().filter(|(frame, _)| frames.contains(frame)).map(|(_, weight)| u64::from(*weight)).sum()
    }
}

/// The most permits of one pool; more calls than the engine can ever run.
const MOST: u32 = 1 << 24;

/// The right to run; given back when dropped.
pub struct Permit<'a> {
    _holder: Option<Lent<'a>>,
    permit: SemaphorePermit<'a>,
}

impl Permit<'_> {
    /// The same right for longer than a call; without a holder of its own.
    pub fn keep(self, pool: &Arc<Pool>) -> Kept {
        let Permit { permit, .. } = self;
        let weight = permit.num_permits();
        permit.forget();
        Kept { pool: Arc::clone(pool), weight }
    }
}

/// Permits that nothing but their owner's life bounds.
pub struct Kept {
    pool: Arc<Pool>,
    weight: usize,
}

impl Kept {
    pub fn lend(&self, holder: Option<&Frame>) -> Option<Lent<'_>> {
        self.pool.lend(self.weight as u32, holder)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.pool.permits.add_permits(self.weight);
    }
}

/// A line in the list of a pool's holders, until dropped.
pub struct Lent<'a> {
    pool: &'a Pool,
    holder: (u64, u32),
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut holders = lock(&self.pool.holders);
        if let Some(index) = holders.iter().position(|other| *other == self.holder) {
            holders.swap_remove(index);
        }
    }
}

/// An entry in [`WAITING`].
struct Waiting<'a> {
    id: u64,
    pool: &'a Pool,
}

impl<'a> Waiting<'a> {
    fn new(caller: &Frame, pool: &'a Arc<Pool>, weight: u32) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&WAITING).insert(id, Wait::new(caller, pool, weight));
        Waiting { id, pool }
    }

    /// `first`: this wait is new. Later looks share one search, or many waiters would do nothing else.
    fn refuse_ring(&self, first: bool) -> Result<(), Failure> {
        static LAST: Mutex<Option<(Instant, BTreeSet<u64>)>> = Mutex::new(None);
        let waiting = lock(&WAITING);
        let mut last = lock(&LAST);
        let recent = last.as_ref().is_some_and(|(at, _)| at.elapsed() < LOOK_AGAIN);
        if first || !recent {
            *last = Some((Instant::now(), stuck(&waiting)));
        }
        if last.as_ref().is_none_or(|(_, stuck)| !stuck.contains(&self.id)) {
            return Ok(());
        }
        // Those that are left may go on when this one gives up.
        *last = None;
        let text = format!(
            "pool exhausted by its own callers: {}: every call that holds a permit waits for another one, and so would \
             this one for ever; raise pool.max_size, or start fewer calls at once",
            self.pool.name
        );
        Err(Failure::new(What::Conflict, text))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&WAITING).remove(&self.id);
    }
}

impl Wait {
    fn new(caller: &Frame, pool: &Arc<Pool>, weight: u32) -> Self {
        Wait { pool: Arc::clone(pool), weight, blocked: caller.chain().map(Frame::id).collect() }
    }
}

/// The waits that can never end: all there are, without those whose permits may come free, until none is left out.
fn stuck(waiting: &BTreeMap<u64, Wait>) -> BTreeSet<u64> {
    let mut stuck: BTreeSet<u64> = waiting.keys().copied().collect();
    loop {
        let before = stuck.len();
        let blocked =
            stuck.iter().filter_map(|id| waiting.get(id)).flat_map(|wait| wait.blocked.iter().copied());
        let blocked: BTreeSet<u64> = blocked.collect();
        let mut held: BTreeMap<*const Pool, u64> = BTreeMap::new();
        for (id, Wait { pool, weight, .. }) in waiting {
            let held = *held.entry(Arc::as_ptr(pool)).or_insert_with(|| pool.held_by(&blocked));
            if held + u64::from(*weight) <= u64::from(pool.capacity) {
                stuck.remove(id);
            }
        }
        if stuck.len() == before {
            return stuck;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(entry: &str) -> Frame {
        Frame::new(entry.into(), 0, None, None, Arc::default())
    }

    /// What waits, in a table of the test's own.
    fn waits(rows: &[(&Frame, &Arc<Pool>, u32)]) -> BTreeMap<u64, Wait> {
        rows.iter()
            .zip(0..)
            .map(|((frame, pool, weight), id)| (id, Wait::new(frame, pool, *weight)))
            .collect()
    }

    #[test]
    fn an_inline_function_cannot_be_entered_by_its_own_call() {
        let pool = Pool::new("app:f", 1, true);
        let frame = Frame::new("app:f".into(), pool.address(), None, None, Arc::default());
        let below = Frame::new("app:g".into(), 0, Some(&frame), None, Arc::default());
        assert!(
            pool.refuse_reentry(Some(&below)).unwrap_err().message.contains("inline pool re-entered: app:f")
        );
        assert!(pool.refuse_reentry(Some(&root("app:f"))).is_ok(), "another runtime's function of that id");
    }

    #[test]
    fn two_calls_that_wait_for_each_other_are_stuck() {
        let (a, b) = (Pool::new("app:a", 1, false), Pool::new("app:b", 1, false));
        let (first, second) = (root("app:a"), root("app:b"));
        let _a = a.try_enter(1, Some(&first)).unwrap();
        let _b = b.try_enter(1, Some(&second)).unwrap();
        assert!(stuck(&waits(&[(&first, &b, 1)])).is_empty(), "the second call may still end");
        assert_eq!(stuck(&waits(&[(&first, &b, 1), (&second, &a, 1)])).len(), 2);
    }

    #[test]
    fn a_permit_held_by_a_call_that_cannot_wait_comes_free() {
        let (a, b) = (Pool::new("app:a", 1, false), Pool::new("app:b", 2, false));
        let (first, second) = (root("app:a"), root("app:b"));
        let _a = a.try_enter(1, Some(&first)).unwrap();
        let _b = b.try_enter(1, Some(&second)).unwrap();
        let _plain = b.try_enter(1, None).unwrap();
        assert!(stuck(&waits(&[(&second, &a, 1), (&first, &b, 1)])).is_empty());
    }

    #[test]
    fn a_call_that_needs_several_permits_is_stuck_before_all_are_gone() {
        let engine = Pool::new("the engine", 4, false);
        let (first, second) = (root("app:a"), root("app:b"));
        let _first = engine.try_enter(2, Some(&first)).unwrap();
        let _second = engine.try_enter(1, Some(&second)).unwrap();
        assert!(stuck(&waits(&[(&first, &engine, 1), (&second, &engine, 1)])).is_empty());
        assert_eq!(stuck(&waits(&[(&first, &engine, 2), (&second, &engine, 2)])).len(), 2);
    }

    #[test]
    fn a_third_party_that_goes_on_frees_the_others() {
        let (a, b) = (Pool::new("app:a", 1, false), Pool::new("app:b", 1, false));
        let (first, second) = (root("app:a"), root("app:b"));
        let _a = a.try_enter(1, Some(&first)).unwrap();
        let _b = b.try_enter(1, Some(&second)).unwrap();
        let free = Pool::new("app:c", 1, false);
        assert!(stuck(&waits(&[(&first, &b, 1), (&second, &free, 1)])).is_empty());
    }

    #[test]
    fn a_branch_that_goes_on_frees_its_sibling() {
        let pool = Pool::new("app:leaf", 1, false);
        let above = root("app:above");
        let below = |entry: &str| Frame::new(entry.into(), 0, Some(&above), None, Arc::default());
        let (first, second) = (below("app:leaf"), below("app:other"));
        let _first = pool.try_enter(1, Some(&first)).unwrap();
        assert!(stuck(&waits(&[(&second, &pool, 1)])).is_empty());
        assert_eq!(stuck(&waits(&[(&first, &pool, 1)])).len(), 1);
    }

    #[test]
    fn kept_permits_come_back_and_count_for_the_call_that_runs() {
        let (pool, frame) = (Pool::new("app:f", 1, false), root("app:f"));
        let kept = pool.try_enter(1, None).unwrap().keep(&pool);
        assert!(pool.try_enter(1, None).is_none());
        assert!(stuck(&waits(&[(&frame, &pool, 1)])).is_empty());
        let lent = kept.lend(Some(&frame));
        assert_eq!(stuck(&waits(&[(&frame, &pool, 1)])).len(), 1);
        drop(lent);
        drop(kept);
        assert!(pool.try_enter(1, None).is_some());
    }

    #[test]
    fn permits_come_back() {
        let pool = Pool::new("app:f", 1, false);
        let frame = root("app:f");
        let permit = pool.try_enter(1, Some(&frame)).unwrap();
        assert!(pool.try_enter(1, None).is_none());
        drop(permit);
        assert!(pool.try_enter(1, None).is_some());
        assert!(lock(&pool.holders).is_empty());
    }
}
