//! Calling a prepared function: permits, an instance, the export, the result.
//!
//! A function that cannot wait runs right on the caller's thread. Others, and all on threads with little stack, run on
//! a fiber that [`drive`](crate::driver::drive) polls. The instance is dropped at the end of every call, whatever came
//! of it (F-38), unless its entry wants it used again and it ended well.

mod chunk;
mod deadline;
mod dispatched;
mod guest;
mod kept;
mod nested;
mod run;
mod script;

pub use chunk::Chunk;
pub(crate) use dispatched::caught;
pub use dispatched::{Done, Handle, Request, start_all};
pub use kept::Kept;
pub(crate) use nested::Nested;
pub(crate) use script::{AtOnce, ScriptCall, ScriptWatch};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::driver::Hooks;
use crate::error::{Abort, Failure, Phase, Stop, What};
use crate::frame::Frame;
use crate::function::{Function, NamedExport};
use crate::imports::cli::Stdin;
use crate::mailbox::{Home, Mailbox};
use crate::room::engine_room;
use crate::running::{self, Running};
use crate::signals::InGuest;
use crate::spec::{Env, Pairs};
use crate::state::{Interrupt, on_epoch_yield};
use crate::streams::{Output, Streams};
use crate::values::{Arguments, Image};
use crate::warm::Warm;
use crate::{signals, stack};
use deadline::Deadline;
use guest::Source;

/// A trial instantiation's time.
const PROBE: Duration = Duration::from_secs(5);

/// How one call is made.
#[derive(Clone, Default)]
pub struct Options {
    pub timeout: Option<Duration>,
    pub stdin: Stdin,
    pub stdout: Output,
    pub stderr: Output,
    /// Another export than the entry's method; for kept instances.
    pub export: Option<Arc<NamedExport>>,
}

impl Options {
    /// As entries have it.
    pub const DEFAULT: Options = Options {
        timeout: None,
        stdin: Stdin::Empty,
        stdout: Output::Log,
        stderr: Output::Log,
        export: None,
    };
}

/// Who makes a call, and what it takes from there.
pub struct Caller<'a> {
    /// The environment where it is resolved already; else the entry's own, which must be fixed.
    pub env: Option<&'a Pairs>,
    /// The guest whose call this one is part of.
    pub outer: Option<&'a Frame>,
    /// Where the embedder's asynchronous functions run for this call.
    pub home: Option<Home>,
    /// The call blocks an event loop that calls of its own tree may need to end: it must not wait for one of those.
    pub must_not_wait: bool,
    /// Asked while the guest waits, and between two slices of its work, where it runs on a fiber.
    pub hooks: &'a mut dyn Hooks,
    /// Asked now and then where the guest runs directly on this thread.
    pub interrupt: fn() -> Result<(), Abort>,
}

/// Everything one run needs besides its arguments.
struct Call<'a> {
    options: &'a Options,
    env: &'a [(String, String)],
    deadline: Deadline,
    frame: Option<Frame>,
    /// The guest whose call this one is part of, where that may end before.
    outer: Option<&'a Frame>,
    /// Nothing may be written.
    trial: bool,
}

impl Function {
    /// Calls the function on this thread. A panic of the host ends this call alone.
    pub fn call(
        self: &Arc<Self>,
        arguments: &mut Arguments,
        options: &Options,
        caller: Caller<'_>,
    ) -> Result<Image, Failure> {
        self.unpanicked_here(|| self.call_inner(arguments, options, caller))
    }

    /// What `work` gives, a panic of the host as an error of this call alone.
    fn unpanicked_here<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let called = catch_unwind(AssertUnwindSafe(work));
        let called = called.unwrap_or_else(|panic| Err(self.panicked(&*panic)));
        called.inspect_err(|failure| self.stats.count_failure(failure))
    }

    fn call_inner(
        self: &Arc<Self>,
        arguments: &mut Arguments,
        options: &Options,
        caller: Caller<'_>,
    ) -> Result<Image, Failure> {
        let Caller { env, outer, home, must_not_wait, hooks, interrupt } = caller;
        self.admit(outer)?;
        if must_not_wait {
            self.refuse_to_wait()?;
        }
        let _running_here = Running::enter(&self.pool);
        let deadline =
            Deadline::new(self.spec.max_execution, options.timeout, outer.and_then(Frame::deadline));
        let _entered = self.stats.enter();
        let _running = self.shared.ticker.running();
        let _in_guest = InGuest::enter();
        let env = self.env_or_own(env)?;
        if self.needs.fiber || !stack::has_room_for_guest() {
            let mailbox = Arc::new(Mailbox::of_driver(home));
            let id = Arc::clone(&self.spec.id);
            let frame = self
                .needs
                .frame
                .then(|| Frame::new(id, self.pool.address(), outer, deadline.at, Arc::clone(&mailbox)));
            let call = Call { options, env, deadline, frame, outer, trial: false };
            return self.call_driven(arguments, &call, outer, &mailbox, hooks);
        }
        let call = Call { options, env, deadline, frame: None, outer, trial: false };
        let _held = match self.try_hold(None) {
            Some(held) => held,
            None => self.driven(self.hold(outer, None), &call, &Mailbox::default(), hooks)??,
        };
        match self.script() {
            Some(script) => self.script_here(script, arguments, &call, &Interrupt::Ask(interrupt)),
            None => self.run_here(arguments, &call, Interrupt::Ask(interrupt)),
        }
    }

    /// The environment that was resolved for this call, else the entry's own.
    fn env_or_own<'a>(&'a self, resolved: Option<&'a Pairs>) -> Result<&'a Pairs, Failure> {
        match (resolved, &self.spec.env) {
            (Some(env), _) | (None, Env::Fixed(env)) => Ok(env),
            (None, Env::Dynamic(_)) => Err(self.internal("the environment was not resolved")),
        }
    }

    /// Whether a call may start at all.
    fn admit(&self, outer: Option<&Frame>) -> Result<(), Failure> {
        let nested = outer.is_some() || running::depth() > 0;
        self.check_open(nested)?;
        self.check_method()?;
        self.pool.refuse_reentry(outer)?;
        if nested { self.refuse_deep_call() } else { Ok(()) }
    }

    /// Fails where no permit is free. One may be taken again before this call gets to it; that it takes its luck with.
    fn refuse_to_wait(&self) -> Result<(), Failure> {
        if self.try_hold(None).is_some() {
            return Ok(());
        }
        let text = format!(
            "{}: as many calls of it run as its pool allows, and this one was made without `await` by a function that a \
             guest called, on the thread of the event loop they may need to end; use `await call_async`, or raise \
             pool.max_size",
            self.spec.id
        );
        Err(Failure::new(What::Conflict, text))
    }

    /// Guests and callees that call each other in turns use the thread's stack; a small one ends before the depth limit.
    fn refuse_deep_call(&self) -> Result<(), Failure> {
        if stack::has_room_for_nested_call() {
            return Ok(());
        }
        let (id, depth) = (&self.spec.id, running::depth());
        let text = format!(
            "call depth limit exceeded: {id} would be called within {depth} calls on this thread, and the thread's \
             stack is used up"
        );
        Err(Failure::new(What::Limit { limit: "max_call_depth", allowed: depth as u64 }, text))
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
        if let Some(script) = self.script() {
            return self.script_driven(script, arguments, call, mailbox, hooks);
        }
        let (image, warm) = self.run_driven(Some(arguments), call, Source::Spares, mailbox, hooks)?;
        self.put_back(warm);
        Ok(image)
    }

    /// The result, and the instance if it may serve further calls; what was led to this call is done with it.
    fn run_driven(
        &self,
        arguments: Option<&mut Arguments>,
        call: &Call<'_>,
        source: Source,
        mailbox: &Mailbox,
        hooks: &mut dyn Hooks,
    ) -> Result<(Image, Option<Warm>), Failure> {
        let mut streams = Streams::new(Arc::clone(&self.spec.id));
        let mut guest = self.guest(call, &mut streams, Interrupt::Poller, source)?;
        let result = {
            let mut hooks = WithOutput { hooks, streams: &mut streams };
            self.driven(self.run_on_fiber(arguments, call, &mut guest), call, mailbox, &mut hooks)
        };
        self.stats.saw_memory(guest.memory_used());
        // The instance goes, or rests, before its output is delivered: nothing can be added any more.
        let result = result.flatten().map(|image| (image, guest.after_call()));
        let delivered = self.deliver_rest(&mut streams, call, hooks);
        let ended = result?;
        delivered?;
        Ok(ended)
    }

    /// Passes on the last of a call's output, and waits for room while the call may wait at all.
    fn deliver_rest(
        &self,
        streams: &mut Streams,
        call: &Call<'_>,
        hooks: &mut dyn Hooks,
    ) -> Result<(), Failure> {
        loop {
            streams.deliver(true).map_err(Failure::aborted)?;
            if !streams.is_held_up() {
                return Ok(());
            }
            hooks.look_around().map_err(Failure::aborted)?;
            if self.lifecycle.is_cancelled() {
                return Err(self.stopped(Stop::Cancelled, call));
            }
            if call.deadline.at.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(self.stopped(Stop::Deadline, call));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The start code that an undeclared import stops, if any: one trial instantiation, whose mounts are read-only.
    pub fn probe(self: &Arc<Self>, env: &Pairs, hooks: &mut dyn Hooks) -> Result<(), Failure> {
        self.check_open(false)?;
        let _running = self.shared.ticker.running();
        let _in_guest = InGuest::enter();
        signals::ensure_in_front();
        let options = Options { stdout: Output::Discard, stderr: Output::Discard, ..Options::default() };
        let deadline = Deadline::new(Some(PROBE), None, None);
        let call = Call { options: &options, env, deadline, frame: None, outer: None, trial: true };
        let slot = engine_room(self.shared, self.needs.weight, None, None);
        let _slot = self.driven(slot, &call, &Mailbox::default(), hooks)??;
        let mut store = self.store(&call, &mut Streams::default(), Interrupt::Poller)?;
        store.epoch_deadline_callback(on_epoch_yield);
        let running = async {
            let instantiated = self.linked.instantiate(&mut store).await;
            instantiated.map(drop).map_err(|error| self.failure(error, Phase::Instantiate, &call, &store))
        };
        self.driven(running, &call, &Mailbox::default(), hooks)?
    }

    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> Failure {
        let text = panic.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        self.internal(&format!("the host panicked: {text}"))
    }
}

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
