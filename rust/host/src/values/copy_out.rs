//! Copying a result out of a guest's memory into an [`Image`], while the guest still owns it.
//!
//! The walk checks every pointer for bounds and alignment and every discriminant that decides where pointers are, and
//! counts every byte against the caller's limit before copying it, so that a small guest cannot make a large host
//! allocation by pointing at the same memory many times. Elements of lists count with what they take as objects of the
//! host ([`Ty::element_bytes`]), because a byte may become a set or a dict. What cannot lead astray (characters, flags, plain
//! discriminants, UTF-8) is checked when the image is read.

use super::PAIR;
use super::arena::Arena;
use super::error::{GuestValueError, ResultTooLarge, guest_error};
use super::image::{Image, pair, tag};
use super::ty::{Kind, Ty};

/// Guest memory and, for guests whose strings are not UTF-8, their decoder.
pub(super) trait Memory {
    fn bytes(&self) -> &[u8];

    /// Text at this (pointer, length) pair as UTF-8, where the guest uses another encoding.
    fn decode(&mut self, _pair: [u8; PAIR]) -> Option<wasmtime::Result<String>> {
        None
    }
}

/// Copies the value at `pointer`.
pub(super) fn copy_out(
    ty: &Ty,
    pointer: u32,
    memory: &mut impl Memory,
    limit: usize,
) -> wasmtime::Result<Image> {
    let mut copier = Copier::new(memory, limit);
    copier.objects = ty.objects();
    copier.append(pointer, 1, ty, "return pointer")?;
    copier.relocate(ty, 0)?;
    Ok(Image::new(copier.arena))
}

struct Copier<'a, M> {
    memory: &'a mut M,
    arena: Arena,
    /// What the copied elements will take as objects.
    objects: u64,
    limit: usize,
}

impl<'a, M: Memory> Copier<'a, M> {
    fn new(memory: &'a mut M, limit: usize) -> Self {
        // Offsets in the image are 32 bits wide.
        Self { memory, arena: Arena::default(), objects: 0, limit: limit.min(u32::MAX as usize) }
    }

    /// Appends `count` values of type `ty`; gives their offset.
    fn append(&mut self, pointer: u32, count: u32, ty: &Ty, what: &str) -> wasmtime::Result<usize> {
        if !pointer.is_multiple_of(ty.align) {
            return Err(guest_error(format!("{what} {pointer:#x} is not aligned to {}", ty.align)));
        }
        let size = u64::from(count) * u64::from(ty.size);
        self.append_bytes(pointer, size, what)
    }

    fn append_bytes(&mut self, pointer: u32, size: u64, what: &str) -> wasmtime::Result<usize> {
        let memory = self.memory.bytes();
        let end = u64::from(pointer) + size;
        if end > memory.len() as u64 {
            return Err(guest_error(format!("{what} {pointer:#x} + {size} bytes is out of bounds")));
        }
        // Both fit: they are inside the memory.
        let source = &memory[pointer as usize..end as usize];
        let start = self.arena.len();
        if (start + source.len()) as u64 + self.objects > self.limit as u64 {
            return Err(self.too_large());
        }
        self.arena.append(source);
        Ok(start)
    }

    fn too_large(&self) -> wasmtime::Error {
        wasmtime::Error::new(ResultTooLarge { limit: self.limit })
    }

    /// Turns guest pointers in the value at `at` into offsets, copying what they point to.
    fn relocate(&mut self, ty: &Ty, at: usize) -> wasmtime::Result<()> {
        if !ty.pointers {
            return Ok(());
        }
        match &ty.kind {
            Kind::String => self.string(at),
            Kind::List(element) => self.list(element, at),
            Kind::FixedList(element, len) => self.elements(element, at, *len as usize),
            Kind::Record(fields) => {
                fields.iter().try_for_each(|field| self.relocate(&field.ty, at + field.offset as usize))
            }
            Kind::Tuple(items) => {
                items.iter().try_for_each(|item| self.relocate(&item.ty, at + item.offset as usize))
            }
            _ => self.payload(ty, at),
        }
    }

    fn payload(&mut self, ty: &Ty, at: usize) -> wasmtime::Result<()> {
        let tag = tag(&self.arena, at, ty.tag_size);
        match ty.case(tag) {
            Some(Some(payload)) => self.relocate(payload, at + ty.payload as usize),
            Some(None) => Ok(()),
            None => Err(wasmtime::Error::new(GuestValueError::discriminant(tag, ty.cases()))),
        }
    }

    fn string(&mut self, at: usize) -> wasmtime::Result<()> {
        let (pointer, len) = pair(&self.arena, at);
        let mut words = [0; PAIR];
        words.copy_from_slice(&self.arena[at..at + PAIR]);
        let Some(decoded) = self.memory.decode(words) else {
            let start = self.append_bytes(pointer, u64::from(len), "string")?;
            return self.patch(at, start, len);
        };
        let text = decoded?;
        let start = self.arena.len();
        if (start + text.len()) as u64 + self.objects > self.limit as u64 {
            return Err(self.too_large());
        }
        self.arena.append(text.as_bytes());
        self.patch(at, start, text.len() as u32)
    }

    fn list(&mut self, element: &Ty, at: usize) -> wasmtime::Result<()> {
        let (pointer, len) = pair(&self.arena, at);
        self.objects = self.objects.saturating_add(u64::from(len).saturating_mul(element.element_bytes()));
        let start = self.append(pointer, len, element, "list")?;
        self.patch(at, start, len)?;
        self.elements(element, start, len as usize)
    }

    fn elements(&mut self, element: &Ty, start: usize, count: usize) -> wasmtime::Result<()> {
        if !element.pointers {
            return Ok(());
        }
        (0..count).try_for_each(|i| self.relocate(element, start + i * element.size as usize))
    }

    fn patch(&mut self, at: usize, start: usize, len: u32) -> wasmtime::Result<()> {
        self.arena[at..at + 4].copy_from_slice(&(start as u32).to_le_bytes());
        self.arena[at + 4..at + PAIR].copy_from_slice(&len.to_le_bytes());
        Ok(())
    }
}
