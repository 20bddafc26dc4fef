//! Guests that import WASI: all of it linked, a context with environment, arguments and one mount for each instance.

use std::path::{Path, PathBuf};

use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::engine::{load, store};
use crate::measure::Budget;

pub struct State {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

/// What an instance's context holds.
pub struct Setting {
    mount: Option<PathBuf>,
}

impl Setting {
    pub fn empty() -> Setting {
        Setting { mount: None }
    }

    pub fn state(&self) -> Result<State> {
        let mut builder = WasiCtxBuilder::new();
        if let Some(mount) = &self.mount {
            builder.args(&["one", "two"]).env("GUEST_MODE", "bench");
            builder.preopened_dir(mount, "/data", FsPerms::ReadWrite)?;
        }
        Ok(State { ctx: builder.build(), table: ResourceTable::new() })
    }
}

/// All of WASI, and functions that answer with their input.
pub fn prepare(engine: &Engine, component: &Component) -> Result<InstancePre<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    let mut funcs = linker.instance("wippy:runtime/funcs@0.1.0")?;
    funcs.func_wrap("call-string", |_, (_, input): (String, String)| Ok((Ok::<_, String>(input),)))?;
    funcs.func_wrap("call-bytes", |_, (_, input): (String, Vec<u8>)| Ok((Ok::<_, String>(input),)))?;
    linker.instantiate_pre(component)
}

pub fn instance_store(engine: &Engine, setting: &Setting) -> Result<Store<State>> {
    Ok(store(engine, setting.state()?))
}

pub fn run(engine: &Engine, guests: &Path, own: &Path, cache: &Path, budget: Budget) -> Result<()> {
    let component = load(engine, &own.join("echo_all.wat"), cache)?;
    let setting = Setting { mount: Some(cache.to_owned()) };
    let pre = prepare(engine, &component)?;
    budget.report("echo 16 B, all groups", "rust fresh", || {
        let mut store = instance_store(engine, &setting)?;
        let instance = pre.instantiate(&mut store)?;
        let echo = instance.get_typed_func::<(&str,), (String,)>(&mut store, "echo")?;
        echo.call(&mut store, ("sixteen letters!",)).map(drop)
    })?;

    let component = load(engine, &guests.join("wat/forward.wat"), cache)?;
    let pre = prepare(engine, &component)?;
    budget.report("guest calls host", "rust fresh", || {
        let mut store = instance_store(engine, &Setting::empty())?;
        let instance = pre.instantiate(&mut store)?;
        let forward =
            instance.get_typed_func::<(&str, &str), (Result<String, String>,)>(&mut store, "forward")?;
        forward.call(&mut store, ("bench:same", "sixteen letters!")).map(drop)
    })?;

    let pre = prepare(engine, &load(engine, &guests.join("built/pyguest.wasm"), cache)?)?;
    budget.report("componentize-py guest", "rust fresh", || version(engine, &pre))
}

/// Calls the componentize-py guest.
pub fn version(engine: &Engine, pre: &InstancePre<State>) -> Result<()> {
    let mut store = instance_store(engine, &Setting::empty())?;
    let instance = pre.instantiate(&mut store)?;
    let version = instance.get_typed_func::<(), (String,)>(&mut store, "version")?;
    version.call(&mut store, ()).map(drop)
}
