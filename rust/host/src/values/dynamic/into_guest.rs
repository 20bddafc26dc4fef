//! The walk over values: one step here, the kinds of types in the files beside.

use wippy_lua::value::Value;

use super::Misfit;
use super::failure::{Fail, Lowered};
use crate::values::{Arguments, Kind, Signature, TooLong, Ty};

impl Arguments {
    /// The arguments of a call, from values in the order of the parameters. Those at the end may be missing if their
    /// parameters are options.
    pub fn of_values(signature: &Signature, values: &[Value]) -> Result<Self, Misfit> {
        let params = &signature.params;
        let missing = params.get(values.len()..);
        if !missing.is_some_and(|missing| missing.iter().all(|param| is_option(&param.ty))) {
            return Err(Misfit::count(params.len(), values.len()));
        }
        let mut writer = Writer { out: Self::new(signature), room: Self::MAX_BYTES };
        for (index, (param, value)) in params.iter().zip(values).enumerate() {
            writer
                .write(&param.ty, value, param.offset as usize)
                .map_err(|fail| fail.at(&param.name).of_parameter(index))?;
        }
        Ok(writer.out)
    }
}

/// Arguments in the making. They start as zeros, and zeros are none.
pub(super) struct Writer {
    pub out: Arguments,
    /// Bytes that strings and lists may still take, all together.
    room: usize,
}

impl Writer {
    /// Writes `value` at `at`, its strings and lists after it.
    pub fn write(&mut self, ty: &Ty, value: &Value, at: usize) -> Lowered {
        match &ty.kind {
            Kind::String => self.text(ty, value, at),
            Kind::List(element) => self.list(ty, element, value, at),
            Kind::FixedList(element, len) => self.fixed_list(ty, element, *len as usize, value, at),
            Kind::Record(fields) => self.record(ty, fields, value, at),
            Kind::Tuple(items) => self.tuple(ty, items, value, at),
            Kind::Variant(_) | Kind::Result { .. } => self.choice(ty, value, at),
            Kind::Enum(names) => self.enumeration(ty, names, value, at),
            Kind::Flags(names) => self.flags(ty, names, value, at),
            Kind::Option(some) => self.option(ty, some, value, at),
            _ => self.scalar(ty, value, at),
        }
    }

    fn text(&mut self, ty: &Ty, value: &Value, at: usize) -> Lowered {
        let text = match value {
            Value::Str(bytes) => std::str::from_utf8(bytes).map_err(|error| not_utf8(error.valid_up_to()))?,
            Value::Error(error) => &error.message,
            _ => return Err(Fail::mismatch(ty, value)),
        };
        self.take(text.len())?;
        Ok(self.out.text(at, text)?)
    }

    pub fn take(&mut self, size: usize) -> Result<(), TooLong> {
        self.room = self.room.checked_sub(size).ok_or(TooLong)?;
        Ok(())
    }

    /// A discriminant or mask, in as many bytes as the type has cases or labels for.
    pub fn tag(&mut self, ty: &Ty, tag: u32, at: usize) {
        match ty.tag_size {
            1 => self.out.write(at, (tag as u8).to_le_bytes()),
            2 => self.out.write(at, (tag as u16).to_le_bytes()),
            _ => self.out.write(at, tag.to_le_bytes()),
        }
    }
}

/// `good` bytes come before the first bad one.
#[cold]
pub(super) fn not_utf8(good: usize) -> Fail {
    Fail::new("invalid_utf8", format!("the string is not valid UTF-8 at byte {}", good + 1))
}

/// Whether a value of this type may be nil, and so missing.
pub(super) fn is_option(ty: &Ty) -> bool {
    matches!(ty.kind, Kind::Option(_))
}
