//! Bodies on their way: counted, limited, and in time.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use super::errors;
use super::line::Upload;
use super::pool::Lease;
use super::transport::Held;
use crate::net::guest::GuestNetwork;
use crate::net::quota::{Over, Permit};

/// A request's body.
pub struct Leaving {
    inner: WasiBody,
    guest: Arc<GuestNetwork>,
    failure: Failed,
    upload: Upload,
}

/// What a body failed with: the connection tells of it in words of its own, or not at all.
pub type Failed = Arc<Mutex<Option<Error>>>;

impl Leaving {
    pub fn new(inner: WasiBody, guest: Arc<GuestNetwork>, failure: Failed) -> Leaving {
        let upload = Upload::default();
        if inner.is_end_stream() {
            upload.end();
        }
        Leaving { inner, guest, failure, upload }
    }

    pub fn upload(&self) -> Upload {
        self.upload.clone()
    }

    /// The error for the connection; the true one is kept.
    fn fail(&self, error: Error) -> Error {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Error::HttpProtocolError
    }

    fn check(&self, frame: &Frame<Bytes>) -> Result<(), Error> {
        if let Some(data) = frame.data_ref()
            && let Err(over) = self.guest.access.within(self.guest.meter.send(data.len()))
        {
            return Err(Error::HttpRequestBodySize(Some(over.allowed)));
        }
        let names = frame.trailers_ref().into_iter().flat_map(|trailers| trailers.keys());
        match names.into_iter().find(|name| FRAMING.contains(name)) {
            Some(name) => {
                Err(Error::HttpRequestTrailerSize { field_name: Some(name.to_string()), field_size: None })
            }
            None => Ok(()),
        }
    }
}

/// Fields that say where a message ends or who is meant: behind the body they could only mislead (RFC 9110, 6.5.1).
const FRAMING: [HeaderName; 10] = [
    http::header::CONTENT_LENGTH,
    http::header::TRANSFER_ENCODING,
    http::header::HOST,
    http::header::TRAILER,
    http::header::CONNECTION,
    http::header::AUTHORIZATION,
    http::header::TE,
    http::header::UPGRADE,
    http::header::COOKIE,
    http::header::SET_COOKIE,
];

impl Body for Leaving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let polled = match polled {
            // The library's bodies end like finished ones when the instance goes that was writing them.
            Poll::Ready(None) if self.guest.is_over() => Poll::Ready(Some(Err(Error::ConnectionTerminated))),
            polled => polled,
        };
        if matches!(&polled, Poll::Ready(None | Some(Err(_)))) {
            self.upload.end();
        }
        polled.map(|frame| {
            frame.map(|frame| {
                frame.and_then(|frame| self.check(&frame).map(|()| frame)).map_err(|error| self.fail(error))
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a response's body must keep to.
pub struct Limits {
    pub guest: Arc<GuestNetwork>,
    /// 0 for no limit.
    pub body_bytes: u64,
    /// The longest pause.
    pub silence: Duration,
    pub deadline: Option<Instant>,
}

/// A response's body.
pub struct Arriving {
    source: Source,
    limits: Limits,
    received: u64,
    pause: Option<Pin<Box<Sleep>>>,
    end: Option<Pin<Box<Sleep>>>,
    lease: Option<Lease>,
    _permit: Permit,
}

enum Source {
    Network(Incoming),
    Bytes(Held),
    Over,
}

impl Arriving {
    pub fn of_network(body: Incoming, limits: Limits, permit: Permit, mut lease: Lease) -> Arriving {
        if body.is_end_stream() {
            lease.give_back();
        }
        Arriving::new(Source::Network(body), limits, permit, Some(lease))
    }

    pub fn of_bytes(body: Held, limits: Limits, permit: Permit) -> Arriving {
        Arriving::new(Source::Bytes(body), limits, permit, None)
    }

    fn new(source: Source, limits: Limits, permit: Permit, lease: Option<Lease>) -> Arriving {
        Arriving { source, limits, received: 0, pause: None, end: None, lease, _permit: permit }
    }

    pub fn boxed(self) -> WasiBody {
        self.boxed_unsync()
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.received += bytes as u64;
        let Limits { guest, body_bytes: allowed, .. } = &self.limits;
        let taken = match *allowed {
            allowed if allowed > 0 && self.received > allowed => {
                Err(Over { limit: "max_response_body_bytes", allowed })
            }
            _ => guest.meter.receive(bytes),
        };
        guest.access.within(taken).map_err(|_| Error::HttpResponseBodySize(Some(self.received)))
    }

    /// Whether what it waits for takes too long.
    fn poll_too_late(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        let silence = self.limits.silence;
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(silence)));
        if pause.as_mut().poll(context).is_ready() {
            return Poll::Ready(Error::ConnectionReadTimeout);
        }
        if let Some(deadline) = self.limits.deadline {
            let end = self.end.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if end.as_mut().poll(context).is_ready() {
                return Poll::Ready(Error::HttpResponseTimeout);
            }
        }
        Poll::Pending
    }

    /// Nothing more is read: the connection is closed, unless it was given back.
    fn break_off(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.source = Source::Over;
        self.lease = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.limits.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return self.break_off(Error::HttpResponseTimeout);
        }
        let polled = match &mut self.source {
            Source::Network(body) => {
                Pin::new(body).poll_frame(context).map_err(|error| errors::of_body(&error))
            }
            Source::Bytes(body) => Poll::Ready(body.next_frame().map(Ok)),
            Source::Over => return Poll::Ready(None),
        };
        let frame = match polled {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return self.break_off(error),
            Poll::Ready(None) => {
                self.source = Source::Over;
                if let Some(mut lease) = self.lease.take() {
                    lease.give_back();
                }
                return Poll::Ready(None);
            }
            Poll::Pending => {
                return match self.poll_too_late(context) {
                    Poll::Ready(error) => self.break_off(error),
                    Poll::Pending => Poll::Pending,
                };
            }
        };
        self.pause = None;
        if let Some(trailers) = frame.trailers_ref() {
            let size = super::size_of(trailers);
            if size > self.limits.guest.access.spec.response.header_bytes {
                return self.break_off(Error::HttpResponseTrailerSectionSize(u32::try_from(size).ok()));
            }
        }
        if let Some(data) = frame.data_ref()
            && let Err(error) = self.count(data.len())
        {
            return self.break_off(error);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Network(body) => body.is_end_stream(),
            Source::Bytes(body) => body.is_empty(),
            Source::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Network(body) => body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}
