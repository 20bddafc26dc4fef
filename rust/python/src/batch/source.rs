//! The items of a batch: taken from their source and lowered, a chunk at a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use wippy_host::batch::Batch as HostBatch;
use wippy_host::values::Arguments;

use super::results::Results;
use crate::function::Prepared;

/// What a chunk should take its worker: long enough to make meeting others cheap, short enough to share the work.
const CHUNK_TIME: Duration = Duration::from_micros(400);
const FIRST_CHUNK: usize = 8;
const LARGEST_CHUNK: usize = 512;
/// Chunks in flight for each worker: one that runs, and some so that it never waits.
const CHUNKS_EACH: usize = 4;
/// Bytes of arguments of one chunk, and of all that are in flight.
const CHUNK_BYTES: usize = 256 << 10;
const BYTES_IN_FLIGHT: usize = 32 << 20;
/// A source slower than this gets its items on their way at once.
const PATIENCE: Duration = Duration::from_micros(500);

/// Where items come from.
enum Items {
    Iterator(Py<PyAny>),
    /// Given by `feed`.
    Fed {
        waiting: VecDeque<Py<PyAny>>,
        last: bool,
    },
    Over,
}

/// See the module's documentation.
pub struct Source {
    items: Items,
    star: bool,
    chunk_size: Option<usize>,
    workers: usize,
    /// Whether whole chunks run on one thread; else every item is a call of its own.
    chunked: bool,
    next: u64,
    /// Bytes of the arguments in flight, by the items' numbers: first, last, bytes.
    chunks: VecDeque<(u64, u64, usize)>,
    bytes: usize,
    error: Option<PyErr>,
    /// Whether the last chunk was cut short because the source took its time.
    is_slow: bool,
}

impl Source {
    pub fn new(
        iterator: Option<Py<PyAny>>,
        star: bool,
        chunk_size: Option<usize>,
        workers: usize,
        chunked: bool,
    ) -> Self {
        let items = match iterator {
            Some(iterator) => Items::Iterator(iterator),
            None => Items::Fed { waiting: VecDeque::new(), last: false },
        };
        let chunks = VecDeque::new();
        Source {
            items,
            star,
            chunk_size,
            workers,
            chunked,
            next: 0,
            chunks,
            bytes: 0,
            error: None,
            is_slow: false,
        }
    }

    pub fn feed(&mut self, items: &Bound<'_, PyList>, is_last: bool) {
        if let Items::Fed { waiting, last } = &mut self.items {
            waiting.extend(items.iter().map(Bound::unbind));
            *last |= is_last;
        }
    }

    pub fn is_over(&self) -> bool {
        match &self.items {
            Items::Iterator(_) => false,
            Items::Fed { waiting, last } => *last && waiting.is_empty(),
            Items::Over => true,
        }
    }

    pub fn is_slow(&self) -> bool {
        self.is_slow
    }

    pub fn close(&mut self) {
        self.items = Items::Over;
    }

    /// What the source itself raised, once all results before are taken.
    pub fn raise_own_error(&mut self) -> PyResult<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Items there is room for while `in_flight` are on their way or not taken yet.
    pub fn room(&self, in_flight: usize) -> usize {
        let fed = match &self.items {
            Items::Fed { waiting, .. } => waiting.len(),
            _ => 0,
        };
        self.window(Duration::ZERO).saturating_sub(in_flight + fed)
    }

    /// Items up to this number have finished.
    pub fn forget(&mut self, finished: u64) {
        while let Some((_, last, bytes)) = self.chunks.front().copied()
            && last <= finished
        {
            self.bytes -= bytes;
            self.chunks.pop_front();
        }
    }

    /// Takes, lowers and submits a chunk, if there is room; whether it did anything.
    pub fn submit_chunk(
        &mut self,
        py: Python<'_>,
        prepared: &Prepared,
        host: &HostBatch,
        results: &mut Results,
    ) -> PyResult<bool> {
        let per_call = if self.chunked { host.per_call() } else { Duration::ZERO };
        let room = self.window(per_call).saturating_sub(results.in_flight());
        let is_full = self.bytes >= BYTES_IN_FLIGHT && results.in_flight() > 0;
        if room == 0 || is_full || matches!(self.items, Items::Over) {
            return Ok(false);
        }
        let env = prepared.resolve_env(py)?;
        let most = self.chunk(per_call).min(room);
        let (first, start) = (self.next, Instant::now());
        let (mut lowered, mut bytes) = (Vec::with_capacity(most.min(LARGEST_CHUNK)), 0);
        while lowered.len() < most && bytes < CHUNK_BYTES {
            let Some(item) = self.next_item(py) else { break };
            match self.lower(py, prepared, &item) {
                Ok(arguments) => {
                    bytes += arguments.size();
                    lowered.push(arguments);
                }
                Err(error) => {
                    // Its number comes after the chunk's, so the chunk ends here.
                    self.send(host, first, env, lowered, bytes, results);
                    results.refuse(self.next, error);
                    self.next += 1;
                    return Ok(true);
                }
            }
            self.is_slow = start.elapsed() > PATIENCE;
            if self.is_slow {
                break;
            }
        }
        // Ctrl-C and its like do not wait for results.
        if let Some(error) = self.error.take_if(|error| !error.is_instance_of::<PyException>(py)) {
            return Err(error);
        }
        let any = !lowered.is_empty();
        self.send(host, first, env, lowered, bytes, results);
        Ok(any)
    }

    fn send(
        &mut self,
        host: &HostBatch,
        first: u64,
        env: Option<wippy_host::spec::Pairs>,
        lowered: Vec<Arguments>,
        bytes: usize,
        results: &mut Results,
    ) {
        if lowered.is_empty() {
            return;
        }
        self.next = first + lowered.len() as u64;
        self.chunks.push_back((first, self.next, bytes));
        self.bytes += bytes;
        results.expect(self.next);
        host.submit(first, env, lowered);
    }

    fn lower(&self, py: Python<'_>, prepared: &Prepared, item: &Bound<'_, PyAny>) -> PyResult<Arguments> {
        if !self.star {
            return prepared.lower_one(py, item);
        }
        if let Ok(arguments) = item.cast::<PyTuple>() {
            return prepared.arguments(py, None, arguments, None);
        }
        let is_text = item.is_instance_of::<PyString>() || item.is_instance_of::<PyBytes>();
        let Some(values) = item.try_iter().ok().filter(|_| !is_text) else {
            let found = item.get_type().name()?;
            let text = format!(
                "starmap: expected each item to be the positional arguments, as a tuple or a list, got {found}; use map \
                 where an item is the only argument"
            );
            return Err(PyTypeError::new_err(text));
        };
        let arguments = PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)?;
        prepared.arguments(py, None, &arguments, None)
    }

    /// None at the end of the source, an error of its own included, and where nothing has been fed yet.
    fn next_item<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match &mut self.items {
            Items::Iterator(iterator) => {
                // SAFETY: an iterator; the result is owned, or null with or without an exception set.
                let next = unsafe { Bound::from_owned_ptr_or_opt(py, ffi::PyIter_Next(iterator.as_ptr())) };
                if next.is_none() {
                    self.error = PyErr::take(py);
                    self.items = Items::Over;
                }
                next
            }
            Items::Fed { waiting, .. } => waiting.pop_front().map(|item| item.into_bound(py)),
            Items::Over => None,
        }
    }

    /// Items that may be in flight.
    fn window(&self, per_call: Duration) -> usize {
        if self.chunked {
            self.chunk(per_call).saturating_mul(self.workers * CHUNKS_EACH)
        } else {
            self.workers.saturating_mul(2).max(self.chunk_size.unwrap_or(1))
        }
    }

    /// Items of the next chunk.
    fn chunk(&self, per_call: Duration) -> usize {
        if let Some(size) = self.chunk_size {
            return size;
        }
        if per_call.is_zero() {
            return if self.chunked { FIRST_CHUNK } else { LARGEST_CHUNK };
        }
        let fits = CHUNK_TIME.as_nanos() / per_call.as_nanos().max(1);
        usize::try_from(fits).unwrap_or(LARGEST_CHUNK).clamp(1, LARGEST_CHUNK)
    }
}
