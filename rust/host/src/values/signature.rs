//! The conversion plan of one function: its parameters, laid out as one record, and its result.

use std::sync::Arc;

use super::ty::{Kind, TooLarge, Ty};

/// Up to this many core values parameters are passed flat, else through one pointer.
pub(super) const MAX_FLAT_PARAMS: usize = 16;

/// A named parameter and its offset in the block all parameters form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// As the WIT spells it, in kebab case.
    pub name: String,
    pub offset: u32,
    pub ty: Arc<Ty>,
}

/// Parameter and result types of a function, with the layout of the parameters as a tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub params: Vec<Param>,
    pub result: Option<Arc<Ty>>,
    /// Size and alignment of the parameter tuple.
    pub size: u32,
    pub align: u32,
    /// Core values of all parameters together.
    pub flat: u32,
}

impl Signature {
    pub fn new(params: Vec<(String, Arc<Ty>)>, result: Option<Arc<Ty>>) -> Result<Self, TooLarge> {
        let row = Ty::record(params)?;
        let Ty { kind: Kind::Record(fields), size, align, flat, .. } = row else {
            unreachable!("Ty::record makes records")
        };
        let params = fields.into_iter().map(|f| Param { name: f.name, offset: f.offset, ty: f.ty }).collect();
        Ok(Self { params, result, size, align, flat })
    }

    /// Whether the parameters go through memory (V-27).
    pub(super) fn spills(&self) -> bool {
        self.flat as usize > MAX_FLAT_PARAMS
    }

    /// Whether the result comes back through a pointer.
    pub(super) fn returns_pointer(&self) -> bool {
        self.result.as_ref().is_some_and(|ty| ty.flat > 1)
    }
}
