//! `wasi:clocks`: the wall clock and the monotonic clock.
//!
//! A sleep is a pollable of the monotonic clock; waiting for it is `wasi:io/poll`'s work (H-62).

use std::sync::OnceLock;
use std::time::Instant;

use wasmtime::component::Linker;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::{HostMonotonicClock, WasiCtxBuilder};

use super::Wanted;
use crate::state::State;

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    if wanted.has("wasi:clocks/wall-clock") {
        wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    }
    if wanted.has("wasi:clocks/monotonic-clock") {
        monotonic_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    }
    Ok(())
}

pub fn prepare(builder: &mut WasiCtxBuilder) {
    builder.monotonic_clock(SinceStart);
}

/// Nanoseconds since the first call of this process, so that two calls can compare their times (H-61).
struct SinceStart;

impl HostMonotonicClock for SinceStart {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
