//! The engine every bare case runs on: wasmtime with the settings a careful embedder would choose for fresh instances.

use std::path::Path;

use wasmtime::component::Component;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store};

/// What is varied to find out where an instance's time goes.
#[derive(Clone, Copy)]
pub struct Settings {
    pub pooling: bool,
    pub copy_on_write: bool,
    pub pagemap_scan: bool,
    pub memory_keep: usize,
    pub table_keep: usize,
    pub decommit_batch: usize,
    pub warm_slots: u32,
    pub instances: u32,
    /// Fiber stacks, memories and tables for each instance.
    pub stacks: u32,
    pub memories: u32,
    pub tables: u32,
}

impl Settings {
    /// As `rust/host/src/engine.rs` has them, for a few instances.
    pub const TUNED: Settings = Settings {
        pooling: true,
        copy_on_write: true,
        pagemap_scan: true,
        memory_keep: 1 << 20,
        table_keep: 64 << 10,
        decommit_batch: 1,
        warm_slots: 100,
        instances: 100,
        stacks: 0,
        memories: 1,
        tables: 2,
    };

    /// Changes one setting as a word of the command line says: `keep=65536`, `scan=off`.
    pub fn set(mut self, word: &str) -> Result<Settings> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "scan" => self.pagemap_scan = value == "on",
            "keep" => self.memory_keep = value.parse()?,
            "table" => self.table_keep = value.parse()?,
            "batch" => self.decommit_batch = value.parse()?,
            "warm" => self.warm_slots = value.parse()?,
            "instances" => self.instances = value.parse()?,
            "stacks" => self.stacks = value.parse()?,
            "memories" => self.memories = value.parse()?,
            "tables" => self.tables = value.parse()?,
            _ => wasmtime::bail!("{word}: no such setting"),
        }
        Ok(self)
    }
}

pub fn engine(settings: Settings) -> Result<Engine> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .memory_init_cow(settings.copy_on_write)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20);
    if settings.pooling {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    }
    Engine::new(&config)
}

fn pool(settings: Settings) -> PoolingAllocationConfig {
    let scan = settings.pagemap_scan && PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(settings.instances)
        .total_core_instances(u32::MAX)
        .total_memories(settings.instances * settings.memories)
        .total_tables(settings.instances * settings.tables)
        .total_stacks(settings.instances * settings.stacks)
        .max_component_instance_size(16 << 20)
        .max_core_instance_size(16 << 20)
        .max_tables_per_module(50)
        .max_memories_per_module(20)
        .table_elements(100_000)
        .max_unused_warm_slots(settings.warm_slots)
        .decommit_batch_size(settings.decommit_batch)
        .linear_memory_keep_resident(settings.memory_keep)
        .table_keep_resident(settings.table_keep)
        .pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
    pool
}

/// A store whose guest may run: no ticker advances the epoch here.
pub fn store<T: 'static>(engine: &Engine, state: T) -> Store<T> {
    let mut store = Store::new(engine, state);
    store.set_epoch_deadline(1);
    store
}

/// Compiles a guest, or loads what an earlier run compiled with the same settings into `cache`.
pub fn load(engine: &Engine, guest: &Path, cache: &Path) -> Result<Component> {
    let name = guest.file_name().unwrap_or_default().to_string_lossy();
    let cached = cache.join(format!("bare-{name}-{:x}.cwasm", hash(engine)));
    if cached.exists() {
        // SAFETY: only this program writes there, under a name that says engine and settings.
        return unsafe { Component::deserialize_file(engine, cached) };
    }
    let component = Component::from_file(engine, guest)?;
    std::fs::write(&cached, component.serialize()?)?;
    Ok(component)
}

fn hash(engine: &Engine) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}
