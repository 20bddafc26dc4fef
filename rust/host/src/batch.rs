//! Many calls of one function: on worker threads where its guests cannot wait, on the engine's threads where they can.
//!
//! Whoever has arguments submits them in chunks and takes what is finished; nothing here knows an order or a bound on
//! what is in flight, which both belong to the one who submits. A worker thread runs whole chunks without meeting
//! anybody. Guests that can wait are dispatched one by one, as many at once as there are workers, so that their waits
//! overlap.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::call::{Chunk, Handle, Options, Request};
use crate::error::Failure;
use crate::frame::Frame;
use crate::function::Function;
use crate::mailbox::Home;
use crate::pace::Pace;
use crate::spec::Pairs;
use crate::values::{Arguments, Image};

/// The outcome of the item with this number.
pub type Finished = (u64, Result<Image, Failure>);

/// How the calls of a batch are made.
pub struct Plan {
    pub options: Options,
    pub outer: Option<Frame>,
    pub home: Option<Home>,
    /// Calls at once; the function's own pool may allow fewer.
    pub workers: Workers,
    /// Called on some thread when there is something to take after there was nothing. Must not block.
    pub notify: Box<dyn Fn() + Send + Sync>,
}

/// How many calls run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    Exactly(usize),
    /// As many as get most done, where guests cannot wait; else this many.
    UpTo(usize),
}

impl Workers {
    pub fn most(self) -> usize {
        match self {
            Workers::Exactly(workers) | Workers::UpTo(workers) => workers,
        }
    }
}

/// See the module's documentation. Dropping it cancels what is in flight.
pub struct Batch(Arc<Inner>);

struct Inner {
    function: Arc<Function>,
    plan: Plan,
    cancelled: Arc<AtomicBool>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    pace: Pace,
    /// Not begun yet.
    chunks: VecDeque<Items>,
    /// Worker threads, or dispatched calls.
    running: usize,
    handles: HashMap<u64, Handle>,
    finished: Vec<Finished>,
    /// How many finished items are worth waking whoever waits.
    wanted: usize,
    /// What a call took lately, waits for its turn left out.
    per_call: Duration,
}

/// Consecutive items.
struct Items {
    first: u64,
    env: Option<Pairs>,
    arguments: VecDeque<Arguments>,
}

impl Batch {
    pub fn new(function: Arc<Function>, plan: Plan) -> Self {
        let pace = match plan.workers {
            Workers::UpTo(most) if function.never_waits() => Pace::up_to(most),
            workers => Pace::fixed(workers.most()),
        };
        let state = Mutex::new(State::new(pace));
        Batch(Arc::new(Inner { function, plan, cancelled: Arc::default(), state, changed: Condvar::new() }))
    }

    /// Runs the items numbered from `first` on.
    pub fn submit(&self, first: u64, env: Option<Pairs>, arguments: Vec<Arguments>) {
        let inner = &self.0;
        let mut state = inner.lock();
        state.chunks.push_back(Items { first, env, arguments: arguments.into() });
        if inner.function.never_waits() {
            inner.hire(&mut state);
        } else {
            inner.dispatch(state);
        }
    }

    /// What has finished since the last time.
    pub fn take(&self) -> Vec<Finished> {
        std::mem::take(&mut self.0.lock().finished)
    }

    pub fn has_finished(&self) -> bool {
        !self.0.lock().finished.is_empty()
    }

    /// What a call took lately; zero as long as nothing is known.
    pub fn per_call(&self) -> Duration {
        self.0.lock().per_call
    }

    /// Waits until there are `wanted` items to take, or nothing to wait for. Waking a thread costs as much as some calls:
    /// who has use for many results at once should say so.
    pub fn wait(&self, wanted: usize, at_most: Duration) {
        let mut state = self.0.lock();
        state.wanted = wanted;
        let too_few = |state: &mut State| state.finished.len() < wanted && state.is_busy();
        drop(self.0.changed.wait_timeout_while(state, at_most, too_few));
    }

    /// Ends what is running and forgets the rest, without waiting.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
        let mut state = self.0.lock();
        let forgotten = std::mem::take(&mut state.chunks);
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        // Outside the lock: ending a call may say so at once, on this thread.
        handles.values().for_each(Handle::cancel);
        drop(forgotten);
        self.0.changed.notify_all();
    }

    /// Waits until nothing runs; whether that is so.
    pub fn wait_idle(&self, at_most: Duration) -> bool {
        let state = self.0.lock();
        let waited = self.0.changed.wait_timeout_while(state, at_most, |state| state.running > 0);
        waited.is_ok_and(|(state, _)| state.running == 0)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // In the child of a fork the lock may be held by a thread that is not there.
        if self.0.function.check_process().is_err() {
            return;
        }
        self.cancel();
    }
}

impl State {
    fn new(pace: Pace) -> Self {
        State {
            pace,
            chunks: VecDeque::new(),
            running: 0,
            handles: HashMap::new(),
            finished: Vec::new(),
            wanted: 1,
            per_call: Duration::ZERO,
        }
    }

    fn is_busy(&self) -> bool {
        self.running > 0 || !self.chunks.is_empty()
    }

    /// Remembers what `calls` calls took.
    fn learn(&mut self, took: Duration, calls: usize) {
        let each = took / u32::try_from(calls.max(1)).unwrap_or(u32::MAX);
        self.pace.learn(self.running, took, calls);
        self.per_call = if self.per_call.is_zero() { each } else { (self.per_call * 3 + each) / 4 };
    }
}

impl Inner {
    /// Starts one more worker, if there is work and use for it.
    fn hire(self: &Arc<Self>, state: &mut State) {
        if state.running < state.pace.workers() && !state.chunks.is_empty() {
            state.running += 1;
            let inner = Arc::clone(self);
            self.function.workers().run(move || inner.work());
        }
    }

    /// A worker thread: chunk after chunk, until there is none, or too many workers.
    fn work(self: Arc<Self>) {
        loop {
            let mut state = self.lock();
            let next = if state.running > state.pace.workers() { None } else { state.chunks.pop_front() };
            let Some(items) = next else {
                state.running -= 1;
                drop(state);
                self.changed.notify_all();
                // Nobody may be left to take what `notify` announces, but whoever waits for the end wants to know.
                return (self.plan.notify)();
            };
            drop(state);
            self.run(items);
        }
    }

    fn run(self: &Arc<Self>, Items { first, env, arguments }: Items) {
        let Plan { options, outer, .. } = &self.plan;
        let chunk = Chunk { options, env: env.as_ref(), outer: outer.as_ref(), cancelled: &self.cancelled };
        let (start, count) = (Instant::now(), arguments.len());
        let mut results = Vec::with_capacity(count);
        let mut number = first;
        let mut tick = self.function.tick();
        self.function.call_chunk(&chunk, arguments.into_iter(), |result| {
            results.push((number, result));
            number += 1;
            // Slow calls do not wait for their neighbours.
            let now = self.function.tick();
            if now != tick {
                tick = now;
                self.finish(results.drain(..), None);
            }
        });
        self.finish(results.drain(..), Some((start.elapsed(), count)));
    }

    fn finish(self: &Arc<Self>, results: impl Iterator<Item = Finished>, took: Option<(Duration, usize)>) {
        let mut state = self.lock();
        let before = state.finished.len();
        state.finished.extend(results);
        if let Some((took, calls)) = took {
            state.learn(took, calls);
            self.hire(&mut state);
        }
        let now = state.finished.len();
        let enough = before < state.wanted && now >= state.wanted;
        drop(state);
        if enough {
            self.changed.notify_all();
        }
        if before == 0 && now > 0 {
            (self.plan.notify)();
        }
    }

    /// Starts calls of a function that can wait, as many as there is room for.
    fn dispatch(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        while state.running < self.plan.workers.most() {
            let Some((number, env, arguments)) = state.next_item() else { return };
            state.running += 1;
            let request = Request {
                arguments,
                options: self.plan.options.clone(),
                env,
                outer: self.plan.outer.clone(),
                home: self.plan.home.clone(),
            };
            let inner = Arc::clone(self);
            let done = Box::new(move |result| inner.done(number, result));
            // Under the lock, so that the end of the call finds its handle: it comes on another thread.
            let handle = self.function.dispatch(request, done);
            state.handles.insert(number, handle);
        }
    }

    fn done(self: Arc<Self>, number: u64, result: Result<Image, Failure>) {
        let mut state = self.lock();
        state.running -= 1;
        state.handles.remove(&number);
        state.finished.push((number, result));
        let tell = state.finished.len() == 1 || !state.is_busy();
        let enough = state.finished.len() == state.wanted || !state.is_busy();
        self.dispatch(state);
        if enough {
            self.changed.notify_all();
        }
        if tell {
            (self.plan.notify)();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_item(&mut self) -> Option<(u64, Option<Pairs>, Arguments)> {
        loop {
            let items = self.chunks.front_mut()?;
            let Some(arguments) = items.arguments.pop_front() else {
                self.chunks.pop_front();
                continue;
            };
            let number = items.first;
            items.first += 1;
            return Some((number, items.env.clone(), arguments));
        }
    }
}
