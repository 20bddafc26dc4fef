//! Tables written off the stack, and those that are left to the other way: nobody can tell which it was.

use mlua::{Function, ffi};

use super::encode::encode_within;
use super::*;
use crate::copy::copy_out;

/// Both ways give the same, and leave nothing on the stack.
fn check(lua: &Lua, table: &Value) -> Result<Vec<u8>, Stop> {
    let text = encode(lua, table);
    assert_eq!(text, encode_within(lua, table, 4 << 20));
    // SAFETY: the state is locked.
    assert_eq!(lua.exec_raw_lua(|raw| unsafe { ffi::lua_gettop(raw.state()) }), 0);
    text
}

fn eval(lua: &Lua, source: &str) -> Value {
    lua.load(source).eval().unwrap()
}

#[test]
fn both_ways_write_the_same() {
    let lua = state();
    let decode: Function = lua.load("return json.decode").eval().unwrap();
    let mut seed = 11;
    for parts in (1..4000).step_by(211) {
        let text = steps::value(parts, &mut seed).to_string();
        let table = decode.call(text.as_str()).unwrap();
        assert_eq!(check(&lua, &table).unwrap(), text.into_bytes());
    }
    for source in
        ["{1, 2.5, -0.0, 1e300, 0/0, true, 'a\\0b'}", "{{}, {{}}, {a = {}}}", "{[''] = 1, ['\\0'] = 2}"]
    {
        assert!(check(&lua, &eval(&lua, &format!("return {source}"))).is_ok(), "{source}");
    }
}

#[test]
fn both_ways_refuse_the_same() {
    let lua = state();
    for source in [
        "{1, a = 2}",
        "{a = 2, 1}",
        "{[0] = 1}",
        "{[-1] = 1}",
        "{[1.5] = 1}",
        "{[true] = 1}",
        "{[2] = 2}",
        "{a = {b = {c = {1, 2, print}}}, d = {'\\xff'}}",
        "{['a\\xff'] = 1}",
        "{errors.new('x')}",
        "setmetatable({coroutine.create(print)}, {__index = error, __pairs = error})",
    ] {
        let table = eval(&lua, &format!("return {source}"));
        for _ in 0..50 {
            assert!(check(&lua, &table).is_err(), "{source}");
        }
    }
}

#[test]
fn objects_of_any_size_are_written() {
    let lua = state();
    let make: Function = lua
        .load(
            "local n, levels = ... local t
            for _ = 1, levels do local o = {z = t} for i = 2, n do o['k' .. i] = i end t = o end return t",
        )
        .into_function()
        .unwrap();
    for (count, levels) in
        [(255, 2), (256, 1), (257, 3), (300, 40), (8191, 1), (8192, 1), (8193, 1), (20_000, 2)]
    {
        let table: Value = make.call((count, levels)).unwrap();
        let text = check(&lua, &table).unwrap();
        assert!(text.starts_with(b"{\"k10\":10,"), "{count}");
    }
}

/// Numbers are not made text in place, nor is anything else changed.
#[test]
fn what_is_written_stays_as_it_is() {
    let lua = state();
    let table = eval(&lua, "return {a = {1, 2.5, 3}, b = {x = 1, y = {2^53, 1e100}}}");
    let before = copy_out(&table, 4096);
    check(&lua, &table).unwrap();
    assert_eq!(copy_out(&table, 4096), before);
}

/// Memory may end while keys are held of tables that hold nothing themselves.
#[test]
fn where_memory_ends_nothing_is_lost() {
    let lua = state();
    let source = "local weak = {__mode = 'kv'}
        local t = {} for level = 1, 100 do
            local o = setmetatable({inner = t, ['a long key of a table that is weak, more than forty ' .. level] = 1}, weak)
            for i = 1, 20 do o['k' .. level .. '_' .. i] = {'v'} end
            t, kept = o, {o, kept}
        end return t";
    let mut done = 0;
    for spare in (0..120_000).step_by(3000) {
        let table = eval(&lua, source);
        lua.set_memory_limit(lua.used_memory() + spare).unwrap();
        let text = write::table(&lua, &table, 1 << 20).unwrap();
        lua.set_memory_limit(0).unwrap();
        done += usize::from(text.is_some());
        let read = text.map(|text| serde_json::from_slice::<serde_json::Value>(&text));
        assert!(!matches!(read, Some(Err(_))), "{spare}");
    }
    assert!((1..41).contains(&done), "{done}");
}
