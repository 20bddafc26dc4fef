//! Calls made by guests, through `funcs`: on the caller's driver, each on a fiber of its own.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use super::deadline::Deadline;
use super::guest::Source;
use super::{Call, Options};
use wippy_lua::value::Value;

use crate::error::{Failure, Stop};
use crate::frame::{Ending, Frame};
use crate::function::Function;
use crate::spec::{Env, Pairs};
use crate::state::Interrupt;
use crate::streams::Streams;
use crate::table::Refusal;
use crate::values::{Arguments, Image};

/// How a call is made by another.
pub(crate) struct Nested<'a> {
    pub options: &'a Options,
    /// What the callee finds in its context besides what the caller has; nil or a map.
    pub context: &'a Value,
}

impl Function {
    /// Calls the function for a guest of `caller`'s tree, on that guest's driver.
    pub(crate) fn call_nested<'a>(
        self: &'a Arc<Self>,
        arguments: &'a mut Arguments,
        caller: &'a Frame,
        how: Nested<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Image, Failure>> + Send + 'a>> {
        let outcome = self.stats.outcome();
        Box::pin(async move { outcome.of(self.nested(arguments, caller, how).await) })
    }

    async fn nested(
        self: &Arc<Self>,
        arguments: &mut Arguments,
        caller: &Frame,
        how: Nested<'_>,
    ) -> Result<Image, Failure> {
        let Nested { options, context } = how;
        self.check_open(true)?;
        self.check_method()?;
        self.pool.refuse_reentry(Some(caller))?;
        let deadline = Deadline::new(self.spec.max_execution, options.timeout, caller.deadline());
        let _entered = self.stats.enter();
        let env = self.nested_env(caller).await?;
        let id = Arc::clone(&self.spec.id);
        let mailbox = Arc::clone(caller.mailbox());
        let frame = self.needs.frame.then(|| {
            Frame::new(id, self.pool.address(), Some(caller), deadline.at, mailbox).with_context(context)
        });
        let call = Call { options, env: &env, deadline, frame, outer: None, trial: false };
        let _ending = Ending::of(call.frame.as_ref());
        let mut streams = Streams::new(Arc::clone(&self.spec.id));
        let result = {
            // Pinned here: a future that is moved into another takes its place twice.
            let mut running = pin!(async {
                let holder = call.frame.as_ref();
                let held = match self.try_hold(holder) {
                    Some(held) => held,
                    None => self.hold(Some(caller), holder).await?,
                };
                if let Some(script) = self.script() {
                    let image =
                        Box::pin(self.script_polled(script, arguments, &call, caller.mailbox())).await?;
                    return Ok((image, None, held));
                }
                let mut guest = self.guest(&call, &mut streams, Interrupt::Poller, Source::Spares)?;
                let result = self.run_on_fiber(Some(arguments), &call, &mut guest).await;
                self.stats.saw_memory(guest.memory_used());
                Ok((result?, guest.after_call(), held))
            });
            match deadline.at {
                Some(at) => match tokio::time::timeout_at(at.into(), running.as_mut()).await {
                    Ok(result) => result,
                    Err(_) => Err(self.stopped(Stop::Deadline, &call)),
                },
                None => running.as_mut().await,
            }
        };
        if streams.has_output() {
            caller.mailbox().run(move || streams.deliver(true)).await?.map_err(Failure::aborted)?;
        }
        let (image, warm, _held) = result?;
        self.put_back(warm);
        Ok(image)
    }

    async fn nested_env(&self, caller: &Frame) -> Result<Pairs, Failure> {
        let source = match &self.spec.env {
            Env::Fixed(pairs) => return Ok(Arc::clone(pairs)),
            Env::Dynamic(source) => Arc::clone(source),
        };
        match caller.mailbox().run(move || source.resolve()).await? {
            Ok(pairs) => Ok(pairs),
            Err(Refusal::Err(error)) => Err(Failure::load(error.message)),
            Err(Refusal::Abort(reason)) => Err(Failure::aborted(reason)),
        }
    }
}
