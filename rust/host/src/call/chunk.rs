//! Many calls of one function on one thread, one after another, each in a fresh instance: a chunk of a batch.
//!
//! What calls have in common is done once a chunk: the permits, the ticker, the look at the signal handlers. Only
//! functions that cannot wait run this way; others are dispatched one by one, so that their waits overlap.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::deadline::Deadline;
use super::{Call, Options};
use crate::driver::Hooks;
use crate::error::{Abort, Failure, What};
use crate::frame::Frame;
use crate::function::Function;
use crate::mailbox::Mailbox;
use crate::signals::InGuest;
use crate::spec::Pairs;
use crate::state::{Ends, Interrupt};
use crate::threads::Threads;
use crate::values::{Arguments, Image};

/// What the calls of a chunk share.
pub struct Chunk<'a> {
    pub options: &'a Options,
    pub env: Option<&'a Pairs>,
    pub outer: Option<&'a Frame>,
    /// Set to end the running call and refuse those that follow.
    pub cancelled: &'a Arc<AtomicBool>,
}

impl Function {
    /// Whether its calls run on the stack of whatever thread makes them.
    pub fn never_waits(&self) -> bool {
        !self.needs.fiber
    }

    /// Threads whose stack is large enough for [`Self::call_chunk`].
    pub(crate) fn workers(&self) -> &'static Threads {
        &self.shared.workers
    }

    /// Changes every few milliseconds while calls run.
    pub(crate) fn tick(&self) -> usize {
        self.shared.ticker.ticks()
    }

    /// Calls that may run at once.
    pub fn capacity(&self) -> usize {
        self.spec.capacity
    }

    /// Calls the function with each of `items`, on this thread, whose stack must be large enough.
    pub fn call_chunk(
        self: &Arc<Self>,
        chunk: &Chunk<'_>,
        items: impl ExactSizeIterator<Item = Arguments>,
        mut each: impl FnMut(Result<Image, Failure>),
    ) {
        let _running = self.shared.ticker.running();
        let _in_guest = InGuest::enter();
        let mut entered = self.stats.enter_chunk(items.len());
        let lifecycle = Arc::clone(&self.lifecycle);
        let ends = Arc::new(Ends { lifecycle, cancelled: Arc::clone(chunk.cancelled) });
        let (mut held, mut tick) = (None, self.tick());
        for mut arguments in items {
            let called = catch_unwind(AssertUnwindSafe(|| {
                self.admit_item(chunk)?;
                entered.time(|| {
                    if held.is_none() {
                        held = Some(self.hold_for_chunk(chunk)?);
                    }
                    self.call_item(chunk, &mut arguments, &ends)
                })
            }));
            if self.tick() != tick {
                tick = self.tick();
                entered.flush();
            }
            let called = called.unwrap_or_else(|panic| Err(self.panicked(&*panic)));
            each(called.inspect_err(|failure| self.stats.count_failure(failure)));
        }
    }

    fn call_item(
        self: &Arc<Self>,
        chunk: &Chunk<'_>,
        arguments: &mut Arguments,
        ends: &Arc<Ends>,
    ) -> Result<Image, Failure> {
        let end = chunk.outer.and_then(Frame::deadline);
        let call = Call {
            options: chunk.options,
            env: self.env_or_own(chunk.env)?,
            deadline: Deadline::new(self.spec.max_execution, chunk.options.timeout, end),
            frame: None,
            outer: chunk.outer,
            trial: false,
        };
        let interrupt = Interrupt::Batch(Arc::clone(ends));
        match self.script() {
            Some(script) => self.script_here(script, arguments, &call, &interrupt),
            None => self.run_here(arguments, &call, interrupt),
        }
    }

    fn admit_item(&self, chunk: &Chunk<'_>) -> Result<(), Failure> {
        if chunk.cancelled.load(Ordering::Relaxed) {
            return Err(Failure::new(What::Cancelled, format!("{}: the batch was cancelled", self.spec.id)));
        }
        self.admit(chunk.outer)
    }

    fn hold_for_chunk<'a>(&'a self, chunk: &Chunk<'_>) -> Result<super::run::Held<'a>, Failure> {
        if let Some(held) = self.try_hold(None) {
            return Ok(held);
        }
        let end = chunk.outer.and_then(Frame::deadline);
        let call = Call {
            options: chunk.options,
            env: &[],
            deadline: Deadline::new(None, None, end),
            frame: None,
            outer: chunk.outer,
            trial: false,
        };
        let mut hooks = UntilCancelled(chunk.cancelled);
        self.driven(self.hold(chunk.outer, None), &call, &Mailbox::default(), &mut hooks)?
    }
}

struct UntilCancelled<'a>(&'a AtomicBool);

impl Hooks for UntilCancelled<'_> {
    fn look_around(&mut self) -> Result<(), Abort> {
        if self.0.load(Ordering::Relaxed) { Err(Box::new(())) } else { Ok(()) }
    }
}
