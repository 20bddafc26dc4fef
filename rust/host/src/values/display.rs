//! Types and signatures as WIT text. Named types are printed inline: reflection does not keep their names.

use std::fmt::{self, Display, Formatter};

use super::signature::Signature;
use super::ty::{Kind, Ty};

impl Display for Ty {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Bool => f.write_str("bool"),
            Kind::S8 => f.write_str("s8"),
            Kind::U8 => f.write_str("u8"),
            Kind::S16 => f.write_str("s16"),
            Kind::U16 => f.write_str("u16"),
            Kind::S32 => f.write_str("s32"),
            Kind::U32 => f.write_str("u32"),
            Kind::S64 => f.write_str("s64"),
            Kind::U64 => f.write_str("u64"),
            Kind::F32 => f.write_str("f32"),
            Kind::F64 => f.write_str("f64"),
            Kind::Char => f.write_str("char"),
            Kind::String => f.write_str("string"),
            Kind::List(element) => write!(f, "list<{element}>"),
            Kind::FixedList(element, len) => write!(f, "list<{element}, {len}>"),
            Kind::Option(some) => write!(f, "option<{some}>"),
            Kind::Tuple(items) => join(f, "tuple<", ">", items, |f, item| write!(f, "{}", item.ty)),
            Kind::Record(fields) => {
                join(f, "record { ", " }", fields, |f, field| write!(f, "{}: {}", field.name, field.ty))
            }
            Kind::Variant(cases) => join(f, "variant { ", " }", cases, |f, case| match &case.ty {
                Some(ty) => write!(f, "{}({ty})", case.name),
                None => f.write_str(&case.name),
            }),
            Kind::Enum(names) => join(f, "enum { ", " }", names, |f, name| f.write_str(name)),
            Kind::Flags(names) => join(f, "flags { ", " }", names, |f, name| f.write_str(name)),
            Kind::Result { ok, err } => match (ok, err) {
                (Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
                (Some(ok), None) => write!(f, "result<{ok}>"),
                (None, Some(err)) => write!(f, "result<_, {err}>"),
                (None, None) => f.write_str("result"),
            },
        }
    }
}

impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        join(f, "func(", ")", &self.params, |f, param| write!(f, "{}: {}", param.name, param.ty))?;
        match &self.result {
            Some(ty) => write!(f, " -> {ty}"),
            None => Ok(()),
        }
    }
}

fn join<T>(
    f: &mut Formatter<'_>,
    open: &str,
    close: &str,
    items: &[T],
    each: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        each(f, item)?;
    }
    f.write_str(close)
}
