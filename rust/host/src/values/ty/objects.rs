//! What values take as objects of a host with objects for everything (Python): the measure of `max_result_bytes`.

use super::{Kind, Ty};

/// A slot of a list, tuple or dict.
const SLOT: u64 = 8;

impl Ty {
    /// Bytes of one list element of this type as an object, without what its own strings and lists hold.
    ///
    /// An estimate of CPython's sizes, on the safe side where they vary. Bytes stay bytes and cost nothing more.
    pub(crate) fn object_bytes(&self) -> u64 {
        if self.kind == Kind::U8 { 0 } else { SLOT + self.own_bytes() }
    }

    fn own_bytes(&self) -> u64 {
        let largest = |types: &mut dyn Iterator<Item = &Ty>| types.map(Ty::own_bytes).max().unwrap_or(0);
        match &self.kind {
            // Shared objects: truth values, small numbers, names.
            Kind::Bool | Kind::S8 | Kind::U8 | Kind::Enum(_) => 0,
            Kind::S16 | Kind::U16 | Kind::S32 | Kind::U32 | Kind::S64 | Kind::U64 => 32,
            Kind::F32 | Kind::F64 => 24,
            Kind::Char | Kind::String | Kind::List(_) => 64,
            Kind::FixedList(element, len) => 64 + u64::from(*len) * element.object_bytes(),
            Kind::Record(fields) => {
                let fields = fields.iter().map(|field| 3 * SLOT + field.ty.own_bytes());
                160 + fields.sum::<u64>()
            }
            Kind::Tuple(items) => 56 + items.iter().map(|item| SLOT + item.ty.own_bytes()).sum::<u64>(),
            Kind::Flags(_) => 216,
            Kind::Variant(cases) => 48 + largest(&mut cases.iter().filter_map(|case| case.ty.as_deref())),
            Kind::Option(some) => 32 + some.own_bytes(),
            Kind::Result { ok, err } => 40 + largest(&mut ok.iter().chain(err).map(|ty| &**ty)),
        }
    }
}
