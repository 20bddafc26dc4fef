//! The plan of a component's function, from wasmtime's reflection.
//!
//! Types we do not carry (V-19: resources, streams, futures; also maps and error contexts) are refused here, when the
//! entry is prepared, with the parameter and the type named. So are types whose tree is absurdly large: component
//! types form a graph in which a hundred definitions can describe millions of nodes. Their depth is limited to 100 by
//! the validator, so walking them by recursion is safe.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::types::{self, Type};

use super::signature::Signature;
use super::ty::{Case, Kind, TooLarge, Ty};

/// Types of one signature, counted with repetition.
const MAX_NODES: usize = 20_000;

/// Why a function cannot be called from outside the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// `parameter "x"` or `result`, or what is wrong with the whole.
    pub place: String,
    /// What was found, for instance `resource handle`.
    pub what: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} not supported", self.place, self.what)
    }
}

impl std::error::Error for Unsupported {}

impl Signature {
    /// The plan of a component function.
    pub fn of_component(func: &types::ComponentFunc) -> Result<Self, Unsupported> {
        if func.async_() {
            return Err(unsupported("function", "asynchronous exports are"));
        }
        let mut reflector = Reflector { nodes: 0 };
        let mut params = Vec::with_capacity(func.params().len());
        for (name, ty) in func.params() {
            let ty = reflector.ty(&ty).map_err(|what| unsupported(format!("parameter {name:?}"), what))?;
            params.push((name.to_owned(), ty));
        }
        let result = func.results().next().map(|ty| reflector.ty(&ty)).transpose();
        let result = result.map_err(|what| unsupported("result", what))?;
        Self::new(params, result).map_err(|TooLarge| unsupported("parameters", What::from(TooLarge)))
    }
}

fn unsupported(place: impl Into<String>, what: What) -> Unsupported {
    Unsupported { place: place.into(), what: what.to_owned() }
}

/// What is not supported, with its verb.
type What = &'static str;

impl From<TooLarge> for What {
    fn from(TooLarge: TooLarge) -> Self {
        "values of more than 64 MiB without a list are"
    }
}

struct Reflector {
    nodes: usize,
}

impl Reflector {
    fn ty(&mut self, ty: &Type) -> Result<Arc<Ty>, What> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err("types this large are");
        }
        let ty = match ty {
            Type::Bool => Ty::primitive(Kind::Bool),
            Type::S8 => Ty::primitive(Kind::S8),
            Type::U8 => Ty::primitive(Kind::U8),
            Type::S16 => Ty::primitive(Kind::S16),
            Type::U16 => Ty::primitive(Kind::U16),
            Type::S32 => Ty::primitive(Kind::S32),
            Type::U32 => Ty::primitive(Kind::U32),
            Type::S64 => Ty::primitive(Kind::S64),
            Type::U64 => Ty::primitive(Kind::U64),
            Type::Float32 => Ty::primitive(Kind::F32),
            Type::Float64 => Ty::primitive(Kind::F64),
            Type::Char => Ty::primitive(Kind::Char),
            Type::String => Ty::primitive(Kind::String),
            Type::List(list) => match self.ty(&list.ty())? {
                // No type is empty; if one ever were, four billion of them would fit in no bytes at all.
                element if element.size == 0 => return Err("a list of empty values is"),
                element => Ty::list(element),
            },
            Type::FixedLengthList(list) => Ty::fixed_list(self.ty(&list.ty())?, list.len())?,
            Type::Record(record) => self.record(record)?,
            Type::Tuple(tuple) => Ty::tuple(tuple.types().map(|ty| self.ty(&ty)).collect::<Result<_, _>>()?)?,
            Type::Variant(variant) => self.variant(variant)?,
            Type::Enum(labels) => Ty::enumeration(labels.names().map(str::to_owned).collect())?,
            Type::Flags(labels) => flags(labels)?,
            Type::Option(option) => Ty::option(self.ty(&option.ty())?)?,
            Type::Result(result) => Ty::result(self.optional(result.ok())?, self.optional(result.err())?)?,
            Type::Map(_) => return Err("a map is"),
            Type::Own(_) | Type::Borrow(_) => return Err("a resource handle is"),
            Type::Future(_) => return Err("a future is"),
            Type::Stream(_) => return Err("a stream is"),
            Type::ErrorContext => return Err("an error context is"),
        };
        Ok(Arc::new(ty))
    }

    fn record(&mut self, record: &types::Record) -> Result<Ty, What> {
        let fields = record.fields().map(|field| Ok((field.name.to_owned(), self.ty(&field.ty)?)));
        Ok(Ty::record(fields.collect::<Result<_, What>>()?)?)
    }

    fn variant(&mut self, variant: &types::Variant) -> Result<Ty, What> {
        let cases =
            variant.cases().map(|case| Ok(Case { name: case.name.to_owned(), ty: self.optional(case.ty)? }));
        Ok(Ty::variant(cases.collect::<Result<_, What>>()?)?)
    }

    fn optional(&mut self, ty: Option<Type>) -> Result<Option<Arc<Ty>>, What> {
        ty.map(|ty| self.ty(&ty)).transpose()
    }
}

fn flags(flags: &types::Flags) -> Result<Ty, What> {
    let names: Vec<_> = flags.names().map(str::to_owned).collect();
    if names.len() > 32 { Err("flags with more than 32 labels are") } else { Ok(Ty::flags(names)) }
}
