//! The plan of `wippy_host::values` with the Python strings conversion needs, made once.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;
use wippy_host::values::{Kind, Ty};

/// A type with its names. Offsets and sizes are taken out of `ty` where a loop needs them.
pub(super) struct Node {
    pub ty: Arc<Ty>,
    pub shape: Shape,
}

pub(super) enum Shape {
    Scalar(Scalar),
    Text,
    /// `list<u8>`; the node of its element is for lists of Python integers.
    Bytes(Box<Node>),
    /// A list of numbers or booleans: buffers go in.
    Scalars(Scalar, Box<Node>),
    List(Box<Node>),
    Fixed(Box<Node>, usize),
    Record(Vec<Member>),
    Tuple(Vec<(usize, Node)>),
    Variant(Labels, Vec<Option<Node>>),
    Enum(Labels),
    Flags(Labels),
    Option {
        some: Box<Node>,
        nested: bool,
    },
    Result {
        ok: Option<Box<Node>>,
        err: Option<Box<Node>>,
    },
}

/// Types that are one value of fixed size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
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
}

/// A field of a record.
pub(super) struct Member {
    pub name: Name,
    pub offset: usize,
    pub node: Node,
}

/// A name in both spellings.
pub(super) struct Name {
    /// `tag_count`: how it comes out.
    pub snake: Py<PyString>,
    /// `tag-count`, if that is another string.
    pub kebab: Option<Py<PyString>>,
}

/// The labels of a variant, enum or flags type.
pub(super) struct Labels {
    /// As the WIT spells them: how they come out (V-17).
    pub names: Vec<Py<PyString>>,
    index: HashMap<Box<str>, u32>,
}

impl Labels {
    /// The index of a label given in either spelling.
    pub fn find(&self, label: &str) -> Option<u32> {
        self.index.get(label).copied()
    }

    fn new<'a>(py: Python<'_>, labels: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = Vec::new();
        let mut index = HashMap::new();
        for (i, label) in (0..).zip(labels) {
            names.push(PyString::intern(py, label).unbind());
            index.insert(snake(label).into(), i);
            index.insert(label.into(), i);
        }
        Self { names, index }
    }
}

impl Name {
    pub fn new(py: Python<'_>, kebab: &str) -> Self {
        let snake = snake(kebab);
        let other = (snake != kebab).then(|| PyString::intern(py, kebab).unbind());
        Self { snake: PyString::intern(py, &snake).unbind(), kebab: other }
    }
}

/// A WIT name as Python spells it (V-9).
fn snake(kebab: &str) -> String {
    kebab.replace('-', "_").to_lowercase()
}

impl Node {
    pub fn new(py: Python<'_>, ty: &Arc<Ty>) -> Self {
        Self { ty: ty.clone(), shape: Shape::new(py, ty) }
    }

    pub fn size(&self) -> usize {
        self.ty.size as usize
    }

    /// Where the payload of a variant, option or result at `at` starts.
    pub fn payload(&self, at: usize) -> usize {
        at + self.ty.payload as usize
    }
}

impl Shape {
    fn new(py: Python<'_>, ty: &Ty) -> Self {
        let boxed = |ty: &Arc<Ty>| Box::new(Node::new(py, ty));
        match &ty.kind {
            Kind::String => Self::Text,
            Kind::List(element) if element.kind == Kind::U8 => Self::Bytes(boxed(element)),
            Kind::List(element) => match scalar(&element.kind) {
                Some(scalar) if scalar != Scalar::Char => Self::Scalars(scalar, boxed(element)),
                _ => Self::List(boxed(element)),
            },
            Kind::FixedList(element, len) => Self::Fixed(boxed(element), *len as usize),
            Kind::Record(fields) => Self::Record(
                fields
                    .iter()
                    .map(|field| Member {
                        name: Name::new(py, &field.name),
                        offset: field.offset as usize,
                        node: Node::new(py, &field.ty),
                    })
                    .collect(),
            ),
            Kind::Tuple(items) => Self::Tuple(
                items.iter().map(|item| (item.offset as usize, Node::new(py, &item.ty))).collect(),
            ),
            Kind::Variant(cases) => Self::Variant(
                Labels::new(py, cases.iter().map(|case| &*case.name)),
                cases.iter().map(|case| case.ty.as_ref().map(|ty| Node::new(py, ty))).collect(),
            ),
            Kind::Enum(names) => Self::Enum(Labels::new(py, names.iter().map(|name| &**name))),
            Kind::Flags(names) => Self::Flags(Labels::new(py, names.iter().map(|name| &**name))),
            Kind::Option(some) => {
                Self::Option { some: boxed(some), nested: matches!(some.kind, Kind::Option(_)) }
            }
            Kind::Result { ok, err } => {
                Self::Result { ok: ok.as_ref().map(boxed), err: err.as_ref().map(boxed) }
            }
            // All other kinds are scalars.
            kind => Self::Scalar(scalar(kind).unwrap_or(Scalar::U8)),
        }
    }
}

fn scalar(kind: &Kind) -> Option<Scalar> {
    Some(match kind {
        Kind::Bool => Scalar::Bool,
        Kind::S8 => Scalar::S8,
        Kind::U8 => Scalar::U8,
        Kind::S16 => Scalar::S16,
        Kind::U16 => Scalar::U16,
        Kind::S32 => Scalar::S32,
        Kind::U32 => Scalar::U32,
        Kind::S64 => Scalar::S64,
        Kind::U64 => Scalar::U64,
        Kind::F32 => Scalar::F32,
        Kind::F64 => Scalar::F64,
        Kind::Char => Scalar::Char,
        _ => return None,
    })
}
