//! One run of a guest: permits, an instance, the export, and what its end means.

use std::future::Future;

use wasmtime::{Store, Trap};

use super::Call;
use super::guest::{Guest, Source};
use crate::driver::{Hooks, Stopped, Until, drive};
use crate::error::{Failure, Phase, Site, Stop, What, classify};
use crate::frame::Frame;
use crate::function::Function;
use crate::instance::Live;
use crate::mailbox::Mailbox;
use crate::pool::{Kept, Permit};
use crate::resolve::Export;
use crate::room::engine_room;
use crate::state::{Interrupt, State, on_epoch, on_epoch_yield};
use crate::streams::Streams;
use crate::values::{Arguments, Image, component};

/// What a running call holds. It outlives the call's store, whose instance takes up the slot until it is dropped.
pub(super) struct Held<'a> {
    slot: Permit<'a>,
    caller: Option<Permit<'a>>,
    permit: Permit<'a>,
}

impl Held<'_> {
    /// The same for an instance that is kept.
    pub fn keep(self, function: &Function) -> Vec<Kept> {
        let Held { slot, caller, permit } = self;
        let shared = function.shared;
        let caller = caller.map(|caller| caller.keep(&shared.callers));
        [slot.keep(&shared.permits), permit.keep(&function.pool)].into_iter().chain(caller).collect()
    }
}

/// The first of a tree of calls, which may call others.
fn starts_a_tree(holder: Option<&Frame>) -> bool {
    holder.is_some_and(|frame| frame.depth() == 1)
}

impl Function {
    /// Runs on this thread's own stack.
    pub(super) fn run_here(
        &self,
        arguments: &mut Arguments,
        call: &Call<'_>,
        interrupt: Interrupt,
    ) -> Result<Image, Failure> {
        let mut guest = self.guest(call, &mut Streams::default(), interrupt, Source::Spares)?;
        guest.store.epoch_deadline_callback(on_epoch);
        let live = match guest.live {
            Some(live) => live,
            None => {
                let live = self.linked.instantiate_here(&mut guest.store);
                let live =
                    live.map_err(|error| self.failure(error, Phase::Instantiate, call, &guest.store))?;
                self.stats.made_instance();
                live
            }
        };
        guest.live = Some(live);
        let result = self.invoke_here(arguments, &mut guest.store, live);
        self.stats.saw_memory(guest.memory_used());
        let image = result.map_err(|error| self.failure(error, Phase::Call, call, &guest.store))?;
        self.put_back(guest.after_call());
        Ok(image)
    }

    fn invoke_here(
        &self,
        arguments: &mut Arguments,
        store: &mut Store<State>,
        live: Live,
    ) -> wasmtime::Result<Image> {
        let method = self.method()?;
        let limit = self.spec.max_result_bytes;
        match (live, &method.export) {
            (Live::Component(instance), Export::Component(index)) => {
                let function = instance.get_func(&mut *store, index);
                let function = function.ok_or_else(|| self.internal("the export vanished"))?;
                component::call(store, function, &method.signature, arguments, limit)
            }
            (Live::Core(instance), Export::Core(function)) => {
                function.call(store, instance, &method.signature, arguments, limit)
            }
            _ => Err(self.internal("a method of another kind of module").into()),
        }
    }

    /// Without arguments only its start code.
    pub(super) async fn run_on_fiber(
        &self,
        arguments: Option<&mut Arguments>,
        call: &Call<'_>,
        guest: &mut Guest,
    ) -> Result<Image, Failure> {
        guest.store.epoch_deadline_callback(on_epoch_yield);
        let live = match guest.live {
            Some(live) => live,
            None => {
                let live = self.linked.instantiate(&mut guest.store).await;
                let live =
                    live.map_err(|error| self.failure(error, Phase::Instantiate, call, &guest.store))?;
                self.stats.made_instance();
                live
            }
        };
        guest.live = Some(live);
        let Some(arguments) = arguments else { return Ok(Image::default()) };
        let result = self.invoke(arguments, call, &mut guest.store, live).await;
        let mut image = result.map_err(|error| self.failure(error, Phase::Call, call, &guest.store))?;
        if let Some(frame) = &call.frame {
            image.set_cause(frame.take_error());
        }
        Ok(image)
    }

    async fn invoke(
        &self,
        arguments: &mut Arguments,
        call: &Call<'_>,
        store: &mut Store<State>,
        live: Live,
    ) -> wasmtime::Result<Image> {
        let method = match &call.options.export {
            Some(export) => &export.method,
            None => self.method()?,
        };
        let limit = self.spec.max_result_bytes;
        match (live, &method.export) {
            (Live::Component(instance), Export::Component(index)) => {
                let function = instance.get_func(&mut *store, index);
                let function = function.ok_or_else(|| self.internal("the export vanished"))?;
                component::call_async(store, function, &method.signature, arguments, limit).await
            }
            (Live::Core(instance), Export::Core(function)) => {
                function.call_async(store, instance, &method.signature, arguments, limit).await
            }
            _ => Err(self.internal("a method of another kind of module").into()),
        }
    }

    pub(super) fn try_hold(&self, holder: Option<&Frame>) -> Option<Held<'_>> {
        let permit = self.pool.try_enter(1, holder)?;
        let caller = match starts_a_tree(holder) {
            true => Some(self.shared.callers.try_enter(1, holder)?),
            false => None,
        };
        let slot = self.shared.permits.try_enter(self.needs.weight, holder)?;
        Some(Held { slot, caller, permit })
    }

    /// `caller` is the guest that calls, `holder` the frame of this call if it may call others.
    pub(super) async fn hold(
        &self,
        caller: Option<&Frame>,
        holder: Option<&Frame>,
    ) -> Result<Held<'_>, Failure> {
        let _waiting = self.stats.wait();
        let permit = self.pool.enter(1, caller, holder).await?;
        let first = match starts_a_tree(holder) {
            true => Some(self.shared.callers.enter(1, caller, holder).await?),
            false => None,
        };
        let slot = engine_room(self.shared, self.needs.weight, caller, holder).await?;
        Ok(Held { slot, caller: first, permit })
    }

    pub(super) fn driven<F: Future>(
        &self,
        future: F,
        call: &Call<'_>,
        mailbox: &Mailbox,
        hooks: &mut dyn Hooks,
    ) -> Result<F::Output, Failure> {
        let runtime = if self.needs.network { self.shared.connections() } else { self.shared.tokio.handle() };
        let until = Until { lifecycle: &self.lifecycle, outer: call.outer };
        drive(runtime, future, mailbox, call.deadline.at, until, hooks).map_err(|stopped| match stopped {
            Stopped::Deadline => self.stopped(Stop::Deadline, call),
            Stopped::Cancelled => self.stopped(Stop::Cancelled, call),
            Stopped::Over => self.stopped(Stop::Aborted, call),
            Stopped::Forked => {
                let text = format!(
                    "{}: the process was forked during the call; it goes on in the parent",
                    self.spec.id
                );
                Failure::new(What::Forked, text)
            }
            Stopped::Aborted(reason) => Failure::aborted(reason),
        })
    }

    pub(super) fn failure(
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
        let site = Site { entry: &self.spec.id, method: self.name_of_method(call), phase, memory_refused };
        classify(error, &site)
    }

    pub(super) fn stopped(&self, stop: Stop, call: &Call<'_>) -> Failure {
        let describe = |cause: &str| {
            let what = if self.script().is_some() { "lua function" } else { "wasm method" };
            format!("{}: failed to call {what}: {}: {cause}", self.spec.id, self.name_of_method(call))
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

    fn name_of_method<'a>(&'a self, call: &'a Call<'_>) -> &'a str {
        call.options.export.as_ref().map_or(&self.spec.method, |export| &export.name)
    }

    pub(crate) fn internal(&self, text: &str) -> Failure {
        Failure::internal(format!("{}: internal error: {text}", self.spec.id))
    }
}
