//! The functions of one runtime: what `funcs` and the embedder look up by `namespace:name`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::error::Abort;
use crate::frame::Frame;
use crate::function::Function;
use crate::lifecycle::Lifecycle;

/// What crosses `funcs`: text or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    Text(String),
    Bytes(Vec<u8>),
}

/// Why a host's function gave no payload.
#[derive(Debug)]
pub enum Refusal {
    /// The guest gets this text as its `err` (H-23).
    Err(String),
    /// The whole call ends.
    Abort(Abort),
}

/// Takes the answer of a [`HostFunction`], at once or later and from any thread.
pub type Reply = Box<dyn FnOnce(Result<Payload, Refusal>) + Send>;

/// A function of the embedder that guests call through `funcs`.
pub trait HostFunction: Send + Sync {
    /// Runs on the thread that drives the guest, off the guest's stack. `frame` is the caller's.
    fn call(&self, input: Payload, frame: &Frame, reply: Reply);
}

/// Decides whether one function may call another (H-25). Runs where [`HostFunction::call`] does.
pub trait Authorize: Send + Sync {
    fn allows(&self, caller: &str, target: &str) -> Result<bool, Abort>;
}

/// Takes whole lines of guest output that nobody captures (H-35). Runs where [`HostFunction::call`] does.
pub trait Log: Send + Sync {
    /// `fd` is 1 or 2.
    fn lines(&self, entry: &str, fd: u8, lines: &[u8]);
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
    pub lifecycle: Arc<Lifecycle>,
    pub limits: TreeLimits,
    pub authorize: Option<Arc<dyn Authorize>>,
    pub log: Arc<dyn Log>,
}

impl Table {
    pub fn new(limits: TreeLimits, authorize: Option<Arc<dyn Authorize>>, log: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Table { targets: RwLock::default(), lifecycle: Arc::default(), limits, authorize, log })
    }

    pub fn get(&self, id: &str) -> Option<Target> {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
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
        }
        targets.insert(id, target);
    }

    pub fn remove(&self, id: &str) -> bool {
        let removed = self.targets.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(Target::Guest(old)) = &removed {
            old.retire();
        }
        removed.is_some()
    }

    /// Refuses new calls, waits for running ones and ends those that are left; their ids.
    pub fn close(&self, wait: Duration) -> Vec<String> {
        self.lifecycle.close();
        self.wait_until_idle(wait);
        let mut cancelled: Vec<String> =
            self.busy().iter().map(|function| function.spec.id.to_string()).collect();
        cancelled.sort_unstable();
        self.lifecycle.cancel();
        // Guests notice within a tick; a host function in the middle of its work does not, and is not waited for.
        self.wait_until_idle(Duration::from_millis(250));
        self.targets.write().unwrap_or_else(PoisonError::into_inner).clear();
        cancelled
    }

    fn busy(&self) -> Vec<Arc<Function>> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let guests = targets.values().filter_map(|target| match target {
            Target::Guest(function) => Some(function),
            Target::Host(_) => None,
        });
        guests.filter(|function| function.in_flight.count() > 0).cloned().collect()
    }

    fn wait_until_idle(&self, at_most: Duration) {
        let end = Instant::now() + at_most;
        while !self.busy().is_empty() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
