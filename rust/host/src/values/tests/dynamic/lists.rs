//! Lists, tuples and records: V-7 to V-10, V-21, V-24.

use super::*;

#[test]
fn lists() {
    let mut echo = Echo::new("", "list<u32>");
    echo.same(list([int(1), int(2)]));
    echo.same(list([]));
    echo.check(empty(), list([]));
    echo.refuses(list([int(1), text("a")]), "[encode] type_mismatch: x[2]: expected u32, got string (\"a\")");
    echo.refuses(list([int(1), nil()]), "[encode] type_mismatch: x[2]: expected u32, got nil");
    echo.refuses(map([("a", int(1))]), "[encode] type_mismatch: x: expected list<u32>, got table (1 key)");
    echo.refuses(text("ab"), "[encode] type_mismatch: x: expected list<u32>, got string (\"ab\")");
    echo.refuses(nil(), "[encode] type_mismatch: x: expected list<u32>, got nil");

    let mut echo = Echo::new("", "list<list<string>>");
    echo.same(list([list([text("a"), text("")]), list([]), list([text("c")])]));
    let inner = list([text("a"), int(5)]);
    echo.refuses(list([inner]), "[encode] type_mismatch: x[1][2]: expected string, got integer (5)");
    Echo::new("", "list<option<u8>>").same(list([nil(), int(1), nil()]));
    Echo::new("", "list<bool>").same(list([yes(), Value::Bool(false)]));
}

#[test]
fn bytes() {
    let mut echo = Echo::new("", "list<u8>");
    echo.same(Value::Str(vec![0, 255, 128]));
    echo.check(list([int(104), float(105.0)]), text("hi"));
    echo.check(empty(), text(""));
    echo.refuses(list([int(1), int(256)]), "[encode] overflow: x[2]: expected u8, got integer (256)");
    Echo::new("", "list<s8>")
        .refuses(text("a"), "[encode] type_mismatch: x: expected list<s8>, got string (\"a\")");
}

#[test]
fn fixed_lists() {
    let mut echo = Echo::new("", "list<u16, 3>");
    echo.same(list([int(1), int(2), int(3)]));
    echo.refuses(list([int(1)]), "[encode] invalid_data: x: expected list<u16, 3>, got 1 of 3 items");
    echo.refuses(empty(), "[encode] invalid_data: x: expected list<u16, 3>, got 0 of 3 items");
    echo.refuses(
        list([int(1), int(2), int(3), int(4)]),
        "[encode] invalid_data: x: expected list<u16, 3>, got 4 of 3 items",
    );
    Echo::new("", "list<option<u16>, 3>").check(list([int(1)]), list([int(1), nil(), nil()]));

    let mut echo = Echo::new("", "list<u8, 2>");
    echo.same(Value::Str(vec![255, 0]));
    echo.check(list([int(104), int(105)]), text("hi"));
    echo.refuses(text("abc"), "[encode] invalid_data: x: expected list<u8, 2>, got 3 of 2 items");
}

#[test]
fn tuples() {
    let mut echo = Echo::new("", "tuple<string, option<u8>, option<u8>>");
    echo.same(list([text("a"), int(1), int(2)]));
    echo.check(list([text("a")]), list([text("a"), nil(), nil()]));
    echo.same(list([text("a"), nil(), int(2)]));
    let told = "[encode] invalid_data: x: expected tuple<string, option<u8>, option<u8>>, got";
    echo.refuses(empty(), &format!("{told} 0 of 3 items"));
    echo.refuses(list([text("a"), nil(), nil(), nil()]), &format!("{told} 4 of 3 items"));
    echo.refuses(
        list([text("a"), text("b")]),
        "[encode] type_mismatch: x[2]: expected u8, got string (\"b\")",
    );

    let mut echo = Echo::new("", "tuple<option<u8>, u8>");
    echo.same(list([nil(), int(2)]));
    echo.refuses(
        list([int(1)]),
        "[encode] invalid_data: x: expected tuple<option<u8>, u8>, got 1 of 2 items",
    );
}

const USER: &str = "record user { full-name: string, tag-count: option<u8>, HTTP-code: u16 }";

#[test]
fn records() {
    let mut echo = Echo::new(USER, "user");
    let user = map([("full-name", text("A")), ("tag-count", int(1)), ("HTTP-code", int(200))]);
    echo.same(user.clone());
    echo.check(map([("full_name", text("A")), ("tag_count", int(1)), ("http_code", int(200))]), user.clone());
    let both = [("full_name", text("B")), ("full-name", text("A")), ("http_code", int(200))];
    let none = map([("full-name", text("A")), ("tag-count", nil()), ("HTTP-code", int(200))]);
    echo.check(map(both), none.clone());
    let [_, kebab, code] = none_and_more();
    echo.check(map([kebab, code, ("other", list([]))]), none);

    echo.refuses(empty(), "[encode] field_missing: x: required field \"full-name\" not found");
    let partial = map([("full-name", text("A")), ("HTTP-code", nil())]);
    echo.refuses(partial, "[encode] field_missing: x: required field \"HTTP-code\" not found");
    let wrong = map([("full_name", text("A")), ("tag_count", text("many")), ("http_code", int(1))]);
    echo.refuses(wrong, "[encode] type_mismatch: x.tag-count: expected u8, got string (\"many\")");
    assert!(echo.misfit(list([int(1)])).ends_with("HTTP-code: u16 }, got table (1 item)"));
    assert!(echo.misfit(text("a")).ends_with(", got string (\"a\")"));

    let mut echo = Echo::new(&format!("{USER} record all {{ users: list<user> }}"), "all");
    let users = list([user, map([("full-name", int(1))])]);
    let told = "[encode] type_mismatch: x.users[2].full-name: expected string, got integer (1)";
    echo.refuses(map([("users", users)]), told);
    Echo::new("record r { a: option<u8> }", "r").check(list([]), map([("a", nil())]));
}

fn none_and_more() -> [(&'static str, Value); 3] {
    [("unused", nil()), ("full-name", text("A")), ("http_code", int(200))]
}

/// Many keys are looked up by a table of their own; it must find what looking through them finds.
#[test]
fn large_tables() {
    let mut echo = Echo::new(USER, "user");
    let many = |first: [(&str, Value); 3]| {
        let Value::Map(mut entries) = map(first) else { panic!() };
        entries.extend((0..100_000).map(|i| (format!("k{i}").into_bytes(), int(i))));
        Value::Map(entries)
    };
    let user = map([("full-name", text("A")), ("tag-count", int(1)), ("HTTP-code", int(200))]);
    let snake = [("full_name", text("A")), ("tag_count", int(1)), ("http_code", int(200))];
    echo.check(many(snake), user.clone());
    let twice = many([("full_name", text("A")), ("tag_count", int(1)), ("http_code", int(500))]);
    let Value::Map(mut entries) = twice else { panic!() };
    entries.push((b"HTTP-code".into(), int(200)));
    entries.push((b"full-name".into(), nil()));
    echo.check(Value::Map(entries), user);
    let told = "[encode] field_missing: x: required field \"full-name\" not found";
    echo.refuses(many([("full_name", nil()), ("tag_count", int(1)), ("http_code", int(1))]), told);
}

/// A small table that stands for large elements does not take more memory than a call may.
#[test]
fn too_large() {
    let mut echo = Echo::new("", "list<list<option<list<u64, 1000000>>>>");
    let told = "[encode] overflow: x[2]: more than the arguments of a call may hold";
    let inner = || Value::List(vec![nil(); 70]);
    echo.refuses(list([inner(), inner()]), told);
    let told = "[encode] overflow: x: more than the arguments of a call may hold";
    Echo::new("", "list<list<u64, 1000000>>").refuses(Value::List(vec![nil(); 200]), told);
}
