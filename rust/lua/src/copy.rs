//! Deep copies between Lua's values and [`Value`]: every crossing into or out of a Lua state (V-24, V-25, L-15).
//!
//! A copy shares nothing, so neither side sees what the other does later. Programs are not trusted: a table may contain
//! itself, share a subtable a million times, or have one key at 2^40. So a copy out of Lua has a budget and a depth, and
//! it reads tables as they are: metamethods are not called, since they could run forever or change the table meanwhile.

use mlua::{Lua, Table, Value as LuaValue};

use crate::error::{ErrorValue, Kind};
use crate::modules::errors;
use crate::value::Value;

/// Tables inside each other.
pub const DEPTH: usize = 128;
/// What a value costs of a budget, besides the bytes of its strings: about what it takes here.
const VALUE_BYTES: usize = 32;
/// A list up to this long may be as sparse as it likes.
const SPARSE: usize = 1024;

/// Copies a value out of Lua. It is refused where the copy would take more than about `budget` bytes.
pub fn copy_out(value: &LuaValue, budget: usize) -> Result<Value, ErrorValue> {
    CopyOut::new(budget).copy(value)
}

/// Copies out several values, such as a call's arguments, with one budget for all.
pub struct CopyOut {
    budget: usize,
    left: usize,
}

impl CopyOut {
    pub fn new(budget: usize) -> Self {
        CopyOut { budget, left: budget }
    }

    pub fn copy(&mut self, value: &LuaValue) -> Result<Value, ErrorValue> {
        self.value(value, 0)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), ErrorValue> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return Err(invalid(format!("value is larger than {} bytes", self.budget))),
        }
        Ok(())
    }

    fn bytes(&mut self, text: &mlua::String) -> Result<Vec<u8>, ErrorValue> {
        let text = text.as_bytes();
        self.spend(VALUE_BYTES.saturating_add(text.len()))?;
        Ok(text.to_vec())
    }

    fn value(&mut self, value: &LuaValue, depth: usize) -> Result<Value, ErrorValue> {
        let plain = match value {
            LuaValue::String(text) => return self.bytes(text).map(Value::Str),
            LuaValue::Table(table) => return self.table(table, depth),
            LuaValue::UserData(_) | LuaValue::Error(_) => return self.error(value, depth),
            LuaValue::Boolean(flag) => Value::Bool(*flag),
            LuaValue::Integer(number) => Value::Int(*number),
            LuaValue::Number(number) => Value::Float(*number),
            _ => Value::Nil,
        };
        self.spend(VALUE_BYTES)?;
        Ok(plain)
    }

    fn error(&mut self, value: &LuaValue, depth: usize) -> Result<Value, ErrorValue> {
        self.spend(VALUE_BYTES)?;
        let Some(size) = errors::measure_lua(value) else { return Ok(Value::Nil) };
        // An error may have errors in its details, which have errors: they count as tables inside each other.
        deep(depth + size.depth)?;
        self.spend(size.bytes)?;
        Ok(errors::from_lua(value).map_or(Value::Nil, |error| Value::Error(Box::new(error))))
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<Value, ErrorValue> {
        deep(depth + 1)?;
        self.spend(VALUE_BYTES)?;
        let mut parts = Parts::default();
        let mut failed = None;
        let walked = table.for_each(|key: LuaValue, value: LuaValue| {
            if let Err(error) = parts.add(self, &key, &value, depth) {
                // Ends the walk; the error itself is kept as it is.
                failed = Some(error);
                return Err(mlua::Error::StackError);
            }
            Ok(())
        });
        match (failed, walked) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(ErrorValue::new(Kind::Internal, error.to_string())),
            (None, Ok(())) => parts.finish(self),
        }
    }
}

/// What was found in a table so far.
#[derive(Default)]
struct Parts {
    /// Elements 1, 2, 3 and so on, in which order Lua gives them first.
    list: Vec<Value>,
    /// Other elements with positive keys.
    strays: Vec<(usize, Value)>,
    entries: Vec<(Vec<u8>, Value)>,
    /// What `entries` took of the budget.
    entry_bytes: usize,
    /// Why an entry cannot be copied. It does not matter where the table turns out to be a list.
    bad_entry: Option<ErrorValue>,
}

impl Parts {
    fn is_list(&self) -> bool {
        !self.list.is_empty() || !self.strays.is_empty()
    }

    fn add(
        &mut self,
        copy: &mut CopyOut,
        key: &LuaValue,
        value: &LuaValue,
        depth: usize,
    ) -> Result<(), ErrorValue> {
        match key {
            LuaValue::Integer(index) if *index > 0 => {
                self.drop_entries(copy);
                let value = copy.value(value, depth + 1)?;
                match usize::try_from(*index).unwrap_or(usize::MAX) {
                    index if index == self.list.len() + 1 => self.list.push(value),
                    index => self.strays.push((index, value)),
                }
            }
            _ if self.is_list() || self.bad_entry.is_some() => (),
            _ => {
                let before = copy.left;
                match self.entry(copy, key, value, depth) {
                    Ok(()) => self.entry_bytes += before - copy.left,
                    Err(error) => (self.bad_entry, copy.left) = (Some(error), before),
                }
            }
        }
        Ok(())
    }

    /// The table is a list: its other keys are not part of the value.
    fn drop_entries(&mut self, copy: &mut CopyOut) {
        copy.left += self.entry_bytes;
        (self.entries, self.entry_bytes, self.bad_entry) = (Vec::new(), 0, None);
    }

    fn entry(
        &mut self,
        copy: &mut CopyOut,
        key: &LuaValue,
        value: &LuaValue,
        depth: usize,
    ) -> Result<(), ErrorValue> {
        let key = match key {
            LuaValue::String(text) => copy.bytes(text)?,
            LuaValue::Integer(number) => number.to_string().into_bytes(),
            LuaValue::Number(number) => format!("{number:?}").into_bytes(),
            LuaValue::Boolean(flag) => flag.to_string().into_bytes(),
            _ => return Ok(()),
        };
        copy.spend(VALUE_BYTES)?;
        self.entries.push((key, copy.value(value, depth + 1)?));
        Ok(())
    }

    fn finish(mut self, copy: &mut CopyOut) -> Result<Value, ErrorValue> {
        if let Some(error) = self.bad_entry {
            return Err(error);
        }
        if !self.is_list() {
            return Ok(Value::Map(self.entries));
        }
        let count = self.list.len() + self.strays.len();
        let last = self.strays.iter().map(|(index, _)| *index).max().unwrap_or(0);
        if last > SPARSE && last > 2 * count + 16 {
            return Err(invalid("table has holes"));
        }
        if last > self.list.len() {
            copy.spend((last - self.list.len()).saturating_mul(VALUE_BYTES))?;
            self.list.resize(last, Value::Nil);
        }
        for (index, value) in self.strays {
            self.list[index - 1] = value;
        }
        Ok(Value::List(self.list))
    }
}

/// Copies a value into Lua.
pub fn copy_in(lua: &Lua, value: &Value) -> mlua::Result<LuaValue> {
    into_lua(lua, value, 0)
}

fn into_lua(lua: &Lua, value: &Value, depth: usize) -> mlua::Result<LuaValue> {
    Ok(match value {
        Value::Nil => LuaValue::Nil,
        Value::Bool(flag) => LuaValue::Boolean(*flag),
        Value::Int(number) => LuaValue::Integer(*number),
        Value::Float(number) => LuaValue::Number(*number),
        Value::Str(text) => LuaValue::String(lua.create_string(text)?),
        Value::List(items) => {
            deep(depth + 1).map_err(mlua::Error::external)?;
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (index, item) in items.iter().enumerate() {
                table.raw_seti(index + 1, into_lua(lua, item, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Map(entries) => {
            deep(depth + 1).map_err(mlua::Error::external)?;
            let table = lua.create_table_with_capacity(0, entries.len())?;
            for (key, item) in entries {
                table.raw_set(lua.create_string(key)?, into_lua(lua, item, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Error(error) => errors::push(lua, (**error).clone())?,
    })
}

/// What a value takes, and how deep it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub bytes: usize,
    pub depth: usize,
}

/// What a copied value takes, and how deep it is. Recurses as deep as the value, which [`copy_out`] bounds.
pub fn measure(value: &Value) -> Size {
    let mut size = Size { bytes: VALUE_BYTES, depth: 0 };
    match value {
        Value::Str(text) => size.bytes = size.bytes.saturating_add(text.len()),
        Value::List(items) => {
            size.depth = 1;
            items.iter().for_each(|item| add_to(&mut size, measure(item)));
        }
        Value::Map(entries) => {
            size.depth = 1;
            for (key, item) in entries {
                size.bytes = size.bytes.saturating_add(VALUE_BYTES + key.len());
                add_to(&mut size, measure(item));
            }
        }
        Value::Error(error) => add_to(&mut size, measure_error(error)),
        _ => (),
    }
    size
}

fn add_to(size: &mut Size, inner: Size) {
    size.bytes = size.bytes.saturating_add(inner.bytes);
    size.depth = size.depth.max(inner.depth + 1);
}

/// The same of an error.
pub fn measure_error(error: &ErrorValue) -> Size {
    let details = measure(&error.details);
    let texts = error.message.len() + error.traceback.len();
    Size { bytes: details.bytes.saturating_add(texts), depth: details.depth + 1 }
}

fn deep(depth: usize) -> Result<(), ErrorValue> {
    if depth > DEPTH {
        return Err(invalid(format!("table is nested deeper than {DEPTH} levels, or contains itself")));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> ErrorValue {
    ErrorValue::new(Kind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Lua {
        let lua = Lua::new();
        lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
        lua
    }

    fn out(source: &str) -> Result<Value, ErrorValue> {
        let lua = state();
        copy_out(&lua.load(source).eval().unwrap(), 1 << 20)
    }

    fn ints(numbers: &[i64]) -> Value {
        Value::List(numbers.iter().copied().map(Value::Int).collect())
    }

    fn refused(source: &str) -> String {
        let error = out(source).unwrap_err();
        assert_eq!(error.kind, Kind::Invalid);
        error.message
    }

    /// V-24, V-25
    #[test]
    fn plain_values() {
        assert_eq!(out("return nil"), Ok(Value::Nil));
        assert_eq!(out("return true"), Ok(Value::Bool(true)));
        assert_eq!(out("return 7"), Ok(Value::Int(7)));
        assert_eq!(out("return 7.0"), Ok(Value::Float(7.0)));
        assert_eq!(out(r"return 'a\xff\0'"), Ok(Value::Str(b"a\xff\0".to_vec())));
    }

    /// L-15
    #[test]
    fn what_cannot_leave_becomes_nil() {
        for source in ["print", "coroutine.create(print)", "io.stdout"] {
            assert_eq!(out(&format!("return {source}")), Ok(Value::Nil), "{source}");
        }
        assert_eq!(
            out("return {1, print, 3}"),
            Ok(Value::List(vec![Value::Int(1), Value::Nil, Value::Int(3)]))
        );
    }

    #[test]
    fn tables_are_lists_or_maps() {
        assert_eq!(out("return {}"), Ok(Value::Map(vec![])));
        assert_eq!(out("return {1, 2, 3}"), Ok(ints(&[1, 2, 3])));
        assert_eq!(out("return {[3] = 3, [1] = 1, [2] = 2}"), Ok(ints(&[1, 2, 3])));
        assert_eq!(out("return {[2] = 2}"), Ok(Value::List(vec![Value::Nil, Value::Int(2)])));
        assert_eq!(out("return {a = print, [1] = 1, b = {}, [0] = 4}"), Ok(ints(&[1])));
        assert_eq!(out("return {[true] = 1}"), Ok(Value::Map(vec![(b"true".to_vec(), Value::Int(1))])));
        assert_eq!(out("return {[0] = 1}"), Ok(Value::Map(vec![(b"0".to_vec(), Value::Int(1))])));
        assert_eq!(out("return {[1.5] = 1}"), Ok(Value::Map(vec![(b"1.5".to_vec(), Value::Int(1))])));
        assert_eq!(out("return {[{}] = 1, [print] = 2}"), Ok(Value::Map(vec![])));
    }

    /// What is dropped anyway is not in the way, in whatever order Lua gives it.
    #[test]
    fn other_keys_of_a_list_do_not_matter() {
        for key in ["a", "bb", "ccc", "dddd"] {
            let source =
                format!("local t = {{}} t.{key} = t t.x = ('x'):rep(2^21) t[3] = 3 t[1] = 1 return t");
            assert_eq!(
                out(&source),
                Ok(Value::List(vec![Value::Int(1), Value::Nil, Value::Int(3)])),
                "{key}"
            );
        }
    }

    #[test]
    fn a_few_holes_are_nil_and_many_are_refused() {
        let Ok(Value::List(items)) = out("return {[1024] = 1}") else { panic!() };
        assert_eq!((items.len(), &items[0], &items[1023]), (1024, &Value::Nil, &Value::Int(1)));
        for key in ["1025", "2^40 | 0", "math.maxinteger"] {
            assert_eq!(refused(&format!("return {{1, [{key}] = 1}}")), "table has holes");
        }
        let half = "local t = {} for i = 1, 3000, 2 do t[i] = i end return t";
        assert!(matches!(out(half), Ok(Value::List(items)) if items.len() == 2999));
    }

    #[test]
    fn depth_has_a_bound() {
        let nested = |levels: usize| format!("local t = {{}} for i = 2, {levels} do t = {{t}} end return t");
        assert!(out(&nested(128)).is_ok());
        assert_eq!(refused(&nested(129)), "table is nested deeper than 128 levels, or contains itself");
        assert!(refused("local t = {} t.t = t return t").contains("contains itself"));
        assert!(refused("local t = {} t[1] = t return t").contains("contains itself"));
    }

    /// 2^60 values of one small table.
    #[test]
    fn shared_tables_cost_each_time() {
        let shared = "local t = {'x'} for i = 1, 60 do t = {t, t} end return t";
        assert_eq!(refused(shared), "value is larger than 1048576 bytes");
        assert_eq!(refused("return ('x'):rep(1048577)"), "value is larger than 1048576 bytes");
        assert!(refused("return {[('x'):rep(1048577)] = 1}").contains("larger"));
        assert!(out("return ('x'):rep(1048576 - 32)").is_ok());
    }

    #[test]
    fn several_values_share_a_budget() {
        let lua = state();
        let text = lua.load("return ('x'):rep(50)").eval().unwrap();
        let mut copy = CopyOut::new(100);
        assert!(copy.copy(&text).is_ok());
        assert_eq!(copy.copy(&text).unwrap_err().message, "value is larger than 100 bytes");
    }

    #[test]
    fn metamethods_are_not_called() {
        let source =
            "return setmetatable({1}, {__index = error, __pairs = error, __len = error, __metatable = 'no'})";
        assert_eq!(out(source), Ok(ints(&[1])));
    }

    /// L-15
    #[test]
    fn errors_stay_errors() {
        let Ok(Value::Error(error)) =
            out("return errors.new{message = 'm', kind = 'Timeout', details = {a = 1}}")
        else {
            panic!()
        };
        assert_eq!(
            (error.kind, error.message.as_str(), error.details.get("a")),
            (Kind::Timeout, "m", Some(&Value::Int(1)))
        );
        let lua = state();
        lua.globals().set("e", copy_in(&lua, &Value::Error(error)).unwrap()).unwrap();
        assert_eq!(lua.load("return e:kind()").eval::<String>().unwrap(), "Timeout");
    }

    #[test]
    fn values_come_back_as_they_were() {
        let lua = state();
        let source = r"return {a = {1, 2.5, false, {}}, ['b\xff'] = 'c\0', n = -1}";
        let Ok(value) = copy_out(&lua.load(source).eval().unwrap(), 4096) else { panic!() };
        lua.globals().set("v", copy_in(&lua, &value).unwrap()).unwrap();
        let same: bool = lua
            .load(r"return #v.a == 4 and v.a[2] == 2.5 and v.a[3] == false and v['b\xff'] == 'c\0' and v.n == -1")
            .eval()
            .unwrap();
        assert!(same);
    }

    #[test]
    fn a_hostile_depth_does_not_come_in() {
        let deep = (0..1000).fold(Value::Nil, |inner, _| Value::List(vec![inner]));
        assert!(copy_in(&state(), &deep).unwrap_err().to_string().contains("nested deeper"));
    }

    #[test]
    fn sizes() {
        assert_eq!(measure(&Value::Nil), Size { bytes: 32, depth: 0 });
        assert_eq!(measure(&Value::List(vec![Value::text("ab")])), Size { bytes: 66, depth: 1 });
        let error = Value::Error(Box::new(ErrorValue::new(Kind::Invalid, "abc")));
        assert_eq!(measure(&error), Size { bytes: 67, depth: 2 });
    }
}
