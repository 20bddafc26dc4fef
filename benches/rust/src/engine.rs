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
}

impl Settings {
    pub const TUNED: Settings = Settings {
        pooling: true,
        copy_on_write: true,
        pagemap_scan: true,
        memory_keep: 1 << 20,
        table_keep: 64 << 10,
    };
}

pub fn engine(settings: Settings) -> Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false).memory_init_cow(settings.copy_on_write);
    if settings.pooling {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    }
    Engine::new(&config)
}

fn pool(settings: Settings) -> PoolingAllocationConfig {
    let scan = settings.pagemap_scan && PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(100)
        .total_core_instances(2000)
        .total_memories(200)
        .total_tables(500)
        .total_stacks(0)
        .max_component_instance_size(16 << 20)
        .max_core_instance_size(16 << 20)
        .max_tables_per_module(50)
        .max_memories_per_module(20)
        .table_elements(100_000)
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
