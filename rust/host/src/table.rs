//! The functions of one runtime: what `funcs` and the embedder look up by `namespace:name`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::host::Level;
use wippy_lua::value::Value;

use crate::driver::Hooks;
use crate::error::Abort;
use crate::frame::Frame;
use crate::function::Function;
use crate::lifecycle::Lifecycle;
use crate::net::Network;
pub use crate::reply::Reply;
use crate::values::ResultStyle;

/// What a function of the embedder is called with.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// By a guest (H-22).
    Text(String),
    Bytes(Vec<u8>),
    /// By a script (L-10).
    Values(Vec<Value>),
}

/// What it gives: text or bytes to a guest (H-24), a value to a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Text(String),
    Bytes(Vec<u8>),
    Value(Value),
}

/// Why a host's function gave nothing.
#[derive(Debug)]
pub enum Refusal {
    /// The caller gets this error; a guest its message as `err` (H-23).
    Err(Box<ErrorValue>),
    /// The whole call ends.
    Abort(Abort),
}

impl Refusal {
    /// An error of this kind.
    pub fn of(kind: Kind, message: impl Into<String>) -> Self {
        Refusal::Err(Box::new(ErrorValue::new(kind, message)))
    }
}

/// A function of the embedder that guests call through `funcs`.
pub trait HostFunction: Send + Sync {
    /// Starts it without blocking, where the embedder runs its asynchronous functions, and gives the request back where
    /// there is no such place for this call or this function. Runs on the guest's stack. `frame` is the caller's.
    fn start(&self, input: Input, frame: &Frame, reply: Reply) -> Option<(Input, Reply)> {
        let _ = frame;
        Some((input, reply))
    }

    /// Runs it where the call's [`Mailbox`](crate::mailbox::Mailbox) does, off the guest's stack.
    fn call(&self, input: Input, frame: &Frame, reply: Reply);
}

/// Decides whether one function may call another, or reach a place on the network, which is given as a URL (H-25). Runs
/// where it may block.
pub trait Authorize: Send + Sync {
    fn allows(&self, caller: &str, target: &str) -> Result<bool, Abort>;
}

/// Takes whole lines of guest output that nobody captures (H-35). Runs where [`HostFunction::call`] does.
pub trait Log: Send + Sync {
    /// `fd` is 1 or 2.
    fn lines(&self, entry: &str, fd: u8, lines: &[u8]);

    /// What a script logs; `fields` is nil or a map (L-8, L-38).
    fn message(&self, entry: &str, level: Level, name: Option<&str>, text: &str, fields: &Value);

    /// A guest was refused something on the network.
    fn refused(&self, entry: &str, text: &str);

    /// The embedder's own code failed where no call can be ended with it.
    fn failed(&self, entry: &str, reason: Abort);
}

/// Something with an id.
#[derive(Clone)]
pub enum Target {
    Guest(Arc<Function>),
    Host(Arc<dyn HostFunction>),
}

/// Limits shared by all calls of one tree.
#[derive(Debug, Clone, Copy)]
pub struct TreeLimits {
    pub depth: u32,
    /// Calls through `funcs` in all; 0 for no limit.
    pub calls: u64,
}

/// See the module's documentation.
pub struct Table {
    targets: RwLock<HashMap<String, Target>>,
    /// Every function that was ever added and still exists, for closing.
    listed: Mutex<Vec<Weak<Function>>>,
    pub lifecycle: Arc<Lifecycle>,
    pub limits: TreeLimits,
    pub authorize: Option<Arc<dyn Authorize>>,
    pub log: Arc<dyn Log>,
    pub network: Arc<Network>,
    /// How scripts get what a WebAssembly function returns as its `result` (V-20).
    pub result_style: ResultStyle,
    /// Whether the times of calls are taken.
    pub timed: bool,
}

impl Table {
    pub fn new(
        limits: TreeLimits,
        authorize: Option<Arc<dyn Authorize>>,
        log: Arc<dyn Log>,
        network: Arc<Network>,
        result_style: ResultStyle,
        timed: bool,
    ) -> Arc<Self> {
        Arc::new(Table {
            targets: RwLock::default(),
            listed: Mutex::default(),
            lifecycle: Arc::default(),
            limits,
            authorize,
            log,
            network,
            result_style,
            timed,
        })
    }

    pub fn get(&self, id: &str) -> Option<Target> {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The functions made of modules, in no order.
    pub fn guests(&self) -> Vec<Arc<Function>> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let guests = targets.values().filter_map(|target| match target {
            Target::Guest(function) => Some(Arc::clone(function)),
            Target::Host(_) => None,
        });
        guests.collect()
    }

    /// Adds or replaces (F-40): calls of the old one go on.
    pub fn insert(&self, id: impl Into<String>, target: Target) {
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        let id = id.into();
        if let Target::Guest(function) = &target {
            let before = match targets.get(&id) {
                Some(Target::Guest(before)) => Some(&**before),
                _ => None,
            };
            function.enlist(before);
            let mut listed = lock(&self.listed);
            listed.retain(|other| other.strong_count() > 0);
            listed.push(Arc::downgrade(function));
        }
        let replaced = targets.insert(id, target);
        drop(targets);
        // Dropping may run code of the embedder, which may come back here.
        drop(replaced);
    }

    pub fn remove(&self, id: &str) -> bool {
        let removed = self.targets.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(Target::Guest(old)) = &removed {
            old.retire();
        }
        removed.is_some()
    }

    /// Refuses new calls, waits for running ones and ends those that are left; their ids.
    ///
    /// Calls that this thread is in the middle of, and those that led to `outer`, cannot end before this returns, so it
    /// does not wait for them. `hooks` are asked while it waits; their error ends the wait, and the calls.
    pub fn close(
        &self,
        wait: Duration,
        outer: Option<&Frame>,
        hooks: &mut dyn Hooks,
    ) -> Result<Vec<String>, Abort> {
        self.lifecycle.close();
        for function in lock(&self.listed).iter().filter_map(Weak::upgrade) {
            function.drop_unused();
            function.end_kept();
        }
        let waited = self.wait_until_idle(wait, outer, hooks);
        let mut cancelled: Vec<String> =
            self.busy(outer).iter().map(|function| function.spec.id.to_string()).collect();
        cancelled.sort_unstable();
        cancelled.dedup();
        self.lifecycle.cancel();
        // Guests notice within a tick; a host function in the middle of its work does not, and is not waited for.
        let ended = self.wait_until_idle(Duration::from_millis(250), outer, &mut ());
        lock(&self.listed).clear();
        self.targets.write().unwrap_or_else(PoisonError::into_inner).clear();
        waited.and(ended).map(|()| cancelled)
    }

    /// The functions with calls that the closing code is not itself part of, replaced and removed ones among them.
    fn busy(&self, outer: Option<&Frame>) -> Vec<Arc<Function>> {
        let own = |function: &Function| {
            let led_here = outer.map_or(0, |outer| outer.calls_of(function.pool.address()));
            function.running_here().max(led_here)
        };
        let listed = lock(&self.listed);
        let alive = listed.iter().filter_map(Weak::upgrade);
        alive.filter(|function| function.stats.in_flight() > own(function) as u64).collect()
    }

    fn wait_until_idle(
        &self,
        at_most: Duration,
        outer: Option<&Frame>,
        hooks: &mut dyn Hooks,
    ) -> Result<(), Abort> {
        let end = Instant::now() + at_most;
        while !self.busy(outer).is_empty() && Instant::now() < end {
            hooks.look_around()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
