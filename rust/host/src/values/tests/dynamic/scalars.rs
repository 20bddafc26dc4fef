//! V-1 to V-6.

use wippy_lua::error::{ErrorValue, Kind};

use super::*;

#[test]
fn booleans() {
    let mut echo = Echo::new("", "bool");
    echo.same(yes());
    echo.same(Value::Bool(false));
    echo.refuses(int(1), "[encode] type_mismatch: x: expected bool, got integer (1)");
    echo.refuses(nil(), "[encode] type_mismatch: x: expected bool, got nil");
}

#[test]
fn integers() {
    for (ty, low, high) in [
        ("s8", -128, 127),
        ("u8", 0, 255),
        ("s16", -32768, 32767),
        ("u16", 0, 65535),
        ("s32", i64::from(i32::MIN), i64::from(i32::MAX)),
        ("u32", 0, i64::from(u32::MAX)),
    ] {
        let mut echo = Echo::new("", ty);
        for number in [low, high, 7] {
            echo.same(int(number));
            echo.check(float(number as f64), int(number));
        }
        for number in [low - 1, high + 1, i64::MIN, i64::MAX] {
            let told = format!("[encode] overflow: x: expected {ty}, got integer ({number})");
            echo.refuses(int(number), &told);
        }
        for number in [0.5, f64::NAN, f64::INFINITY] {
            let told = format!("[encode] type_mismatch: x: expected {ty}, got float ({number:?})");
            echo.refuses(float(number), &told);
        }
        for number in [1e19, -1e300, 1e300] {
            assert!(echo.misfit(float(number)).starts_with("[encode] overflow: x: expected "));
        }
        assert!(echo.misfit(text("7")).ends_with(&format!("expected {ty}, got string (\"7\")")));
        assert!(echo.misfit(yes()).ends_with(&format!("expected {ty}, got boolean (true)")));
    }
}

#[test]
fn wide_integers() {
    let mut echo = Echo::new("", "s64");
    for number in [i64::MIN, -1, i64::MAX] {
        echo.same(int(number));
    }
    echo.check(float(-9_223_372_036_854_775_808.0), int(i64::MIN));
    assert!(echo.misfit(float(9_223_372_036_854_775_808.0)).starts_with("[encode] overflow: "));

    let mut echo = Echo::new("", "u64");
    echo.same(int(i64::MAX));
    assert!(echo.misfit(int(-1)).starts_with("[encode] overflow: "));
    assert!(echo.misfit(float(18_446_744_073_709_551_616.0)).starts_with("[encode] overflow: "));
    let mut arguments = echo.arguments(float(9_223_372_036_854_775_808.0)).unwrap();
    echo.0.call("put", &mut arguments).unwrap();
    assert_eq!(echo.get(), Err("9223372036854775808 does not fit a Lua integer".to_owned()));
}

#[test]
fn floats() {
    let mut echo = Echo::new("", "f64");
    echo.same(float(1.5));
    echo.check(int(-3), float(-3.0));
    echo.same(float(f64::NEG_INFINITY));
    let odd = f64::from_bits(0xfff8_0000_dead_beef);
    let Value::Float(found) = echo.pass(float(odd)) else { panic!() };
    assert_eq!(found.to_bits(), 0x7ff8_0000_0000_0000);
    echo.refuses(text("1.5"), "[encode] type_mismatch: x: expected f64, got string (\"1.5\")");

    let mut echo = Echo::new("", "f32");
    echo.same(float(0.25));
    echo.check(float(0.1), float(f64::from(0.1_f32)));
    echo.check(int(1 << 24), float(16_777_216.0));
    echo.same(float(f64::INFINITY));
    echo.refuses(float(1e39), "[encode] overflow: x: expected f32, got float (1e39)");
    let Value::Float(found) = echo.pass(float(odd)) else { panic!() };
    assert_eq!(found.to_bits(), 0x7ff8_0000_0000_0000);
}

#[test]
fn characters() {
    let mut echo = Echo::new("", "char");
    echo.check(text("é"), int(0xe9));
    echo.check(text("🦀 and more"), int(0x1f980));
    echo.check(Value::Str(b"a\xff".into()), int(0x61));
    echo.check(Value::Str("a🦀".as_bytes()[..3].into()), int(0x61));
    echo.same(int(0x10_ffff));
    echo.check(float(65.0), int(65));
    echo.refuses(text(""), "[encode] invalid_data: x: expected char, got string (\"\")");
    echo.refuses(int(0xd800), "[encode] invalid_data: x: expected char, got integer (55296)");
    echo.refuses(int(0x11_0000), "[encode] invalid_data: x: expected char, got integer (1114112)");
    echo.refuses(int(-1), "[encode] overflow: x: expected char, got integer (-1)");
    for bytes in [&b"\xff"[..], b"\xe9", b"\xf0\x9f\xa6"] {
        let told = "[encode] invalid_utf8: x: the string is not valid UTF-8 at byte 1";
        echo.refuses(Value::Str(bytes.into()), told);
    }
    echo.refuses(nil(), "[encode] type_mismatch: x: expected char, got nil");
}

#[test]
fn strings() {
    let mut echo = Echo::new("", "string");
    for value in ["", "plain", "h\0é漢🦀"] {
        echo.same(text(value));
    }
    echo.same(text(&"0123456789".repeat(100_000 / 10)));
    echo.check(Value::Error(Box::new(ErrorValue::new(Kind::NotFound, "no user"))), text("no user"));
    let told = "[encode] invalid_utf8: x: the string is not valid UTF-8 at byte 3";
    echo.refuses(Value::Str(b"ab\xffc".into()), told);
    echo.refuses(int(5), "[encode] type_mismatch: x: expected string, got integer (5)");
    let long = Value::text("x".repeat(41));
    Echo::new("", "u8").refuses(long, "[encode] type_mismatch: x: expected u8, got string");
}
