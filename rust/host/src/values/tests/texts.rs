//! Results as text for `funcs` (H-24, H-29).

use super::guests::{Guest, REALLOC};
use super::model::{V, put};
use crate::values::{Arguments, Outcome, go_float};

/// The text of a value of type `ty`: it goes through a guest that gives back what it got.
fn outcome(types: &str, ty: &str, value: V, bytes: bool) -> Outcome<Vec<u8>> {
    let pad = ["u64"; 17].join(", ");
    let wit = format!("{types} export put: func(x: {ty}, pad: tuple<{pad}>); export get: func() -> {ty};");
    let module = format!(
        r#"(module {REALLOC} (global $kept (mut i32) (i32.const 0))
            (func (export "put") (param i32) (global.set $kept (local.get 0)))
            (func (export "get") (result i32) GET))"#
    );
    let (pointer, value_of) = ("(global.get $kept)", "(i32.load (global.get $kept))");
    let flat = matches!(ty, "bool" | "u32" | "s32" | "char" | "color" | "result" | "rights");
    let module = module.replace("GET", if flat { value_of } else { pointer });
    let mut guest = Guest::new(&wit, &module);
    let (_, signature) = guest.func("put");
    let mut arguments = Arguments::new(&signature);
    put(&mut arguments, &signature.params[0].ty, 0, &value);
    guest.call("put", &mut arguments).unwrap();
    let (_, signature) = guest.func("get");
    let image = guest.get("get").unwrap();
    let ty = signature.result.as_deref();
    if bytes {
        return image.to_bytes(ty).unwrap();
    }
    match image.to_text(ty).unwrap() {
        Outcome::Value(text) => Outcome::Value(text.into_bytes()),
        Outcome::Err(text) => Outcome::Err(text),
    }
}

fn text(types: &str, ty: &str, value: V) -> String {
    match outcome(types, ty, value, false) {
        Outcome::Value(text) => String::from_utf8(text).unwrap(),
        Outcome::Err(text) => format!("err: {text}"),
    }
}

fn string(text: &str) -> V {
    V::Text(text.to_owned())
}

fn case(tag: u32, payload: impl Into<Option<V>>) -> V {
    V::Case(tag, payload.into().map(Box::new))
}

#[test]
fn plain() {
    assert_eq!(text("", "string", string("as \"is\"")), "as \"is\"");
    assert_eq!(text("", "s32", V::Bits((-42_i32) as u32 as u64)), "-42");
    assert_eq!(text("", "bool", V::Bits(1)), "true");
    assert_eq!(text("", "char", V::Bits('é' as u64)), "é");
    assert_eq!(text("enum color { red, dark-blue }", "color", V::Bits(1)), "dark-blue");
    assert_eq!(text("", "option<string>", case(0, None)), "");
    assert_eq!(text("", "option<string>", case(1, string("x"))), "x");
    assert_eq!(text("", "list<u8>", V::Many(vec![V::Bits(104), V::Bits(105)])), "hi");
}

#[test]
fn json() {
    let types = "record user { id: u32, full-name: string, tags: list<string>, at: option<f64> } \
                 variant shape { none, circle(f64) } flags rights { read, write, run } \
                 record all { a: shape, b: shape, c: rights, d: tuple<char, bool>, e: option<option<u8>>, \
                 f: option<option<u8>>, g: result<u8>, h: result<u8>, i: list<u8> }";
    let user = V::Many(vec![
        V::Bits(7),
        string("A \"b\"\\\n\u{1}"),
        V::Many(vec![string("x"), string("é")]),
        case(1, V::Bits(1.5_f64.to_bits())),
    ]);
    assert_eq!(
        text(types, "user", user),
        r#"{"id":7,"full-name":"A \"b\"\\\n\u0001","tags":["x","é"],"at":1.5}"#
    );
    let all = V::Many(vec![
        case(0, None),
        case(1, V::Bits(f64::NAN.to_bits())),
        V::Bits(5),
        V::Many(vec![V::Bits('"' as u64), V::Bits(0)]),
        case(0, None),
        case(1, case(0, None)),
        case(0, V::Bits(3)),
        case(1, None),
        V::Many(vec![V::Bits(1), V::Bits(2)]),
    ]);
    assert_eq!(
        text(types, "all", all),
        r#"{"a":"none","b":{"circle":null},"c":["read","run"],"d":["\"",false],"e":null,"#.to_owned()
            + r#""f":{"some":null},"g":{"ok":3},"h":{"err":null},"i":[1,2]}"#
    );
}

#[test]
fn results() {
    assert_eq!(text("", "result<string, string>", case(0, string("good"))), "good");
    assert_eq!(text("", "result<string, string>", case(1, string("bad"))), "err: bad");
    assert_eq!(text("", "result<list<u32>, u32>", case(0, V::Many(vec![V::Bits(1)]))), "[1]");
    assert_eq!(text("", "result<list<u32>, u32>", case(1, V::Bits(9))), "err: 9");
    assert_eq!(text("", "result", case(0, None)), "");
    assert_eq!(text("", "result", case(1, None)), "err: ");
}

#[test]
fn bytes() {
    let list = V::Many(vec![V::Bits(255), V::Bits(0)]);
    assert_eq!(outcome("", "list<u8>", list.clone(), true), Outcome::Value(vec![255, 0]));
    assert_eq!(outcome("", "result<list<u8>, string>", case(0, list), true), Outcome::Value(vec![255, 0]));
    assert_eq!(outcome("", "string", string("é"), true), Outcome::Value("é".into()));
    assert_eq!(outcome("", "u32", V::Bits(12), true), Outcome::Value(b"12".to_vec()));
}

#[test]
fn floats_as_go_prints_them() {
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (42.0, "42"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.25e-5, "1.25e-05"),
        (0.0001, "0.0001"),
        (1e-7, "1e-07"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
    ] {
        assert_eq!(go_float(value, false), expected);
    }
    assert_eq!(go_float(f64::from(0.1_f32), true), "0.1");
}
