//! What one instance gets: its store's data, its WASI context, its start.

use std::sync::{Arc, Weak};

use wasmtime::{AsContextMut, Instance, InstancePre, Store};
use wasmtime_wasi::{ResourceTable, WasiCtxBuilder};

use crate::call::Options;
use crate::error::Failure;
use crate::frame::Frame;
use crate::function::{Function, Linked};
use crate::groups::Group;
use crate::imports::cli::{Console, Stdin};
use crate::imports::{cli, clocks, filesystem, random, sockets};
use crate::limits::Limiter;
use crate::net::guest::GuestNetwork;
use crate::output::Sink;
use crate::state::{OnNetwork, State, Wasi, Watch};
use crate::streams::Streams;
use crate::table::Table;

pub(crate) fn state(
    function: &Function,
    wasi: Wasi,
    network: Option<Arc<GuestNetwork>>,
    watch: Watch,
    frame: Option<Frame>,
) -> State {
    let table = table(function, frame.as_ref());
    let errands = &function.shared.workers;
    let network = network.map(OnNetwork::new);
    State { wasi, network, limiter: Limiter::new(function.spec.limits), watch, frame, table, errands }
}

/// What an instance does on the network, where it may reach out at all; in a `trial` nothing is reached.
pub(crate) fn network(function: &Function, frame: Option<&Frame>, trial: bool) -> Option<Arc<GuestNetwork>> {
    function.access.as_ref().map(|access| GuestNetwork::new(access, frame.cloned(), trial))
}

/// Where a guest with this frame finds functions.
pub(crate) fn table(function: &Function, frame: Option<&Frame>) -> Weak<Table> {
    if frame.is_some() { function.table.clone() } else { Weak::new() }
}

/// What a guest may hand to one host function, in wasmtime's units.
const HOSTCALL_BYTES: usize = 128 << 20;

/// A store for one instance of `function`.
pub(crate) fn store(function: &Function, state: State) -> Store<State> {
    let mut store = Store::new(&function.shared.engine, state);
    store.limiter(|state| &mut state.limiter);
    start_budgets(function, &mut store);
    store
}

/// What each call has anew.
pub(crate) fn start_budgets(function: &Function, store: &mut Store<State>) {
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(function.spec.max_result_bytes.max(HOSTCALL_BYTES));
}

/// Where the standard streams of an instance lead.
pub(crate) struct Ends<'a> {
    pub stdin: &'a Stdin,
    pub stdout: Sink,
    pub stderr: Sink,
}

impl<'a> Ends<'a> {
    /// To the one call that uses the instance.
    pub fn of_call(function: &Function, options: &'a Options, streams: &mut Streams) -> Self {
        let mut ends = Ends { stdin: &options.stdin, stdout: Sink::Discard, stderr: Sink::Discard };
        if function.has_output() {
            let limit = function.spec.max_output_bytes;
            ends.stdout = streams.open(1, &options.stdout, &function.log, limit);
            ends.stderr = streams.open(2, &options.stderr, &function.log, limit);
        }
        ends
    }
}

/// The WASI context, with what the declared groups open and nothing else.
pub(crate) fn wasi<'a>(
    function: &Function,
    env: &[(String, String)],
    network: Option<&Arc<GuestNetwork>>,
    read_only: bool,
    ends: impl FnOnce() -> Ends<'a>,
) -> Result<Wasi, Failure> {
    if !function.needs.wasi {
        return Ok(Wasi::None);
    }
    let spec = &function.spec;
    let mut builder = WasiCtxBuilder::new();
    clocks::prepare(&mut builder);
    random::prepare(&mut builder, spec.limits.memory_bytes);
    if spec.grants.has(Group::Cli) {
        let Ends { stdin, stdout, stderr } = &ends();
        cli::prepare(&mut builder, &Console { args: &spec.args, env, cwd: &spec.cwd, stdin, stdout, stderr });
    }
    if spec.grants.has(Group::Filesystem) {
        let component = matches!(function.linked, Linked::Component(_));
        filesystem::prepare(&mut builder, &spec.mounts, component, read_only)?;
    }
    if let Some(network) = network.filter(|_| spec.grants.has(Group::Sockets)) {
        sockets::prepare(&mut builder, network);
    }
    Ok(match function.linked {
        Linked::Component(_) => {
            let mut table = ResourceTable::new();
            table.set_max_capacity(filesystem::most_handles());
            Wasi::Component(Box::new((builder.build(), table)))
        }
        Linked::Core(_) => Wasi::Preview1(Box::new(builder.build_p1())),
        Linked::Script(_) => Wasi::None,
    })
}

/// A reactor's `_initialize`, as preview 1 asks of hosts.
const INITIALIZE: &str = "_initialize";

fn initialize(store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<()> {
    match instance.get_typed_func::<(), ()>(store.as_context_mut(), INITIALIZE) {
        Ok(function) => function.call(store, ()),
        Err(_) => Ok(()),
    }
}

/// A live instance; its store is with whoever made it.
#[derive(Clone, Copy)]
pub(crate) enum Live {
    Component(wasmtime::component::Instance),
    Core(Instance),
}

impl Linked {
    /// A fresh instance on a fiber, its start code run.
    pub(crate) async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Live> {
        match self {
            Linked::Component(pre) => pre.instantiate_async(store).await.map(Live::Component),
            Linked::Core(pre) => core_async(pre, store).await.map(Live::Core),
            Linked::Script(_) => Err(not_a_module()),
        }
    }

    /// The same on this thread's own stack.
    pub(crate) fn instantiate_here(&self, store: &mut Store<State>) -> wasmtime::Result<Live> {
        match self {
            Linked::Component(pre) => pre.instantiate(store).map(Live::Component),
            Linked::Core(pre) => {
                let instance = pre.instantiate(&mut *store)?;
                initialize(store, &instance)?;
                Ok(Live::Core(instance))
            }
            Linked::Script(_) => Err(not_a_module()),
        }
    }
}

/// Nobody asks for an instance of a script.
fn not_a_module() -> wasmtime::Error {
    wasmtime::Error::msg("a script has no instances")
}

/// A core module's instance, ready for calls, on a fiber.
async fn core_async(pre: &InstancePre<State>, store: &mut Store<State>) -> wasmtime::Result<Instance> {
    let instance = pre.instantiate_async(store.as_context_mut()).await?;
    if let Ok(function) = instance.get_typed_func::<(), ()>(store.as_context_mut(), INITIALIZE) {
        function.call_async(store.as_context_mut(), ()).await?;
    }
    Ok(instance)
}
