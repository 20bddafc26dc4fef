//! Calls of scripts: what takes the place of a guest's instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Call;
use crate::driver::Hooks;
use crate::error::{Failure, Stop};
use crate::frame::Frame;
use crate::function::Function;
use crate::lifecycle::Lifecycle;
use crate::mailbox::Mailbox;
use crate::script::{Script, run_to_end};
use crate::state::Interrupt;
use crate::values::{Arguments, Image};

/// One call, as a script sees it.
pub(crate) struct ScriptCall<'a> {
    pub arguments: &'a Arguments,
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

impl Function {
    fn script_call<'a>(
        &self,
        arguments: &'a Arguments,
        call: &Call<'_>,
        interrupt: &Interrupt,
        mailbox: Option<&'a Mailbox>,
    ) -> ScriptCall<'a> {
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
        ScriptCall { arguments, watch, frame: call.frame.clone(), mailbox }
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
        let ended = self.run_script(script, made).await;
        ended.map_err(|failure| self.explained(failure, call))
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
        let ended = run_to_end(self.run_script(script, made), || {
            if watch.is_over() {
                let late = call.deadline.at.is_some_and(|deadline| Instant::now() >= deadline);
                return Err(Failure::stopped(if late { Stop::Deadline } else { Stop::Cancelled }));
            }
            match interrupt {
                Interrupt::Ask(ask) => ask().map_err(Failure::aborted),
                _ => Ok(()),
            }
        });
        ended.flatten().map_err(|failure| self.explained(failure, call))
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
        Failure::new(crate::error::What::Limit { limit: "max_memory_bytes", allowed }, text)
    }
}
