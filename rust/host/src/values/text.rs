//! A result as text: what `funcs` gives to another guest (H-24, H-29), and JSON for structured values.
//!
//! Strings and numbers come as they are, everything else as JSON with the names of the WIT. The forms of V-14 and V-16
//! are kept: `{"ok": v}`, `{"err": e}`, `{"case": payload}`; a case without payload is its name, flags are a list of
//! names. Only an option inside an option needs a mark, `{"some": v}`.

use std::fmt::Write;

use super::{GuestValueError, Image, Kind, Ty};

/// The outcome of a callee for a guest that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The value; of a top-level `result` the `ok` side.
    Value(T),
    /// The `err` side of a top-level `result`.
    Err(String),
}

impl<T> Outcome<T> {
    pub fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Value(value) => Outcome::Value(wrap(value)),
            Outcome::Err(text) => Outcome::Err(text),
        }
    }
}

impl Image {
    /// The result as text; `ty` is `None` for a function without one, whose text is empty (H-23).
    pub fn to_text(&self, ty: Option<&Ty>) -> Result<Outcome<String>, GuestValueError> {
        let (ty, at) = match self.top_level(ty)? {
            Outcome::Value(place) => place,
            Outcome::Err(text) => return Ok(Outcome::Err(text)),
        };
        Ok(Outcome::Value(ty.map_or(Ok(String::new()), |ty| self.plain(ty, at))?))
    }

    /// The result as bytes: those of a `list<u8>`, else of its text.
    pub fn to_bytes(&self, ty: Option<&Ty>) -> Result<Outcome<Vec<u8>>, GuestValueError> {
        let (ty, at) = match self.top_level(ty)? {
            Outcome::Value(place) => place,
            Outcome::Err(text) => return Ok(Outcome::Err(text)),
        };
        let Some(ty) = ty else { return Ok(Outcome::Value(Vec::new())) };
        if is_bytes(ty) {
            return Ok(Outcome::Value(self.text_bytes(at).to_vec()));
        }
        Ok(Outcome::Value(self.plain(ty, at)?.into_bytes()))
    }

    /// Steps into a top-level `result`.
    fn top_level<'a>(&self, ty: Option<&'a Ty>) -> Result<Outcome<(Option<&'a Ty>, usize)>, GuestValueError> {
        let Some(outer) = ty else { return Ok(Outcome::Value((None, 0))) };
        let Kind::Result { ok, err } = &outer.kind else { return Ok(Outcome::Value((ty, 0))) };
        let at = outer.payload as usize;
        if self.tag(outer, 0)? == 0 {
            return Ok(Outcome::Value((ok.as_deref(), at)));
        }
        let text = err.as_deref().map_or(Ok(String::new()), |err| self.plain(err, at))?;
        Ok(Outcome::Err(text))
    }

    /// Text without quotes where it is one value, JSON else.
    fn plain(&self, ty: &Ty, at: usize) -> Result<String, GuestValueError> {
        Ok(match &ty.kind {
            Kind::String => self.text(at)?.to_owned(),
            Kind::Char => self.char(at)?.to_string(),
            Kind::F32 => go_float(f64::from(f32::from_le_bytes(self.read(at))), true),
            Kind::F64 => go_float(f64::from_le_bytes(self.read(at)), false),
            Kind::Enum(names) => names[self.tag(ty, at)? as usize].clone(),
            Kind::Option(some) if self.tag(ty, at)? == 1 => self.plain(some, at + ty.payload as usize)?,
            Kind::Option(_) => String::new(),
            Kind::List(_) if is_bytes(ty) => {
                let bytes = self.text_bytes(at);
                let text = std::str::from_utf8(bytes);
                text.map_err(|_| GuestValueError("result is not valid UTF-8".to_owned()))?.to_owned()
            }
            _ => {
                let mut out = String::new();
                self.json(ty, at, &mut out)?;
                out
            }
        })
    }

    fn json(&self, ty: &Ty, at: usize, out: &mut String) -> Result<(), GuestValueError> {
        match &ty.kind {
            Kind::Bool => out.push_str(if self.bool(at) { "true" } else { "false" }),
            Kind::S8 => number(out, i8::from_le_bytes(self.read(at))),
            Kind::U8 => number(out, u8::from_le_bytes(self.read(at))),
            Kind::S16 => number(out, i16::from_le_bytes(self.read(at))),
            Kind::U16 => number(out, u16::from_le_bytes(self.read(at))),
            Kind::S32 => number(out, i32::from_le_bytes(self.read(at))),
            Kind::U32 => number(out, u32::from_le_bytes(self.read(at))),
            Kind::S64 => number(out, i64::from_le_bytes(self.read(at))),
            Kind::U64 => number(out, u64::from_le_bytes(self.read(at))),
            Kind::F32 => json_float(out, f64::from(f32::from_le_bytes(self.read(at))), true),
            Kind::F64 => json_float(out, f64::from_le_bytes(self.read(at)), false),
            Kind::Char => quote(out, self.char(at)?.encode_utf8(&mut [0; 4])),
            Kind::String => quote(out, self.text(at)?),
            Kind::Enum(names) => quote(out, &names[self.tag(ty, at)? as usize]),
            Kind::Flags(names) => {
                let mask = self.flags(ty, at, names.len());
                let set = names.iter().enumerate().filter(|(bit, _)| mask & 1 << bit != 0);
                self.sequence(out, set, |_, (_, name), out| {
                    quote(out, name);
                    Ok(())
                })?;
            }
            Kind::List(element) => {
                let (start, count) = self.list(at);
                self.elements(element, start, count, out)?;
            }
            Kind::FixedList(element, count) => self.elements(element, at, *count as usize, out)?,
            Kind::Tuple(items) => self.sequence(out, items.iter(), |image, item, out| {
                image.json(&item.ty, at + item.offset as usize, out)
            })?,
            Kind::Record(fields) => {
                for (i, field) in fields.iter().enumerate() {
                    out.push_str(if i == 0 { "{" } else { "," });
                    quote(out, &field.name);
                    out.push(':');
                    self.json(&field.ty, at + field.offset as usize, out)?;
                }
                out.push('}');
            }
            Kind::Option(some) => match self.tag(ty, at)? {
                0 => out.push_str("null"),
                _ if matches!(some.kind, Kind::Option(_)) => self.tagged("some", Some(some), ty, at, out)?,
                _ => self.json(some, at + ty.payload as usize, out)?,
            },
            Kind::Result { ok, err } => match self.tag(ty, at)? {
                0 => self.tagged("ok", ok.as_deref(), ty, at, out)?,
                _ => self.tagged("err", err.as_deref(), ty, at, out)?,
            },
            Kind::Variant(cases) => match &cases[self.tag(ty, at)? as usize] {
                case if case.ty.is_none() => quote(out, &case.name),
                case => self.tagged(&case.name, case.ty.as_deref(), ty, at, out)?,
            },
        }
        Ok(())
    }

    fn tagged(
        &self,
        name: &str,
        payload: Option<&Ty>,
        ty: &Ty,
        at: usize,
        out: &mut String,
    ) -> Result<(), GuestValueError> {
        out.push('{');
        quote(out, name);
        out.push(':');
        match payload {
            Some(payload) => self.json(payload, at + ty.payload as usize, out)?,
            None => out.push_str("null"),
        }
        out.push('}');
        Ok(())
    }

    fn elements(
        &self,
        element: &Ty,
        start: usize,
        count: usize,
        out: &mut String,
    ) -> Result<(), GuestValueError> {
        let offsets = (0..count).map(|i| start + i * element.size as usize);
        self.sequence(out, offsets, |image, at, out| image.json(element, at, out))
    }

    fn sequence<I: Iterator>(
        &self,
        out: &mut String,
        items: I,
        each: impl Fn(&Self, I::Item, &mut String) -> Result<(), GuestValueError>,
    ) -> Result<(), GuestValueError> {
        out.push('[');
        for (i, item) in items.enumerate() {
            if i > 0 {
                out.push(',');
            }
            each(self, item, out)?;
        }
        out.push(']');
        Ok(())
    }
}

fn is_bytes(ty: &Ty) -> bool {
    matches!(&ty.kind, Kind::List(element) if element.kind == Kind::U8)
}

fn number(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = write!(out, "{value}");
}

/// JSON has no infinities and no NaN.
fn json_float(out: &mut String, value: f64, single: bool) {
    if value.is_finite() { out.push_str(&go_float(value, single)) } else { out.push_str("null") }
}

/// A float the way Go prints it by default: shortest digits, an exponent below -4 and from 21 on. `single` for a value
/// that was an `f32`, whose shortest digits are fewer.
pub fn go_float(value: f64, single: bool) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = if single { format!("{:e}", value as f32) } else { format!("{value:e}") };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..21).contains(&exponent) {
        return if single { format!("{}", value as f32) } else { format!("{value}") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Text as JSON.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}
