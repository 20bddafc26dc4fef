//! `wasi:random`: random bytes of the operating system's quality, and quick ones without a promise.

use wasmtime::component::Linker;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView as _};

use super::Wanted;
use crate::state::State;

/// One request's bytes at most (H-70). They are made before the guest's memory is asked for, and nothing interrupts it.
const MAX_REQUEST: u64 = 64 << 20;

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    if wanted.has("wasi:random/random") {
        random::add_to_linker::<State, WasiRandom>(linker, State::random)?;
    }
    if wanted.has("wasi:random/insecure") {
        insecure::add_to_linker::<State, WasiRandom>(linker, State::random)?;
    }
    if wanted.has("wasi:random/insecure-seed") {
        insecure_seed::add_to_linker::<State, WasiRandom>(linker, State::random)?;
    }
    Ok(())
}

/// `memory` is the guest's limit: it could not take more.
pub fn prepare(builder: &mut WasiCtxBuilder, memory: u64) {
    builder.max_random_size(memory.min(MAX_REQUEST));
}
