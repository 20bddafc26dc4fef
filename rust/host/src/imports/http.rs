//! `wasi:http`: requests to where the policy lets the entry go (H-80 to H-84).
//!
//! Fields, bodies and futures are the library's; sending is ours (`net/http`).

use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpView as _};

use super::Wanted;
use crate::net::guest::GuestNetwork;
use crate::net::http::Sender;
use crate::state::State;

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    if wanted.has("wasi:http/types") {
        let options = LinkOptions::default();
        types::add_to_linker::<State, WasiHttp>(linker, &(&options).into(), State::http)?;
    }
    if wanted.has("wasi:http/outgoing-handler") {
        outgoing_handler::add_to_linker::<State, WasiHttp>(linker, State::http)?;
    }
    Ok(())
}

/// What an instance has of it.
pub struct Http {
    pub context: WasiHttpCtx,
    pub sender: Sender,
}

impl Http {
    pub fn new(guest: &Arc<GuestNetwork>) -> Http {
        let mut context = WasiHttpCtx::new();
        // In units of memory: what surrounds a short field is more than the field.
        context.set_field_size_limit(
            guest.access.spec.response.header_bytes.saturating_mul(4).max(LEAST_FIELDS),
        );
        Http { context, sender: Sender(Arc::clone(guest)) }
    }
}

/// The library's own limit.
const LEAST_FIELDS: usize = 128 << 10;
