//! Where the time of one instance of a large guest goes: its steps timed one by one, under several engine settings.

use std::path::Path;
use std::time::{Duration, Instant};

use wasmtime::Result;

use crate::engine::{Settings, engine, load};
use crate::usage::Usage;
use crate::wasi::{Setting, instance_store, prepare};

const ROUNDS: u32 = 300;

/// All variants, or those whose name contains `wanted`.
pub fn run(guest: &Path, export: &str, cache: &Path, wanted: &str) -> Result<()> {
    let tuned = Settings::TUNED;
    let variants = [
        ("tuned pool", tuned),
        ("pool, nothing kept resident", Settings { memory_keep: 0, table_keep: 0, ..tuned }),
        ("pool, 16 MiB kept resident", Settings { memory_keep: 16 << 20, table_keep: 1 << 20, ..tuned }),
        ("pool, no pagemap scan", Settings { pagemap_scan: false, ..tuned }),
        ("pool, no copy-on-write", Settings { copy_on_write: false, ..tuned }),
        ("on demand", Settings { pooling: false, ..tuned }),
    ];
    for (name, settings) in variants.into_iter().filter(|(name, _)| name.contains(wanted)) {
        println!("{name}");
        steps(guest, export, cache, settings)?;
    }
    Ok(())
}

/// The steps of an instance's life, each the median of many.
fn steps(guest: &Path, export: &str, cache: &Path, settings: Settings) -> Result<()> {
    let engine = engine(settings)?;
    let component = load(&engine, guest, cache)?;
    if let Some(needed) = component.resources_required() {
        println!(
            "  {} memories, the largest starts at {} pages; {} tables, the largest starts with {} elements",
            needed.num_memories,
            needed.max_initial_memory_size.unwrap_or(0),
            needed.num_tables,
            needed.max_initial_table_size.unwrap_or(0),
        );
    }
    let pre = prepare(&engine, &component)?;
    let setting = Setting::empty();
    let mut steps = [const { Vec::new() }; 4];
    let before = Usage::now();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut store = instance_store(&engine, &setting)?;
        let made = Instant::now();
        let instance = pre.instantiate(&mut store)?;
        let instantiated = Instant::now();
        let function = instance.get_typed_func::<(), (String,)>(&mut store, export)?;
        function.call(&mut store, ())?;
        let called = Instant::now();
        drop(store);
        let marks = [start, made, instantiated, called, Instant::now()];
        for (step, times) in marks.windows(2).zip(&mut steps) {
            times.push(step[1] - step[0]);
        }
    }
    let used = Usage::now().since(&before);
    for (name, mut times) in ["store and context", "instantiate", "call", "drop"].into_iter().zip(steps) {
        times.sort();
        println!("  {name:<18} {:>8.1} us", micros(times[times.len() / 2]));
    }
    println!(
        "  {:<18} {:>8.1} us user, {:.1} us system",
        "CPU",
        used.user / ROUNDS as f64,
        used.system / ROUNDS as f64
    );
    println!("  {:<18} {:>8.1}", "page faults", used.faults / ROUNDS as f64);
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
