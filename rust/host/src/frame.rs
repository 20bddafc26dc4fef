//! A call's place in the tree of calls that `funcs` makes.
//!
//! Depth, the total number of calls and the deadline belong to the root and are shared down the tree, so that guests
//! that call each other for ever meet an end. A frame knows its ancestors: a function that only one call may use at a
//! time must not wait for a call it is itself part of (F-39).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::driver::Mailbox;

/// One call that may make further calls.
#[derive(Clone)]
pub struct Frame(Arc<Inner>);

struct Inner {
    entry: Arc<str>,
    parent: Option<Frame>,
    depth: u32,
    deadline: Option<Instant>,
    tree: Arc<Tree>,
    /// Runs jobs on the thread that drives this call.
    mailbox: Arc<Mailbox>,
}

struct Tree {
    id: u64,
    calls: AtomicU64,
}

impl Frame {
    pub fn new(
        entry: Arc<str>,
        parent: Option<&Frame>,
        deadline: Option<Instant>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let tree = match parent {
            Some(parent) => Arc::clone(&parent.0.tree),
            None => Arc::new(Tree { id: NEXT.fetch_add(1, Ordering::Relaxed), calls: AtomicU64::new(0) }),
        };
        let depth = parent.map_or(1, |parent| parent.depth() + 1);
        Frame(Arc::new(Inner { entry, parent: parent.cloned(), depth, deadline, tree, mailbox }))
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

    /// The tree's identity, for finding calls that wait for each other.
    pub fn tree(&self) -> u64 {
        self.0.tree.id
    }

    /// Counts one more call of the tree; the new total.
    pub fn count_call(&self) -> u64 {
        self.0.tree.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether this call or one that led to it is of `entry`.
    pub fn is_within(&self, entry: &str) -> bool {
        self.calls_of(entry) > 0
    }

    /// How many of this call and those that led to it are of `entry`.
    pub fn calls_of(&self, entry: &str) -> usize {
        let chain = std::iter::successors(Some(self), |frame| frame.0.parent.as_ref());
        chain.filter(|frame| frame.entry() == entry).count()
    }
}
