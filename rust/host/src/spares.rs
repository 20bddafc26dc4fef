//! Spare instances of a function: ready ones, never used yet, and idle ones, to be used again.
//!
//! Ready instances (`pool.warm_start`) are made in the background, one at a time, on the engine's own threads; idle ones
//! (`pool.reuse`) come back from calls. A call takes a spare one if there is one that fits, and never waits for one.
//! Spares take part in the engine's room like calls, and give way to calls that find none.
//!
//! Dropping a large instance costs as much as many a call. Where ready ones are wanted, that too is done in the
//! background.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::call::caught;
use crate::engine::Shared;
use crate::fork::Owned;
use crate::function::Function;
use crate::imports::filesystem::most_handles;
use crate::mailbox::Mailbox;
use crate::pool::Permit;
use crate::spec::{Env, Pairs, Spec};
use crate::state::{Interrupt, Watch, on_epoch_yield};
use crate::warm::{Lasting, Place, Warm, places};

/// After a call, so that the thread that made it gets on first.
const PAUSE: Duration = Duration::from_millis(1);
/// Fresh calls at most, as a power of two, before a function that made no ready instance tries again.
const MOST_PATIENCE: u32 = 10;

/// A function's spare instances. They go with it.
pub(crate) struct Spares(Arc<Shelf>);

pub(crate) struct Shelf {
    shared: &'static Shared,
    /// Permits of the engine's pool that one instance takes.
    weight: u32,
    capacity: usize,
    warm_start: bool,
    reuse: u32,
    function: OnceLock<Weak<Function>>,
    stock: Mutex<Stock>,
    /// Told when what is being made is no longer wanted.
    stop: Notify,
}

#[derive(Default)]
struct Stock {
    ready: VecDeque<Owned<Spare>>,
    idle: Vec<Owned<Spare>>,
    /// To be dropped, each with the room it takes up until then.
    used: Vec<Owned<(Warm, Permit<'static>)>>,
    /// Somebody is at it, or about to be.
    tended: bool,
    closed: bool,
    /// Times in a row that making a ready instance failed, or was for nothing.
    failures: u32,
    /// Calls that are to go the fresh way before the next try.
    patience: u32,
}

/// An instance, and the room it takes.
struct Spare {
    warm: Warm,
    _room: [Permit<'static>; 2],
}

impl Spares {
    /// None where every call gets an instance made for it.
    pub fn of(spec: &Spec, weight: u32, shared: &'static Shared) -> Option<Self> {
        if !spec.warm_start && spec.reuse <= 1 {
            return None;
        }
        // Each holds its mounts open: a function must not take all descriptors of the process.
        let descriptors = most_handles() / spec.mounts.len().max(1);
        let shelf = Arc::new(Shelf {
            shared,
            weight,
            capacity: spec.capacity.min(descriptors),
            warm_start: spec.warm_start,
            reuse: spec.reuse,
            function: OnceLock::new(),
            stock: Mutex::default(),
            stop: Notify::new(),
        });
        shared.spares.add(&shelf);
        Some(Spares(shelf))
    }

    /// The function is in its table: instances may be made ready.
    pub fn start(&self, function: &Arc<Function>) {
        self.0.function.get_or_init(|| Arc::downgrade(function));
        self.0.tend();
    }

    /// Drops what there is, for good.
    pub fn close(&self) {
        self.0.close();
    }

    /// An instance that fits a call with this environment, and what the call drops when it is over.
    pub fn take(&self, spec: &Spec, env: &[(String, String)]) -> (Option<Warm>, Refill) {
        let (found, stale) = self.0.pick(env, &places(&spec.mounts));
        if !stale.is_empty() {
            self.0.shared.tokio.spawn(async move { drop(stale) });
        }
        if found.is_none() {
            self.0.tend();
        }
        // From now on it takes up the room that the call holds.
        (found.map(|spare| spare.into_inner().warm), Refill(Arc::clone(&self.0)))
    }

    /// Whether instances serve several calls.
    pub fn are_used_again(&self) -> bool {
        self.0.reuse > 1
    }

    /// Takes the instance of a call that ended well, while the call still holds its own room.
    pub fn put_back(&self, warm: Warm) {
        if warm.lasting.served < self.0.reuse
            && let Some(room) = self.0.room()
        {
            self.0.put(Spare { warm, _room: room }, |stock, spare| stock.idle.push(spare));
        } else {
            self.0.dispose(warm);
        }
    }
}

/// Has what a call took replaced once it is over: mapping memory for another instance meanwhile would hold it up. Long
/// calls that leave nothing behind are noticed by the first one that finds nothing.
pub(crate) struct Refill(Arc<Shelf>);

impl Drop for Refill {
    fn drop(&mut self) {
        if self.0.shared.is_current() {
            self.0.tend();
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Shelf {
    /// The instance for a call, and those that fit none any more.
    fn pick(&self, env: &[(String, String)], places: &[Place]) -> (Option<Owned<Spare>>, Vec<Owned<Spare>>) {
        let mut stale = Vec::new();
        let mut stock = self.lock();
        let found = loop {
            match stock.next() {
                Some(spare) if !spare.warm.lasting.fits(env, places) => stale.push(spare),
                other => break other,
            }
        };
        if !stale.is_empty() {
            stock.failed();
        }
        match &found {
            Some(_) if stale.is_empty() => stock.failures = 0,
            Some(_) => {}
            None => stock.patience = stock.patience.saturating_sub(1),
        }
        (found, stale)
    }

    /// Has one of the engine's threads do what there is to do, unless one is at it.
    fn tend(self: &Arc<Self>) {
        let Some(function) = self.function.get().filter(|_| self.warm_start) else { return };
        let mut stock = self.lock();
        if stock.tended || self.next_task(&stock).is_none() {
            return;
        }
        stock.tended = true;
        drop(stock);
        self.shared.tokio.spawn(tend(Arc::clone(self), Weak::clone(function)));
    }

    fn next_task(&self, stock: &Stock) -> Option<Task> {
        match stock {
            _ if !stock.used.is_empty() => Some(Task::Drop),
            _ if stock.patience == 0 && self.has_room(stock) => Some(Task::Make),
            _ => None,
        }
    }

    fn has_room(&self, stock: &Stock) -> bool {
        !stock.closed && stock.ready.len() + stock.idle.len() < self.capacity
    }

    /// What is to be done next; with none left, nobody tends the stock any more.
    fn start_task(&self) -> Option<Task> {
        let mut stock = self.lock();
        let task = self.next_task(&stock);
        stock.tended = task.is_some();
        task
    }

    /// Room for one more instance without a call, if no call needs it.
    fn room(&self) -> Option<[Permit<'static>; 2]> {
        let shared = self.shared;
        let share = shared.spares.room.try_enter(self.weight, None)?;
        Some([shared.permits.try_enter(self.weight, None)?, share])
    }

    fn put(&self, spare: Spare, place: fn(&mut Stock, Owned<Spare>)) {
        let mut stock = self.lock();
        if !self.has_room(&stock) {
            drop(stock);
            return;
        }
        place(&mut stock, Owned::new(spare));
        drop(stock);
        // Either a call that finds no room sees this instance, or we see the call.
        if self.shared.spares.calls_wait() {
            while self.give_way() {}
        }
    }

    /// Leaves an instance that no call will use to whoever tends the stock, if it is looked after.
    fn dispose(self: &Arc<Self>, warm: Warm) {
        if !self.warm_start {
            return;
        }
        let Some(room) = self.shared.permits.try_enter(self.weight, None) else { return };
        let used = Owned::new((warm, room));
        let mut stock = self.lock();
        if stock.closed {
            return;
        }
        stock.used.push(used);
        drop(stock);
        self.tend();
    }

    /// Drops one instance; whether there was one.
    pub fn give_way(&self) -> bool {
        let mut stock = self.lock();
        if let Some(used) = stock.used.pop() {
            drop(stock);
            drop(used);
            return true;
        }
        let spare = stock.next();
        drop(stock);
        spare.is_some()
    }

    /// Stops making an instance that is not ready yet.
    pub fn give_up(&self) {
        self.stop.notify_waiters();
    }

    fn close(&self) {
        if !self.shared.is_current() {
            return;
        }
        let mut stock = self.lock();
        stock.closed = true;
        let dropped = (
            std::mem::take(&mut stock.ready),
            std::mem::take(&mut stock.idle),
            std::mem::take(&mut stock.used),
        );
        drop(stock);
        self.give_up();
        drop(dropped);
    }

    fn is_unwanted(&self) -> bool {
        self.shared.spares.calls_wait() || self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Stock> {
        lock(&self.stock)
    }
}

impl Stock {
    /// Used ones first: they would be of no use to a call that finds no fresh one.
    fn next(&mut self) -> Option<Owned<Spare>> {
        self.idle.pop().or_else(|| self.ready.pop_front())
    }

    fn failed(&mut self) {
        self.patience = 1 << self.failures.min(MOST_PATIENCE);
        self.failures += 1;
    }
}

enum Task {
    Drop,
    Make,
}

/// Drops used instances and makes ready ones until there are enough. Keeps the function alive only where it has to.
async fn tend(shelf: Arc<Shelf>, function: Weak<Function>) {
    tokio::time::sleep(PAUSE).await;
    while let Some(task) = shelf.start_task() {
        match task {
            Task::Drop => {
                let used = shelf.lock().used.pop();
                drop(used);
            }
            Task::Make if add_one(&shelf, &function).await => {}
            Task::Make => {
                shelf.lock().tended = false;
                return;
            }
        }
    }
}

/// Whether to go on.
async fn add_one(shelf: &Shelf, function: &Weak<Function>) -> bool {
    let Some(room) = shelf.room() else { return false };
    let stopped = shelf.stop.notified();
    if shelf.is_unwanted() {
        return false;
    }
    match unless(stopped, ready(function)).await {
        Some(Some(warm)) => {
            shelf.put(Spare { warm, _room: room }, |stock, spare| stock.ready.push_back(spare));
            true
        }
        Some(None) => {
            shelf.lock().failed();
            false
        }
        None => false,
    }
}

async fn unless<F: Future>(stopped: Notified<'_>, work: F) -> Option<F::Output> {
    let (mut stopped, mut work) = (pin!(stopped), pin!(work));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => stopped.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// A fresh instance whose start code has run. None where that failed: a call will say why.
async fn ready(function: &Weak<Function>) -> Option<Warm> {
    let (source, shared) = {
        let function = function.upgrade()?;
        (function.spec.env.clone(), function.shared)
    };
    let env = resolved(source, shared).await?;
    let (lasting, linked, deadline, mut store) = {
        let function = function.upgrade()?;
        function.check_open(false).ok()?;
        let lasting = Lasting::new(&function, env);
        let deadline = function.spec.max_execution.and_then(|limit| Instant::now().checked_add(limit));
        let watch = Watch::new(deadline, &function.lifecycle, Interrupt::Poller, None);
        let store = lasting.store(&function, watch).ok()?;
        (lasting, function.linked.clone(), deadline, store)
    };
    store.epoch_deadline_callback(on_epoch_yield);
    let _running = shared.ticker.running();
    let live = {
        let instantiated = caught(linked.instantiate(&mut store));
        match deadline {
            Some(at) => tokio::time::timeout_at(at.into(), instantiated).await.ok()?,
            None => instantiated.await,
        }
    };
    let live = live.ok()?.ok()?;
    (!lasting.missed_its_call()).then_some(Warm { store, live, lasting })
}

/// The environment as a call would see it now.
async fn resolved(source: Env, shared: &'static Shared) -> Option<Pairs> {
    match source {
        Env::Fixed(pairs) => Some(pairs),
        Env::Dynamic(source) => {
            let mailbox = Mailbox::of_threads(shared.callees.at(0), None);
            mailbox.run(move || source.resolve()).await.ok()?.ok()
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
