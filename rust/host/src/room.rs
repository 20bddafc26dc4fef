//! The engine's room: spare instances use what calls leave, and give way to calls that find none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::engine::Shared;
use crate::error::Failure;
use crate::frame::Frame;
use crate::pool::{Permit, Pool};
use crate::spares::Shelf;

/// The part of the engine's room that spare instances of all functions may take together.
const SHARE: u32 = 4;

/// The spare instances of all functions.
pub(crate) struct Registry {
    /// What spare instances may take together.
    pub room: Arc<Pool>,
    shelves: Mutex<Vec<Weak<Shelf>>>,
    /// Calls that found the engine's room taken.
    waiting: AtomicUsize,
}

impl Registry {
    /// For an engine with room for so many instances.
    pub fn new(instances: u32) -> Self {
        let room = Pool::new("the room for spare instances", (instances / SHARE) as usize, false);
        Registry { room, shelves: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    pub fn add(&self, shelf: &Arc<Shelf>) {
        let mut shelves = lock(&self.shelves);
        shelves.retain(|other| other.strong_count() > 0);
        shelves.push(Arc::downgrade(shelf));
    }

    pub fn calls_wait(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn shelves(&self) -> Vec<Arc<Shelf>> {
        lock(&self.shelves).iter().filter_map(Weak::upgrade).collect()
    }
}

/// Room in the engine for a call's instance. Spare instances give way; without any the call waits for other calls.
pub(crate) async fn engine_room(
    shared: &'static Shared,
    weight: u32,
    caller: Option<&Frame>,
    holder: Option<&Frame>,
) -> Result<Permit<'static>, Failure> {
    let registry = &shared.spares;
    let _waiting = Waiting::new(&registry.waiting);
    for shelf in registry.shelves() {
        loop {
            if let Some(permit) = shared.permits.try_enter(weight, holder) {
                return Ok(permit);
            }
            if !shelf.give_way() {
                shelf.give_up();
                break;
            }
        }
    }
    shared.permits.enter(weight, caller, holder).await
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
