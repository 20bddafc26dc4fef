use mlua::{Lua, Value as LuaValue};

use super::*;
use crate::modules::errors;

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
    assert!(matches!(error.kind, Kind::Invalid | Kind::RateLimited));
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
    assert_eq!(out("return {1, print, 3}"), Ok(Value::List(vec![Value::Int(1), Value::Nil, Value::Int(3)])));
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
        let source = format!("local t = {{}} t.{key} = t t.x = ('x'):rep(2^21) t[3] = 3 t[1] = 1 return t");
        assert_eq!(out(&source), Ok(Value::List(vec![Value::Int(1), Value::Nil, Value::Int(3)])), "{key}");
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

mod stack;
