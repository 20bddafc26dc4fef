//! `wasi:http`: requests to where the policy lets the entry go (H-80 to H-84).
//!
//! Fields, bodies and futures are the library's; sending is ours (`net/http`).

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, IoError, RequestOptions};
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_http::{Error, WasiHttp, WasiHttpCtx, WasiHttpView as _};

use super::Wanted;
use crate::net::guest::GuestNetwork;
use crate::net::http::Sender;
use crate::state::State;

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    if wanted.has("wasi:http/types") {
        let options = LinkOptions::default();
        types::add_to_linker::<State, WasiHttp>(linker, &(&options).into(), State::http)?;
        tell_codes(linker)?;
    }
    if wanted.has("wasi:http/outgoing-handler") {
        outgoing_handler::add_to_linker::<State, WasiHttp>(linker, State::http)?;
        complete_paths(linker)?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// The library's bodies fail with its own kind of error, and its `http-error-code` knows another one only: a guest whose
/// response broke off would not learn why.
fn tell_codes(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:http/types@0.2.12")?;
    instance.func_wrap("http-error-code", |mut store: StoreContextMut<'_, State>, (error,): OfError| {
        let error = store.data_mut().ctx().table.get(&error)?;
        let own = || error.downcast_ref::<Error>().map(code_of_body);
        Ok((error.downcast_ref::<ErrorCode>().cloned().or_else(own),))
    })
}

/// A request without a path is one for `/` (RFC 9110, 4.2.3); the library makes no URL of it.
fn complete_paths(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:http/outgoing-handler@0.2.12")?;
    instance.func_wrap("handle", |mut store: StoreContextMut<'_, State>, (request, options): Handle| {
        let mut http = store.data_mut().http();
        http.table.get_mut(&request)?.path_with_query.get_or_insert_with(|| "/".to_owned());
        Ok((match http.handle(request, options) {
            Ok(response) => Ok(response),
            Err(error) => Err(error.downcast()?),
        },))
    })
}

type Handle = (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>);
type OfError = (Resource<IoError>,);

/// What `net::http` fails bodies with.
fn code_of_body(error: &Error) -> ErrorCode {
    match error {
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::HttpResponseBodySize(size) => ErrorCode::HttpResponseBodySize(*size),
        Error::HttpRequestBodySize(size) => ErrorCode::HttpRequestBodySize(*size),
        Error::HttpResponseTrailerSectionSize(size) => ErrorCode::HttpResponseTrailerSectionSize(*size),
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::HttpProtocolError => ErrorCode::HttpProtocolError,
        other => ErrorCode::InternalError(Some(other.to_string())),
    }
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
