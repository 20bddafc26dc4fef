//! Reading and writing streams in the two ways WASI offers: blocking, and by asking first and polling.

use crate::wasi::io::streams::{InputStream, OutputStream, StreamError};

/// The most `blocking-write-and-flush` takes.
const BLOCKING_LIMIT: usize = 4096;

pub fn error_text(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".into(),
        StreamError::LastOperationFailed(error) => match crate::wasi::filesystem::types::filesystem_error_code(&error) {
            Some(code) => code.name().into(),
            None => error.to_debug_string(),
        },
    }
}

pub fn write_all(to: &OutputStream, bytes: &[u8]) -> Result<(), String> {
    bytes.chunks(BLOCKING_LIMIT).try_for_each(|chunk| to.blocking_write_and_flush(chunk)).map_err(error_text)
}

/// Writes what `check-write` allows and waits on the stream's pollable when it allows nothing.
pub fn write_polling(to: &OutputStream, mut bytes: &[u8]) -> Result<(), String> {
    let ready = to.subscribe();
    while !bytes.is_empty() {
        let allowed = to.check_write().map_err(error_text)?;
        if allowed == 0 {
            ready.block();
            continue;
        }
        let (now, later) = bytes.split_at(bytes.len().min(allowed.try_into().unwrap_or(usize::MAX)));
        to.write(now).map_err(error_text)?;
        bytes = later;
    }
    drop(ready);
    to.blocking_flush().map_err(error_text)
}

pub fn flood(to: &OutputStream, size: u32, times: u32) -> Result<u64, String> {
    let chunk = vec![b'x'; size as usize];
    for _ in 0..times {
        write_polling(to, &chunk)?;
    }
    Ok(u64::from(size) * u64::from(times))
}

pub fn read_all(from: &InputStream) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    loop {
        match from.blocking_read(65_536) {
            Ok(bytes) => all.extend(bytes),
            Err(StreamError::Closed) => return Ok(all),
            Err(error) => return Err(error_text(error)),
        }
    }
}

pub fn copy(from: &InputStream, to: &OutputStream) -> u64 {
    let mut copied = 0;
    while let Ok(n) = to.blocking_splice(from, BLOCKING_LIMIT as u64) {
        copied += n;
    }
    copied
}
