//! Connections of one function that are kept for its next requests.
//!
//! They belong to one function, so that what it may reach, and what it did with a connection, stays its own. Their number
//! is bounded, and those that nobody used for a while are closed.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::client::conn::http1;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio::time::{Instant, sleep, timeout};

use super::body::Leaving;
use super::connection::{Connection, Shared};
use crate::net::target::Origin;

/// Kept for one origin, and for all of a function.
const MOST_FOR_ORIGIN: usize = 128;
const MOST: usize = 512;
/// Servers close idle connections after 5 s (Node, uvicorn) to 75 s (nginx).
const IDLE: Duration = Duration::from_secs(15);
const SWEEP: Duration = Duration::from_secs(5);
/// A connection whose response was read to its end is ready for the next request as soon as its driver had a turn.
const SETTLE: Duration = Duration::from_millis(20);

/// See the module's documentation.
#[derive(Default)]
pub struct Pool {
    state: Mutex<State>,
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
    idle: Vec<(http1::SendRequest<Leaving>, Instant)>,
    shared: Vec<(Shared, Instant)>,
    /// Present once the origin is known to take many requests over one connection: then one is made at a time.
    turns: Option<Arc<Turns<()>>>,
}

impl Pool {
    pub fn new() -> Arc<Pool> {
        Arc::default()
    }

    /// A connection that is ready for a request.
    pub async fn take(&self, origin: &Origin) -> Option<Connection> {
        if let Some(shared) = self.shared(origin) {
            return Some(shared);
        }
        while let Some(mut sender) = self.pop(origin) {
            if !sender.is_ready() {
                let ready = timeout(SETTLE, poll_fn(|context| sender.poll_ready(context)));
                if !matches!(ready.await, Ok(Ok(()))) {
                    continue;
                }
            }
            return Some(Connection::Http1(sender));
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
        let Connection::Http2(shared) = connection else { return };
        let Some(own) = shared.another() else { return };
        let mut state = self.lock();
        let kept = state.origins.entry(origin.clone()).or_default();
        kept.turns.get_or_insert_default();
        kept.shared.push((own, Instant::now()));
        self.see_to_sweeping(&mut state);
    }

    /// The turn to make a connection, where a connection made by another would do as well.
    pub async fn turn_to_connect(&self, origin: &Origin) -> Option<OwnedMutexGuard<()>> {
        let turns = self.lock().origins.get(origin)?.turns.clone()?;
        Some(turns.lock_owned().await)
    }

    fn pop(&self, origin: &Origin) -> Option<http1::SendRequest<Leaving>> {
        let mut state = self.lock();
        // The one used last: the others may go idle long enough to be closed.
        let (sender, _) = state.origins.get_mut(origin)?.idle.pop()?;
        state.idle -= 1;
        Some(sender)
    }

    fn put(self: &Arc<Self>, origin: Origin, sender: http1::SendRequest<Leaving>) {
        if sender.is_closed() {
            return;
        }
        let mut state = self.lock();
        let full = state.idle >= MOST;
        let kept = state.origins.entry(origin).or_default();
        if full || kept.idle.len() >= MOST_FOR_ORIGIN {
            return;
        }
        kept.idle.push((sender, Instant::now()));
        state.idle += 1;
        self.see_to_sweeping(&mut state);
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
            kept.idle.retain(|(sender, used)| !sender.is_closed() && is_fresh(*used));
            kept.shared
                .retain(|(shared, used)| !shared.is_closed() && (!shared.is_idle() || is_fresh(*used)));
            !kept.idle.is_empty() || !kept.shared.is_empty()
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
        if let Some((Connection::Http1(sender), pool, origin)) = self.0.take() {
            pool.put(origin, sender);
        }
    }
}
