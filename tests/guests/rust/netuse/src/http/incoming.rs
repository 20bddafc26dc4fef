//! Responses: their heads, bodies and trailers.

use super::codes;
use super::outgoing::Sending;
use crate::streams::{self, CHUNK};
use crate::wasi::http::types::{
    ErrorCode, FutureIncomingResponse, FutureTrailers, IncomingBody, IncomingResponse,
};
use crate::wasi::io::poll::{self, Pollable};
use crate::wasi::io::streams::{InputStream, StreamError};

/// The head, once it is there.
pub fn head_now(future: &FutureIncomingResponse) -> Option<Result<IncomingResponse, String>> {
    let taken: Result<Result<_, ErrorCode>, ()> = future.get()?;
    Some(taken.expect("taken once").map_err(codes::text))
}

/// Waits for the head and writes the request's body meanwhile. An error of writing says more than the one of the
/// response that follows it, unless it is only `closed`.
pub fn head(future: &FutureIncomingResponse, sending: &mut Sending) -> Result<IncomingResponse, String> {
    let ready = future.subscribe();
    loop {
        if let Some(head) = head_now(future) {
            return head.map_err(|error| match &sending.error {
                Some(first) if first != "closed" => first.clone(),
                _ => error,
            });
        }
        sending.step();
        wait(&ready, sending);
    }
}

fn wait(ready: &Pollable, sending: &Sending) {
    match sending.ready() {
        Some(writable) => drop(poll::poll(&[ready, writable])),
        None => ready.block(),
    }
}

/// A response whose body is being read. The order of the fields is that in which WASI wants them dropped.
pub struct Download {
    pub ready: Pollable,
    stream: InputStream,
    body: IncomingBody,
    response: IncomingResponse,
}

impl Download {
    pub fn open(response: IncomingResponse) -> Result<Self, String> {
        let body = response.consume().map_err(|()| "no body")?;
        let stream = body.stream().map_err(|()| "no stream")?;
        Ok(Download { ready: stream.subscribe(), stream, body, response })
    }

    pub fn status(&self) -> u16 {
        self.response.status()
    }

    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.response.headers().entries()
    }

    /// What is there now; none at the end.
    pub fn read(&self) -> Result<Option<Vec<u8>>, String> {
        match self.stream.read(CHUNK) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StreamError::Closed) => Ok(None),
            Err(error) => Err(streams::error_text(error)),
        }
    }

    /// The next bytes; none at the end. Writes the request's body while it waits.
    pub fn next(&self, sending: &mut Sending) -> Result<Option<Vec<u8>>, String> {
        loop {
            sending.step();
            match self.read()? {
                Some(bytes) if bytes.is_empty() => wait(&self.ready, sending),
                read => return Ok(read),
            }
        }
    }

    pub fn read_to_end(&self, sending: &mut Sending) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next(sending)? {
            all.extend(bytes);
        }
        Ok(all)
    }

    /// Reads on until at least so many bytes, or all; bytes read.
    pub fn read_length(&self, least: u64) -> Result<u64, String> {
        let mut length = 0;
        while length < least {
            let Some(bytes) = self.next(&mut Sending::nothing())? else { break };
            length += bytes.len() as u64;
        }
        Ok(length)
    }

    pub fn trailers(self) -> Result<Vec<(String, Vec<u8>)>, String> {
        let Download { ready, stream, body, response: _response } = self;
        drop(ready);
        drop(stream);
        let future: FutureTrailers = IncomingBody::finish(body);
        future.subscribe().block();
        let trailers = future.get().expect("ready").expect("taken once").map_err(codes::text)?;
        Ok(trailers.map_or_else(Vec::new, |trailers| trailers.entries()))
    }
}
