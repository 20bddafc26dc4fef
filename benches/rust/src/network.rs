//! Guests that make HTTP requests, on bare wasmtime; and the server they ask.
//!
//! The sender is one that does what the library's default one does, a connection a request and no policy, with roots of
//! our choosing: the library's own trusts no server on loopback.

mod sender;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store, format_err};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::engine::{Settings, engine, load, store};
use crate::measure::report;
use sender::PerRequest;

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    sender: PerRequest,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.sender, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Requests a guest makes in one call, where it makes many.
const IN_TURN: u32 = 200;
/// Guests at a time.
const TOGETHER: usize = 32;

/// Answers on two ports of loopback, without and with TLS, until standard input is closed.
pub fn serve(certificate: &Path, key: &Path) -> Result<()> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    runtime()?.block_on(server::serve(chain, key))
}

/// Times requests to `url`: by a fresh guest each, by one guest, and by many guests at a time.
pub fn run(
    repository: &Path,
    cache: &Path,
    name: &str,
    url: &str,
    ca: &Path,
    seconds: Duration,
) -> Result<()> {
    let engine = engine(Settings { stacks: 1, ..Settings::TUNED })?;
    let component = load(&engine, &repository.join("tests/guests/built/netuse.wasm"), cache)?;
    let bench = Bench {
        pre: linked(&engine, &component)?,
        sender: PerRequest::new(CertificateDer::pem_file_iter(ca)?.collect::<Result<Vec<_>, _>>()?),
        engine,
        url: url.to_owned(),
    };
    let (bench, runtime) = (Arc::new(bench), runtime()?);
    let each = latencies(&runtime, seconds, || bench.get())?;
    report(&format!("{name}: a guest a request"), "rust", &each);
    let in_turn = latencies(&runtime, seconds, || bench.get_in_turn())?;
    let in_turn: Vec<f64> = in_turn.iter().map(|took| took / f64::from(IN_TURN)).collect();
    report(&format!("{name}: one guest in turn"), "rust", &in_turn);
    report(&format!("{name}: {TOGETHER} guests at a time"), "rust", &[together(&runtime, &bench, seconds)?]);
    Ok(())
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn linked(engine: &Engine, component: &Component) -> Result<InstancePre<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    linker.instantiate_pre(component)
}

fn latencies<F>(runtime: &Runtime, seconds: Duration, work: impl Fn() -> F) -> Result<Vec<f64>>
where
    F: Future<Output = Result<()>>,
{
    runtime.block_on(work())?;
    let (begun, mut taken) = (Instant::now(), Vec::new());
    while begun.elapsed() < seconds {
        let start = Instant::now();
        runtime.block_on(work())?;
        taken.push(start.elapsed().as_secs_f64());
    }
    Ok(taken)
}

/// Seconds a request takes where many are made at a time.
fn together(runtime: &Runtime, bench: &Arc<Bench>, seconds: Duration) -> Result<f64> {
    let start = Instant::now();
    let made = runtime.block_on(async {
        let mut guests = JoinSet::new();
        for _ in 0..TOGETHER {
            let bench = Arc::clone(bench);
            guests.spawn(async move {
                let mut made = 0_u32;
                while start.elapsed() < seconds {
                    bench.get().await?;
                    made += 1;
                }
                Ok::<u32, wasmtime::Error>(made)
            });
        }
        let mut made = 0;
        while let Some(guest) = guests.join_next().await {
            made += guest??;
        }
        Ok::<u32, wasmtime::Error>(made)
    })?;
    Ok(start.elapsed().as_secs_f64() / f64::from(made))
}

struct Bench {
    engine: Engine,
    pre: InstancePre<State>,
    sender: PerRequest,
    url: String,
}

impl Bench {
    fn store(&self) -> Store<State> {
        let state = State {
            wasi: WasiCtxBuilder::new().build(),
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            sender: self.sender.clone(),
        };
        store(&self.engine, state)
    }

    async fn get(&self) -> Result<()> {
        let mut store = self.store();
        let instance = self.pre.instantiate_async(&mut store).await?;
        let get = instance.get_typed_func::<(&str,), (Result<(u16, String), String>,)>(&mut store, "get")?;
        let (answer,) = get.call_async(&mut store, (&self.url,)).await?;
        answer.map(drop).map_err(|error| format_err!("{error}"))
    }

    async fn get_in_turn(&self) -> Result<()> {
        let mut store = self.store();
        let instance = self.pre.instantiate_async(&mut store).await?;
        let get =
            instance.get_typed_func::<(&str, u32), (Result<u32, String>,)>(&mut store, "get-in-turn")?;
        let (answer,) = get.call_async(&mut store, (&self.url, IN_TURN)).await?;
        answer.map(drop).map_err(|error| format_err!("{error}"))
    }
}
