//! What one instance gets: its store's data, its WASI context, its start.

use wasmtime::{AsContextMut, Instance, InstancePre, Store};
use wasmtime_wasi::{ResourceTable, WasiCtxBuilder};

use crate::call::Options;
use crate::error::Failure;
use crate::frame::Frame;
use crate::function::{Function, Linked};
use crate::groups::Group;
use crate::imports::cli::{Console, Stdin};
use crate::imports::{cli, clocks, filesystem, random};
use crate::limits::Limiter;
use crate::output::Sink;
use crate::state::{State, Wasi, Watch};
use crate::streams::Streams;

pub(crate) fn state(function: &Function, wasi: Wasi, watch: Watch, frame: Option<Frame>) -> State {
    let table = if frame.is_some() { function.table.clone() } else { std::sync::Weak::new() };
    let callees = &function.shared.callees;
    State { wasi, limiter: Limiter::new(function.spec.limits), watch, frame, table, callees }
}

/// The WASI context, with what the declared groups open and nothing else.
pub(crate) fn wasi(
    function: &Function,
    options: &Options,
    env: &[(String, String)],
    streams: &mut Streams,
    read_only: bool,
) -> Result<Wasi, Failure> {
    if !function.needs.wasi {
        return Ok(Wasi::None);
    }
    let grants = &function.spec.grants;
    let mut builder = WasiCtxBuilder::new();
    clocks::prepare(&mut builder);
    random::prepare(&mut builder, function.spec.limits.memory_bytes);
    if grants.has(Group::Cli) {
        console(&mut builder, function, options, env, streams);
    }
    if grants.has(Group::Filesystem) {
        let component = matches!(function.linked, Linked::Component(_));
        filesystem::prepare(&mut builder, &function.spec.mounts, component, read_only)?;
    }
    Ok(match function.linked {
        Linked::Component(_) => {
            let mut table = ResourceTable::new();
            table.set_max_capacity(filesystem::most_handles());
            Wasi::Component(Box::new((builder.build(), table)))
        }
        Linked::Core(_) => Wasi::Preview1(Box::new(builder.build_p1())),
    })
}

fn console(
    builder: &mut WasiCtxBuilder,
    function: &Function,
    options: &Options,
    env: &[(String, String)],
    streams: &mut Streams,
) {
    let spec = &function.spec;
    let (mut stdout, mut stderr) = (Sink::Discard, Sink::Discard);
    if function.needs.output {
        stdout = streams.open(1, &options.stdout, &function.log, spec.max_output_bytes);
        stderr = streams.open(2, &options.stderr, &function.log, spec.max_output_bytes);
    }
    let stdin: &Stdin = &options.stdin;
    let console = Console { args: &spec.args, env, cwd: &spec.cwd, stdin, stdout: &stdout, stderr: &stderr };
    cli::prepare(builder, &console);
}

/// A reactor's `_initialize`, as preview 1 asks of hosts.
const INITIALIZE: &str = "_initialize";

pub(crate) fn initialize(store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<()> {
    match instance.get_typed_func::<(), ()>(store.as_context_mut(), INITIALIZE) {
        Ok(function) => function.call(store, ()),
        Err(_) => Ok(()),
    }
}

/// A core module's instance, ready for calls, on a fiber.
pub(crate) async fn core_async(
    pre: &InstancePre<State>,
    store: &mut Store<State>,
) -> wasmtime::Result<Instance> {
    let instance = pre.instantiate_async(store.as_context_mut()).await?;
    if let Ok(function) = instance.get_typed_func::<(), ()>(store.as_context_mut(), INITIALIZE) {
        function.call_async(store.as_context_mut(), ()).await?;
    }
    Ok(instance)
}
