//! Options, results, variants, enums and flags (V-11 to V-18).

use wippy_lua::value::Value;

use super::failure::{Fail, Lowered};
use super::into_guest::{Writer, is_option};
use super::names::{Entries, position};
use super::scalars::integer;
use super::tables::{entries, items};
use crate::values::{Kind, Ty};

impl Writer {
    /// Nil is none. An option inside an option needs the mark `{some=v}` to tell what is none.
    pub fn option(&mut self, ty: &Ty, some: &Ty, value: &Value, at: usize) -> Lowered {
        if matches!(value, Value::Nil) {
            return Ok(());
        }
        self.tag(ty, 1, at);
        let value = if is_option(some) { unmarked(value) } else { value };
        self.write(some, value, at + ty.payload as usize)
    }

    /// `{case=payload}`, or the name alone, for variants and results.
    pub fn choice(&mut self, ty: &Ty, value: &Value, at: usize) -> Lowered {
        let (index, payload) = chosen(ty, value)?;
        self.tag(ty, index, at);
        let written = match ty.case(index).flatten() {
            Some(case) => self.write(case, payload, at + ty.payload as usize),
            None if is_unit(payload) => Ok(()),
            None => Err(Fail::unit(payload)),
        };
        written.map_err(|fail| fail.at(label(ty, index)))
    }

    /// The index of a case, or its name.
    pub fn enumeration(&mut self, ty: &Ty, names: &[String], value: &Value, at: usize) -> Lowered {
        let index = match value {
            Value::Str(name) => find(names, name).ok_or_else(|| Fail::no_label(ty, name))?,
            _ => {
                let index = u32::try_from(integer(ty, value)?).ok();
                let index = index.filter(|&index| (index as usize) < names.len());
                index.ok_or_else(|| Fail::overflow(ty, value))?
            }
        };
        self.tag(ty, index, at);
        Ok(())
    }

    /// A mask, a list of names, or a table of names with `true`.
    pub fn flags(&mut self, ty: &Ty, names: &[String], value: &Value, at: usize) -> Lowered {
        let bit = |name: &[u8]| match find(names, name) {
            Some(bit) => Ok(1_u32.checked_shl(bit).unwrap_or(0)),
            None => Err(Fail::no_label(ty, name)),
        };
        let mut mask = 0;
        if let Some(items) = items(value) {
            for (index, item) in items.iter().enumerate() {
                let Value::Str(name) = item else { return Err(Fail::mismatch(ty, item).at_index(index)) };
                mask |= bit(name).map_err(|fail| fail.at_index(index))?;
            }
        } else if let Value::Map(entries) = value {
            for (name, set) in entries {
                let bit = bit(name)?;
                match set {
                    Value::Bool(true) => mask |= bit,
                    Value::Bool(false) | Value::Nil => {}
                    other => return Err(Fail::mismatch(ty, other).at(&String::from_utf8_lossy(name))),
                }
            }
        } else {
            let all = (1_u64 << names.len().min(32)) - 1;
            let given = u64::try_from(integer(ty, value)?).ok().filter(|given| given & !all == 0);
            mask = given.ok_or_else(|| Fail::overflow(ty, value))? as u32;
        }
        self.tag(ty, mask, at);
        Ok(())
    }
}

/// What `{some=v}` holds. In Lua `{some=nil}` is an empty table. Anything else is the value itself.
fn unmarked(value: &Value) -> &Value {
    match value {
        Value::Map(entries) => match &**entries {
            [] => &Value::Nil,
            [(key, some)] if key == b"some" => some,
            _ => value,
        },
        _ => value,
    }
}

/// The index of a case and its payload.
fn chosen<'a>(ty: &Ty, value: &'a Value) -> Lowered<(u32, &'a Value)> {
    if let Value::Str(name) = value {
        let index = case(ty, name).ok_or_else(|| Fail::invalid(ty, value))?;
        return Ok((index, &Value::Nil));
    }
    let entries = entries(value).ok_or_else(|| Fail::mismatch(ty, value))?;
    if entries.is_empty() {
        let index = case_for_nil(ty).ok_or_else(|| Fail::mismatch(ty, value))?;
        return Ok((index, &Value::Nil));
    }
    let (name, payload) = only(entries).ok_or_else(|| Fail::mismatch(ty, value))?;
    Ok((case(ty, name).ok_or_else(|| Fail::no_label(ty, name))?, payload))
}

/// The only entry, or the only one that is not nil.
fn only(entries: &Entries) -> Option<&(Vec<u8>, Value)> {
    if let [only] = entries {
        return Some(only);
    }
    let mut present = entries.iter().filter(|(_, value)| !matches!(value, Value::Nil));
    present.next().filter(|_| present.next().is_none())
}

/// The one case that `{case=nil}` can stand for: the one whose payload may be none.
fn case_for_nil(ty: &Ty) -> Option<u32> {
    let may_be_nil = |index: &u32| ty.case(*index).flatten().is_some_and(|ty| is_option(ty));
    let mut cases = (0..ty.cases() as u32).filter(may_be_nil);
    cases.next().filter(|_| cases.next().is_none())
}

/// A payload that says that there is none.
fn is_unit(value: &Value) -> bool {
    match value {
        Value::Nil | Value::Bool(true) => true,
        _ => entries(value).is_some_and(|entries| entries.is_empty()),
    }
}

fn find(names: &[String], given: &[u8]) -> Option<u32> {
    position(names.iter().map(|name| &**name), given)
}

fn case(ty: &Ty, given: &[u8]) -> Option<u32> {
    match &ty.kind {
        Kind::Variant(cases) => position(cases.iter().map(|case| &*case.name), given),
        _ => position(["ok", "err"].into_iter(), given),
    }
}

fn label(ty: &Ty, index: u32) -> &str {
    match &ty.kind {
        Kind::Variant(cases) => cases.get(index as usize).map_or("", |case| &case.name),
        _ if index == 0 => "ok",
        _ => "err",
    }
}
