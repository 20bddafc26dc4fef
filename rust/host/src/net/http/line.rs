//! The tasks behind a connection, and how it ends.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hyper::rt::Executor;
use tokio::task::JoinSet;

use super::wire::Cut;
use crate::fork::Owned;
use crate::net::descriptors::Descriptor;

type Tasks = Mutex<JoinSet<()>>;

/// What reads and writes for a connection. It ends with the connection's last handle, whatever it waits for: the other
/// side may never read what is written, nor let more be written.
pub struct Line {
    tasks: Owned<Arc<Tasks>>,
    _descriptor: Descriptor,
    cut: Cut,
    /// No more requests: what one of them left undone would stay for as long as the connection.
    is_spoilt: AtomicBool,
}

impl Line {
    pub fn new(cut: Cut, descriptor: Descriptor) -> Arc<Line> {
        let (tasks, is_spoilt) = (Owned::new(Arc::default()), AtomicBool::new(false));
        Arc::new(Line { tasks, _descriptor: descriptor, cut, is_spoilt })
    }

    pub fn run(&self, work: impl Future<Output = hyper::Result<()>> + Send + 'static) {
        self.executor().execute(work);
    }

    /// Runs what the connection starts itself.
    pub fn executor(&self) -> Runs {
        Runs(Arc::downgrade(&self.tasks))
    }

    /// It was given up in the middle of a request: when its last handle goes it is reset.
    pub fn spoil(&self) {
        self.cut.set();
        self.is_spoilt.store(true, Ordering::Relaxed);
    }

    pub fn is_spoilt(&self) -> bool {
        self.is_spoilt.load(Ordering::Relaxed)
    }
}

/// Starts tasks of one connection.
#[derive(Clone)]
pub struct Runs(Weak<Tasks>);

impl<F> Executor<F> for Runs
where
    F: Future + Send + 'static,
{
    fn execute(&self, work: F) {
        let Some(tasks) = self.0.upgrade() else { return };
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { drop(work.await) });
    }
}

/// Whether a request's body was sent to its end.
#[derive(Clone, Default)]
pub struct Upload(Arc<AtomicBool>);

impl Upload {
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn has_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
