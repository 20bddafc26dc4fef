//! Requests: our own sender behind `wasi:http/outgoing-handler`.
//!
//! A request is judged by its origin, then goes over a connection that is kept from an earlier one of the same function,
//! or over a new one to exactly the addresses that passed the policy. Redirects, proxies, content codings and cookies are
//! the guest's own affair: what it sends is sent, what comes back it gets.

mod body;
mod connection;
mod errors;
mod line;
pub mod pool;
mod transport;
mod wire;

pub use transport::{Request as TransportRequest, Response as TransportResponse, Transport};

use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Body;
use tokio::time::{Instant, timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::guest::GuestNetwork;
use super::quota::Permit;
use super::target::Origin;
use body::{Arriving, Failed, Leaving, Limits};
use connection::{Connection, HEADERS, connect};
use pool::Lease;

/// Where neither the guest nor its entry says how long to wait.
const CONNECT: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(600);
/// Kept connections that turn out to be closed, before a new one is made.
const STALE: usize = 8;

type Sending<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;

/// One instance's side of `wasi:http`.
pub struct Sender(pub Arc<GuestNetwork>);

impl WasiHttpHooks for Sender {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_failed: Sending<()>,
    ) -> Sending<(Response<WasiBody>, Sending<()>)> {
        let guest = Arc::clone(&self.0);
        Box::new(async move {
            let response = send_request(&guest, request, options.unwrap_or_default()).await?;
            let nothing_left: Sending<()> = Box::new(async { Ok(()) });
            Ok((response, nothing_left))
        })
    }
}

/// Sends a request of a guest or a script, as far as the policy lets it go.
pub async fn send_request(
    guest: &Arc<GuestNetwork>,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    let permit = match guest.meter.request() {
        Ok(permit) => permit,
        Err(over) => {
            guest.access.tell(guest.access.over(over), guest.frame().as_ref()).await;
            return Err(Error::ConnectionLimitReached);
        }
    };
    // A tunnel would carry what no policy sees.
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let origin = Origin::of(request.uri()).ok_or(Error::HttpRequestUriInvalid)?;
    if !guest.may_request(&origin).await {
        return Err(Error::HttpRequestDenied);
    }
    // In canonical form, so that one host has one name.
    let url = format!("{origin}{}", origin_form(request.uri()));
    if !guest.access.is_authorized(&url, guest.frame().as_ref()).await {
        return Err(Error::HttpRequestDenied);
    }
    let exchange = Exchange {
        url,
        origin,
        deadline: guest.access.spec.response.time.map(|time| Instant::now() + time),
        guest: Arc::clone(guest),
        options,
        permit,
    };
    exchange.run(request).await
}

/// One request and its response.
struct Exchange {
    guest: Arc<GuestNetwork>,
    origin: Origin,
    /// Its target in canonical form.
    url: String,
    options: RequestOptions,
    permit: Permit,
    deadline: Option<Instant>,
}

impl Exchange {
    async fn run(self, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        let first_byte = self.options.first_byte_timeout.unwrap_or(SILENCE);
        if let Some(transport) = self.guest.access.network.transport.clone() {
            let answered = transport::ask(&transport, &self.guest, &self.url, request);
            let response = self.in_time(first_byte, Error::ConnectionReadTimeout, answered).await?;
            return Ok(response.map(|body| Arriving::of_bytes(body, self.limits(), self.permit).boxed()));
        }
        let (response, connection) = self.over_a_connection(request, first_byte).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::HttpUpgradeFailed);
        }
        self.check_head(response.headers())?;
        let lease = Lease::new(connection, Arc::clone(&self.guest.access.pool), self.origin.clone());
        Ok(response.map(|body| Arriving::of_network(body, self.limits(), self.permit, lease).boxed()))
    }

    /// Sends the request over a kept connection or a new one, and waits for the head of its response.
    async fn over_a_connection(
        &self,
        request: Request<WasiBody>,
        first_byte: Duration,
    ) -> Result<(Response<hyper::body::Incoming>, Connection), Error> {
        let path = origin_form(request.uri());
        let failure = Failed::default();
        let leaving = |body| Leaving::new(body, Arc::clone(&self.guest), Arc::clone(&failure));
        let mut request = request.map(leaving);
        let mut is_repeated = false;
        for attempt in 0.. {
            let kept = if attempt < STALE && !is_repeated {
                self.guest.access.pool.take(&self.origin).await
            } else {
                None
            };
            let again = kept.as_ref().filter(|_| !is_repeated).and_then(|_| repeated(&request));
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            connection.address(&mut request, &self.origin, &path)?;
            let sent = self.in_time(first_byte, Error::ConnectionReadTimeout, async {
                connection
                    .send(request)
                    .await
                    .map_or_else(|failed| Ok(Err(failed)), |response| Ok(Ok(response)))
            });
            match sent.await? {
                Ok(response) => return Ok((response, connection)),
                // A kept connection was closed meanwhile: nothing of the request was written, or it may be made twice.
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if attempt < STALE => request = unsent,
                    _ => match again.filter(|_| errors::is_stale(failed.error())) {
                        Some(again) => (request, is_repeated) = (again.map(leaving), true),
                        None => {
                            let own = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                            return Err(own.unwrap_or_else(|| errors::of_exchange(&failed.into_error())));
                        }
                    },
                },
            }
        }
        Err(Error::ConnectionTerminated)
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let limit = self.options.connect_timeout.unwrap_or(CONNECT);
        let pool = &self.guest.access.pool;
        let connecting = async {
            let _turn = pool.turn_to_connect(&self.origin).await;
            // Whoever had the turn before may have made one that serves many requests.
            if let Some(connection) = pool.shared(&self.origin) {
                return Ok(connection);
            }
            let connection = connect(&self.guest, &self.origin).await?;
            pool.share(&self.origin, &connection);
            Ok(connection)
        };
        self.in_time(limit, Error::ConnectionTimeout, connecting).await
    }

    /// Waits for `work` so long, or until the response's own time is over.
    async fn in_time<T>(
        &self,
        limit: Duration,
        over: Error,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let (limit, over) = match left {
            Some(left) if left < limit => (left, Error::HttpResponseTimeout),
            _ => (limit, over),
        };
        timeout(limit, work).await.unwrap_or(Err(over))
    }

    /// Refuses a head that is too large, or that two parties on the way may read as two different messages (RFC 9112,
    /// 6.3).
    fn check_head(&self, headers: &HeaderMap) -> Result<(), Error> {
        let size = size_of(headers);
        if size > self.guest.access.spec.response.header_bytes || headers.len() > HEADERS {
            return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(size).ok()));
        }
        if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
            return Err(Error::HttpProtocolError);
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        Limits {
            guest: Arc::clone(&self.guest),
            body_bytes: self.guest.access.spec.response.body_bytes,
            silence: self.options.between_bytes_timeout.unwrap_or(SILENCE),
            deadline: self.deadline,
        }
    }
}

/// The same request once more, where making it twice is making it once (RFC 9110, 9.2.2) and it has no body.
fn repeated(request: &Request<Leaving>) -> Option<Request<WasiBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    request.method().clone_into(again.method_mut());
    request.headers().clone_into(again.headers_mut());
    Some(again)
}

/// Bytes of fields as HTTP/1.1 writes them.
fn size_of(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// The request line's target: what HTTP/1.1 sends to origin servers.
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| Uri::from(path.clone()))
}
