//! Copying arguments into a guest; no Python in sight.

use super::arguments::Arguments;
use super::flat::flatten;
use super::signature::{MAX_FLAT_PARAMS, Signature};

/// What lowering asks of a guest.
pub(super) trait Guest {
    /// Room for `size` bytes. The guest may move or grow its memory meanwhile.
    fn realloc(&mut self, align: u32, size: usize) -> wasmtime::Result<usize>;

    fn memory(&mut self) -> &mut [u8];

    /// Whether the guest keeps strings in another encoding than UTF-8.
    fn encodes(&self) -> bool {
        false
    }

    /// Lowers text where [`Self::encodes`]; gives pointer and length.
    fn encode(&mut self, _text: &str) -> wasmtime::Result<(usize, usize)> {
        Err(wasmtime::Error::msg("the guest uses UTF-8"))
    }
}

/// Lowers everything; gives the core values to call with.
pub(super) fn lower(
    arguments: &mut Arguments,
    signature: &Signature,
    guest: &mut impl Guest,
) -> wasmtime::Result<[u64; MAX_FLAT_PARAMS]> {
    let encodes = guest.encodes();
    for index in 0..arguments.blocks() {
        if encodes && let Some(text) = arguments.text_at(index) {
            let (pointer, len) = guest.encode(text)?;
            arguments.patch(index, pointer, len)?;
            continue;
        }
        let (align, size) = arguments.request(index);
        let pointer = guest.realloc(align, size)?;
        arguments.place(index, pointer, guest.memory())?;
    }
    let root = arguments.root(signature)?;
    if !signature.spills() {
        return Ok(flatten(signature, root));
    }
    let pointer = guest.realloc(signature.align, root.len())?;
    store_root(root, pointer, guest.memory())
}

/// Writes the spilled parameters; the only core value is their address.
pub(super) fn store_root(
    root: &[u8],
    pointer: usize,
    memory: &mut [u8],
) -> wasmtime::Result<[u64; MAX_FLAT_PARAMS]> {
    let room = pointer.checked_add(root.len()).and_then(|end| memory.get_mut(pointer..end));
    room.ok_or_else(|| super::error::guest_error("realloc return: beyond end of memory"))?
        .copy_from_slice(root);
    let mut slots = [0; MAX_FLAT_PARAMS];
    slots[0] = pointer as u64;
    Ok(slots)
}
