//! How many calls of one function run at once (F-20 to F-26), and what waits.
//!
//! A call over the limit waits its turn. A call made by a guest could wait for itself: an `inline` function that is
//! entered again fails at once (F-39), and so does any wait that closes a ring of calls, each holding what the next
//! one wants. The ring is looked for only when such a call has to wait; free permits cost nothing more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Failure, What};
use crate::frame::Frame;

/// The permits of one function.
pub struct Pool {
    entry: String,
    inline: bool,
    capacity: usize,
    permits: Arc<Semaphore>,
    /// The trees whose calls hold a permit, where those calls may wait for others; only such calls can form a ring.
    holders: Mutex<Vec<u64>>,
}

/// What each waiting tree waits for. A tree has one call at work at a time, so it waits in one place.
static WAITING: Mutex<BTreeMap<u64, Arc<Pool>>> = Mutex::new(BTreeMap::new());

impl Pool {
    pub fn new(entry: impl Into<String>, capacity: usize, inline: bool) -> Arc<Self> {
        let capacity = capacity.clamp(1, Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(capacity));
        Arc::new(Pool { entry: entry.into(), inline, capacity, permits, holders: Mutex::default() })
    }

    /// Takes a permit if one is free, without waiting. `holder` is the frame of a call that may itself call others.
    pub fn try_enter(self: &Arc<Self>, holder: Option<&Frame>) -> Option<Permit> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(self.hold(permit, holder))
    }

    /// Fails where `caller` is part of a call of this function that excludes every other.
    pub fn refuse_reentry(&self, caller: Option<&Frame>) -> Result<(), Failure> {
        if self.inline && caller.is_some_and(|caller| caller.is_within(&self.entry)) {
            let text = format!(
                "inline pool re-entered: {}: the function is called, through funcs, by a call of itself; \
                 a pool of type lazy allows that",
                self.entry
            );
            return Err(Failure::new(What::Conflict, text));
        }
        Ok(())
    }

    /// Waits for a permit.
    pub async fn enter(
        self: &Arc<Self>,
        caller: Option<&Frame>,
        holder: Option<&Frame>,
    ) -> Result<Permit, Failure> {
        let _waiting = caller.map(|caller| self.wait_for(caller)).transpose()?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| Failure::new(What::Closed, "pool is closed"))?;
        Ok(self.hold(permit, holder))
    }

    fn hold(self: &Arc<Self>, permit: OwnedSemaphorePermit, holder: Option<&Frame>) -> Permit {
        let holder = holder.map(|frame| {
            lock(&self.holders).push(frame.tree());
            (Arc::clone(self), frame.tree())
        });
        Permit { holder, _permit: permit }
    }

    /// Notes that a call of `caller`'s tree waits here, unless it would wait for ever.
    fn wait_for(self: &Arc<Self>, caller: &Frame) -> Result<Waiting, Failure> {
        let tree = caller.tree();
        let mut waiting = lock(&WAITING);
        if self.is_stuck(&waiting, &mut BTreeSet::from([tree])) {
            let text = format!(
                "pool exhausted by its own callers: {}: every call of it that may run at once waits for this one; \
                 raise pool.max_size",
                self.entry
            );
            return Err(Failure::new(What::Conflict, text));
        }
        waiting.insert(tree, Arc::clone(self));
        Ok(Waiting { tree })
    }

    /// Whether no permit can come free before the trees in `stuck` go on.
    fn is_stuck(&self, waiting: &BTreeMap<u64, Arc<Pool>>, stuck: &mut BTreeSet<u64>) -> bool {
        let holders = lock(&self.holders).clone();
        if holders.len() < self.capacity {
            return false;
        }
        holders.into_iter().all(|holder| {
            if !stuck.insert(holder) {
                return true;
            }
            waiting.get(&holder).is_some_and(|pool| pool.is_stuck(waiting, stuck))
        })
    }
}

/// The right to run one call; given back when dropped.
pub struct Permit {
    holder: Option<(Arc<Pool>, u64)>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some((pool, tree)) = self.holder.take() {
            let mut holders = lock(&pool.holders);
            if let Some(index) = holders.iter().position(|holder| *holder == tree) {
                holders.swap_remove(index);
            }
        }
    }
}

struct Waiting {
    tree: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&WAITING).remove(&self.tree);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(entry: &str) -> Frame {
        Frame::new(entry.into(), None, None, Arc::default())
    }

    #[test]
    fn an_inline_function_cannot_be_entered_by_its_own_call() {
        let pool = Pool::new("app:f", 1, true);
        let frame = root("app:f");
        let below = Frame::new("app:g".into(), Some(&frame), None, Arc::default());
        assert!(
            pool.refuse_reentry(Some(&below)).unwrap_err().message.contains("inline pool re-entered: app:f")
        );
        assert!(pool.refuse_reentry(Some(&root("app:g"))).is_ok());
    }

    #[test]
    fn two_calls_that_wait_for_each_other_are_a_ring() {
        let (a, b) = (Pool::new("app:a", 1, false), Pool::new("app:b", 1, false));
        let (first, second) = (root("app:a"), root("app:b"));
        let _a = a.try_enter(Some(&first)).unwrap();
        let _b = b.try_enter(Some(&second)).unwrap();
        let _first = b.wait_for(&first).expect("the second call may still end");
        assert!(a.wait_for(&second).is_err());
    }

    #[test]
    fn a_permit_held_by_a_call_that_cannot_wait_breaks_the_ring() {
        let (a, b) = (Pool::new("app:a", 1, false), Pool::new("app:b", 2, false));
        let (first, second) = (root("app:a"), root("app:b"));
        let _a = a.try_enter(Some(&first)).unwrap();
        let _b = b.try_enter(Some(&second)).unwrap();
        let _plain = b.try_enter(None).unwrap();
        let _second = a.wait_for(&second).expect("the first call may still end");
        assert!(b.wait_for(&first).is_ok());
    }

    #[test]
    fn permits_come_back() {
        let pool = Pool::new("app:f", 1, false);
        let frame = root("app:f");
        let permit = pool.try_enter(Some(&frame)).unwrap();
        assert!(pool.try_enter(None).is_none());
        drop(permit);
        assert!(pool.try_enter(None).is_some());
        assert!(lock(&pool.holders).is_empty());
    }
}
