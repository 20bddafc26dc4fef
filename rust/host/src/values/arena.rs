//! Growing byte buffers for images and arguments; large ones are used again.
//!
//! A fresh megabyte costs two to three times more in page faults than in copying: the C allocator gives it back to the
//! system whenever it is freed. A few buffers kept for the process avoid that. They are bounded in size and number, and
//! nobody sees what was in them before: length starts at zero.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Below this the allocator keeps memory by itself.
const SMALLEST: usize = 64 << 10;
/// Above this a call takes so long that it does not matter.
const LARGEST: usize = 4 << 20;
/// Buffers kept, at most 16 MiB together.
const KEPT: usize = 4;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Most arguments and results are this small. They stay in place: memory that one thread asks for and another gives back
/// costs as much as the rest of a call.
const INLINE: usize = 64;

/// A byte vector whose memory may have been used before.
#[derive(Debug, Clone)]
pub(super) struct Arena {
    bytes: Bytes,
}

#[derive(Debug, Clone)]
enum Bytes {
    Inline { bytes: [u8; INLINE], len: usize },
    Heap(Vec<u8>),
}

impl Default for Arena {
    fn default() -> Self {
        Self { bytes: Bytes::Inline { bytes: [0; INLINE], len: 0 } }
    }
}

impl Arena {
    pub fn with_capacity(capacity: usize) -> Self {
        if capacity <= INLINE {
            return Self::default();
        }
        Self { bytes: Bytes::Heap(Vec::with_capacity(capacity)) }
    }

    pub fn append(&mut self, more: &[u8]) {
        match &mut self.bytes {
            Bytes::Inline { bytes, len } if more.len() <= INLINE - *len => {
                bytes[*len..*len + more.len()].copy_from_slice(more);
                *len += more.len();
            }
            _ => self.on_heap(more.len()).extend_from_slice(more),
        }
    }

    pub fn append_zeros(&mut self, count: usize) {
        match &mut self.bytes {
            Bytes::Inline { bytes, len } if count <= INLINE - *len => {
                bytes[*len..*len + count].fill(0);
                *len += count;
            }
            _ => {
                let bytes = self.on_heap(count);
                bytes.resize(bytes.len() + count, 0);
            }
        }
    }

    /// The bytes as a vector, with room for `count` more where a kept buffer has that.
    fn on_heap(&mut self, count: usize) -> &mut Vec<u8> {
        let needed = self.len().saturating_add(count);
        let has_room = matches!(&self.bytes, Bytes::Heap(bytes) if needed <= bytes.capacity());
        if !has_room {
            let kept = (SMALLEST..=LARGEST).contains(&needed).then(|| kept(needed)).flatten();
            let is_inline = matches!(self.bytes, Bytes::Inline { .. });
            if let Some(mut moved) = kept.or_else(|| is_inline.then(|| Vec::with_capacity(needed))) {
                moved.extend_from_slice(self);
                self.bytes = Bytes::Heap(moved);
            }
        }
        match &mut self.bytes {
            Bytes::Heap(bytes) => bytes,
            Bytes::Inline { .. } => unreachable!("moved to the heap above"),
        }
    }
}

/// A kept buffer, if there is one large enough.
#[cold]
fn kept(needed: usize) -> Option<Vec<u8>> {
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let found = spare.iter().position(|buffer| buffer.capacity() >= needed)?;
    Some(spare.swap_remove(found))
}

impl Drop for Arena {
    fn drop(&mut self) {
        let Bytes::Heap(bytes) = &mut self.bytes else { return };
        if !(SMALLEST..=LARGEST).contains(&bytes.capacity()) {
            return;
        }
        let mut bytes = std::mem::take(bytes);
        bytes.clear();
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < KEPT {
            spare.push(bytes);
        }
    }
}

impl Deref for Arena {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Inline { bytes, len } => &bytes[..*len],
            Bytes::Heap(bytes) => bytes,
        }
    }
}

impl DerefMut for Arena {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.bytes {
            Bytes::Inline { bytes, len } => &mut bytes[..*len],
            Bytes::Heap(bytes) => bytes,
        }
    }
}

impl PartialEq for Arena {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Arena {}
