//! What a copy does to the state's own stack, and what it does where the state has no room.

use mlua::{Function, Table, ffi};

use super::*;

/// Values on the stack that is in use.
fn top(lua: &Lua) -> i32 {
    // SAFETY: the state is locked.
    lua.exec_raw_lua(|raw| unsafe { ffi::lua_gettop(raw.state()) })
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::text("x"), |inner, level| match level % 2 {
        0 => Value::List(vec![Value::Int(1), inner]),
        _ => Value::Map(vec![(b"a".to_vec(), Value::Nil), (b"k".to_vec(), inner)]),
    })
}

#[test]
fn tables_inside_each_other_go_in_and_out_up_to_the_bound() {
    let lua = state();
    for levels in [1, 2, 9, 10, 11, 60, 128] {
        let there = copy_in(&lua, &nested(levels)).unwrap();
        let back = copy_out(&there, 1 << 20).unwrap();
        // A nil is no entry there.
        let same: bool = lua
            .load("local v, n = ..., 0 while type(v) == 'table' do v, n = v[2] or v.k, n + 1 end return n == ({...})[2]")
            .call((there, levels))
            .unwrap();
        assert!(same, "{levels}");
        assert_eq!(measure(&back).depth, levels);
    }
    assert!(copy_in(&lua, &nested(129)).unwrap_err().to_string().contains("nested deeper"));
    assert_eq!(top(&lua), 0);
}

#[test]
fn strings_and_keys_are_bytes() {
    let lua = state();
    let text = |bytes: &[u8]| Value::Str(bytes.to_vec());
    let value = Value::Map(vec![
        (b"".to_vec(), text(b"")),
        (b"\0".to_vec(), text(b"a\0b\0")),
        (b"1".to_vec(), text(b"\xff\xfe")),
        (b"1.5".to_vec(), Value::Float(f64::NEG_INFINITY)),
        (vec![0; 300], Value::List(vec![text(&[0; 5000]), Value::Int(i64::MIN), Value::Bool(false)])),
    ]);
    let mut sorted = value.clone();
    let Value::Map(entries) = &mut sorted else { panic!() };
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(copy_out(&copy_in(&lua, &value).unwrap(), 1 << 20), Ok(sorted));
}

/// They are read as text in a copy only: Lua's own keys stay numbers.
#[test]
fn keys_that_are_numbers_stay_so() {
    let lua = state();
    let source =
        "return {[-1] = 'a', [0] = 'b', [2.5] = 'c', [1e100] = 'd', [true] = 'e', [math.mininteger] = 'f'}";
    let table: Table = lua.load(source).eval().unwrap();
    let value = copy_out(&LuaValue::Table(table.clone()), 4096).unwrap();
    for (key, text) in
        [("-1", "a"), ("0", "b"), ("2.5", "c"), ("1e100", "d"), ("true", "e"), ("-9223372036854775808", "f")]
    {
        assert_eq!(value.get(key), Some(&Value::text(text)), "{key}");
    }
    let same = "local t = ... return t[-1] .. t[0] .. t[2.5] .. t[1e100] .. t[true] .. t[math.mininteger]";
    assert_eq!(lua.load(same).call::<String>(table).unwrap(), "abcdef");
}

#[test]
fn a_huge_table_goes_in_and_out() {
    let lua = state();
    let list = Value::List((0..300_000).map(Value::Int).collect());
    assert_eq!(copy_out(&copy_in(&lua, &list).unwrap(), 1 << 30), Ok(list));
    let map = Value::Map((0..100_000).map(|n| (format!("{n:06}").into_bytes(), Value::Int(n))).collect());
    assert_eq!(copy_out(&copy_in(&lua, &map).unwrap(), 1 << 30), Ok(map));
}

/// Errors among other values: the library makes and reads them.
#[test]
fn errors_inside_tables() {
    let lua = state();
    let error = |text: &str| Value::Error(Box::new(ErrorValue::new(Kind::Timeout, text)));
    let inner = Value::Map(vec![(b"a".to_vec(), error("b")), (b"c".to_vec(), Value::Int(1))]);
    let value = Value::List(vec![Value::Int(1), error("a"), inner, Value::text("end")]);
    for _ in 0..1000 {
        assert_eq!(copy_out(&copy_in(&lua, &value).unwrap(), 1 << 20), Ok(value.clone()));
    }
    assert_eq!(top(&lua), 0);
}

/// Entries that cannot be copied are told of last, or not at all: what they left on the stack is not in the way.
#[test]
fn refusals_inside_tables_leave_the_stack_as_it_was() {
    let lua = state();
    let source = "local deep = {} for i = 1, 200 do deep = {k = {deep}} end
        local large = {a = {b = {('x'):rep(5000)}}}
        local list = {a = deep, b = large, c = {deep}, x = 1}
        for i = 1, 9 do list['k' .. i] = {large} end
        list[3] = {deep = {1, 2, {3}}}
        return list, deep, large";
    let (list, deep, large): (LuaValue, LuaValue, LuaValue) = lua.load(source).eval().unwrap();
    let inner = Value::Map(vec![(
        b"deep".to_vec(),
        Value::List(vec![Value::Int(1), Value::Int(2), Value::List(vec![Value::Int(3)])]),
    )]);
    for _ in 0..200 {
        let copied = copy_out(&list, 2000);
        assert_eq!(copied, Ok(Value::List(vec![Value::Nil, Value::Nil, inner.clone()])));
        assert!(copy_out(&deep, 1 << 20).unwrap_err().message.contains("nested deeper"));
        assert_eq!(copy_out(&large, 2000).unwrap_err().message, "value is larger than 2000 bytes");
        assert_eq!(top(&lua), 0);
    }
}

#[test]
fn many_tables_one_after_another_leave_nothing() {
    let lua = state();
    let value = Value::List(vec![nested(128), nested(3), Value::text("x")].split_off(1));
    let mut after = Vec::new();
    for _ in 0..3 {
        for _ in 0..2000 {
            copy_out(&copy_in(&lua, &value).unwrap(), 1 << 20).unwrap();
        }
        lua.gc_collect().unwrap();
        after.push(lua.used_memory());
    }
    assert_eq!(top(&lua), 0);
    assert!(after[2] <= after[0], "{after:?}");
}

/// In the middle of a copy as well: the error is Lua's own, and the state goes on.
#[test]
fn a_state_without_memory_refuses_and_goes_on() {
    let lua = state();
    let item = |n: i64| Value::Map(vec![(b"key".to_vec(), Value::text(format!("{n:0100}")))]);
    let value = Value::List((0..20_000).map(item).collect());
    lua.set_memory_limit(lua.used_memory() + (1 << 20)).unwrap();
    for _ in 0..20 {
        assert!(matches!(copy_in(&lua, &value), Err(mlua::Error::MemoryError(_))));
        assert_eq!(top(&lua), 0);
    }
    let huge = Value::Str(vec![0; 4 << 20]);
    assert!(matches!(
        copy_in(&lua, &Value::List(vec![Value::List(vec![huge])])),
        Err(mlua::Error::MemoryError(_))
    ));
    let Value::List(items) = &value else { panic!() };
    let few = Value::List(items[..100].to_vec());
    assert_eq!(copy_out(&copy_in(&lua, &few).unwrap(), 1 << 20), Ok(few));
    lua.gc_collect().unwrap();
    assert!(lua.used_memory() < 1 << 20);
}

/// However little the limit leaves: each allocation of a copy fails once.
#[test]
fn wherever_memory_ends_the_state_goes_on() {
    let lua = state();
    let value = Value::List(vec![nested(128), Value::text("y".repeat(100)), nested(20)].split_off(1));
    lua.gc_collect().unwrap();
    let (least, mut done) = (lua.used_memory(), 0);
    for spare in (0..20_000).step_by(23) {
        lua.gc_collect().unwrap();
        lua.set_memory_limit(least + spare).unwrap();
        match copy_in(&lua, &value) {
            Ok(there) => {
                done += 1;
                assert!(copy_out(&there, 1 << 20).is_ok());
            }
            Err(error) => assert!(matches!(error, mlua::Error::MemoryError(_) | mlua::Error::StackError)),
        }
        assert_eq!(top(&lua), 0);
        lua.set_memory_limit(0).unwrap();
    }
    assert!(done > 100);
}

/// Near the end of Lua's stack there is no room for a copy.
#[test]
fn at_the_end_of_the_stack_a_copy_is_refused() {
    let lua = state();
    let copy = |lua: &Lua, value: LuaValue| match copy_out(&value, 1 << 20) {
        Ok(value) => copy_in(lua, &value).map(|there| there.is_table()),
        Err(error) => Err(mlua::Error::runtime(error)),
    };
    let copy = lua.create_function(copy).unwrap();
    let source = "local copy = ...
        local deep = {} for i = 2, 128 do deep = {deep} end
        local most = 0
        local function count(n) most = n return (count(n + 1)) end
        pcall(count, 1)
        local function down(n) if n == 0 then return copy(deep) end return (down(n - 1)) end
        local refused, done = 0, 0
        for spare = 0, 200, 200 do
            if pcall(down, most - spare) then done = done + 1 else refused = refused + 1 end
        end
        return most > 1000 and refused > 0 and done > 0 and copy(deep)";
    assert!(lua.load(source).into_function().unwrap().call::<bool>(copy).unwrap());
    let again: Function = lua.load("return #{...}").into_function().unwrap();
    assert_eq!(again.call::<usize>((1, 2)).unwrap(), 2);
}
