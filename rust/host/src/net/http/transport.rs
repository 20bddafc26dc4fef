//! An embedder's stand-in for the network: tests and replays answer requests without any.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, Response as HttpResponse, StatusCode,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Frame;
use wasmtime_wasi_http::{Error, WasiBody};

use super::body::{Failed, Leaving};
use crate::frame::Frame as CallFrame;
use crate::net::guest::GuestNetwork;
use crate::reply::{Awaited, Reply};
use crate::table::Refusal;

/// A body is handed over whole, and held here meanwhile.
const LARGEST: usize = 64 << 20;

/// Header fields in their order; names may repeat.
pub type Fields = Vec<(String, Vec<u8>)>;

/// A request as the embedder gets it.
pub struct Request {
    pub entry: String,
    pub method: String,
    pub url: String,
    pub headers: Fields,
    pub body: Bytes,
}

/// The embedder's answer.
pub struct Response {
    pub status: u16,
    pub headers: Fields,
    pub body: Bytes,
    pub trailers: Fields,
}

/// Answers requests. An `err` is one of the error codes of `wasi:http` by its name, or any other text.
pub trait Transport: Send + Sync {
    /// Starts an answer without blocking, and gives the request back where that cannot be.
    fn start(
        &self,
        request: Request,
        frame: &CallFrame,
        reply: Reply<Response>,
    ) -> Option<(Request, Reply<Response>)>;

    /// Answers where it may block.
    fn call(&self, request: Request, frame: &CallFrame, reply: Reply<Response>);
}

/// A body that is there already.
pub struct Held(VecDeque<Frame<Bytes>>);

impl Held {
    pub fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        self.0.pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The embedder's answer to a guest's request.
pub async fn ask(
    transport: &Arc<dyn Transport>,
    guest: &Arc<GuestNetwork>,
    url: &str,
    request: HttpRequest<WasiBody>,
) -> Result<HttpResponse<Held>, Error> {
    let (parts, body) = request.into_parts();
    let failure = Failed::default();
    let leaving = Leaving::new(body, Arc::clone(guest), Arc::clone(&failure));
    let body = match Limited::new(leaving, LARGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Error::HttpRequestBodySize(Some(LARGEST as u64)));
        }
        Err(_) => {
            let own = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(own.unwrap_or(Error::HttpProtocolError));
        }
    };
    let request = Request {
        entry: guest.access.entry.to_string(),
        method: parts.method.to_string(),
        url: url.to_owned(),
        headers: fields(&parts.headers),
        body,
    };
    let Some(frame) = guest.frame() else { return Err(Error::ConfigurationError) };
    let threads = guest.access.shared.callees.at(frame.depth());
    let (reply, awaited) = Awaited::new(threads);
    if let Some((request, reply)) = transport.start(request, &frame, reply) {
        let transport = Arc::clone(transport);
        threads.run(move || transport.call(request, &frame, reply));
    }
    match awaited.answer().await {
        Some(Ok(response)) => response_of(response),
        Some(Err(Refusal::Err(error))) => Err(named(&error.message)),
        Some(Err(Refusal::Abort(_))) | None => Err(internal("the transport was interrupted")),
    }
}

fn fields(headers: &HeaderMap) -> Fields {
    headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

fn response_of(response: Response) -> Result<HttpResponse<Held>, Error> {
    let wrong = |what: &str| internal(&format!("the transport's response has {what}"));
    let mut frames = VecDeque::new();
    if !response.body.is_empty() {
        frames.push_back(Frame::data(response.body));
    }
    if !response.trailers.is_empty() {
        frames.push_back(Frame::trailers(map(response.trailers).ok_or_else(|| wrong("an invalid trailer"))?));
    }
    let mut answer = HttpResponse::new(Held(frames));
    *answer.status_mut() = StatusCode::from_u16(response.status).map_err(|_| wrong("an invalid status"))?;
    *answer.headers_mut() = map(response.headers).ok_or_else(|| wrong("an invalid header"))?;
    Ok(answer)
}

fn map(fields: Fields) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&value).ok()?);
    }
    Some(map)
}

/// An error code without a payload by its name in WIT; other texts as what went wrong inside.
fn named(text: &str) -> Error {
    match text {
        "DNS-timeout" => Error::DnsTimeout,
        "DNS-error" => Error::DnsError { rcode: None, info_code: None },
        "destination-not-found" => Error::DestinationNotFound,
        "destination-unavailable" => Error::DestinationUnavailable,
        "destination-IP-prohibited" => Error::DestinationIpProhibited,
        "destination-IP-unroutable" => Error::DestinationIpUnroutable,
        "connection-refused" => Error::ConnectionRefused,
        "connection-terminated" => Error::ConnectionTerminated,
        "connection-timeout" => Error::ConnectionTimeout,
        "connection-read-timeout" => Error::ConnectionReadTimeout,
        "connection-write-timeout" => Error::ConnectionWriteTimeout,
        "connection-limit-reached" => Error::ConnectionLimitReached,
        "TLS-protocol-error" => Error::TlsProtocolError,
        "TLS-certificate-error" => Error::TlsCertificateError,
        "HTTP-request-denied" => Error::HttpRequestDenied,
        "HTTP-request-length-required" => Error::HttpRequestLengthRequired,
        "HTTP-request-method-invalid" => Error::HttpRequestMethodInvalid,
        "HTTP-request-URI-invalid" => Error::HttpRequestUriInvalid,
        "HTTP-request-URI-too-long" => Error::HttpRequestUriTooLong,
        "HTTP-upgrade-failed" => Error::HttpUpgradeFailed,
        "configuration-error" => Error::ConfigurationError,
        "HTTP-response-incomplete" => Error::HttpResponseIncomplete,
        "HTTP-response-timeout" => Error::HttpResponseTimeout,
        "HTTP-protocol-error" => Error::HttpProtocolError,
        "loop-detected" => Error::LoopDetected,
        other => internal(other),
    }
}

fn internal(text: &str) -> Error {
    Error::InternalError(Some(text.to_owned()))
}
