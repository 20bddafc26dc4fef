//! A function's own result: V-20, F-44.

use wippy_lua::error::{ErrorValue, Kind};

use super::*;
use crate::values::{Answer, Image};

/// The result whose words in memory are `words`, as a function of this type gives it.
fn answer(ty: &str, words: &[u32], style: ResultStyle) -> Answer {
    let stores: String = (0..)
        .zip(words)
        .map(|(i, word)| format!("(i32.store (i32.const {}) (i32.const {}))", 16 + 4 * i, *word as i32))
        .collect();
    let flat = ty == "result";
    let given = if flat { words[0] } else { 16 };
    let module = format!(
        r#"(module {REALLOC} (func (export "f") (result i32) {stores} (i32.const {given}))
            (data (i32.const 64) "bad\ff"))"#
    );
    let mut guest = Guest::new(&format!("export f: func() -> {ty};"), &module);
    let (_, signature) = guest.func("f");
    guest.get("f").unwrap().to_value(signature.result.as_deref(), style).unwrap()
}

fn error(message: &str, value: Value) -> Answer {
    let details = map([("value", value)]);
    Err(Box::new(ErrorValue { details, ..ErrorValue::new(Kind::Unknown, message) }))
}

const BOTH: [ResultStyle; 2] = [ResultStyle::Table, ResultStyle::Pair];

#[test]
fn tables() {
    let table = |ty, words: &[u32]| answer(ty, words, ResultStyle::Table);
    assert_eq!(table("result<u32, string>", &[0, 7, 0]), Ok(map([("ok", int(7))])));
    assert_eq!(table("result<u32, string>", &[1, 64, 3]), Ok(map([("err", text("bad"))])));
    assert_eq!(table("result", &[0]), Ok(map([("ok", yes())])));
    assert_eq!(table("result", &[1]), Ok(map([("err", yes())])));
}

#[test]
fn pairs() {
    let pair = |ty, words: &[u32]| answer(ty, words, ResultStyle::Pair);
    assert_eq!(pair("result<u32, string>", &[0, 7, 0]), Ok(int(7)));
    assert_eq!(pair("result<u32, string>", &[1, 64, 3]), error("bad", text("bad")));
    assert_eq!(pair("result<u32, u32>", &[1, 9]), error("9", int(9)));
    let row = list([int(1), float(0.5)]);
    assert_eq!(pair("result<_, tuple<u32, f32>>", &[1, 1, 0.5_f32.to_bits()]), error("[1,0.5]", row));
    assert_eq!(pair("result<_, list<u8>>", &[1, 64, 4]), error("bad\u{fffd}", Value::Str(b"bad\xff".into())));
    assert_eq!(pair("result", &[0]), Ok(nil()));
    assert_eq!(pair("result", &[1]), error("err", yes()));
    assert_eq!(pair("result<result<u32>, u32>", &[0, 1, 0]), Ok(map([("err", yes())])));
}

#[test]
fn others() {
    for style in BOTH {
        assert_eq!(Image::default().to_value(None, style), Ok(Ok(nil())));
        assert_eq!(answer("option<u32>", &[0, 0], style), Ok(nil()));
        assert_eq!(
            answer("tuple<u32, result<u32>>", &[1, 0, 5], style),
            Ok(list([int(1), map([("ok", int(5))])]))
        );
    }
}

/// What a guest may write anywhere is the guest's fault, never a panic.
#[test]
fn broken() {
    let fault = |ty: &str, words: &[u32]| {
        let mut echo = Echo::new("", ty);
        let (_, signature) = echo.0.func("put");
        let mut arguments = Arguments::new(&signature);
        (0..).step_by(4).zip(words).for_each(|(at, word)| arguments.write(at, word.to_le_bytes()));
        echo.0.call("put", &mut arguments).unwrap();
        echo.get().unwrap_err()
    };
    assert_eq!(fault("option<u32>", &[5]), "discriminant 5 of 2 cases");
    assert_eq!(fault("char", &[0xd800]), "0xd800 is not a character");
    assert_eq!(fault("u64", &[0, 0x8000_0000]), "9223372036854775808 does not fit a Lua integer");
}
