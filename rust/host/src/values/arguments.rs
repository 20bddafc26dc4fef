//! The arguments of one call, laid out as the guest will see them, before the guest is entered.
//!
//! The arena starts with the parameters as one tuple. Every string and list is a *block*: bytes in the arena (or
//! borrowed from the caller) and the *slot*, the place of the (pointer, length) pair in its parent. Blocks are kept
//! children first, so that lowering is one walk: allocate in the guest, write the guest's address into the slot, copy.
//! Nothing here knows the types: whoever fills the arena follows the [`Signature`]'s offsets, and a mistake gives the
//! guest wrong values, never the host a wrong pointer. The same arguments can be lowered again, for a retry.

use std::any::Any;
use std::ops::Range;

use wippy_lua::copy::measure;
use wippy_lua::value::Value;

use super::PAIR;
use super::arena::Arena;
use super::error::guest_error;
use super::signature::Signature;

mod simple;
pub use simple::SignatureMismatch;

/// Arguments on their way into a guest.
#[derive(Default)]
pub struct Arguments {
    arena: Arena,
    blocks: Vec<Block>,
    keep: Vec<Box<dyn Any + Send + Sync>>,
    /// Those of a script, which has no layout.
    values: Vec<Value>,
}

struct Block {
    source: Source,
    slot: usize,
    /// Bytes of a string, elements of a list.
    len: u32,
    align: u32,
    text: bool,
}

enum Source {
    Arena(Range<usize>),
    Borrowed(*const u8, usize),
}

// SAFETY: the only fields that are not `Send` and `Sync` by themselves are the borrowed pointers. They are read, never
// written, and `Arguments::borrow` demands that what they point to is immutable, and alive as long as `keep` is, from
// whatever thread looks at it.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

/// More than one value may hold (F-52).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl Arguments {
    /// Bytes of one string or list.
    pub const MAX_BYTES: usize = 1 << 30;
    /// Elements of one list, unless they are bytes.
    pub const MAX_ITEMS: usize = 1 << 27;

    /// Arguments of this signature, all zero.
    pub fn new(signature: &Signature) -> Self {
        let size = signature.size as usize;
        let mut arena = Arena::with_capacity(size);
        arena.append_zeros(size);
        Self { arena, ..Self::default() }
    }

    /// Arguments of a script.
    pub fn of_script(values: Vec<Value>) -> Self {
        Self { values, ..Self::default() }
    }

    pub fn script_values(&self) -> &[Value] {
        &self.values
    }

    /// Stores a scalar's little-endian bytes.
    ///
    /// # Panics
    /// If `at` is not an offset inside the arena.
    #[inline]
    pub fn write<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.arena[at..at + N].copy_from_slice(&bytes);
    }

    /// Zeroed room for `count` elements; gives its offset. [`Self::end_list`] must follow once they are written.
    pub fn begin_list(&mut self, element_size: u32, count: usize) -> Result<usize, TooLong> {
        let size = (element_size as usize).checked_mul(count).filter(|&size| size <= Self::MAX_BYTES);
        let size = size.filter(|_| count <= Self::MAX_ITEMS).ok_or(TooLong)?;
        let start = self.arena.len();
        self.arena.append_zeros(size);
        Ok(start)
    }

    /// Ends the list begun at `start`; its elements' own strings and lists have been added in between.
    pub fn end_list(&mut self, slot: usize, start: usize, element_size: u32, align: u32, count: usize) {
        let size = element_size as usize * count;
        debug_assert!(start + size <= self.arena.len());
        self.push(Source::Arena(start..start + size), slot, count, align, false);
    }

    /// Adds a string by copy.
    pub fn text(&mut self, slot: usize, text: &str) -> Result<(), TooLong> {
        self.copy(slot, text.as_bytes(), text.len(), 1, true)
    }

    /// Adds a list of plain elements by copy: `count` of them in `bytes`, little-endian.
    pub fn plain_list(&mut self, slot: usize, bytes: &[u8], count: usize, align: u32) -> Result<(), TooLong> {
        self.copy(slot, bytes, count, align, false)
    }

    /// Adds a string (`text`) or a `list<u8>` without copying it.
    ///
    /// # Safety
    /// Until `keep` is dropped, which may happen on any thread, `bytes` stays where it is and nobody writes to it;
    /// with `text` it is UTF-8.
    pub unsafe fn borrow(
        &mut self,
        slot: usize,
        bytes: &[u8],
        text: bool,
        keep: Box<dyn Any + Send + Sync>,
    ) -> Result<(), TooLong> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(TooLong);
        }
        self.keep.push(keep);
        self.push(Source::Borrowed(bytes.as_ptr(), bytes.len()), slot, bytes.len(), 1, text);
        Ok(())
    }

    /// Bytes held, borrowed ones included.
    pub fn size(&self) -> usize {
        let borrowed = self.blocks.iter().map(|block| match block.source {
            Source::Borrowed(_, len) => len,
            Source::Arena(_) => 0,
        });
        let values = self.values.iter().map(|value| measure(value).bytes);
        self.arena.len() + borrowed.sum::<usize>() + values.sum::<usize>()
    }

    fn copy(
        &mut self,
        slot: usize,
        bytes: &[u8],
        count: usize,
        align: u32,
        text: bool,
    ) -> Result<(), TooLong> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(TooLong);
        }
        let start = self.arena.len();
        self.arena.append(bytes);
        self.push(Source::Arena(start..self.arena.len()), slot, count, align, text);
        Ok(())
    }

    fn push(&mut self, source: Source, slot: usize, count: usize, align: u32, text: bool) {
        // At most MAX_BYTES elements of a byte or more.
        let len = count as u32;
        self.blocks.push(Block { source, slot, len, align, text });
    }
}

/// What lowering needs.
impl Arguments {
    /// The parameter tuple.
    pub(super) fn root(&self, signature: &Signature) -> wasmtime::Result<&[u8]> {
        self.arena
            .get(..signature.size as usize)
            .ok_or_else(|| wasmtime::Error::msg("arguments of another signature"))
    }

    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Alignment and bytes block `index` needs in the guest.
    pub(super) fn request(&self, index: usize) -> (u32, usize) {
        let block = &self.blocks[index];
        (block.align, self.bytes(block).len())
    }

    /// The text of block `index`, if it is one.
    pub(super) fn text_at(&self, index: usize) -> Option<&str> {
        let block = &self.blocks[index];
        if block.text { std::str::from_utf8(self.bytes(block)).ok() } else { None }
    }

    /// Copies block `index` to where the guest has made room, and tells its parent.
    pub(super) fn place(&mut self, index: usize, pointer: usize, memory: &mut [u8]) -> wasmtime::Result<()> {
        let block = &self.blocks[index];
        let bytes = self.bytes(block);
        let room = pointer.checked_add(bytes.len()).and_then(|end| memory.get_mut(pointer..end));
        room.ok_or_else(|| guest_error("realloc return: beyond end of memory"))?.copy_from_slice(bytes);
        self.patch(index, pointer, block.len as usize)
    }

    /// Stores the (pointer, length) pair of block `index` in its parent.
    pub(super) fn patch(&mut self, index: usize, pointer: usize, len: usize) -> wasmtime::Result<()> {
        let slot = self.blocks[index].slot;
        let mut pair = [0; PAIR];
        pair[..4].copy_from_slice(&u32::try_from(pointer)?.to_le_bytes());
        pair[4..].copy_from_slice(&u32::try_from(len)?.to_le_bytes());
        self.write(slot, pair);
        Ok(())
    }

    fn bytes(&self, block: &Block) -> &[u8] {
        match &block.source {
            Source::Arena(range) => &self.arena[range.clone()],
            // SAFETY: `borrow` made the caller promise that the bytes stay while `keep` lives, and `self` holds it.
            Source::Borrowed(start, len) => unsafe { std::slice::from_raw_parts(*start, *len) },
        }
    }
}
