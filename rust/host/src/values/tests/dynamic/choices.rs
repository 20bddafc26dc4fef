//! Options, results, variants, enums and flags: V-11 to V-18.

use super::*;

#[test]
fn options() {
    let mut echo = Echo::new("", "option<string>");
    echo.same(text("a"));
    echo.same(nil());
    echo.refuses(int(1), "[encode] type_mismatch: x: expected string, got integer (1)");
    echo.refuses(map([("some", text("a"))]), "[encode] type_mismatch: x: expected string, got table (1 key)");
}

#[test]
fn options_inside_options() {
    let mut echo = Echo::new("", "option<option<u8>>");
    echo.same(nil());
    echo.same(map([("some", nil())]));
    echo.same(map([("some", int(3))]));
    echo.check(empty(), map([("some", nil())]));
    echo.check(int(3), map([("some", int(3))]));
    echo.refuses(map([("other", int(3))]), "[encode] type_mismatch: x: expected u8, got table (1 key)");

    let mut echo = Echo::new("", "option<option<option<u8>>>");
    echo.same(map([("some", map([("some", int(3))]))]));
    echo.same(map([("some", map([("some", nil())]))]));
    echo.same(map([("some", nil())]));

    let mut echo = Echo::new("", "option<option<list<u8>>>");
    echo.check(list([]), map([("some", text(""))]));
}

#[test]
fn results() {
    let mut echo = Echo::new("", "result<u8, string>");
    echo.same(map([("ok", int(1))]));
    echo.same(map([("err", text("bad"))]));
    echo.check(map([("ok", nil()), ("err", text("bad"))]), map([("err", text("bad"))]));
    let told = "[encode] type_mismatch: x: expected result<u8, string>, got";
    echo.refuses(int(1), &format!("{told} integer (1)"));
    echo.refuses(empty(), &format!("{told} table (0 keys)"));
    echo.refuses(map([("ok", int(1)), ("err", text("e"))]), &format!("{told} table (2 keys)"));
    let told = "[encode] invalid_data: x: expected result<u8, string>, got";
    echo.refuses(map([("OK", int(1))]), &format!("{told} \"OK\""));
    echo.refuses(text("fine"), &format!("{told} string (\"fine\")"));
    echo.refuses(text("ok"), "[encode] type_mismatch: x.ok: expected u8, got nil");
    echo.refuses(map([("err", int(1))]), "[encode] type_mismatch: x.err: expected string, got integer (1)");
}

#[test]
fn results_without_payload() {
    let mut echo = Echo::new("", "result");
    for (name, value) in [("ok", map([("ok", yes())])), ("err", map([("err", yes())]))] {
        echo.same(value.clone());
        echo.check(text(name), value.clone());
        echo.check(map([(name, empty())]), value.clone());
        echo.check(map([(name, nil())]), value);
    }
    echo.refuses(map([("ok", int(1))]), "[encode] type_mismatch: x.ok: expected no payload, got integer (1)");
    let told = "[encode] type_mismatch: x.ok: expected no payload, got boolean (false)";
    echo.refuses(map([("ok", Value::Bool(false))]), told);
    assert!(echo.misfit(empty()).ends_with("expected result, got table (0 keys)"));
}

/// `{ok=nil}` is `{}` in Lua, which can only be read where one side alone may be nil.
#[test]
fn none_as_payload() {
    let mut echo = Echo::new("", "result<option<u8>, string>");
    echo.same(map([("ok", nil())]));
    echo.check(empty(), map([("ok", nil())]));
    echo.check(text("ok"), map([("ok", nil())]));
    let mut echo = Echo::new("", "result<option<u8>, option<u8>>");
    assert!(echo.misfit(empty()).ends_with("expected result<option<u8>, option<u8>>, got table (0 keys)"));
    let mut echo = Echo::new("variant v { a, b(option<u8>), c(u8) }", "v");
    echo.check(empty(), map([("b", nil())]));
}

#[test]
fn variants() {
    let mut echo = Echo::new("variant shape { none, a-circle(f64), named(string) }", "shape");
    echo.same(map([("none", yes())]));
    echo.check(text("none"), map([("none", yes())]));
    echo.check(map([("none", empty())]), map([("none", yes())]));
    echo.same(map([("a-circle", float(1.5))]));
    echo.check(map([("a_circle", int(1))]), map([("a-circle", float(1.0))]));
    echo.same(map([("named", text("x"))]));
    let told = |what: &str, found: &str| {
        let ty = "variant { none, a-circle(f64), named(string) }";
        format!("[encode] {what}: x: expected {ty}, got {found}")
    };
    echo.refuses(map([("square", int(1))]), &told("invalid_data", "\"square\""));
    echo.refuses(Value::Map(vec![(vec![0xff], int(1))]), &told("invalid_data", "another name"));
    echo.refuses(text("square"), &told("invalid_data", "string (\"square\")"));
    echo.refuses(empty(), &told("type_mismatch", "table (0 keys)"));
    echo.refuses(list([int(1)]), &told("type_mismatch", "table (1 item)"));
    echo.refuses(int(0), &told("type_mismatch", "integer (0)"));
    let two = map([("none", yes()), ("named", text("x"))]);
    echo.refuses(two, &told("type_mismatch", "table (2 keys)"));
    echo.refuses(
        map([("named", yes())]),
        "[encode] type_mismatch: x.named: expected string, got boolean (true)",
    );
    echo.refuses(
        map([("none", int(1))]),
        "[encode] type_mismatch: x.none: expected no payload, got integer (1)",
    );
}

#[test]
fn enums() {
    let mut echo = Echo::new("enum color { red, dark-blue, green }", "color");
    echo.same(int(2));
    echo.check(float(1.0), int(1));
    for name in ["dark-blue", "dark_blue"] {
        echo.check(text(name), int(1));
    }
    let ty = "enum { red, dark-blue, green }";
    echo.refuses(text("pink"), &format!("[encode] invalid_data: x: expected {ty}, got \"pink\""));
    for number in [3, -1, i64::MAX] {
        let told = format!("[encode] overflow: x: expected {ty}, got integer ({number})");
        echo.refuses(int(number), &told);
    }
    echo.refuses(yes(), &format!("[encode] type_mismatch: x: expected {ty}, got boolean (true)"));
    let names: Vec<_> = (0..300).map(|i| format!("n{i}")).collect();
    Echo::new(&format!("enum many {{ {} }}", names.join(", ")), "many").check(text("n299"), int(299));
}

#[test]
fn flags() {
    let mut echo = Echo::new("flags rights { can-read, write, run }", "rights");
    echo.same(int(5));
    echo.check(float(7.0), int(7));
    echo.check(list([text("can-read"), text("run"), text("run")]), int(5));
    echo.check(map([("can_read", yes()), ("write", Value::Bool(false)), ("run", yes())]), int(5));
    echo.check(empty(), int(0));
    let ty = "flags { can-read, write, run }";
    for number in [8, -1, 1 << 40] {
        let told = format!("[encode] overflow: x: expected {ty}, got integer ({number})");
        echo.refuses(int(number), &told);
    }
    let told = format!("[encode] invalid_data: x[2]: expected {ty}, got \"fly\"");
    echo.refuses(list([text("run"), text("fly")]), &told);
    let told = format!("[encode] invalid_data: x: expected {ty}, got \"fly\"");
    echo.refuses(map([("fly", Value::Bool(false))]), &told);
    let told = format!("[encode] type_mismatch: x.run: expected {ty}, got integer (1)");
    echo.refuses(map([("run", int(1))]), &told);
    echo.refuses(list([int(1)]), &format!("[encode] type_mismatch: x[1]: expected {ty}, got integer (1)"));
    echo.refuses(text("run"), &format!("[encode] type_mismatch: x: expected {ty}, got string (\"run\")"));

    let names: Vec<_> = (0..32).map(|i| format!("b{i}")).collect();
    let mut echo = Echo::new(&format!("flags all {{ {} }}", names.join(", ")), "all");
    echo.same(int(i64::from(u32::MAX)));
    echo.check(list([text("b31")]), int(1 << 31));
}
