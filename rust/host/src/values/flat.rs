//! Between memory layout and core values.
//!
//! Core values are held as 64 bits each, zero-extended. That makes the joins of variant payloads (an `f32` case beside
//! an `s64` case, say) disappear: every conversion the canonical ABI lists there is zero extension or nothing, and
//! wasmtime's `ValRaw` reads an `i32` or `f32` from the low half.

use super::error::GuestValueError;
use super::signature::{MAX_FLAT_PARAMS, Signature};
use super::ty::{Kind, Ty};

/// The parameters as core values; the signature does not spill. Slots not used are zero.
pub(super) fn flatten(signature: &Signature, root: &[u8]) -> [u64; MAX_FLAT_PARAMS] {
    let mut slots = [0; MAX_FLAT_PARAMS];
    let mut next = 0;
    for param in &signature.params {
        store(&param.ty, root, param.offset as usize, &mut slots, &mut next);
    }
    slots
}

fn store(ty: &Ty, memory: &[u8], at: usize, slots: &mut [u64], next: &mut usize) {
    match &ty.kind {
        Kind::Record(fields) => {
            for field in fields {
                store(&field.ty, memory, at + field.offset as usize, slots, next);
            }
        }
        Kind::Tuple(items) => {
            for item in items {
                store(&item.ty, memory, at + item.offset as usize, slots, next);
            }
        }
        Kind::FixedList(element, len) => {
            for i in 0..*len as usize {
                store(element, memory, at + i * element.size as usize, slots, next);
            }
        }
        Kind::Variant(_) | Kind::Option(_) | Kind::Result { .. } => {
            let end = *next + ty.flat as usize;
            let tag = unsigned(memory, at, ty.tag_size);
            slots[*next] = tag;
            *next += 1;
            if let Some(Some(payload)) = ty.case(tag as u32) {
                store(payload, memory, at + ty.payload as usize, slots, next);
            }
            *next = end;
        }
        Kind::String | Kind::List(_) => {
            slots[*next] = unsigned(memory, at, 4);
            slots[*next + 1] = unsigned(memory, at + 4, 4);
            *next += 2;
        }
        kind => {
            slots[*next] = scalar(kind, ty.size, memory, at);
            *next += 1;
        }
    }
}

/// Signed types narrower than a core value are sign-extended to 32 bits.
fn scalar(kind: &Kind, size: u32, memory: &[u8], at: usize) -> u64 {
    let value = unsigned(memory, at, size);
    match kind {
        Kind::S8 => u64::from(i32::from(value as i8) as u32),
        Kind::S16 => u64::from(i32::from(value as i16) as u32),
        _ => value,
    }
}

/// Up to eight little-endian bytes.
fn unsigned(memory: &[u8], at: usize, size: u32) -> u64 {
    let mut bytes = [0; 8];
    bytes[..size as usize].copy_from_slice(&memory[at..at + size as usize]);
    u64::from_le_bytes(bytes)
}

/// Stores a result that came back as one core value in memory layout. `out` has `ty.size` zeroed bytes.
pub(super) fn unflatten(ty: &Ty, value: u64, out: &mut [u8]) -> Result<(), GuestValueError> {
    let (leaf, at) = leaf(ty);
    let value = match leaf.kind {
        Kind::Bool => u64::from(value as u32 != 0),
        Kind::S64 | Kind::U64 | Kind::F64 => value,
        // Wider than the discriminant's own bytes: checked before it is cut down to them.
        Kind::Enum(_) | Kind::Variant(_) | Kind::Option(_) | Kind::Result { .. } => {
            let tag = value as u32;
            if leaf.case(tag).is_none() {
                return Err(GuestValueError::discriminant(tag, leaf.cases()));
            }
            u64::from(tag)
        }
        _ => u64::from(value as u32),
    };
    let size = if leaf.tag_size > 0 { leaf.tag_size } else { leaf.size } as usize;
    out[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
    Ok(())
}

/// The one member that holds the one core value, and its offset.
fn leaf(ty: &Ty) -> (&Ty, usize) {
    let (inner, offset) = match &ty.kind {
        Kind::Record(fields) => fields.first().map(|field| (&field.ty, field.offset)).unzip(),
        Kind::Tuple(items) => items.first().map(|item| (&item.ty, item.offset)).unzip(),
        Kind::FixedList(element, _) => (Some(element), Some(0)),
        _ => (None, None),
    };
    match (inner, offset) {
        (Some(inner), Some(offset)) => {
            let (leaf, at) = leaf(inner);
            (leaf, at + offset as usize)
        }
        _ => (ty, 0),
    }
}
