//! Many guests that wait at once, each on its fiber; and what making a pool for so many costs.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use wasmtime::component::{ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Engine, Result};

use crate::engine::{Settings, engine, load, store};
use crate::usage::Memory;
use crate::wasi::{Setting, State};

/// Runs `count` guests that sleep for `ms` milliseconds, twice: in new slots of the pool and in used ones.
pub fn run(repository: &Path, cache: &Path, count: u32, ms: u32, words: &[&str]) -> Result<()> {
    let settings = Settings { instances: count, stacks: 1, ..Settings::TUNED };
    let settings = words.iter().try_fold(settings, |settings, word| settings.set(word))?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for (name, guest, export) in [
        ("no memory", "tests/guests/wat/sleep.wat", "sleep"),
        ("memory, table and data", "benches/guests/waiting.wat", "f"),
    ] {
        let engine = made(settings)?;
        let sleepers = Sleepers::new(&engine, &repository.join(guest), cache, export)?;
        for slots in ["new", "used"] {
            println!("{count} guests ({name}) that sleep {ms} ms, {slots} slots");
            sleepers.together(&runtime, count, ms)?;
        }
    }
    Ok(())
}

/// What making a pool for each number of instances takes, and what forking costs with it.
pub fn creation(words: &[&str]) -> Result<()> {
    let settings = Settings { stacks: 1, ..Settings::TUNED };
    let settings = words.iter().try_fold(settings, |settings, word| settings.set(word))?;
    // What only the first engine of a process costs.
    engine(Settings { instances: 1, ..settings })?;
    println!("without a large pool: fork and exit {:.1} ms", fork_and_exit().as_secs_f64() * 1e3);
    for instances in [100, 1000, 4000, 10_240] {
        let engine = made(Settings { instances, ..settings })?;
        println!("  fork and exit {:.1} ms", fork_and_exit().as_secs_f64() * 1e3);
        let start = Instant::now();
        drop(engine);
        println!("  dropped in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

fn made(settings: Settings) -> Result<Engine> {
    let (before, start) = (Memory::now(), Instant::now());
    let engine = engine(settings)?;
    let took = start.elapsed();
    let cost = Memory::now().since(&before);
    println!(
        "pool of {} instances: {:.1} ms, {} KiB resident, {} KiB of page tables, {} mappings, {:.1} GiB reserved",
        settings.instances,
        took.as_secs_f64() * 1e3,
        cost.resident,
        cost.page_tables,
        cost.mappings,
        cost.address_space as f64 / f64::from(1 << 20),
    );
    Ok(engine)
}

/// A child that ends at once.
fn fork_and_exit() -> Duration {
    let start = Instant::now();
    // SAFETY: the child calls nothing but `_exit`.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(0);
        }
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
    start.elapsed()
}

struct Sleepers {
    engine: Engine,
    pre: InstancePre<State>,
    index: ComponentExportIndex,
}

impl Sleepers {
    fn new(engine: &Engine, guest: &Path, cache: &Path, export: &str) -> Result<Sleepers> {
        let component = load(engine, guest, cache)?;
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        linker.root().func_wrap_async("wait", |_, (ms,): (u32,)| {
            Box::new(async move {
                tokio::time::sleep(Duration::from_millis(ms.into())).await;
                Ok(())
            })
        })?;
        let index = component.get_export_index(None, export);
        let index = index.ok_or_else(|| wasmtime::Error::msg(format!("no export {export}")))?;
        Ok(Sleepers { engine: engine.clone(), pre: linker.instantiate_pre(&component)?, index })
    }

    /// Prints wall time, and what the guests cost half way through their sleep.
    fn together(&self, runtime: &Runtime, count: u32, ms: u32) -> Result<()> {
        let (before, start) = (Memory::now(), Instant::now());
        let (taken, took) = runtime.block_on(async {
            let mut guests = JoinSet::new();
            for _ in 0..count {
                let (engine, pre, index) = (self.engine.clone(), self.pre.clone(), self.index);
                guests.spawn(async move {
                    let mut store = store(&engine, Setting::empty().state()?);
                    let instance = pre.instantiate_async(&mut store).await?;
                    let sleep = instance.get_typed_func::<(u32,), ()>(&mut store, index)?;
                    sleep.call_async(&mut store, (ms,)).await
                });
            }
            let half = Duration::from_millis(u64::from(ms) / 2);
            tokio::time::sleep(half).await;
            let taken = Memory::now().since(&before);
            while let Some(outcome) = guests.join_next().await {
                outcome??;
            }
            Ok::<_, wasmtime::Error>((taken, start.elapsed()))
        })?;
        let each = |kib: i64| kib as f64 / f64::from(count);
        println!(
            "  {:.3} s; each {:.1} KiB resident, {:.1} KiB of page tables, {:.2} mappings",
            took.as_secs_f64(),
            each(taken.resident),
            each(taken.page_tables),
            each(taken.mappings),
        );
        Ok(())
    }
}
