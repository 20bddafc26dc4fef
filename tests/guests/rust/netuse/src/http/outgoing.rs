//! Requests: their parts, and their bodies.

use super::codes;
use crate::streams::{self, Content};
use crate::wasi::http::outgoing_handler;
use crate::wasi::http::types::{
    Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use crate::wasi::io::poll::Pollable;
use crate::wasi::io::streams::OutputStream;

pub type Headers = [(String, Vec<u8>)];

const PIECE: u64 = 4096;

/// Where a request goes; an empty part is not set.
pub struct Target<'a> {
    pub scheme: &'a str,
    pub authority: &'a str,
    pub path: &'a str,
}

impl<'a> Target<'a> {
    pub fn of_url(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        Target { scheme, authority, path }
    }
}

pub fn request(method: &str, target: &Target, headers: &Headers) -> Result<OutgoingRequest, String> {
    let refused = |part: &'static str| move |()| format!("set-{part}");
    let request = OutgoingRequest::new(Fields::from_list(headers).map_err(codes::header_error)?);
    request.set_method(&self::method(method)).map_err(refused("method"))?;
    if !target.scheme.is_empty() {
        request.set_scheme(Some(&scheme(target.scheme))).map_err(refused("scheme"))?;
    }
    if !target.authority.is_empty() {
        request.set_authority(Some(target.authority)).map_err(refused("authority"))?;
    }
    if !target.path.is_empty() {
        request.set_path_with_query(Some(target.path)).map_err(refused("path"))?;
    }
    Ok(request)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.into()),
    }
}

fn scheme(name: &str) -> Scheme {
    match name {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.into()),
    }
}

pub fn start(
    request: OutgoingRequest,
    options: Option<RequestOptions>,
) -> Result<FutureIncomingResponse, String> {
    outgoing_handler::handle(request, options).map_err(codes::text)
}

/// Starts a GET.
pub fn start_get(url: &str) -> Result<FutureIncomingResponse, String> {
    start(request("GET", &Target::of_url(url), &[])?, None)
}

/// A request's open body. Dropped, it tells the host that the body is broken off. The order of the fields is that in
/// which WASI wants them dropped.
pub struct Upload {
    ready: Pollable,
    stream: OutputStream,
    body: OutgoingBody,
}

impl Upload {
    pub fn open(request: &OutgoingRequest) -> Result<Self, String> {
        let body = request.body().map_err(|()| "no body")?;
        let stream = body.write().map_err(|()| "no stream")?;
        Ok(Upload { ready: stream.subscribe(), stream, body })
    }

    pub fn write_all(&self, bytes: &[u8]) -> Result<(), String> {
        streams::write_all(&self.stream, Content::Bytes(bytes))
    }

    pub fn finish(self, trailers: &Headers) -> Result<(), String> {
        let Upload { ready, stream, body } = self;
        drop(ready);
        drop(stream);
        let trailers = match trailers {
            [] => None,
            some => Some(Fields::from_list(some).map_err(codes::header_error)?),
        };
        OutgoingBody::finish(body, trailers).map_err(codes::text)
    }
}

/// What is still to be written while the response is awaited and read.
pub struct Sending<'a> {
    /// None when nothing more is written.
    upload: Option<Upload>,
    content: Content<'a>,
    piece: u64,
    trailers: &'a Headers,
    pub error: Option<String>,
}

impl<'a> Sending<'a> {
    pub fn nothing() -> Self {
        Sending { upload: None, content: Content::Xs(0), piece: PIECE, trailers: &[], error: None }
    }

    pub fn new(upload: Upload, content: Content<'a>) -> Self {
        Sending { upload: Some(upload), content, ..Sending::nothing() }
    }

    /// The most bytes of one write, if it is not 0.
    pub fn in_pieces(self, piece: u32) -> Self {
        if piece == 0 { self } else { Sending { piece: piece.into(), ..self } }
    }

    pub fn with_trailers(self, trailers: &'a Headers) -> Self {
        Sending { trailers, ..self }
    }

    /// Writes one piece if the host takes some of it now, and finishes after the last one. An error ends it.
    pub fn step(&mut self) {
        let Some(upload) = self.upload.take() else { return };
        let stepped = if self.content.is_empty() {
            upload.finish(self.trailers)
        } else {
            self.write_some(&upload).map(|()| self.upload = Some(upload))
        };
        self.error = self.error.take().or(stepped.err());
    }

    fn write_some(&mut self, upload: &Upload) -> Result<(), String> {
        let allowed = upload.stream.check_write().map_err(streams::error_text)?;
        if allowed == 0 {
            return Ok(());
        }
        upload.stream.write(self.content.take(allowed.min(self.piece))).map_err(streams::error_text)
    }

    /// Ready when the host takes more.
    pub fn ready(&self) -> Option<&Pollable> {
        self.upload.as_ref().map(|upload| &upload.ready)
    }
}
