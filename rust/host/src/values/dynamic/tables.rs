//! Lists, tuples and records (V-7 to V-10).

use wippy_lua::value::Value;

use super::failure::{Fail, Lowered};
use super::into_guest::{Writer, is_option};
use super::names::{Entries, Fields};
use crate::values::{Field, Item, Kind, Ty};

impl Writer {
    pub fn list(&mut self, ty: &Ty, element: &Ty, value: &Value, at: usize) -> Lowered {
        if let (Kind::U8, Value::Str(bytes)) = (&element.kind, value) {
            self.take(bytes.len())?;
            return Ok(self.out.plain_list(at, bytes, bytes.len(), 1)?);
        }
        let items = items(value).ok_or_else(|| Fail::mismatch(ty, value))?;
        let (size, count) = (element.size, items.len());
        self.take((size as usize).saturating_mul(count))?;
        let start = self.out.begin_list(size, count)?;
        self.elements(element, items, start)?;
        self.out.end_list(at, start, size, element.align, count);
        Ok(())
    }

    /// A list of fixed length lies in its parent.
    pub fn fixed_list(&mut self, ty: &Ty, element: &Ty, len: usize, value: &Value, at: usize) -> Lowered {
        if let (Kind::U8, Value::Str(bytes)) = (&element.kind, value) {
            check_count(ty, len, bytes.len(), false)?;
            (at..).zip(bytes).for_each(|(at, byte)| self.out.write(at, [*byte]));
            return Ok(());
        }
        let items = items(value).ok_or_else(|| Fail::mismatch(ty, value))?;
        check_count(ty, len, items.len(), is_option(element))?;
        self.elements(element, items, at)
    }

    fn elements(&mut self, element: &Ty, items: &[Value], start: usize) -> Lowered {
        let size = element.size as usize;
        for (index, item) in items.iter().enumerate() {
            self.write(element, item, start + index * size).map_err(|fail| fail.at_index(index))?;
        }
        Ok(())
    }

    pub fn tuple(&mut self, ty: &Ty, members: &[Item], value: &Value, at: usize) -> Lowered {
        let items = items(value).ok_or_else(|| Fail::mismatch(ty, value))?;
        let missing = members.get(items.len()..).unwrap_or_default();
        let may_miss = missing.iter().all(|member| is_option(&member.ty));
        check_count(ty, members.len(), items.len(), may_miss)?;
        for (index, (member, item)) in members.iter().zip(items).enumerate() {
            self.write(&member.ty, item, at + member.offset as usize).map_err(|fail| fail.at_index(index))?;
        }
        Ok(())
    }

    /// Unknown keys are ignored, a missing option is none.
    pub fn record(&mut self, ty: &Ty, fields: &[Field], value: &Value, at: usize) -> Lowered {
        let entries = entries(value).ok_or_else(|| Fail::mismatch(ty, value))?;
        let found = Fields::of(entries);
        for field in fields {
            match found.get(&field.name) {
                Some(value) => self
                    .write(&field.ty, value, at + field.offset as usize)
                    .map_err(|fail| fail.at(&field.name))?,
                None if is_option(&field.ty) => {}
                None => {
                    let text = format!("required field \"{}\" not found", field.name);
                    return Err(Fail::new("field_missing", text));
                }
            }
        }
        Ok(())
    }
}

/// Lua drops what is nil at the end, so that `may_miss`.
fn check_count(ty: &Ty, expected: usize, found: usize, may_miss: bool) -> Lowered {
    let fits = found == expected || (found < expected && may_miss);
    if fits { Ok(()) } else { Err(Fail::count(ty, expected, found)) }
}

/// The elements of a list. An empty table is a list as well (V-24).
pub(super) fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(items) => Some(items),
        Value::Map(entries) if entries.is_empty() => Some(&[]),
        _ => None,
    }
}

/// The keys and values of a map. An empty list is a map as well: in Lua they are the same.
pub(super) fn entries(value: &Value) -> Option<&Entries> {
    match value {
        Value::Map(entries) => Some(entries),
        Value::List(items) if items.is_empty() => Some(&[]),
        _ => None,
    }
}
