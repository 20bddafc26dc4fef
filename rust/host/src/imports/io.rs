//! `wasi:io`: errors, streams and polling.
//!
//! The functions that may wait suspend the guest's fiber; the thread that runs it goes on with other work (H-60).

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::bindings::io::{error, poll, streams};

use super::Wanted;
use crate::state::State;

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    // Streams and pollables are resource types that other interfaces hand out, so the three belong together.
    if wanted.has("wasi:io/error") {
        error::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    }
    if wanted.has("wasi:io/poll") {
        poll::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    }
    if wanted.has("wasi:io/streams") {
        streams::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    }
    Ok(())
}
