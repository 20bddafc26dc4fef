use mlua::FromLuaMulti;

use super::*;
use crate::modules::errors;

fn state() -> Lua {
    let lua = Lua::new();
    lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
    lua.globals().set("json", open(&lua).unwrap()).unwrap();
    lua
}

fn run<T: FromLuaMulti>(source: &str) -> T {
    state().load(source).eval().unwrap()
}

fn text(expression: &str) -> String {
    run(&format!("return assert(json.encode({expression}))"))
}

/// The message of an error, which is of kind Invalid (L-20).
fn refused(call: &str) -> String {
    let source =
        format!("local v, e = {call} assert(v == nil and e:kind() == errors.INVALID) return e:message()");
    run(&source)
}

/// L-32
#[test]
fn values_are_written() {
    for (value, wanted) in [
        ("nil", "null"),
        ("true", "true"),
        ("42", "42"),
        ("math.mininteger", "-9223372036854775808"),
        ("1.0", "1"),
        ("99.5", "99.5"),
        ("0.1", "0.1"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("1.5e300", "1.5e+300"),
        ("1e-7", "1e-7"),
        ("-0.0", "-0"),
        ("0/0", "null"),
        ("1/0", "null"),
        (r#"'a"\n\\\0é'"#, r#""a\"\n\\\u0000é""#),
        ("{}", "[]"),
        ("{1, 'a', {}}", r#"[1,"a",[]]"#),
        ("{b = 1, a = {c = true}}", r#"{"a":{"c":true},"b":1}"#),
        ("{[3] = 3, [2] = 2, [1] = 1}", "[1,2,3]"),
        ("{['1'] = 'x'}", r#"{"1":"x"}"#),
    ] {
        assert_eq!(text(value), wanted, "{value}");
    }
}

/// L-32
#[test]
fn tables_that_are_neither_are_refused() {
    assert_eq!(refused("json.encode({1, a = 2})"), "table has both indexes and text as keys");
    assert_eq!(refused("json.encode({[2] = 2})"), "table has holes");
    assert_eq!(refused("json.encode({1, nil, 3})"), "table has holes");
    assert_eq!(refused("json.encode({[math.maxinteger] = 2})"), "table has holes");
    assert!(refused("json.encode({[true] = 2})").contains("neither text nor an index: boolean"));
    assert!(refused("json.encode({[0] = 2})").contains("integer"));
    assert_eq!(refused("json.encode(print)"), "cannot encode a function as JSON");
    assert_eq!(refused("json.encode({a = coroutine.create(print)})"), "cannot encode a thread as JSON");
    assert!(refused(r"json.encode('a\xff')").contains("UTF-8"));
    assert!(refused(r"json.encode({['a\xff'] = 1})").contains("UTF-8"));
}

/// L-32
#[test]
fn depth_has_a_bound() {
    let nested = |levels: usize| {
        format!("(function() local t = {{}} for i = 2, {levels} do t = {{t}} end return t end)()")
    };
    assert_eq!(text(&nested(128)), "[".repeat(128) + &"]".repeat(128));
    assert!(refused(&format!("json.encode({})", nested(129))).contains("128 levels"));
    assert!(
        refused("json.encode((function() local t = {} t.t = t return t end)())").contains("contains itself")
    );
    let brackets = |levels: usize| format!("('['):rep({levels}) .. (']'):rep({levels})");
    assert!(run::<bool>(&format!("return json.decode({}) ~= nil", brackets(128))));
    assert!(refused(&format!("json.decode({})", brackets(129))).contains("128 levels"));
    assert!(refused("json.decode(('['):rep(1000000))").contains("128 levels"));
    assert!(refused(r#"json.decode(('{"a":'):rep(1000000))"#).contains("128 levels"));
}

/// 2^60 times the same table.
#[test]
fn the_result_has_a_bound() {
    let shared = "local t = {} for i = 1, 60 do t = {t, t} end return t";
    let lua = state();
    let shared = lua.load(shared).eval().unwrap();
    let Stop::Refused(error) = encode::encode_within(&lua, &shared, 10_000).unwrap_err() else { panic!() };
    assert_eq!(error.message, "there are too many values");
    let text = "json.encode({a, a, a})";
    let made = format!("local a = ('x'):rep(30 << 20) local v, e = {text} return v, e:message()");
    assert_eq!(run::<(Option<String>, String)>(&made).1, "the result would be larger than 67108864 bytes");
    assert!(refused(r"json.encode(('\0'):rep(12 << 20))").contains("larger"));
}

#[test]
fn large_objects_keep_all_entries() {
    let count: (i64, i64) = run("local t = {} for i = 1, 5000 do t['k' .. i] = i end
         local back, sum, n = json.decode((json.encode(t))), 0, 0
         for k, v in pairs(back) do sum, n = sum + v, n + 1 end
         return n, sum");
    assert_eq!(count, (5000, 5000 * 5001 / 2));
}

/// L-32
#[test]
fn text_is_read() {
    let same: bool = run(
        r#"local v = assert(json.decode('{"a": [1, 2.5, 1e3, true, "x\\u00e9"], "b": {"c": null}, "d": 1, "d": 2}'))
           return math.type(v.a[1]) == 'integer' and v.a[2] == 2.5 and math.type(v.a[3]) == 'float'
               and v.a[4] == true and v.a[5] == 'xé' and next(v.b) == nil and v.d == 2"#,
    );
    assert!(same);
    for (text, wanted) in [
        ("9223372036854775807", "math.maxinteger"),
        ("-9223372036854775808", "math.mininteger"),
        ("9223372036854775808", "2.0^63"),
        ("123456789012345678901234567890", "123456789012345678901234567890.0"),
        ("0.1", "0.1"),
        ("2.2250738585072011e-308", "2.2250738585072011e-308"),
        (" null ", "nil"),
        (r#"\"\""#, "''"),
    ] {
        let source = format!("local v, e = json.decode(\"{text}\") return e == nil and v == {wanted}");
        assert!(run::<bool>(&source), "{text}");
    }
}

#[test]
fn null_in_an_array_is_a_hole() {
    let ends: (Option<i64>, Option<i64>, i64) =
        run("local v = json.decode('[1, null, 3]') return v[1], v[2], v[3]");
    assert_eq!(ends, (Some(1), None, 3));
}

#[test]
fn bad_text_is_told_with_its_place() {
    assert_eq!(refused("json.decode('nonsense')"), "invalid JSON: expected ident at line 1 column 2");
    let place: (i64, i64) =
        run(r#"local _, e = json.decode('{"a":\n  tru}') return e:details().line, e:details().column"#);
    assert_eq!(place.0, 2);
    for bad in ["", "1 2", "[1,]", "{1:2}", "'a'", "[", "01", "1e999", r#""\ud800""#, "\u{feff}1", "NaN"] {
        let source = format!("local v, e = json.decode([==[{bad}]==]) return v == nil and e:kind()");
        assert_eq!(run::<String>(&source), "Invalid", "{bad}");
    }
    assert!(refused(r#"json.decode('"\xff"')"#).contains("invalid JSON"));
}

/// L-20
#[test]
fn arguments_of_other_types_are_errors() {
    assert_eq!(refused("json.decode({})"), "JSON must be a string, not table");
    assert_eq!(refused("json.decode()"), "JSON must be a string, not nil");
}

#[test]
fn what_does_not_fit_is_lua_s_own_error() {
    let lua = state();
    lua.set_memory_limit(8 << 20).unwrap();
    let failed = lua.load("return json.decode('[' .. ('{},'):rep(300000) .. '1]')").exec().unwrap_err();
    assert!(failed.to_string().contains("memory"), "{failed}");
}

mod stack;
mod steps;
