//! Calling a prepared function: permits, a fresh instance, the export, the result.
//!
//! A function that cannot wait runs right on the caller's thread. Others, and all on threads with little stack, run on
//! a fiber that [`drive`] polls. The instance is dropped at the end of every call, whatever came of it (F-38).

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::SemaphorePermit;
use wasmtime::{Store, Trap};

use crate::driver::{Hooks, Mailbox, Stopped, drive};
use crate::error::{Abort, Failure, Phase, Site, Stop, What, classify};
use crate::frame::Frame;
use crate::function::{Function, Linked};
use crate::imports::cli::Stdin;
use crate::instance;
use crate::pool::Permit;
use crate::resolve::Export;
use crate::spec::{Env, Pairs};
use crate::stack;
use crate::state::{State, on_epoch, on_epoch_yield};
use crate::streams::{Output, Streams};
use crate::table::Refusal;
use crate::values::{Arguments, Image, component};
use crate::{signals, state};

/// How one call is made.
#[derive(Clone, Default)]
pub struct Options {
    pub timeout: Option<Duration>,
    pub stdin: Stdin,
    pub stdout: Output,
    pub stderr: Output,
}

/// When a call must end, and whose limit that is.
#[derive(Clone, Copy, Default)]
struct Deadline {
    at: Option<Instant>,
    limit: Option<(&'static str, u64)>,
}

impl Deadline {
    /// The earliest of the entry's limit, the caller's wish and the deadline of the call this one is part of.
    fn new(entry: Option<Duration>, wish: Option<Duration>, outer: Option<Instant>) -> Self {
        let now = Instant::now();
        let from_now = |limit: Option<Duration>, name| {
            limit.and_then(|limit| Some((now.checked_add(limit)?, (name, limit.as_millis() as u64))))
        };
        let own = [from_now(entry, "max_execution_ms"), from_now(wish, "timeout")];
        let own = own.into_iter().flatten().min_by_key(|(at, _)| *at);
        match (own, outer) {
            (Some((at, limit)), None) => Deadline { at: Some(at), limit: Some(limit) },
            (Some((at, limit)), Some(outer)) if at < outer => Deadline { at: Some(at), limit: Some(limit) },
            (_, outer) => Deadline { at: outer, limit: None },
        }
    }
}

/// What a running call holds. It outlives the call's store, whose instance takes up the slot until it is dropped.
struct Held<'a> {
    _slot: SemaphorePermit<'a>,
    _permit: Permit,
}

/// Everything one call needs besides its arguments.
struct Call<'a> {
    options: &'a Options,
    env: &'a [(String, String)],
    deadline: Deadline,
    frame: Option<Frame>,
}

impl Function {
    /// Calls the function on this thread.
    ///
    /// `env` replaces the entry's environment where the caller resolved it already; `outer` is the frame of the guest
    /// whose call this one is part of; `hooks` are asked while the guest runs or waits, `interrupt` where it runs
    /// directly on this thread.
    pub fn call(
        self: &Arc<Self>,
        arguments: &mut Arguments,
        options: &Options,
        env: Option<&Pairs>,
        outer: Option<&Frame>,
        hooks: &mut dyn Hooks,
        interrupt: fn() -> Result<(), Abort>,
    ) -> Result<Image, Failure> {
        let called = catch_unwind(AssertUnwindSafe(|| {
            self.call_inner(arguments, options, env, outer, hooks, interrupt)
        }));
        called.unwrap_or_else(|panic| Err(self.panicked(&panic)))
    }

    fn call_inner(
        self: &Arc<Self>,
        arguments: &mut Arguments,
        options: &Options,
        env: Option<&Pairs>,
        outer: Option<&Frame>,
        hooks: &mut dyn Hooks,
        interrupt: fn() -> Result<(), Abort>,
    ) -> Result<Image, Failure> {
        self.check_open()?;
        self.method()?;
        self.pool.refuse_reentry(outer)?;
        let deadline =
            Deadline::new(self.spec.max_execution, options.timeout, outer.and_then(Frame::deadline));
        let _entered = self.in_flight.enter();
        let _running = self.shared.ticker.running();
        signals::ensure_in_front();
        let env: &[(String, String)] = match (env, &self.spec.env) {
            (Some(env), _) | (None, Env::Fixed(env)) => env,
            (None, Env::Dynamic(_)) => return Err(self.internal("the environment was not resolved")),
        };
        if self.needs.fiber || !stack::has_room_for_guest() {
            let mailbox = Arc::new(Mailbox::default());
            let id = Arc::clone(&self.spec.id);
            let frame = self.needs.frame.then(|| Frame::new(id, outer, deadline.at, Arc::clone(&mailbox)));
            let call = Call { options, env, deadline, frame };
            return self.call_driven(arguments, &call, outer, &mailbox, hooks);
        }
        let call = Call { options, env, deadline, frame: None };
        let _held = match self.try_hold(None) {
            Some(held) => held,
            None => self.driven(self.hold(outer, None), &call, &Mailbox::default(), hooks)??,
        };
        self.run_here(arguments, &call, interrupt)
    }

    /// Runs on this thread's own stack.
    fn run_here(
        &self,
        arguments: &mut Arguments,
        call: &Call<'_>,
        interrupt: fn() -> Result<(), Abort>,
    ) -> Result<Image, Failure> {
        let mut streams = Streams::default();
        let mut store = self.store(call, &mut streams, Some(interrupt))?;
        store.epoch_deadline_callback(on_epoch);
        let limit = self.spec.max_result_bytes;
        let method = self.method()?;
        let result = match (&self.linked, &method.export) {
            (Linked::Component(pre), Export::Component(index)) => {
                let instance = pre.instantiate(&mut store);
                let instance =
                    instance.map_err(|error| self.failure(error, Phase::Instantiate, call, &store))?;
                let function = instance.get_func(&mut store, index);
                let function = function.ok_or_else(|| self.internal("the export vanished"))?;
                component::call(&mut store, function, &method.signature, arguments, limit)
            }
            (Linked::Core(pre), Export::Core(function)) => {
                let instance = pre.instantiate(&mut store).and_then(|instance| {
                    instance::initialize(&mut store, &instance)?;
                    Ok(instance)
                });
                let instance =
                    instance.map_err(|error| self.failure(error, Phase::Instantiate, call, &store))?;
                function.call(&mut store, instance, &method.signature, arguments, limit)
            }
            _ => return Err(self.internal("a method of another kind of module")),
        };
        result.map_err(|error| self.failure(error, Phase::Call, call, &store))
    }

    /// Runs on a fiber that this thread polls.
    fn call_driven(
        self: &Arc<Self>,
        arguments: &mut Arguments,
        call: &Call<'_>,
        outer: Option<&Frame>,
        mailbox: &Mailbox,
        hooks: &mut dyn Hooks,
    ) -> Result<Image, Failure> {
        let holder = call.frame.as_ref();
        let _held = match self.try_hold(holder) {
            Some(held) => held,
            None => self.driven(self.hold(outer, holder), call, mailbox, hooks)??,
        };
        let mut streams = Streams::new(Arc::clone(&self.spec.id));
        let mut store = self.store(call, &mut streams, None)?;
        let result = {
            let mut hooks = WithOutput { hooks, streams: &mut streams };
            self.driven(self.run_on_fiber(arguments, call, &mut store), call, mailbox, &mut hooks)
        };
        // The instance goes before its output is delivered: nothing can be added any more.
        drop(store);
        let delivered = streams.deliver(true);
        let image = result??;
        delivered.map_err(Failure::aborted)?;
        Ok(image)
    }

    /// Calls the function for a guest of `caller`'s tree, on that guest's driver.
    pub(crate) fn call_nested<'a>(
        self: &'a Arc<Self>,
        arguments: &'a mut Arguments,
        caller: &'a Frame,
    ) -> Pin<Box<dyn Future<Output = Result<Image, Failure>> + Send + 'a>> {
        Box::pin(self.nested(arguments, caller))
    }

    async fn nested(self: &Arc<Self>, arguments: &mut Arguments, caller: &Frame) -> Result<Image, Failure> {
        self.check_open()?;
        self.method()?;
        self.pool.refuse_reentry(Some(caller))?;
        let deadline = Deadline::new(self.spec.max_execution, None, caller.deadline());
        let _entered = self.in_flight.enter();
        let env = self.nested_env(caller).await?;
        let id = Arc::clone(&self.spec.id);
        let mailbox = Arc::clone(caller.mailbox());
        let frame = self.needs.frame.then(|| Frame::new(id, Some(caller), deadline.at, mailbox));
        let options = Options::default();
        let call = Call { options: &options, env: &env, deadline, frame };
        let mut streams = Streams::new(Arc::clone(&self.spec.id));
        let result = {
            let running = async {
                let holder = call.frame.as_ref();
                let _held = match self.try_hold(holder) {
                    Some(held) => held,
                    None => self.hold(Some(caller), holder).await?,
                };
                let mut store = self.store(&call, &mut streams, None)?;
                self.run_on_fiber(arguments, &call, &mut store).await
            };
            match deadline.at {
                Some(at) => match tokio::time::timeout_at(at.into(), running).await {
                    Ok(result) => result,
                    Err(_) => Err(self.stopped(Stop::Deadline, &call)),
                },
                None => running.await,
            }
        };
        if streams.has_output() {
            caller.mailbox().run(move || streams.deliver(true)).await?.map_err(Failure::aborted)?;
        }
        result
    }

    async fn nested_env(&self, caller: &Frame) -> Result<Pairs, Failure> {
        let source = match &self.spec.env {
            Env::Fixed(pairs) => return Ok(Arc::clone(pairs)),
            Env::Dynamic(source) => Arc::clone(source),
        };
        match caller.mailbox().run(move || source.resolve()).await? {
            Ok(pairs) => Ok(pairs),
            Err(Refusal::Err(text)) => Err(Failure::load(text)),
            Err(Refusal::Abort(reason)) => Err(Failure::aborted(reason)),
        }
    }

    async fn run_on_fiber(
        &self,
        arguments: &mut Arguments,
        call: &Call<'_>,
        store: &mut Store<State>,
    ) -> Result<Image, Failure> {
        store.epoch_deadline_callback(on_epoch_yield);
        let limit = self.spec.max_result_bytes;
        let method = self.method()?;
        let result = match (&self.linked, &method.export) {
            (Linked::Component(pre), Export::Component(index)) => {
                let instance = pre.instantiate_async(&mut *store).await;
                let instance =
                    instance.map_err(|error| self.failure(error, Phase::Instantiate, call, store))?;
                let function = instance.get_func(&mut *store, index);
                let function = function.ok_or_else(|| self.internal("the export vanished"))?;
                component::call_async(&mut *store, function, &method.signature, arguments, limit).await
            }
            (Linked::Core(pre), Export::Core(function)) => {
                let instance = instance::core_async(pre, store).await;
                let instance =
                    instance.map_err(|error| self.failure(error, Phase::Instantiate, call, store))?;
                function.call_async(&mut *store, instance, &method.signature, arguments, limit).await
            }
            _ => return Err(self.internal("a method of another kind of module")),
        };
        result.map_err(|error| self.failure(error, Phase::Call, call, store))
    }

    /// The start code that an undeclared import stops, if any: one trial instantiation.
    pub fn probe(self: &Arc<Self>, env: &Pairs) -> Result<(), Failure> {
        self.check_open()?;
        let _running = self.shared.ticker.running();
        signals::ensure_in_front();
        let options = Options { stdout: Output::Discard, stderr: Output::Discard, ..Options::default() };
        let deadline = Deadline::new(Some(PROBE), None, None);
        let call = Call { options: &options, env, deadline, frame: None };
        let mut store = self.store(&call, &mut Streams::default(), None)?;
        store.epoch_deadline_callback(on_epoch_yield);
        let running = async {
            let instantiated = match &self.linked {
                Linked::Component(pre) => pre.instantiate_async(&mut store).await.map(drop),
                Linked::Core(pre) => instance::core_async(pre, &mut store).await.map(drop),
            };
            instantiated.map_err(|error| self.failure(error, Phase::Instantiate, &call, &store))
        };
        self.driven(running, &call, &Mailbox::default(), &mut ())?
    }

    fn try_hold(&self, holder: Option<&Frame>) -> Option<Held<'_>> {
        let permit = self.pool.try_enter(holder)?;
        let slot = self.shared.permits.try_acquire_many(self.needs.weight).ok()?;
        Some(Held { _slot: slot, _permit: permit })
    }

    async fn hold(&self, caller: Option<&Frame>, holder: Option<&Frame>) -> Result<Held<'_>, Failure> {
        let permit = self.pool.enter(caller, holder).await?;
        let slot = self.shared.permits.acquire_many(self.needs.weight).await;
        let slot = slot.map_err(|_| self.internal("the engine is closed"))?;
        Ok(Held { _slot: slot, _permit: permit })
    }

    fn driven<F: Future>(
        &self,
        future: F,
        call: &Call<'_>,
        mailbox: &Mailbox,
        hooks: &mut dyn Hooks,
    ) -> Result<F::Output, Failure> {
        let runtime = self.shared.tokio.handle();
        drive(runtime, future, mailbox, call.deadline.at, &self.lifecycle, hooks).map_err(|stopped| {
            match stopped {
                Stopped::Deadline => self.stopped(Stop::Deadline, call),
                Stopped::Cancelled => self.stopped(Stop::Cancelled, call),
                Stopped::Aborted(reason) => Failure::aborted(reason),
            }
        })
    }

    fn store(
        &self,
        call: &Call<'_>,
        streams: &mut Streams,
        interrupt: Option<fn() -> Result<(), Abort>>,
    ) -> Result<Store<State>, Failure> {
        let watch = state::Watch::new(call.deadline.at, Arc::clone(&self.lifecycle), interrupt);
        let wasi = instance::wasi(self, call.options, call.env, streams)?;
        let state = instance::state(self, wasi, watch, call.frame.clone());
        let mut store = Store::new(&self.shared.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.set_hostcall_fuel(self.spec.max_result_bytes.max(HOSTCALL_BYTES));
        Ok(store)
    }

    fn failure(
        &self,
        error: wasmtime::Error,
        phase: Phase,
        call: &Call<'_>,
        store: &Store<State>,
    ) -> Failure {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return self.stopped(*stop, call);
        }
        let memory_refused = store.data().limiter.memory_refused();
        // wasmtime's word for a call that was cut off; ours says why.
        if matches!(error.downcast_ref(), Some(Trap::Interrupt)) {
            return self.stopped(Stop::Cancelled, call);
        }
        let site = Site { entry: &self.spec.id, method: &self.spec.method, phase, memory_refused };
        classify(error, &site)
    }

    fn stopped(&self, stop: Stop, call: &Call<'_>) -> Failure {
        let describe = |cause: &str| {
            format!("{}: failed to call wasm method: {}: {cause}", self.spec.id, self.spec.method)
        };
        match (stop, call.deadline.limit) {
            (Stop::Deadline, Some((limit, allowed))) => {
                let cause = match limit {
                    "timeout" => format!("timeout exceeded: {allowed}ms"),
                    _ => format!("execution limit exceeded: {allowed}ms"),
                };
                Failure::new(What::Limit { limit, allowed }, describe(&cause))
            }
            (Stop::Deadline, None) => {
                let cause = "the time of the call it is part of is over";
                Failure::new(What::Limit { limit: "max_execution_ms", allowed: 0 }, describe(cause))
            }
            (Stop::Cancelled, _) => {
                Failure::new(What::Cancelled, describe("cancelled: the runtime was closed"))
            }
            (Stop::Aborted, _) => Failure::new(What::Cancelled, describe("stopped by the caller")),
        }
    }

    /// Guests and callees that call each other in turns use the thread's stack; a small one ends before the depth limit.
    fn refuse_deep_call(&self, outer: &Frame) -> Result<(), Failure> {
        if stack::has_room_for_nested_call() {
            return Ok(());
        }
        let (id, allowed) = (&self.spec.id, u64::from(outer.depth()));
        let text = format!(
            "call depth limit exceeded: {id} would be called {allowed} calls deep, and the thread's stack is used up"
        );
        Err(Failure::new(What::Limit { limit: "max_call_depth", allowed }, text))
    }

    fn internal(&self, text: &str) -> Failure {
        Failure::internal(format!("{}: internal error: {text}", self.spec.id))
    }

    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> Failure {
        let text = panic.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        self.internal(&format!("the host panicked: {text}"))
    }
}

/// A trial instantiation's time.
const PROBE: Duration = Duration::from_secs(10);
/// What a guest may hand to one host function, in wasmtime's units.
const HOSTCALL_BYTES: usize = 128 << 20;

/// Passes on output between two polls.
struct WithOutput<'a> {
    hooks: &'a mut dyn Hooks,
    streams: &'a mut Streams,
}

impl Hooks for WithOutput<'_> {
    fn look_around(&mut self) -> Result<(), Abort> {
        if self.streams.has_output() {
            self.streams.deliver(false)?;
        }
        self.hooks.look_around()
    }
}
