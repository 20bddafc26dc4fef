//! Reading, writing and waiting on streams.

use crate::http::codes;
use crate::wasi::clocks::monotonic_clock;
use crate::wasi::http::types::http_error_code;
use crate::wasi::io::poll::Pollable;
use crate::wasi::io::streams::{InputStream, OutputStream, StreamError};

pub const CHUNK: u64 = 65_536;

const MILLISECOND: u64 = 1_000_000;

static XS: [u8; CHUNK as usize] = [b'x'; CHUNK as usize];

/// Bytes to write: given ones, or so many of one letter, which need no memory.
pub enum Content<'a> {
    Bytes(&'a [u8]),
    Xs(u64),
}

impl<'a> Content<'a> {
    pub fn is_empty(&self) -> bool {
        match self {
            Content::Bytes(bytes) => bytes.is_empty(),
            Content::Xs(left) => *left == 0,
        }
    }

    /// The next bytes, at most so many; never none if there are some and `most` is not 0.
    pub fn take(&mut self, most: u64) -> &'a [u8] {
        match self {
            Content::Bytes(bytes) => {
                let (now, later) = bytes.split_at(bytes.len().min(index(most)));
                *bytes = later;
                now
            }
            Content::Xs(left) => {
                let now = (*left).min(most).min(CHUNK);
                *left -= now;
                &XS[..index(now)]
            }
        }
    }
}

fn index(n: u64) -> usize {
    n.try_into().unwrap_or(usize::MAX)
}

pub fn timer(ms: u32) -> Pollable {
    monotonic_clock::subscribe_duration(u64::from(ms) * MILLISECOND)
}

pub fn error_text(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".into(),
        StreamError::LastOperationFailed(error) => match http_error_code(&error) {
            Some(code) => codes::text(code),
            None => error.to_debug_string(),
        },
    }
}

/// Writes what `check-write` allows, waits when it allows nothing, and flushes at the end.
pub fn write_all(to: &OutputStream, mut content: Content) -> Result<(), String> {
    let ready = to.subscribe();
    while !content.is_empty() {
        match to.check_write().map_err(error_text)? {
            0 => ready.block(),
            allowed => to.write(content.take(allowed)).map_err(error_text)?,
        }
    }
    drop(ready);
    to.blocking_flush().map_err(error_text)
}

/// Gives each piece of the stream to `take`, until its end.
pub fn read_each(
    from: &InputStream,
    mut take: impl FnMut(Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    loop {
        match from.blocking_read(CHUNK) {
            Ok(bytes) => take(bytes)?,
            Err(StreamError::Closed) => return Ok(()),
            Err(error) => return Err(error_text(error)),
        }
    }
}

pub fn read_all(from: &InputStream) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    read_each(from, |bytes| {
        all.extend(bytes);
        Ok(())
    })?;
    Ok(all)
}

pub fn read_length(from: &InputStream) -> Result<u64, String> {
    let mut length = 0;
    read_each(from, |bytes| {
        length += bytes.len() as u64;
        Ok(())
    })?;
    Ok(length)
}

/// Makes so many and keeps them all until the last is made; the error is `CODE after N`.
pub fn hoard<T>(count: u32, make: impl Fn() -> Result<T, String>) -> Result<u32, String> {
    let mut kept = Vec::new();
    for made in 0..count {
        kept.push(make().map_err(|code| format!("{code} after {made}"))?);
    }
    Ok(count)
}
