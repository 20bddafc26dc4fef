//! Connections of one function that are kept for its next requests.
//!
//! They belong to one function, so that what it may reach, and what it did with a connection, stays its own. Their number
//! is bounded, and those that nobody used for a while are closed.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connection, Shared, Single};
use crate::fork::Owned;
use crate::net::pattern::Scheme;
use crate::net::target::Origin;

/// Kept for one origin, and for all of a function.
const MOST_FOR_ORIGIN: usize = 128;
const MOST: usize = 512;
/// Servers close idle connections after 5 s (Node, uvicorn) to 75 s (nginx).
const IDLE: Duration = Duration::from_secs(15);
const SWEEP: Duration = Duration::from_secs(5);
/// A connection whose response was read to its end is ready for the next request as soon as its driver had a turn.
const SETTLE: Duration = Duration::from_millis(20);
/// How long a new connection waits for one that is being made.
const TURN: Duration = Duration::from_millis(250);

/// See the module's documentation.
pub struct Pool {
    /// In a child of `fork` the threads that drive the connections do not exist.
    state: Owned<Mutex<State>>,
}

#[derive(Default)]
struct State {
    origins: HashMap<Origin, Kept>,
    /// HTTP/1.1 connections in all.
    idle: usize,
    is_swept: bool,
}

#[derive(Default)]
struct Kept {
    idle: Vec<(Single, Instant)>,
    shared: Vec<(Shared, Instant)>,
    /// Connections are made one at a time until it is known that the origin takes one request over each.
    turns: Arc<Turns<()>>,
    takes_one: bool,
}

impl Pool {
    pub fn new() -> Arc<Pool> {
        Arc::new(Pool { state: Owned::new(Mutex::default()) })
    }

    /// A connection that is ready for a request.
    pub async fn take(&self, origin: &Origin) -> Option<Connection> {
        if let Some(shared) = self.shared(origin) {
            return Some(shared);
        }
        while let Some(mut single) = self.pop(origin) {
            if !single.sender.is_ready() {
                let ready = timeout(SETTLE, poll_fn(|context| single.sender.poll_ready(context)));
                if !matches!(ready.await, Ok(Ok(()))) {
                    continue;
                }
            }
            return Some(Connection::Http1(single));
        }
        None
    }

    /// A connection that others use as well.
    pub fn shared(&self, origin: &Origin) -> Option<Connection> {
        let mut state = self.lock();
        let kept = state.origins.get_mut(origin)?;
        kept.shared.retain(|(shared, _)| !shared.is_closed());
        let another = |(shared, used): &mut (Shared, Instant)| {
            *used = Instant::now();
            shared.another()
        };
        kept.shared.iter_mut().find_map(another).map(Connection::Http2)
    }

    /// Lets others use a new connection too, where its protocol can.
    pub fn share(self: &Arc<Self>, origin: &Origin, connection: &Connection) {
        let mut state = self.lock();
        let kept = state.origins.entry(origin.clone()).or_default();
        match connection {
            Connection::Http1(_) => kept.takes_one = true,
            Connection::Http2(shared) => {
                kept.shared.extend(shared.another().map(|own| (own, Instant::now())))
            }
        }
        self.see_to_sweeping(&mut state);
    }

    /// The turn to make a connection, where a connection that another makes may do as well.
    pub async fn turn_to_connect(self: &Arc<Self>, origin: &Origin) -> Option<OwnedMutexGuard<()>> {
        // Without TLS it is HTTP/1.1.
        if origin.scheme != Scheme::Https {
            return None;
        }
        // Not for longer: whoever has the turn may have met a server that does not answer.
        let turn = timeout(TURN, self.turns(origin)?.lock_owned()).await.ok()?;
        self.turns(origin).map(|_| turn)
    }

    fn turns(self: &Arc<Self>, origin: &Origin) -> Option<Arc<Turns<()>>> {
        let mut state = self.lock();
        self.see_to_sweeping(&mut state);
        let kept = state.origins.entry(origin.clone()).or_default();
        (!kept.takes_one).then(|| Arc::clone(&kept.turns))
    }

    fn pop(&self, origin: &Origin) -> Option<Single> {
        let mut state = self.lock();
        // The one used last: the others may go idle long enough to be closed.
        let (single, _) = state.origins.get_mut(origin)?.idle.pop()?;
        state.idle -= 1;
        Some(single)
    }

    fn put(self: &Arc<Self>, origin: Origin, single: Single) {
        if single.sender.is_closed() {
            return;
        }
        let mut state = self.lock();
        let full = state.idle >= MOST;
        let kept = state.origins.entry(origin).or_default();
        if full || kept.idle.len() >= MOST_FOR_ORIGIN {
            return;
        }
        kept.idle.push((single, Instant::now()));
        state.idle += 1;
        self.see_to_sweeping(&mut state);
    }

    /// Closes one connection that nobody uses at the moment, if there is one.
    pub fn drop_one(&self) -> bool {
        let mut state = self.lock();
        let mut kept = state.origins.values_mut();
        let single = kept.find_map(|kept| (!kept.idle.is_empty()).then(|| kept.idle.remove(0)));
        if single.is_some() {
            state.idle -= 1;
            drop(state);
            return true;
        }
        for kept in state.origins.values_mut() {
            if let Some(idle) = kept.shared.iter().position(|(shared, _)| shared.is_idle()) {
                kept.shared.swap_remove(idle);
                return true;
            }
        }
        false
    }

    /// Closes what nobody uses at the moment.
    pub fn clear(&self) {
        let mut state = self.lock();
        let kept = std::mem::take(&mut state.origins);
        state.idle = 0;
        drop(state);
        drop(kept);
    }

    fn see_to_sweeping(self: &Arc<Self>, state: &mut State) {
        if !state.is_swept {
            state.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_unused(&mut self, now: Instant) {
        let is_fresh = |used: Instant| now.duration_since(used) < IDLE;
        self.origins.retain(|_, kept| {
            kept.idle.retain(|(single, used)| !single.sender.is_closed() && is_fresh(*used));
            kept.shared
                .retain(|(shared, used)| !shared.is_closed() && (!shared.is_idle() || is_fresh(*used)));
            !kept.idle.is_empty() || !kept.shared.is_empty() || Arc::strong_count(&kept.turns) > 1
        });
        self.idle = self.origins.values().map(|kept| kept.idle.len()).sum();
    }
}

/// Closes what is idle, until nothing is kept.
async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.lock();
        state.drop_unused(Instant::now());
        if state.origins.is_empty() {
            state.is_swept = false;
            return;
        }
    }
}

/// A connection while its response is read. Dropped before the end, it is closed.
pub struct Lease(Option<(Connection, Arc<Pool>, Origin)>);

impl Lease {
    pub fn new(connection: Connection, pool: Arc<Pool>, origin: Origin) -> Lease {
        Lease(Some((connection, pool, origin)))
    }

    /// The response was read to its end.
    pub fn give_back(&mut self) {
        if let Some((Connection::Http1(single), pool, origin)) = self.0.take()
            && let Some(single) = single.rested()
        {
            pool.put(origin, single);
        }
    }
}
