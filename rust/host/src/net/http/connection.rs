//! One connection to an origin, of either version of HTTP.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use wasmtime_wasi_http::Error;

use super::body::Leaving;
use super::pool::{Lease, Pool};
use super::wire::{Cut, Wire};
use super::{errors, origin_form};
use crate::net::dial::dial;
use crate::net::guest::{GuestNetwork, NoAddress};
use crate::net::pattern::Scheme;
use crate::net::target::Origin;

/// What HTTP/2 may keep of bodies that guests do not read: for one stream, and for all of a connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Requests under way on one connection; for more another one is made. Servers allow about as many.
const STREAMS: usize = 100;
/// A head that HTTP/2 still takes, whatever the limit.
const LARGE_HEAD: usize = 1 << 20;
/// Header lines of one response.
pub const HEADERS: usize = 256;

/// A connection that can take a request.
pub enum Connection {
    Http1(Single),
    Http2(Shared),
}

/// A connection that carries one request at a time.
pub struct Single {
    pub sender: http1::SendRequest<Leaving>,
    /// A request is under way: dropped now, the connection is cut off.
    is_busy: bool,
    cut: Cut,
    _driver: Driver,
}

impl Single {
    /// The response was read to its end.
    pub fn rest(&mut self) {
        self.is_busy = false;
    }

    /// It rests too long in the middle of a request.
    pub fn give_up(mut self) {
        self.is_busy = true;
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        if self.is_busy {
            self.cut.set();
        }
    }
}

/// A handle on a connection that carries many requests at once.
pub struct Shared {
    sender: http2::SendRequest<Leaving>,
    /// Requests under way, one for each handle but the pool's own.
    streams: Arc<AtomicUsize>,
    _driver: Arc<Driver>,
}

/// The task that reads and writes. It ends with the connection's last handle, whatever it waits for: the other side may
/// never read what it writes.
struct Driver(AbortHandle);

impl Driver {
    fn start(driving: impl Future<Output = hyper::Result<()>> + Send + 'static) -> Driver {
        Driver(tokio::spawn(driving).abort_handle())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Shared {
    /// Another handle; none if it has requests enough.
    pub fn another(&self) -> Option<Shared> {
        if self.sender.is_closed() || self.streams.load(Ordering::Relaxed) > STREAMS {
            return None;
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        let (sender, streams) = (self.sender.clone(), Arc::clone(&self.streams));
        Some(Shared { sender, streams, _driver: Arc::clone(&self._driver) })
    }

    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub fn is_idle(&self) -> bool {
        // The pool's own handle is counted too.
        self.streams.load(Ordering::Relaxed) <= 1
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Makes the request one for this connection: its version says how the target is written.
    pub fn address(&self, request: &mut Request<Leaving>, uri: &Uri) {
        match self {
            Connection::Http1(_) => {
                *request.uri_mut() = origin_form(uri);
                if let Some(host) = uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
                {
                    request.headers_mut().insert(HOST, host);
                }
            }
            // The target's authority says it.
            Connection::Http2(_) => {
                *request.uri_mut() = uri.clone();
                // Not by removing it: that would move the last field to its place.
                let headers = std::mem::take(request.headers_mut());
                let others = headers.iter().filter(|(name, _)| *name != HOST);
                let others = others.map(|(name, value)| (name.clone(), value.clone()));
                let mut kept = HeaderMap::with_capacity(headers.len());
                for (name, value) in others {
                    kept.append(name, value);
                }
                *request.headers_mut() = kept;
            }
        }
    }

    pub async fn send(
        &mut self,
        request: Request<Leaving>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Leaving>>> {
        match self {
            Connection::Http1(single) => {
                single.is_busy = true;
                single.sender.try_send_request(request).await
            }
            Connection::Http2(shared) => shared.sender.try_send_request(request).await,
        }
    }

    /// What is to be done with it when the response has been read.
    pub fn lease(self, pool: &Arc<Pool>, origin: Origin) -> Lease {
        Lease::new(self, Arc::clone(pool), origin)
    }
}

/// A new connection to one of the origin's open addresses.
pub async fn connect(guest: &Arc<GuestNetwork>, origin: &Origin) -> Result<Connection, Error> {
    let addresses = guest.addresses(origin).await.map_err(|none| match none {
        NoAddress::Refused => Error::HttpRequestDenied,
        NoAddress::Unresolved(unresolved) => errors::of_lookup(&unresolved),
    })?;
    let stream = Wire::new(dial(&addresses).await.map_err(|error| errors::of_dialling(&error))?);
    let cut = stream.cut();
    let header_bytes = guest.access.spec.response.header_bytes;
    if origin.scheme != Scheme::Https {
        return http1_over(stream, cut, header_bytes).await;
    }
    let tls = guest.access.network.tls.connect(&origin.host, stream).await;
    let stream = tls.map_err(|error| errors::of_tls(&error))?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2_over(stream, header_bytes).await,
        _ => http1_over(stream, cut, header_bytes).await,
    }
}

async fn http1_over<S>(stream: S, cut: Cut, header_bytes: usize) -> Result<Connection, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS).max_header_size(header_bytes);
    let (sender, driver) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| errors::of_exchange(&error))?;
    Ok(Connection::Http1(Single { sender, is_busy: false, cut, _driver: Driver::start(driver) }))
}

async fn http2_over<S>(stream: S, header_bytes: usize) -> Result<Connection, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // More than is allowed, so that what is too large is told from what is malformed: the sender looks itself.
        .max_header_list_size(u32::try_from(header_bytes.max(LARGE_HEAD)).unwrap_or(u32::MAX));
    let (sender, driver) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| errors::of_exchange(&error))?;
    let driver = Arc::new(Driver::start(driver));
    Ok(Connection::Http2(Shared { sender, streams: Arc::new(AtomicUsize::new(1)), _driver: driver }))
}
