//! The instance of one call: a spare one if there is one, else one made for the call.

use std::sync::Arc;

use wasmtime::Store;

use super::Call;
use crate::error::Failure;
use crate::function::Function;
use crate::instance::{self, Ends, Live};
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
    lasting: Option<Lasting>,
}

impl Guest {
    /// What is left when a call has ended well. After any other end the instance is dropped.
    pub fn after_call(self) -> Option<Warm> {
        let Guest { store, live, lasting } = self;
        let (live, mut lasting) = (live?, lasting?);
        lasting.served += 1;
        Some(Warm { store, live, lasting })
    }
}

impl Function {
    pub(super) fn guest(
        &self,
        call: &Call<'_>,
        streams: &mut Streams,
        interrupt: Interrupt,
        source: Source,
    ) -> Result<Guest, Failure> {
        let (warm, lasts) = match (source, &self.spares) {
            (Source::Spares, None) => (None, false),
            (Source::Spares, Some(spares)) => (spares.take(&self.spec, call.env), spares.are_used_again()),
            (Source::Kept(Some(warm)), _) => (Some(warm), true),
            (Source::Kept(None), spares) => {
                (spares.as_ref().and_then(|spares| spares.take(&self.spec, call.env)), true)
            }
        };
        match warm {
            Some(Warm { mut store, live, lasting }) => {
                self.lead(&mut store, &lasting, call, streams, interrupt);
                Ok(Guest { store, live: Some(live), lasting: Some(lasting) })
            }
            None if lasts => self.fresh_lasting(call, streams, interrupt),
            None => {
                let store = self.store(call, streams, interrupt)?;
                Ok(Guest { store, live: None, lasting: None })
            }
        }
    }

    /// For further calls too.
    fn fresh_lasting(
        &self,
        call: &Call<'_>,
        streams: &mut Streams,
        interrupt: Interrupt,
    ) -> Result<Guest, Failure> {
        let lasting = Lasting::new(self, call.env.into());
        let mut store = lasting.store(self, self.watch(call, Interrupt::Poller))?;
        self.lead(&mut store, &lasting, call, streams, interrupt);
        Ok(Guest { store, live: None, lasting: Some(lasting) })
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
        let wasi = instance::wasi(self, call.env, call.trial, ends)?;
        let state = instance::state(self, wasi, self.watch(call, interrupt), call.frame.clone());
        Ok(instance::store(self, state))
    }

    fn watch(&self, call: &Call<'_>, interrupt: Interrupt) -> Watch {
        Watch::new(call.deadline.at, Arc::clone(&self.lifecycle), interrupt)
    }

    /// The call is over, and ended well: its instance may serve another.
    pub(super) fn put_back(&self, warm: Option<Warm>) {
        if let (Some(warm), Some(spares)) = (warm, &self.spares) {
            spares.put_back(warm);
        }
    }
}
