//! Calls that nobody's thread waits for: they run on the engine's own threads and say when they are done.
//!
//! The guest runs on a fiber, and goes back to the scheduler whenever it waits and at every tick: ten thousand that
//! sleep need no thread each, and short calls finish beside long ones. Cancelling drops the future, which unwinds the
//! guest where it waits, or at its next tick.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Sleep;

use super::guest::Source;
use super::{Call, Options};
use crate::engine::Shared;
use crate::error::{Abort, Failure, Stop, What};
use crate::frame::{Ending, Frame};
use crate::function::Function;
use crate::mailbox::{Home, Mailbox};
use crate::signals::InGuest;
use crate::spec::Pairs;
use crate::state::Interrupt;
use crate::streams::Streams;
use crate::values::{Arguments, Image};
use crate::warm::Warm;

/// How often a call that is part of another looks whether that has ended.
const LOOK_AROUND: Duration = Duration::from_millis(20);
/// How soon output that found no room is tried again.
const HELD_UP: Duration = Duration::from_millis(5);

/// A call to be made.
pub struct Request {
    pub arguments: Arguments,
    pub options: Options,
    /// The environment where it is resolved already; else the entry's own, which must be fixed.
    pub env: Option<Pairs>,
    /// The guest whose call this one is part of.
    pub outer: Option<Frame>,
    /// Where the embedder's asynchronous functions run for this call.
    pub home: Option<Home>,
}

/// Takes the outcome of a call, on any thread, once its instance is gone. Must not block.
pub type Done = Box<dyn FnOnce(Result<Image, Failure>) + Send>;

/// A call in progress.
pub struct Handle(AbortHandle);

impl Handle {
    /// Ends the call at its next wait or tick, if it still runs. Its outcome says so.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

/// Runs what starts calls on one of the engine's threads: waking one for each call costs more than the call.
pub fn start_all(starts: Vec<Box<dyn FnOnce() + Send>>) -> Result<(), Failure> {
    Shared::get()?.tokio.spawn(async move { starts.into_iter().for_each(|start| start()) });
    Ok(())
}

impl Function {
    /// Starts a call on the engine's threads.
    pub fn dispatch(self: &Arc<Self>, request: Request, done: Done) -> Handle {
        self.spawn(Box::pin(Arc::clone(self).dispatched(request)), done)
    }

    /// Has the engine's threads do the work of a call, which comes boxed: futures are moved by copying them, and these
    /// have some kilobytes.
    pub(super) fn spawn<W>(self: &Arc<Self>, mut work: Pin<Box<W>>, done: Done) -> Handle
    where
        W: Future<Output = Result<Image, Failure>> + Send + 'static,
    {
        // Made here: a task that is cancelled before its first poll is dropped without running.
        let mut finish = Finish { function: Arc::clone(self), done: Some(done) };
        let task = self.shared.tokio.spawn(async move {
            // A panic of the host is an error of this call alone.
            let result = caught(work.as_mut()).await;
            let result = result.unwrap_or_else(|panic| Err(finish.function.panicked(&*panic)));
            // Everything the call holds goes before it counts as done.
            drop(work);
            finish.finish(result);
        });
        Handle(task.abort_handle())
    }

    async fn dispatched(self: Arc<Self>, request: Request) -> Result<Image, Failure> {
        let Request { mut arguments, options, env, outer, home } = request;
        let outer = outer.as_ref();
        self.admit(outer)?;
        let _entered = self.stats.enter();
        let _running = self.shared.ticker.running();
        let env = self.env_or_own(env.as_ref())?;
        let callees = self.shared.callees.at(outer.map_or(0, Frame::depth));
        let (mailbox, frame, deadline) =
            self.surroundings(Mailbox::of_threads(callees, home), outer, &options);
        let call = Call { options: &options, env, deadline, frame, outer, trial: false };
        let _ending = Ending::of(call.frame.as_ref());
        let holder = call.frame.as_ref();
        let _held = match self.try_hold(holder) {
            Some(held) => held,
            None => self.in_time(pin!(self.hold(outer, holder)), &call).await??,
        };
        if let Some(script) = self.script() {
            let running = pin!(self.script_polled(script, &arguments, &call, &mailbox));
            return self.in_time(running, &call).await?;
        }
        let (image, warm) = self.run_dispatched(Some(&mut arguments), &call, Source::Spares, mailbox).await?;
        self.put_back(warm);
        Ok(image)
    }

    /// The result, and the instance if it may serve further calls; what was led to this call is done with it.
    pub(super) async fn run_dispatched(
        &self,
        arguments: Option<&mut Arguments>,
        call: &Call<'_>,
        source: Source,
        mailbox: Arc<Mailbox>,
    ) -> Result<(Image, Option<Warm>), Failure> {
        let mut streams = Streams::new(Arc::clone(&self.spec.id));
        let mut guest = self.guest(call, &mut streams, Interrupt::Poller, source)?;
        let mut output = Delivery::new(streams, mailbox);
        let result = {
            let running = pin!(self.run_on_fiber(arguments, call, &mut guest));
            self.in_time(pin!(output.beside(running)), call).await
        };
        self.stats.saw_memory(guest.memory_used());
        // The instance goes, or rests, before its output is delivered: nothing can be added any more.
        let result = result.flatten().flatten().map(|image| (image, guest.after_call()));
        let delivered = self.in_time(pin!(output.rest()), call).await;
        let ended = result?;
        delivered??;
        Ok(ended)
    }

    /// Waits for `work` until the call's deadline, or until its runtime ends it.
    ///
    /// Futures are passed pinned: one that is moved into another takes its place twice.
    pub(super) async fn in_time<F: Future>(
        &self,
        mut work: Pin<&mut F>,
        call: &Call<'_>,
    ) -> Result<F::Output, Failure> {
        let mut cancelled = pin!(self.lifecycle.cancellation());
        let mut over = call.deadline.at.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
        let mut look = call.outer.map(|outer| (outer, Box::pin(tokio::time::sleep(LOOK_AROUND))));
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            if cancelled.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(self.stopped(Stop::Cancelled, call)));
            }
            while let Some((outer, look)) = &mut look
                && look.as_mut().poll(context).is_ready()
            {
                if outer.is_over() {
                    return Poll::Ready(Err(self.stopped(Stop::Aborted, call)));
                }
                *look = Box::pin(tokio::time::sleep(LOOK_AROUND));
            }
            let is_over = over.as_mut().is_some_and(|over| over.as_mut().poll(context).is_ready());
            if is_over { Poll::Ready(Err(self.stopped(Stop::Deadline, call))) } else { Poll::Pending }
        })
        .await
    }
}

/// What `work`, which may run a guest, gives; or the panic that ends it.
pub(crate) async fn caught<F: Future>(work: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let _in_guest = InGuest::enter();
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// Says that the call is done, whatever became of it; dropped after everything the call held.
struct Finish {
    function: Arc<Function>,
    done: Option<Done>,
}

impl Finish {
    fn finish(&mut self, result: Result<Image, Failure>) {
        if let Some(done) = self.done.take() {
            let result = result.inspect_err(|failure| self.function.stats.count_failure(failure));
            done(result);
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if self.done.is_some() {
            let text = format!("{}: the call was cancelled", self.function.spec.id);
            self.finish(Err(Failure::new(What::Cancelled, text)));
        }
    }
}

type Delivered = (Streams, Result<(), Abort>);
type Delivering = Pin<Box<dyn Future<Output = Result<Delivered, Failure>> + Send>>;

/// Passes on what the guest writes, beside its work, where the embedder's code runs.
struct Delivery {
    /// Absent while they are being emptied.
    streams: Option<Streams>,
    mailbox: Arc<Mailbox>,
    delivering: Option<Delivering>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Delivery {
    fn new(streams: Streams, mailbox: Arc<Mailbox>) -> Self {
        Delivery { streams: Some(streams), mailbox, delivering: None, pause: None }
    }

    /// Polls `work` to its end, and passes on output meanwhile.
    async fn beside<F: Future>(&mut self, mut work: Pin<&mut F>) -> Result<F::Output, Failure> {
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            match self.poll_delivery(context) {
                Poll::Ready(Err(failure)) => Poll::Ready(Err(failure)),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Passes on what is left, a last line without its newline included.
    async fn rest(mut self) -> Result<(), Failure> {
        poll_fn(|context| self.poll_delivery(context)).await?;
        match self.streams.take() {
            Some(mut streams) if streams.has_captured() => {
                let ended = self.mailbox.run(move || streams.deliver(true)).await?;
                ended.map_err(Failure::aborted)
            }
            _ => Ok(()),
        }
    }

    /// Ready once nothing is left to pass on.
    fn poll_delivery(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            if let Some(delivering) = &mut self.delivering {
                let Poll::Ready(delivered) = delivering.as_mut().poll(context) else { return Poll::Pending };
                self.delivering = None;
                let (streams, result) = delivered?;
                result.map_err(Failure::aborted)?;
                if streams.is_held_up() {
                    self.pause = Some(Box::pin(tokio::time::sleep(HELD_UP)));
                }
                self.streams = Some(streams);
                continue;
            }
            match self.streams.take_if(|streams| streams.has_output()) {
                Some(mut streams) => {
                    let mailbox = Arc::clone(&self.mailbox);
                    self.delivering = Some(Box::pin(async move {
                        let deliver = move || {
                            let result = streams.deliver(false);
                            (streams, result)
                        };
                        mailbox.run(deliver).await
                    }));
                }
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}
