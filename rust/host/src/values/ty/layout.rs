//! How members lie beside or over each other, by the canonical ABI.

use super::{Kind, TooLarge, Ty};

/// Members laid one after the other.
#[derive(Default)]
pub(super) struct Row {
    size: u32,
    align: u32,
    flat: u32,
    pointers: bool,
}

impl Row {
    pub fn add(&mut self, ty: &Ty) -> Result<u32, TooLarge> {
        let offset = self.size.next_multiple_of(ty.align);
        self.size = offset + ty.size;
        self.align = self.align.max(ty.align);
        self.flat = self.flat.saturating_add(ty.flat);
        self.pointers |= ty.pointers;
        if self.size > Ty::MAX_SIZE { Err(TooLarge) } else { Ok(offset) }
    }

    pub fn finish(self, kind: Kind) -> Result<Ty, TooLarge> {
        let align = self.align.max(1);
        let size = self.size.next_multiple_of(align);
        let (flat, pointers) = (self.flat, self.pointers);
        Ok(Ty { kind, size, align, flat, pointers, tag_size: 0, payload: 0, objects: 0 }.counted())
    }
}

/// A discriminant and the union of what may follow it.
pub(super) struct Cases {
    tag_size: u32,
    size: u32,
    align: u32,
    flat: u32,
    pointers: bool,
}

impl Cases {
    pub fn of<'a>(count: usize, payloads: impl IntoIterator<Item = Option<&'a Ty>>) -> Self {
        let tag_size = match count {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        };
        let mut cases = Self { tag_size, size: 0, align: 1, flat: 0, pointers: false };
        for ty in payloads.into_iter().flatten() {
            cases.size = cases.size.max(ty.size);
            cases.align = cases.align.max(ty.align);
            cases.flat = cases.flat.max(ty.flat);
            cases.pointers |= ty.pointers;
        }
        cases
    }

    pub fn finish(self, kind: Kind) -> Result<Ty, TooLarge> {
        let payload = self.tag_size.next_multiple_of(self.align);
        let align = self.align.max(self.tag_size);
        let size = (payload + self.size).next_multiple_of(align);
        if size > Ty::MAX_SIZE {
            return Err(TooLarge);
        }
        let (flat, pointers, tag_size) = (self.flat.saturating_add(1), self.pointers, self.tag_size);
        Ok(Ty { kind, size, align, flat, pointers, tag_size, payload, objects: 0 }.counted())
    }
}
