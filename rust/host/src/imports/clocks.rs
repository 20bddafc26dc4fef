//! `wasi:clocks`: the wall clock and the monotonic clock.
//!
//! A sleep is a pollable of the monotonic clock; waiting for it is `wasi:io/poll`'s work (H-62).

use wasmtime::component::Linker;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};

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
