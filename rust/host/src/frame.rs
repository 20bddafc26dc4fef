//! A call's place in the tree of calls that `funcs` makes.
//!
//! Depth, the total number of calls and the deadline belong to the root and are shared down the tree, so that guests
//! that call each other for ever meet an end. A frame knows its ancestors: a function that only one call may use at a
//! time must not wait for a call it is itself part of (F-39).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wippy_lua::error::ErrorValue;
use wippy_lua::value::Value;

use crate::mailbox::Mailbox;

/// One call that may make further calls.
#[derive(Clone)]
pub struct Frame(Arc<Inner>);

struct Inner {
    id: u64,
    entry: Arc<str>,
    /// The address of the function's pool: ids are unique in one table only.
    pool: usize,
    parent: Option<Frame>,
    depth: u32,
    deadline: Option<Instant>,
    tree: Arc<Tree>,
    /// The guest is gone: what was started for it is to end.
    over: AtomicBool,
    /// Runs what must not run on a guest's stack.
    mailbox: Arc<Mailbox>,
    /// What calls above said those below may want to know: nil or a map (L-31, L-37).
    context: Option<Arc<Value>>,
    /// The last error that this call got of one it made.
    last_error: Mutex<Option<Box<ErrorValue>>>,
}

#[derive(Default)]
struct Tree {
    calls: AtomicU64,
}

impl Frame {
    pub fn new(
        entry: Arc<str>,
        pool: usize,
        parent: Option<&Frame>,
        deadline: Option<Instant>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let tree = match parent {
            Some(parent) => Arc::clone(&parent.0.tree),
            None => Arc::default(),
        };
        let depth = parent.map_or(1, |parent| parent.depth() + 1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let context = parent.and_then(|parent| parent.0.context.clone());
        Frame(Arc::new(Inner {
            id,
            entry,
            pool,
            parent: parent.cloned(),
            depth,
            deadline,
            tree,
            over: AtomicBool::new(false),
            mailbox,
            context,
            last_error: Mutex::default(),
        }))
    }

    /// Another frame for the same call, which ends with it.
    pub fn beside(&self) -> Self {
        let Inner { entry, deadline, mailbox, .. } = &*self.0;
        Frame::new(Arc::clone(entry), 0, Some(self), *deadline, Arc::clone(mailbox))
    }

    /// The same with further values for the calls below, over those of the calls above. For a frame nobody else has yet.
    pub fn with_context(mut self, values: &Value) -> Self {
        if let (Some(inner), Value::Map(added)) = (Arc::get_mut(&mut self.0), values) {
            let mut merged = match inner.context.as_deref() {
                Some(Value::Map(before)) => before.clone(),
                _ => Vec::new(),
            };
            merged.retain(|(name, _)| added.iter().all(|(other, _)| other != name));
            merged.extend(added.iter().cloned());
            inner.context = Some(Arc::new(Value::Map(merged)));
        }
        self
    }

    /// A callee has failed: what a guest is told of it is a text, from which the error is known again.
    pub fn remember(&self, error: &ErrorValue) {
        *self.0.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(error.clone()));
    }

    pub fn take_error(&self) -> Option<Box<ErrorValue>> {
        self.0.last_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Nil or a map.
    pub fn context(&self) -> &Value {
        self.0.context.as_deref().unwrap_or(&Value::Nil)
    }

    pub fn entry(&self) -> &str {
        &self.0.entry
    }

    /// 1 for the call that started the tree.
    pub fn depth(&self) -> u32 {
        self.0.depth
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.0.mailbox
    }

    /// Its identity, for finding calls that wait for each other.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// This call and those that led to it.
    pub fn chain(&self) -> impl Iterator<Item = &Frame> {
        std::iter::successors(Some(self), |frame| frame.0.parent.as_ref())
    }

    /// Whether this call or one that led to it has ended, so that nobody waits for what is done for it.
    pub fn is_over(&self) -> bool {
        self.chain().any(|frame| frame.0.over.load(Ordering::Relaxed))
    }

    /// Counts one more call of the tree; the new total.
    pub fn count_call(&self) -> u64 {
        self.0.tree.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many of this call and those that led to it are of the function with this pool.
    pub fn calls_of(&self, pool: usize) -> usize {
        self.chain().filter(|frame| frame.0.pool == pool).count()
    }
}

/// Says that a call has ended, however that came about: its host functions may run on, and have calls of their own.
pub(crate) struct Ending(Option<Frame>);

impl Ending {
    pub fn of(frame: Option<&Frame>) -> Self {
        Ending(frame.cloned())
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(frame) = &self.0 {
            frame.0.over.store(true, Ordering::Relaxed);
        }
    }
}
