//! What values take as objects of a host with objects for everything (Python): the measure of `max_result_bytes`.
//!
//! Worked out once for each type, since lists ask for it, empty ones too.

use super::{Kind, Ty};

/// A slot of a list, tuple or dict.
const SLOT: u64 = 8;

impl Ty {
    /// Bytes of one list element of this type as an object, without what its own strings and lists hold.
    ///
    /// An estimate of CPython's sizes, on the safe side where they vary. Bytes stay bytes and cost nothing more.
    pub(crate) fn element_bytes(&self) -> u64 {
        if self.kind == Kind::U8 { 0 } else { SLOT + self.objects }
    }

    /// Bytes of a value of this type as an object, without what its own strings and lists hold.
    pub(crate) fn objects(&self) -> u64 {
        self.objects
    }

    /// The type, with its estimate; those of its parts are there already.
    pub(super) fn counted(mut self) -> Self {
        let largest = |types: &mut dyn Iterator<Item = &Ty>| types.map(|ty| ty.objects).max().unwrap_or(0);
        self.objects = match &self.kind {
            // Shared objects: truth values, small numbers, names.
            Kind::Bool | Kind::S8 | Kind::U8 | Kind::Enum(_) => 0,
            Kind::S16 | Kind::U16 | Kind::S32 | Kind::U32 | Kind::S64 | Kind::U64 => 32,
            Kind::F32 | Kind::F64 => 24,
            Kind::Char | Kind::String | Kind::List(_) => 64,
            Kind::FixedList(element, len) => 64 + u64::from(*len).saturating_mul(element.element_bytes()),
            Kind::Record(fields) => sum(160, fields.iter().map(|field| 3 * SLOT + field.ty.objects)),
            Kind::Tuple(items) => sum(56, items.iter().map(|item| SLOT + item.ty.objects)),
            Kind::Flags(_) => 216,
            Kind::Variant(cases) => 48 + largest(&mut cases.iter().filter_map(|case| case.ty.as_deref())),
            Kind::Option(some) => 32 + some.objects,
            Kind::Result { ok, err } => 40 + largest(&mut ok.iter().chain(err).map(|ty| &**ty)),
        }
        // Far above every limit, and far from overflowing.
        .min(1 << 48);
        self
    }
}

fn sum(start: u64, parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(start, u64::saturating_add)
}
