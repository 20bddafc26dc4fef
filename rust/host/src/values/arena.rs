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

/// A byte vector whose memory may have been used before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arena {
    bytes: Vec<u8>,
}

impl Arena {
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    pub fn append(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    pub fn append_zeros(&mut self, count: usize) {
        self.make_room(count);
        self.bytes.resize(self.bytes.len() + count, 0);
    }

    fn make_room(&mut self, count: usize) {
        let needed = self.bytes.len().saturating_add(count);
        if needed > self.bytes.capacity() && (SMALLEST..=LARGEST).contains(&needed) {
            self.replace(needed);
        }
    }

    /// Moves to a kept buffer, if there is one large enough.
    #[cold]
    fn replace(&mut self, needed: usize) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = spare.iter().position(|buffer| buffer.capacity() >= needed) else { return };
        let mut buffer = spare.swap_remove(found);
        drop(spare);
        buffer.extend_from_slice(&self.bytes);
        self.bytes = buffer;
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if !(SMALLEST..=LARGEST).contains(&self.bytes.capacity()) {
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
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
        &self.bytes
    }
}

impl DerefMut for Arena {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}
