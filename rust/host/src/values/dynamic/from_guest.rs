//! Results as values of Lua programs.
//!
//! What a guest may write anywhere is looked at here: discriminants, characters, text. A `u64` above what a Lua integer
//! holds is an error as well (V-3).

use wippy_lua::error::{ErrorValue, Kind as ErrorKind};
use wippy_lua::value::Value;

use super::ResultStyle;
use crate::values::{GuestValueError, Image, Kind, Outcome, Ty};

/// What a call gives to a Lua program; an error only in [`ResultStyle::Pair`].
pub type Answer = Result<Value, Box<ErrorValue>>;

type Read<T = Value> = Result<T, GuestValueError>;

impl Image {
    /// The result as a value; `ty` is `None` for a function without one, which gives nil (F-44).
    pub fn to_value(&self, ty: Option<&Ty>, style: ResultStyle) -> Result<Answer, GuestValueError> {
        let Some(ty) = ty else { return Ok(Ok(Value::Nil)) };
        match &ty.kind {
            Kind::Result { ok, err } if style == ResultStyle::Pair => {
                let at = ty.payload as usize;
                if self.tag(ty, 0)? == 0 {
                    return Ok(Ok(ok.as_deref().map_or(Ok(Value::Nil), |ok| self.value(ok, at))?));
                }
                let details = map("value", self.payload(err.as_deref(), at)?);
                let message = self.message(ty, err.as_deref())?;
                let error = ErrorValue { details, ..ErrorValue::new(ErrorKind::Unknown, message) };
                Ok(Err(Box::new(error)))
            }
            _ => Ok(Ok(self.value(ty, 0)?)),
        }
    }

    /// The error side in words.
    fn message(&self, result: &Ty, err: Option<&Ty>) -> Read<String> {
        match err.map(|ty| &ty.kind) {
            None => Ok("err".to_owned()),
            Some(Kind::List(element)) if element.kind == Kind::U8 => {
                Ok(String::from_utf8_lossy(self.text_bytes(result.payload as usize)).into_owned())
            }
            Some(_) => match self.to_text(Some(result))? {
                Outcome::Value(text) | Outcome::Err(text) => Ok(text),
            },
        }
    }

    fn value(&self, ty: &Ty, at: usize) -> Read {
        Ok(match &ty.kind {
            Kind::String => Value::Str(self.text(at)?.as_bytes().to_vec()),
            Kind::Bool => Value::Bool(self.bool(at)),
            Kind::S8 => Value::Int(i8::from_le_bytes(self.read(at)).into()),
            Kind::U8 => Value::Int(u8::from_le_bytes(self.read(at)).into()),
            Kind::S16 => Value::Int(i16::from_le_bytes(self.read(at)).into()),
            Kind::U16 => Value::Int(u16::from_le_bytes(self.read(at)).into()),
            Kind::S32 => Value::Int(i32::from_le_bytes(self.read(at)).into()),
            Kind::U32 => Value::Int(u32::from_le_bytes(self.read(at)).into()),
            Kind::S64 => Value::Int(i64::from_le_bytes(self.read(at))),
            Kind::U64 => unsigned(u64::from_le_bytes(self.read(at)))?,
            Kind::F32 => float(f32::from_le_bytes(self.read(at)).into()),
            Kind::F64 => float(f64::from_le_bytes(self.read(at))),
            Kind::Char => Value::Int(u32::from(self.char(at)?).into()),
            Kind::Enum(_) => Value::Int(self.tag(ty, at)?.into()),
            Kind::Flags(names) => Value::Int(self.flags(ty, at, names.len()).into()),
            Kind::List(element) if element.kind == Kind::U8 => Value::Str(self.text_bytes(at).to_vec()),
            Kind::List(element) => {
                let (start, count) = self.list(at);
                self.list_of(element, start, count)?
            }
            Kind::FixedList(element, count) if element.kind == Kind::U8 => {
                Value::Str(self.bytes(at, *count as usize).to_vec())
            }
            Kind::FixedList(element, count) => self.list_of(element, at, *count as usize)?,
            Kind::Tuple(items) => {
                let items = items.iter().map(|item| self.value(&item.ty, at + item.offset as usize));
                Value::List(items.collect::<Read<_>>()?)
            }
            Kind::Record(fields) => {
                let mut entries = Vec::with_capacity(fields.len());
                for field in fields {
                    let value = self.value(&field.ty, at + field.offset as usize)?;
                    entries.push((field.name.as_bytes().to_vec(), value));
                }
                Value::Map(entries)
            }
            Kind::Option(some) => match self.tag(ty, at)? {
                0 => Value::Nil,
                _ if matches!(some.kind, Kind::Option(_)) => self.case("some", Some(some), ty, at)?,
                _ => self.value(some, at + ty.payload as usize)?,
            },
            Kind::Result { ok, err } => match self.tag(ty, at)? {
                0 => self.case("ok", ok.as_deref(), ty, at)?,
                _ => self.case("err", err.as_deref(), ty, at)?,
            },
            Kind::Variant(cases) => {
                let case = &cases[self.tag(ty, at)? as usize];
                self.case(&case.name, case.ty.as_deref(), ty, at)?
            }
        })
    }

    fn case(&self, name: &str, payload: Option<&Ty>, ty: &Ty, at: usize) -> Read {
        Ok(map(name, self.payload(payload, at + ty.payload as usize)?))
    }

    /// True stands for a payload that is not there.
    fn payload(&self, ty: Option<&Ty>, at: usize) -> Read {
        ty.map_or(Ok(Value::Bool(true)), |ty| self.value(ty, at))
    }

    fn list_of(&self, element: &Ty, start: usize, count: usize) -> Read {
        let mut items = Vec::with_capacity(count);
        for index in 0..count {
            items.push(self.value(element, start + index * element.size as usize)?);
        }
        Ok(Value::List(items))
    }
}

/// A map with one key.
fn map(key: &str, value: Value) -> Value {
    Value::Map(vec![(key.as_bytes().to_vec(), value)])
}

fn unsigned(number: u64) -> Read {
    let fits = i64::try_from(number);
    fits.map(Value::Int).map_err(|_| GuestValueError(format!("{number} does not fit a Lua integer")))
}

/// NaNs come out canonical (V-26).
fn float(number: f64) -> Value {
    Value::Float(if number.is_nan() { f64::NAN } else { number })
}
