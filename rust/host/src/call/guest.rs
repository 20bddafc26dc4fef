//! The instance of one call: a spare one if there is one, else one made for the call.

use wasmtime::Store;

use super::Call;
use crate::error::Failure;
use crate::function::Function;
use crate::instance::{self, Ends, Live};
use crate::spares::{Refill, Spares};
use crate::state::{Interrupt, State, Watch};
use crate::streams::Streams;
use crate::warm::{Lasting, Warm};

/// Where a call's instance comes from.
pub(super) enum Source {
    /// The function's spare ones, or a fresh one.
    Spares,
    /// A kept one; its first call starts it.
    Kept(Option<Warm>),
}

/// See the module's documentation.
pub(super) struct Guest {
    pub store: Store<State>,
    /// Absent until the instance is started.
    pub live: Option<Live>,
    /// Present where the instance may serve further calls.
    lasting: Option<Box<Lasting>>,
    /// Dropped last.
    _refill: Option<Refill>,
}

impl Guest {
    /// Bytes of its linear memories.
    pub fn memory_used(&self) -> u64 {
        self.store.data().limiter.memory_used()
    }

    /// What is left when a call has ended well. After any other end the instance is dropped.
    pub fn after_call(self) -> Option<Warm> {
        let Guest { store, live, lasting, _refill } = self;
        let (live, mut lasting) = (live?, lasting?);
        lasting.served += 1;
        Some(Warm { store, live, lasting })
    }
}

impl Function {
    #[inline]
    pub(super) fn guest(
        &self,
        call: &Call<'_>,
        streams: &mut Streams,
        interrupt: Interrupt,
        source: Source,
    ) -> Result<Guest, Failure> {
        let spares = self.spares.as_ref();
        if spares.is_none() && matches!(source, Source::Spares) {
            let store = self.store(call, streams, interrupt)?;
            return Ok(Guest { store, live: None, lasting: None, _refill: None });
        }
        let (kept, is_kept) = match source {
            Source::Spares => (None, false),
            Source::Kept(warm) => (warm, true),
        };
        let (spare, refill) = match (&kept, spares) {
            (None, Some(spares)) => {
                let (spare, refill) = spares.take(&self.spec, call.env);
                (spare, Some(refill))
            }
            _ => (None, None),
        };
        let (mut store, live, lasting) = match kept.or(spare) {
            Some(Warm { store, live, lasting }) => (store, Some(live), lasting),
            None if is_kept || spares.is_some_and(Spares::are_used_again) => {
                let lasting = Lasting::new(self, call.env.into());
                (lasting.store(self, self.watch(call, Interrupt::Poller))?, None, lasting)
            }
            None => {
                let store = self.store(call, streams, interrupt)?;
                return Ok(Guest { store, live: None, lasting: None, _refill: refill });
            }
        };
        self.lead(&mut store, &lasting, call, streams, interrupt);
        Ok(Guest { store, live, lasting: Some(lasting), _refill: refill })
    }

    /// Makes an instance that was made without a call that of this call.
    fn lead(
        &self,
        store: &mut Store<State>,
        lasting: &Lasting,
        call: &Call<'_>,
        streams: &mut Streams,
        interrupt: Interrupt,
    ) {
        lasting.lead(self, call.options, streams);
        let state = store.data_mut();
        state.watch = self.watch(call, interrupt);
        state.frame = call.frame.clone();
        state.table = instance::table(self, call.frame.as_ref());
        state.limiter.begin_call();
        if let Some(network) = &state.network {
            network.guest.begin_call(call.frame.clone());
        }
        instance::start_budgets(self, store);
    }

    /// A store for an instance that this call alone uses.
    pub(super) fn store(
        &self,
        call: &Call<'_>,
        streams: &mut Streams,
        interrupt: Interrupt,
    ) -> Result<Store<State>, Failure> {
        let ends = || Ends::of_call(self, call.options, streams);
        let network = instance::network(self, call.frame.as_ref(), call.trial);
        let wasi = instance::wasi(self, call.env, network.as_ref(), call.trial, ends)?;
        let state = instance::state(self, wasi, network, self.watch(call, interrupt), call.frame.clone());
        Ok(instance::store(self, state))
    }

    fn watch(&self, call: &Call<'_>, interrupt: Interrupt) -> Watch {
        Watch::new(call.deadline.at, &self.lifecycle, interrupt, call.outer.cloned())
    }

    /// The call is over, and ended well: its instance may serve another.
    pub(super) fn put_back(&self, warm: Option<Warm>) {
        if let (Some(warm), Some(spares)) = (warm, &self.spares) {
            spares.put_back(warm);
        }
    }
}
