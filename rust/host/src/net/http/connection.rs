//! One connection to an origin, of either version of HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime_wasi_http::Error;

use super::body::Leaving;
use super::errors;
use super::line::{Line, Upload};
use super::wire::{Cut, Wire};
use crate::net::descriptors::Descriptor;
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
    line: Arc<Line>,
    /// The request under way.
    upload: Option<Upload>,
}

impl Single {
    /// The response was read to its end; none where the request was not sent to its end, which costs the connection.
    pub fn rested(mut self) -> Option<Single> {
        if self.upload.as_ref().is_some_and(|upload| !upload.has_ended()) {
            return None;
        }
        self.upload = None;
        Some(self)
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        if self.upload.is_some() {
            self.line.spoil();
        }
    }
}

/// A handle on a connection that carries many requests at once.
pub struct Shared {
    sender: http2::SendRequest<Leaving>,
    line: Arc<Line>,
    /// Handles: the pool's own, and one for each request under way.
    handles: Arc<AtomicUsize>,
    upload: Option<Upload>,
}

impl Shared {
    /// Another handle; none if it has requests enough.
    pub fn another(&self) -> Option<Shared> {
        if self.is_closed() || self.handles.load(Ordering::Relaxed) > STREAMS {
            return None;
        }
        self.handles.fetch_add(1, Ordering::Relaxed);
        let (sender, handles) = (self.sender.clone(), Arc::clone(&self.handles));
        Some(Shared { sender, handles, line: Arc::clone(&self.line), upload: None })
    }

    pub fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.line.is_spoilt()
    }

    pub fn is_idle(&self) -> bool {
        self.handles.load(Ordering::Relaxed) <= 1
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.upload.as_ref().is_some_and(|upload| !upload.has_ended()) {
            self.line.spoil();
        }
        self.handles.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Makes the request one for this connection: its version says how the target is written. The host is written as it
    /// was judged.
    pub fn address(&self, request: &mut Request<Leaving>, origin: &Origin, path: &Uri) -> Result<(), Error> {
        let authority = origin.authority();
        match self {
            Connection::Http1(_) => {
                let host = HeaderValue::try_from(authority).map_err(|_| Error::HttpRequestUriInvalid)?;
                *request.uri_mut() = path.clone();
                request.headers_mut().insert(HOST, host);
            }
            Connection::Http2(_) => {
                let mut parts = path.clone().into_parts();
                parts.scheme = Some(http::uri::Scheme::HTTPS);
                parts.authority = authority.parse().ok();
                *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
                without_host(request.headers_mut());
            }
        }
        Ok(())
    }

    pub async fn send(
        &mut self,
        request: Request<Leaving>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Leaving>>> {
        let upload = Some(request.body().upload());
        match self {
            Connection::Http1(single) => {
                single.upload = upload;
                single.sender.try_send_request(request).await
            }
            Connection::Http2(shared) => {
                shared.upload = upload;
                shared.sender.try_send_request(request).await
            }
        }
    }
}

/// The target's authority says it. Not by removing it, which would move the last field to its place.
fn without_host(headers: &mut HeaderMap) {
    let before = std::mem::take(headers);
    headers.reserve(before.len());
    for (name, value) in before.iter().filter(|(name, _)| *name != HOST) {
        headers.append(name.clone(), value.clone());
    }
}

/// A new connection to one of the origin's open addresses.
pub async fn connect(guest: &Arc<GuestNetwork>, origin: &Origin) -> Result<Connection, Error> {
    let addresses = guest.addresses(origin).await.map_err(|none| match none {
        NoAddress::Refused => Error::HttpRequestDenied,
        NoAddress::Unresolved(unresolved) => errors::of_lookup(&unresolved),
    })?;
    let network = &guest.access.network;
    let Some(descriptor) = network.descriptors.take() else {
        guest.access.tell(no_room(guest), guest.frame().as_ref()).await;
        return Err(Error::ConnectionLimitReached);
    };
    let stream = Wire::new(dial(&addresses).await.map_err(|error| errors::of_dialling(&error))?);
    let end = End { cut: stream.cut(), descriptor, header_bytes: guest.access.spec.response.header_bytes };
    if origin.scheme != Scheme::Https {
        return http1_over(stream, end).await;
    }
    let stream = network.tls.connect(&origin.host, stream).await.map_err(|error| errors::of_tls(&error))?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2_over(stream, end).await,
        _ => http1_over(stream, end).await,
    }
}

fn no_room(guest: &GuestNetwork) -> String {
    let most = guest.access.network.descriptors.most;
    format!(
        "{}: the guest gets no connection: the runtime has {most}, a quarter of the files that the process may open \
         (ulimit -n)",
        guest.access.entry
    )
}

/// What a connection has besides its stream.
struct End {
    cut: Cut,
    descriptor: Descriptor,
    header_bytes: usize,
}

async fn http1_over<S>(stream: S, end: End) -> Result<Connection, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS).max_header_size(end.header_bytes);
    let (sender, driver) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| errors::of_exchange(&error))?;
    let line = Line::new(end.cut, end.descriptor);
    line.run(driver);
    Ok(Connection::Http1(Single { sender, line, upload: None }))
}

async fn http2_over<S>(stream: S, end: End) -> Result<Connection, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let line = Line::new(end.cut, end.descriptor);
    let mut builder = http2::Builder::new(line.executor());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // More than is allowed, so that what is too large is told from what is malformed: the sender looks itself.
        .max_header_list_size(u32::try_from(end.header_bytes.max(LARGE_HEAD)).unwrap_or(u32::MAX));
    let (sender, driver) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| errors::of_exchange(&error))?;
    line.run(driver);
    Ok(Connection::Http2(Shared { sender, line, handles: Arc::new(AtomicUsize::new(1)), upload: None }))
}
