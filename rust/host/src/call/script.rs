//! Calls of scripts: what takes the place of a guest's instance.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wippy_lua::value::Value;

use super::deadline::Deadline;
use super::{Call, Options};
use crate::driver::Hooks;
use crate::error::{Failure, Stop, What};
use crate::frame::{Ending, Frame};
use crate::function::Function;
use crate::lifecycle::Lifecycle;
use crate::mailbox::Mailbox;
use crate::script::{Script, Started, run_to_end};
use crate::stack;
use crate::state::Interrupt;
use crate::values::{Arguments, Image};

/// One call, as a script sees it.
pub(crate) struct ScriptCall<'v, 'a> {
    pub arguments: &'v [Value],
    pub watch: ScriptWatch,
    /// Absent where the script calls nothing.
    pub frame: Option<Frame>,
    /// Where the embedder's code runs; absent where this thread is a place for that.
    pub mailbox: Option<&'a Mailbox>,
}

/// What ends a script that cannot be suspended where it is.
pub(crate) struct ScriptWatch {
    deadline: Option<Instant>,
    lifecycle: Arc<Lifecycle>,
    outer: Option<Frame>,
    cancelled: Option<Arc<AtomicBool>>,
}

impl ScriptWatch {
    pub fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
            || self.lifecycle.is_cancelled()
            || self.outer.as_ref().is_some_and(Frame::is_over)
            || self.cancelled.as_ref().is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
    }
}

/// A call that was made without a future.
pub(crate) enum AtOnce<'a> {
    Ended(Result<Image, Failure>),
    Going(Pin<Box<dyn Future<Output = Result<Image, Failure>> + Send + 'a>>),
    /// It has to wait for its turn.
    Not,
}

impl Function {
    fn script_call<'a>(
        &self,
        arguments: &'a Arguments,
        call: &Call<'_>,
        interrupt: &Interrupt,
        mailbox: Option<&'a Mailbox>,
    ) -> ScriptCall<'a, 'a> {
        let cancelled = match interrupt {
            Interrupt::Batch(ends) => Some(Arc::clone(&ends.cancelled)),
            _ => None,
        };
        let watch = ScriptWatch {
            deadline: call.deadline.at,
            lifecycle: Arc::clone(&self.lifecycle),
            outer: call.outer.cloned(),
            cancelled,
        };
        ScriptCall { arguments: arguments.script_values(), watch, frame: call.frame.clone(), mailbox }
    }

    /// As a future, wherever the call is polled.
    pub(super) async fn script_polled(
        self: &Arc<Self>,
        script: &Arc<Script>,
        arguments: &Arguments,
        call: &Call<'_>,
        mailbox: &Mailbox,
    ) -> Result<Image, Failure> {
        let made = self.script_call(arguments, call, &Interrupt::Poller, Some(mailbox));
        let mut running = pin!(self.run_script(script, made));
        let ended = poll_fn(|context| stack::polled(|| running.as_mut().poll(context))).await;
        self.timely(ended, call)
    }

    /// On a thread that drives it.
    pub(super) fn script_driven(
        self: &Arc<Self>,
        script: &Arc<Script>,
        arguments: &Arguments,
        call: &Call<'_>,
        mailbox: &Mailbox,
        hooks: &mut dyn Hooks,
    ) -> Result<Image, Failure> {
        self.driven(self.script_polled(script, arguments, call, mailbox), call, mailbox, hooks)?
    }

    /// On this thread to its end: it has nothing to wait for.
    pub(super) fn script_here(
        self: &Arc<Self>,
        script: &Arc<Script>,
        arguments: &Arguments,
        call: &Call<'_>,
        interrupt: &Interrupt,
    ) -> Result<Image, Failure> {
        let made = self.script_call(arguments, call, interrupt, None);
        let watch = self.script_call(arguments, call, interrupt, None).watch;
        let may_go_on = || {
            if watch.is_over() {
                let late = call.deadline.at.is_some_and(|deadline| Instant::now() >= deadline);
                return Err(Failure::stopped(if late { Stop::Deadline } else { Stop::Cancelled }));
            }
            match interrupt {
                Interrupt::Ask(ask) => ask().map_err(Failure::aborted),
                _ => Ok(()),
            }
        };
        let ended = stack::polled(|| run_to_end(self.run_script(script, made), may_go_on));
        self.timely(ended.flatten(), call)
    }

    /// Makes a call for another where that needs no future: most calls of scripts have ended when this returns.
    pub(crate) fn script_at_once<'a>(
        self: &'a Arc<Self>,
        script: &Arc<Script>,
        arguments: &[Value],
        caller: &'a Frame,
    ) -> Result<AtOnce<'a>, Failure> {
        self.check_open(true)?;
        self.pool.refuse_reentry(Some(caller))?;
        let deadline = Deadline::new(self.spec.max_execution, None, caller.deadline());
        let entered = self.stats.enter();
        let frame = self.needs.frame.then(|| {
            let mailbox = Arc::clone(caller.mailbox());
            Frame::new(Arc::clone(&self.spec.id), self.pool.address(), Some(caller), deadline.at, mailbox)
        });
        let Some(held) = self.try_hold(frame.as_ref()) else { return Ok(AtOnce::Not) };
        let ending = Ending::of(frame.as_ref());
        let watch = ScriptWatch {
            deadline: deadline.at,
            lifecycle: Arc::clone(&self.lifecycle),
            outer: Some(caller.clone()),
            cancelled: None,
        };
        let made = ScriptCall { arguments, watch, frame, mailbox: Some(caller.mailbox()) };
        let going = match self.begin_script(script, made) {
            Started::Ended(result) => return Ok(AtOnce::Ended(self.in_its_time(result, deadline))),
            Started::Going(going) => going,
        };
        Ok(AtOnce::Going(Box::pin(async move {
            let _holds = (entered, held, ending);
            let running = going.end(self);
            let result = match deadline.at {
                Some(at) => match tokio::time::timeout_at(at.into(), running).await {
                    Ok(result) => result,
                    Err(_) => Err(Failure::stopped(Stop::Deadline)),
                },
                None => running.await,
            };
            self.in_its_time(result, deadline)
        })))
    }

    /// A result that came too late is none: code that cannot be interrupted may take longer than its call may.
    fn in_its_time(&self, result: Result<Image, Failure>, deadline: Deadline) -> Result<Image, Failure> {
        let options = Options::DEFAULT;
        let call = Call { options: &options, env: &[], deadline, frame: None, outer: None, trial: false };
        self.timely(result, &call)
    }

    fn timely(&self, result: Result<Image, Failure>, call: &Call<'_>) -> Result<Image, Failure> {
        match result {
            Ok(_) if call.deadline.at.is_some_and(|at| Instant::now() >= at) => {
                Err(self.stopped(Stop::Deadline, call))
            }
            Ok(_) if self.lifecycle.is_cancelled() => Err(self.stopped(Stop::Cancelled, call)),
            result => result.map_err(|failure| self.explained(failure, call)),
        }
    }

    /// The result of a script is larger than so many bytes: its function's limit, or what its memory could hold.
    pub(crate) fn result_too_large(&self, allowed: usize) -> Failure {
        let limit =
            if allowed == self.spec.max_result_bytes { "max_result_bytes" } else { "max_memory_bytes" };
        let text =
            format!("{}: the result is larger than limits.{limit} allows ({allowed} bytes)", self.spec.id);
        Failure::new(What::Limit { limit, allowed: allowed as u64 }, text)
    }

    /// The failure of a call that was stopped, in the words of its limit.
    fn explained(&self, failure: Failure, call: &Call<'_>) -> Failure {
        let Some(stop) = failure.stop() else { return failure };
        let late = call.deadline.at.is_some_and(|deadline| Instant::now() >= deadline);
        self.stopped(if late { Stop::Deadline } else { stop }, call)
    }

    /// A script needed more memory than its worker may have.
    pub(crate) fn out_of_memory(&self) -> Failure {
        let allowed = self.spec.limits.memory_bytes;
        let text = format!(
            "{}: the script needs more memory than limits.max_memory_bytes ({allowed} bytes)",
            self.spec.id
        );
        Failure::new(What::Limit { limit: "max_memory_bytes", allowed }, text)
    }
}
