//! Instances that somebody keeps: state lives from call to call, one call at a time.
//!
//! A kept instance holds its permits until it ends, so that pools bound kept instances as they bound calls. Its calls
//! run on a fiber, always. It ends when it is closed, with its function, and with a call that does not end well.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::deadline::Deadline;
use super::guest::Source;
use super::{Call, Caller, Done, Handle, Options, Request};
use crate::error::{Failure, What};
use crate::fork::Owned;
use crate::frame::{Ending, Frame};
use crate::function::Function;
use crate::mailbox::Mailbox;
use crate::pool;
use crate::running::Running;
use crate::signals::InGuest;
use crate::values::{Arguments, Image};
use crate::warm::Warm;

/// See the module's documentation.
pub struct Kept {
    function: Arc<Function>,
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    /// The first call starts it.
    #[default]
    New,
    Resting(Owned<Instance>),
    Busy {
        /// It is to end with this call.
        closing: bool,
    },
    Ended(String),
}

/// The instance, and what it holds.
struct Instance {
    warm: Warm,
    permits: Vec<pool::Kept>,
}

impl Kept {
    pub fn new(function: &Arc<Function>) -> Arc<Self> {
        let kept = Arc::new(Kept { function: Arc::clone(function), state: Mutex::default() });
        let mut all = function.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&kept));
        drop(all);
        kept
    }

    /// Whether the next call needs no environment: an instance takes its own from its first call.
    pub fn is_started(&self) -> bool {
        matches!(*self.lock(), State::Resting(_) | State::Ended(_))
    }

    /// Drops the instance, or has a running call do that at its end.
    pub fn close(&self) {
        self.end("it was closed");
    }

    /// The same for another reason.
    pub fn end(&self, why: &str) {
        let mut state = self.lock();
        match &mut *state {
            State::Busy { closing } => *closing = true,
            State::Ended(_) => {}
            State::New | State::Resting(_) => {
                let before = std::mem::replace(&mut *state, State::Ended(why.to_owned()));
                drop(state);
                drop(before);
            }
        }
    }

    /// Calls the instance on this thread; without arguments it is only started.
    pub fn call(
        self: &Arc<Self>,
        arguments: Option<&mut Arguments>,
        options: &Options,
        caller: Caller<'_>,
    ) -> Result<Image, Failure> {
        let function = &self.function;
        function.unpanicked_here(|| {
            let Caller { env, outer, home, hooks, .. } = caller;
            function.admit_kept(outer, options)?;
            let mut turn = self.begin()?;
            let _running_here = Running::enter(&function.pool);
            let _entered = function.stats.enter();
            let _running = function.shared.ticker.running();
            let _in_guest = InGuest::enter();
            let (mailbox, frame, deadline) = function.surroundings(Mailbox::of_driver(home), outer, options);
            let env = if turn.resting.is_some() { &[][..] } else { function.env_or_own(env)? };
            let call = Call { options, env, deadline, frame, outer, trial: false };
            let (warm, permits) = match turn.resting.take().map(Owned::into_inner) {
                Some(Instance { warm, permits }) => (Some(warm), permits),
                None => {
                    let holder = call.frame.as_ref();
                    let held = match function.try_hold(holder) {
                        Some(held) => held,
                        None => function.driven(function.hold(outer, holder), &call, &mailbox, hooks)??,
                    };
                    (None, held.keep(function))
                }
            };
            turn.after = After::Nothing { was_new: false };
            let lent: Vec<_> = permits.iter().map(|permit| permit.lend(call.frame.as_ref())).collect();
            let ran = function.run_driven(arguments, &call, Source::Kept(warm), &mailbox, hooks);
            drop(lent);
            turn.finish(ran, permits)
        })
    }

    /// Starts a call of the instance on the engine's threads; without arguments it is only started.
    pub fn dispatch(self: &Arc<Self>, request: Request, only_start: bool, done: Done) -> Handle {
        let kept = Arc::clone(self);
        self.function.spawn(Box::pin(async move { kept.dispatched(request, only_start).await }), done)
    }

    async fn dispatched(self: &Arc<Self>, request: Request, only_start: bool) -> Result<Image, Failure> {
        let Request { mut arguments, options, env, outer, home } = request;
        let (function, outer) = (&self.function, outer.as_ref());
        function.admit_kept(outer, &options)?;
        let mut turn = self.begin()?;
        let _entered = function.stats.enter();
        let _running = function.shared.ticker.running();
        let mailbox = Mailbox::of_threads(function.shared.callees.at(outer.map_or(0, Frame::depth)), home);
        let (mailbox, frame, deadline) = function.surroundings(mailbox, outer, &options);
        let env = if turn.resting.is_some() { &[][..] } else { function.env_or_own(env.as_ref())? };
        let call = Call { options: &options, env, deadline, frame, outer, trial: false };
        let _ending = Ending::of(call.frame.as_ref());
        let (warm, permits) = match turn.resting.take().map(Owned::into_inner) {
            Some(Instance { warm, permits }) => (Some(warm), permits),
            None => {
                let holder = call.frame.as_ref();
                let held = match function.try_hold(holder) {
                    Some(held) => held,
                    None => function.in_time(pin!(function.hold(outer, holder)), &call).await??,
                };
                (None, held.keep(function))
            }
        };
        turn.after = After::Nothing { was_new: false };
        let lent: Vec<_> = permits.iter().map(|permit| permit.lend(call.frame.as_ref())).collect();
        let arguments = (!only_start).then_some(&mut arguments);
        let ran = function.run_dispatched(arguments, &call, Source::Kept(warm), mailbox).await;
        drop(lent);
        turn.finish(ran, permits)
    }

    /// The right to use the instance, until the turn is dropped.
    fn begin(self: &Arc<Self>) -> Result<Turn, Failure> {
        let id = &self.function.spec.id;
        let mut state = self.lock();
        let resting = match std::mem::replace(&mut *state, State::Busy { closing: false }) {
            State::New => None,
            State::Resting(instance) => Some(instance),
            busy @ State::Busy { .. } => {
                *state = busy;
                let text = format!("{id}: the instance is in the middle of a call: one call at a time");
                return Err(Failure::new(What::Conflict, text));
            }
            State::Ended(why) => {
                let text = format!("{id}: the instance has ended: {why}; make another one with instance()");
                *state = State::Ended(why);
                return Err(Failure::new(What::Ended, text));
            }
        };
        let was_new = resting.is_none();
        Ok(Turn { kept: Arc::clone(self), resting, after: After::Nothing { was_new } })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call's use of the instance.
struct Turn {
    kept: Arc<Kept>,
    resting: Option<Owned<Instance>>,
    after: After,
}

/// What the call left.
enum After {
    /// It was dropped in the middle, of the guest or, with `was_new`, before there was an instance.
    Nothing {
        was_new: bool,
    },
    Instance(Owned<Instance>),
    Failure(String),
}

impl Turn {
    fn finish(
        &mut self,
        ran: Result<(Image, Option<Warm>), Failure>,
        permits: Vec<pool::Kept>,
    ) -> Result<Image, Failure> {
        match ran {
            Ok((image, Some(warm))) => {
                self.after = After::Instance(Owned::new(Instance { warm, permits }));
                Ok(image)
            }
            Ok((image, None)) => Ok(image),
            Err(failure) => {
                self.after = After::Failure(failure.message.clone());
                Err(failure)
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let after = std::mem::replace(&mut self.after, After::Nothing { was_new: false });
        let mut state = self.kept.lock();
        let closing = matches!(*state, State::Busy { closing: true });
        let (next, dropped) = match (after, self.resting.take()) {
            (After::Instance(instance), _) if closing => {
                (State::Ended("it was closed".to_owned()), Some(instance))
            }
            (After::Instance(instance), _) => (State::Resting(instance), None),
            (After::Failure(why), rest) => (State::Ended(why), rest),
            // Refused before the instance was touched.
            (After::Nothing { .. }, Some(rest)) if !closing => (State::Resting(rest), None),
            (After::Nothing { .. }, rest) if closing => (State::Ended("it was closed".to_owned()), rest),
            (After::Nothing { was_new: true }, rest) => (State::New, rest),
            (After::Nothing { was_new: false }, rest) => {
                (State::Ended("its last call was cancelled".to_owned()), rest)
            }
        };
        *state = next;
        drop(state);
        drop(dropped);
    }
}

impl Function {
    fn admit_kept(&self, outer: Option<&Frame>, options: &Options) -> Result<(), Failure> {
        let nested = outer.is_some() || crate::running::depth() > 0;
        self.check_open(nested)?;
        if options.export.is_none() {
            self.check_method()?;
        }
        if nested { self.refuse_deep_call() } else { Ok(()) }
    }

    /// The mailbox, the frame and the deadline of a call.
    pub(super) fn surroundings(
        &self,
        mailbox: Mailbox,
        outer: Option<&Frame>,
        options: &Options,
    ) -> (Arc<Mailbox>, Option<Frame>, Deadline) {
        let mailbox = Arc::new(mailbox);
        let deadline =
            Deadline::new(self.spec.max_execution, options.timeout, outer.and_then(Frame::deadline));
        let frame = self.needs.frame.then(|| {
            let id = Arc::clone(&self.spec.id);
            Frame::new(id, self.pool.address(), outer, deadline.at, Arc::clone(&mailbox))
        });
        (mailbox, frame, deadline)
    }
}
