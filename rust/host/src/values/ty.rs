//! A WIT type with its layout in linear memory, worked out once.
//!
//! Sizes, alignments and offsets are those of the canonical ABI for 32-bit memories. Children are shared (`Arc`), so
//! that converters built on top can hold the part of the plan they need.

use std::sync::Arc;

use super::PAIR;

mod layout;
mod objects;
use layout::{Cases, Row};

/// A type, its place in memory and its number of core values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ty {
    pub kind: Kind,
    pub size: u32,
    pub align: u32,
    /// Number of core values when passed flat.
    pub flat: u32,
    /// Whether a value holds a string or a list somewhere, so that it cannot be copied as plain bytes.
    pub pointers: bool,
    /// Bytes of the discriminant (of flags: of the mask); 0 for types without one.
    pub tag_size: u32,
    /// Where the payload of a variant, option or result starts.
    pub payload: u32,
    /// Bytes of a value as an object of the host, see `objects`.
    pub(super) objects: u64,
}

/// What a [`Ty`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Arc<Ty>),
    FixedList(Arc<Ty>, u32),
    Record(Vec<Field>),
    Tuple(Vec<Item>),
    Variant(Vec<Case>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    Option(Arc<Ty>),
    Result { ok: Option<Arc<Ty>>, err: Option<Arc<Ty>> },
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub offset: u32,
    pub ty: Arc<Ty>,
}

/// A member of a tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub offset: u32,
    pub ty: Arc<Ty>,
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub name: String,
    pub ty: Option<Arc<Ty>>,
}

/// The layout of a value would not fit: more than [`Ty::MAX_SIZE`] bytes without any list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl Ty {
    /// Largest fixed size of a value. Only fixed-length lists get anywhere near it.
    pub const MAX_SIZE: u32 = 64 << 20;

    /// A type without children: a number, `bool`, `char` or `string`.
    ///
    /// # Panics
    /// If `kind` has children.
    pub fn primitive(kind: Kind) -> Self {
        let size = match kind {
            Kind::Bool | Kind::S8 | Kind::U8 => 1,
            Kind::S16 | Kind::U16 => 2,
            Kind::S32 | Kind::U32 | Kind::F32 | Kind::Char => 4,
            Kind::S64 | Kind::U64 | Kind::F64 => 8,
            Kind::String => return Self::pair(kind),
            _ => unreachable!("{kind:?} is not a primitive type"),
        };
        Self { kind, size, align: size, flat: 1, pointers: false, tag_size: 0, payload: 0, objects: 0 }
            .counted()
    }

    pub fn list(element: Arc<Self>) -> Self {
        Self::pair(Kind::List(element))
    }

    pub fn fixed_list(element: Arc<Self>, len: u32) -> Result<Self, TooLarge> {
        let size = u64::from(element.size) * u64::from(len);
        let size = u32::try_from(size).ok().filter(|&size| size <= Self::MAX_SIZE).ok_or(TooLarge)?;
        let (align, flat, pointers) = (element.align, element.flat.saturating_mul(len), element.pointers);
        let kind = Kind::FixedList(element, len);
        Ok(Self { kind, size, align, flat, pointers, tag_size: 0, payload: 0, objects: 0 }.counted())
    }

    pub fn record(fields: Vec<(String, Arc<Self>)>) -> Result<Self, TooLarge> {
        let mut row = Row::default();
        let fields = fields
            .into_iter()
            .map(|(name, ty)| Ok(Field { name, offset: row.add(&ty)?, ty }))
            .collect::<Result<_, _>>()?;
        row.finish(Kind::Record(fields))
    }

    pub fn tuple(items: Vec<Arc<Self>>) -> Result<Self, TooLarge> {
        let mut row = Row::default();
        let items =
            items.into_iter().map(|ty| Ok(Item { offset: row.add(&ty)?, ty })).collect::<Result<_, _>>()?;
        row.finish(Kind::Tuple(items))
    }

    pub fn variant(cases: Vec<Case>) -> Result<Self, TooLarge> {
        let shape = Cases::of(cases.len(), cases.iter().map(|case| case.ty.as_deref()));
        shape.finish(Kind::Variant(cases))
    }

    pub fn option(some: Arc<Self>) -> Result<Self, TooLarge> {
        Cases::of(2, [None, Some(&*some)]).finish(Kind::Option(some))
    }

    pub fn result(ok: Option<Arc<Self>>, err: Option<Arc<Self>>) -> Result<Self, TooLarge> {
        Cases::of(2, [ok.as_deref(), err.as_deref()]).finish(Kind::Result { ok, err })
    }

    pub fn enumeration(names: Vec<String>) -> Result<Self, TooLarge> {
        Cases::of(names.len(), []).finish(Kind::Enum(names))
    }

    /// Flags; the component model has at most 32 labels.
    pub fn flags(names: Vec<String>) -> Self {
        let size = match names.len() {
            0..=8 => 1,
            9..=16 => 2,
            _ => 4,
        };
        Self {
            kind: Kind::Flags(names),
            size,
            align: size,
            flat: 1,
            pointers: false,
            tag_size: size,
            payload: 0,
            objects: 0,
        }
        .counted()
    }

    fn pair(kind: Kind) -> Self {
        let (size, align) = (PAIR as u32, 4);
        Self { kind, size, align, flat: 2, pointers: true, tag_size: 0, payload: 0, objects: 0 }.counted()
    }

    /// The number of cases of a variant, option, result or enum; 0 for other types.
    pub fn cases(&self) -> usize {
        match &self.kind {
            Kind::Variant(cases) => cases.len(),
            Kind::Enum(names) => names.len(),
            Kind::Option(_) | Kind::Result { .. } => 2,
            _ => 0,
        }
    }

    /// The payload type of the case with this discriminant; the outer `None` for an unknown case.
    pub fn case(&self, discriminant: u32) -> Option<Option<&Arc<Self>>> {
        match (&self.kind, discriminant) {
            (Kind::Variant(cases), n) => cases.get(n as usize).map(|case| case.ty.as_ref()),
            (Kind::Enum(names), n) => names.get(n as usize).map(|_| None),
            (Kind::Option(_), 0) => Some(None),
            (Kind::Option(some), 1) => Some(Some(some)),
            (Kind::Result { ok, .. }, 0) => Some(ok.as_ref()),
            (Kind::Result { err, .. }, 1) => Some(err.as_ref()),
            _ => None,
        }
    }
}
