//! What a store carries: the data behind the imports of one instance.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use wasmtime::{StoreContextMut, UpdateDeadline};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::error::{Abort, Failure, Stop};
use crate::frame::Frame;
use crate::imports::http::Http;
use crate::imports::sockets::OpenSockets;
use crate::lifecycle::Lifecycle;
use crate::limits::Limiter;
use crate::net::guest::GuestNetwork;
use crate::table::Table;
use crate::threads::Threads;

/// The WASI context of one instance. Functions that import nothing of WASI have none: making one costs half a
/// microsecond.
pub enum Wasi {
    None,
    Component(Box<(WasiCtx, ResourceTable)>),
    Preview1(Box<WasiP1Ctx>),
}

/// What an instance has of the network.
pub struct OnNetwork {
    pub guest: Arc<GuestNetwork>,
    http: Http,
    sockets: OpenSockets,
}

impl OnNetwork {
    pub fn new(guest: Arc<GuestNetwork>) -> Box<Self> {
        Box::new(OnNetwork { http: Http::new(&guest), guest, sockets: OpenSockets::default() })
    }
}

impl Drop for OnNetwork {
    fn drop(&mut self) {
        self.guest.end();
    }
}

/// The data of a store.
pub struct State {
    /// Absent where the guest has no group that reaches out. Dropped before what the guest has under way.
    pub network: Option<Box<OnNetwork>>,
    pub wasi: Wasi,
    pub limiter: Limiter,
    pub watch: Watch,
    /// Where this call stands among the calls that led to it; absent where the guest cannot call functions.
    pub frame: Option<Frame>,
    /// Where the guest's calls look for their targets.
    pub table: Weak<Table>,
    /// Run what is to be done when a guest has ended.
    pub errands: &'static Threads,
}

impl State {
    /// The preview 1 context.
    ///
    /// # Panics
    /// Where it is absent: only functions linked by `imports::preview1` ask, and only for stores made for them.
    pub fn preview1(&mut self) -> &mut WasiP1Ctx {
        match &mut self.wasi {
            Wasi::Preview1(context) => context,
            _ => unreachable!("a preview 1 import was linked to an instance without its context"),
        }
    }

    /// What this instance does on the network.
    ///
    /// # Panics
    /// Where it is absent, and likewise below: only functions linked for stores that have it ask.
    pub fn network(&self) -> &Arc<GuestNetwork> {
        match &self.network {
            Some(network) => &network.guest,
            None => unreachable!("{NO_NETWORK}"),
        }
    }

    pub fn open_sockets(&mut self) -> &mut OpenSockets {
        match &mut self.network {
            Some(network) => &mut network.sockets,
            None => unreachable!("{NO_NETWORK}"),
        }
    }
}

const NO_NETWORK: &str = "an import of the network was linked to an instance without it";

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        match (&mut self.wasi, &mut self.network) {
            (Wasi::Component(parts), Some(network)) => {
                let Http { context, sender } = &mut network.http;
                WasiHttpCtxView { hooks: sender, table: &mut parts.1, ctx: context }
            }
            _ => unreachable!("{NO_NETWORK}"),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        match &mut self.wasi {
            Wasi::Component(parts) => WasiCtxView { ctx: &mut parts.0, table: &mut parts.1 },
            _ => unreachable!("a WASI import was linked to an instance without its context"),
        }
    }
}

/// What may end a call early, looked at whenever the epoch advances.
pub struct Watch {
    pub deadline: Option<Instant>,
    /// Absent where [`Interrupt::Batch`] has it.
    lifecycle: Option<Arc<Lifecycle>>,
    pub interrupt: Interrupt,
    /// The guest whose call this one is part of: it may be gone before.
    outer: Option<Frame>,
    ticks: u32,
}

/// Who is asked now and then whether a guest that computes is to go on.
#[derive(Clone, Default)]
pub enum Interrupt {
    /// Nobody: whoever polls the guest's fiber stops polling it.
    #[default]
    Poller,
    /// The embedder, on the calling thread.
    Ask(fn() -> Result<(), Abort>),
    /// The thread that holds the batch.
    Batch(Arc<Ends>),
}

/// What ends the calls of a chunk. Each chunk has its own, so that its calls count references where no other thread does.
pub struct Ends {
    pub lifecycle: Arc<Lifecycle>,
    pub cancelled: Arc<AtomicBool>,
}

/// Ticks between two questions whether the user pressed Ctrl-C.
const INTERRUPT_EVERY: u32 = 8;

impl Watch {
    pub fn new(
        deadline: Option<Instant>,
        lifecycle: &Arc<Lifecycle>,
        interrupt: Interrupt,
        outer: Option<Frame>,
    ) -> Self {
        let lifecycle = match interrupt {
            Interrupt::Batch(_) => None,
            _ => Some(Arc::clone(lifecycle)),
        };
        Watch { deadline, lifecycle, interrupt, outer, ticks: 0 }
    }

    fn check(&mut self) -> wasmtime::Result<()> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Stop::Deadline.into());
        }
        let lifecycle = match &self.interrupt {
            Interrupt::Batch(ends) => Some(&ends.lifecycle),
            _ => self.lifecycle.as_ref(),
        };
        if lifecycle.is_some_and(|lifecycle| lifecycle.is_cancelled()) {
            return Err(Stop::Cancelled.into());
        }
        if self.outer.as_ref().is_some_and(Frame::is_over) {
            return Err(Stop::Aborted.into());
        }
        self.ticks += 1;
        match &self.interrupt {
            Interrupt::Ask(interrupt) if self.ticks.is_multiple_of(INTERRUPT_EVERY) => {
                interrupt().map_err(|reason| wasmtime::Error::from(Failure::aborted(reason)))
            }
            Interrupt::Batch(ends) if ends.cancelled.load(Ordering::Relaxed) => Err(Stop::Aborted.into()),
            _ => Ok(()),
        }
    }
}

/// The epoch's callback of a call that owns its thread.
pub fn on_epoch(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    store.data_mut().watch.check()?;
    Ok(UpdateDeadline::Continue(1))
}

/// The epoch's callback of a call on a fiber: others get their turn.
pub fn on_epoch_yield(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    store.data_mut().watch.check()?;
    Ok(UpdateDeadline::Yield(1))
}
