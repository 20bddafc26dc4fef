//! Numbers, booleans and characters (V-1 to V-5).
//!
//! A number is taken for its value, whether Lua keeps it as integer or float. Out of range is an error everywhere, and
//! so is a finite float beyond the range of an `f32`. NaNs become the canonical one (V-26).

use wippy_lua::value::Value;

use super::failure::{Fail, Lowered};
use super::into_guest::{Writer, not_utf8};
use crate::values::{Kind, Ty};

impl Writer {
    pub fn scalar(&mut self, ty: &Ty, value: &Value, at: usize) -> Lowered {
        macro_rules! integer {
            ($ty:ty) => {{
                let number = integer(ty, value)?;
                let number = <$ty>::try_from(number).map_err(|_| Fail::overflow(ty, value))?;
                self.out.write(at, number.to_le_bytes());
            }};
        }
        match &ty.kind {
            Kind::S8 => integer!(i8),
            Kind::U8 => integer!(u8),
            Kind::S16 => integer!(i16),
            Kind::U16 => integer!(u16),
            Kind::S32 => integer!(i32),
            Kind::U32 => integer!(u32),
            Kind::S64 => integer!(i64),
            Kind::U64 => integer!(u64),
            Kind::F32 => self.out.write(at, narrow(ty, value)?.to_le_bytes()),
            Kind::F64 => self.out.write(at, float(ty, value)?.to_le_bytes()),
            Kind::Char => self.out.write(at, u32::from(character(ty, value)?).to_le_bytes()),
            _ => match value {
                Value::Bool(value) if ty.kind == Kind::Bool => self.out.write(at, [u8::from(*value)]),
                _ => return Err(Fail::mismatch(ty, value)),
            },
        }
        Ok(())
    }
}

/// Any whole number; wide enough for all types, so that only they tell the range.
pub(super) fn integer(ty: &Ty, value: &Value) -> Lowered<i128> {
    match value {
        Value::Int(number) => Ok(i128::from(*number)),
        // The largest floats end up at the largest integer, beyond all ranges.
        Value::Float(number) if number.fract() == 0.0 => Ok(*number as i128),
        _ => Err(Fail::mismatch(ty, value)),
    }
}

fn float(ty: &Ty, value: &Value) -> Lowered<f64> {
    match value {
        Value::Float(number) if number.is_nan() => Ok(f64::NAN),
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        _ => Err(Fail::mismatch(ty, value)),
    }
}

fn narrow(ty: &Ty, value: &Value) -> Lowered<f32> {
    let wide = float(ty, value)?;
    let narrow = wide as f32;
    if narrow.is_infinite() && wide.is_finite() {
        return Err(Fail::overflow(ty, value));
    }
    Ok(if wide.is_nan() { f32::NAN } else { narrow })
}

/// The first character of a string, or a code point.
fn character(ty: &Ty, value: &Value) -> Lowered<char> {
    let Value::Str(bytes) = value else {
        let code = u32::try_from(integer(ty, value)?).map_err(|_| Fail::overflow(ty, value))?;
        return char::from_u32(code).ok_or_else(|| Fail::invalid(ty, value));
    };
    // What comes after the first character does not matter, not even whether it is text.
    let chunk = bytes.get(..4).unwrap_or(bytes).utf8_chunks().next();
    let chunk = chunk.ok_or_else(|| Fail::invalid(ty, value))?;
    chunk.valid().chars().next().ok_or_else(|| not_utf8(0))
}
