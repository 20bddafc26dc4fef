//! The process's engine: wasmtime's engine, its instance pool, the epoch ticker and the tokio runtime.
//!
//! One per process, because a pool reserves terabytes of address space and two mappings for each fiber stack. It is
//! made at first use and never dropped; a child of `fork` makes its own, since neither threads nor timers survive the
//! fork. Where mappings or the address space are limited the pool shrinks (`engine/sizing.rs`), and at last gives way to on-demand
//! allocation: slower (11 to 26 us an instance instead of 4), otherwise the same.

mod sizing;

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::error::Failure;
use crate::fork::Generation;
use crate::pool::Pool;
use crate::room::Registry;
use crate::signals;
use crate::threads::{Callees, Threads};
use crate::ticker::Ticker;
use sizing::{FEW, LEAST, MOST, Room};

/// The stack a guest may use. Threads with less left than this and [`crate::stack::MARGIN`] run it on a fiber.
pub const GUEST_STACK: usize = 1 << 20;
/// A fiber's stack: the guest's and as much again for the host functions it calls.
const FIBER_STACK: usize = 2 * GUEST_STACK;
/// What a pool of `n` component instances provides for each of them. A larger component takes several permits. Every
/// memory takes 4 GiB of the address space: two for each instance would leave none for the pool of a forked child.
const MEMORIES_EACH: u32 = 1;
const TABLES_EACH: u32 = 2;
const TABLE_ELEMENTS: usize = 100_000;
/// Callees of one depth that run at once for calls that nobody's thread waits for; more take their turns.
const MOST_CALLEES: usize = 512;
/// Threads of all batches together.
const MOST_WORKERS: usize = 1024;
/// Names looked up at a time, by all functions.
const MOST_LOOKUPS: usize = 64;
/// Threads for file access, which blocks; made when needed. tokio's own limit is 512.
const BLOCKING_THREADS: usize = 32;
/// Instances kept free for those that callers call, where a quarter of all would be more.
const KEPT_FOR_CALLEES: u32 = MOST - 10_000;
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// How instances are allocated; what `doctor` prints.
#[derive(Debug, Clone)]
pub struct Allocation {
    pub strategy: &'static str,
    pub instances: u32,
    /// Why there is not room for more, where something other than our own limit decided.
    pub reason: Option<String>,
    pub pagemap_scan: bool,
    /// Bytes of one memory and of one table that stay resident between two instances.
    pub keep_resident: usize,
    pub table_keep_resident: usize,
    /// Bytes that all slots of the pool together can keep so. Only slots that were in use at the same time do.
    pub keep_resident_bound: u64,
}

/// See the module's documentation.
pub struct Shared {
    pub engine: wasmtime::Engine,
    pub allocation: Allocation,
    /// Stands before the pool: the instance too many waits, it does not fail.
    pub permits: Arc<Pool>,
    /// Stands before `permits` for calls that may call others, so that some room is left for those they call.
    pub callers: Arc<Pool>,
    /// The instances that exist without a call.
    pub(crate) spares: Registry,
    pub ticker: Ticker,
    pub tokio: tokio::runtime::Runtime,
    /// Run the embedder's code for calls that nobody's thread waits for.
    pub callees: Callees,
    /// Look names up, which blocks.
    pub lookups: Threads,
    /// Made for the first call that needs it.
    connections: OnceLock<tokio::runtime::Runtime>,
    /// Run chunks of batches.
    pub workers: Threads,
    generation: Generation,
}

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());

impl Shared {
    /// The engine of this process.
    pub fn get() -> Result<&'static Shared, Failure> {
        Shared::get_current().map_or_else(Shared::create, Ok)
    }

    fn get_current() -> Option<&'static Shared> {
        // SAFETY: the pointer is null or was leaked from a `Box` below; nothing ever frees it.
        let shared = unsafe { SHARED.load(Ordering::Acquire).as_ref() }?;
        shared.generation.is_current().then_some(shared)
    }

    /// Makes it, in one thread; others wait. Not a lock: one that a thread held at a fork would be held for ever in the
    /// child, whereas the child's turn has another number.
    fn create() -> Result<&'static Shared, Failure> {
        static MAKING: AtomicU64 = AtomicU64::new(0);
        let turn = Generation::current().number() + 1;
        let before = MAKING.load(Ordering::Acquire);
        if before == turn
            || MAKING.compare_exchange(before, turn, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            std::thread::sleep(Duration::from_millis(1));
            return Shared::get();
        }
        let made = match Shared::get_current() {
            // Made by another thread since we looked.
            Some(shared) => Ok(shared),
            None => Shared::new().map(|shared| {
                let shared: &'static Shared = Box::leak(Box::new(shared));
                SHARED.store(ptr::from_ref(shared).cast_mut(), Ordering::Release);
                shared
            }),
        };
        MAKING.store(0, Ordering::Release);
        made
    }

    fn new() -> Result<Shared, Failure> {
        let (engine, allocation) = build_engine()?;
        signals::installed_by_wasmtime();
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(2, |n| n.get().clamp(1, 4)))
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("wippy-io")
            .enable_all()
            .build()
            .map_err(|error| Failure::internal(format!("cannot start the runtime's threads: {error}")))?;
        let no_threads =
            |error: std::io::Error| Failure::internal(format!("cannot make a pool of threads: {error}"));
        let ticker = Ticker::start(engine.clone())
            .map_err(|error| Failure::internal(format!("cannot start the epoch ticker: {error}")))?;
        Ok(Shared {
            permits: Pool::new("the engine's room for instances", allocation.instances as usize, false),
            callers: Pool::new(
                "the engine's room for callers",
                (allocation.instances - KEPT_FOR_CALLEES.min(allocation.instances / 4)) as usize,
                false,
            ),
            spares: Registry::new(allocation.instances),
            engine,
            allocation,
            ticker,
            tokio,
            callees: Callees::new(MOST_CALLEES).map_err(no_threads)?,
            lookups: Threads::new("wippy-lookup", MOST_LOOKUPS).map_err(no_threads)?,
            connections: OnceLock::new(),
            workers: Threads::new("wippy-batch", MOST_WORKERS).map_err(no_threads)?,
            generation: Generation::current(),
        })
    }

    /// Whether this engine was made in this process, not in a parent before its `fork`.
    pub fn is_current(&self) -> bool {
        self.generation.is_current()
    }

    /// Drives the connections of calls that have a thread of their own: fewer threads than processors. A request goes
    /// from task to task, and waking another thread for each step takes longer than the steps.
    pub fn connections(&self) -> &tokio::runtime::Handle {
        let make = || {
            let threads = std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(4).clamp(1, 8));
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads).max_blocking_threads(BLOCKING_THREADS);
            builder.thread_name("wippy-net").enable_all().build()
        };
        match self.connections.get() {
            Some(runtime) => runtime.handle(),
            // Without threads for it, those for everything else do as well.
            None => match make() {
                Ok(runtime) => self.connections.get_or_init(|| runtime).handle(),
                Err(_) => self.tokio.handle(),
            },
        }
    }

    /// The permits one instance takes, given the linear memories and tables it needs.
    pub fn weight(&self, memories: u32, tables: u32) -> u32 {
        let weight = memories.div_ceil(MEMORIES_EACH).max(tables.div_ceil(TABLES_EACH)).max(1);
        weight.min(self.allocation.instances)
    }
}

/// The largest pool there is room for, else on-demand allocation.
fn build_engine() -> Result<(wasmtime::Engine, Allocation), Failure> {
    let mut room = Room::here();
    let smaller = [4000, FEW, LEAST].map(|instances| instances.min(room.instances));
    for instances in std::iter::once(room.instances).chain(smaller) {
        let (pool, mut allocation) = pool(instances);
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        match wasmtime::Engine::new(&config) {
            Ok(engine) => {
                allocation.reason = room.reason;
                return Ok((engine, allocation));
            }
            Err(error) => room = room.reduced(&error.root_cause().to_string()),
        }
    }
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // Without the pool every memory is mapped on its own: reserve little, so that a limited address space holds many.
    config.memory_reservation(64 << 20).memory_guard_size(64 << 10);
    let engine = wasmtime::Engine::new(&config)
        .map_err(|error| Failure::internal(format!("cannot start the WebAssembly engine: {error:#}")))?;
    let allocation = Allocation {
        strategy: "on-demand",
        instances: LEAST,
        reason: room.reason,
        pagemap_scan: false,
        keep_resident: 0,
        table_keep_resident: 0,
        keep_resident_bound: 0,
    };
    Ok((engine, allocation))
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Component-model async is not offered, and costs 12 us a call where it is on.
        .concurrency_support(false)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBER_STACK)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // The compiler's thread pool does not survive a fork either, and cannot be made anew.
        .parallel_compilation(Generation::current().is_first())
        .wasm_component_model_fixed_length_lists(true);
    config
}

fn pool(instances: u32) -> (PoolingAllocationConfig, Allocation) {
    let pagemap_scan = PoolingAllocationConfig::is_pagemap_scan_available();
    // With the ioctl only dirty pages are reset, so keeping many resident is free. Without it all of them are
    // written at every reset: keep few, and give the others back for several instances at once.
    let (keep_resident, batch) = if pagemap_scan { (MIB, 1) } else { (64 * KIB, 16) };
    let table_keep_resident = 64 * KIB;
    // Garbage-collected guests have their heap in one more memory. Nothing counts these; they are few.
    let heaps = (instances / 8).max(instances.min(FEW));
    let (memories, tables) = (instances * MEMORIES_EACH + heaps, instances * TABLES_EACH);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // A number that is only counted; what an instance takes is its memories and tables.
        .total_core_instances(u32::MAX)
        .total_memories(memories)
        .total_tables(tables)
        .total_stacks(instances)
        .total_gc_heaps(heaps)
        .max_component_instance_size(16 * MIB)
        .max_core_instance_size(16 * MIB)
        .max_tables_per_module(50)
        .max_memories_per_module(20)
        .table_elements(TABLE_ELEMENTS)
        .decommit_batch_size(batch)
        .linear_memory_keep_resident(keep_resident)
        .table_keep_resident(table_keep_resident)
        .pagemap_scan(if pagemap_scan { Enabled::Yes } else { Enabled::No });
    let bound = |slots: u32, bytes: usize| u64::from(slots) * bytes as u64;
    let allocation = Allocation {
        strategy: "pool",
        instances,
        reason: None,
        pagemap_scan,
        keep_resident,
        table_keep_resident,
        keep_resident_bound: bound(memories, keep_resident) + bound(tables, table_keep_resident),
    };
    (pool, allocation)
}
